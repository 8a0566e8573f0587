"""How a deployment is shown: live on a terminal, as lines in a pipe, with groups and annotations in GitHub Actions.

Importing this package is cheap: what draws on a terminal is loaded when it is chosen.
"""

from beanpod.cli.output.choice import OUTPUTS, choose
from beanpod.cli.output.display import Display, Failure
from beanpod.cli.output.masks import Masks
from beanpod.cli.output.writer import Writer

__all__ = ["OUTPUTS", "Display", "Failure", "Masks", "Writer", "choose"]
