"""Compose files: from the one that a developer uses to the one that runs on Elastic Beanstalk."""

from beanpod.deploy.bundles.compose.model import Findings, Lifetime, Settings
from beanpod.deploy.bundles.compose.transform import Production, production

__all__ = ["Findings", "Lifetime", "Production", "Settings", "production"]
