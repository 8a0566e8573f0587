"""Compose files: from the one that a developer uses to the one that runs on Beanstalk."""

from deploy.bundles.compose.draft import Setting
from deploy.bundles.compose.findings import Findings
from deploy.bundles.compose.lasting import Lifetime
from deploy.bundles.compose.production import Production, production

__all__ = ["Findings", "Lifetime", "Production", "Setting", "production"]
