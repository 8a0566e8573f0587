"""How a deployment is shown: live on a terminal, as lines in a pipe, with groups and annotations in GitHub Actions.

Importing this package is cheap: what draws on a terminal is loaded when it is chosen.
"""

from deploy.output.choice import OUTPUTS, choose
from deploy.output.display import Display, Failure
from deploy.output.masks import Masks
from deploy.output.writer import Writer

__all__ = ["OUTPUTS", "Display", "Failure", "Masks", "Writer", "choose"]
