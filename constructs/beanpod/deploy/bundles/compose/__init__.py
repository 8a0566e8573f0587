"""Compose files: from the one that a developer uses to the one that runs on Beanstalk."""

from beanpod.deploy.bundles.compose.draft import Setting
from beanpod.deploy.bundles.compose.findings import Findings
from beanpod.deploy.bundles.compose.lasting import Lifetime
from beanpod.deploy.bundles.compose.production import Production, production

__all__ = ["Findings", "Lifetime", "Production", "Setting", "production"]
