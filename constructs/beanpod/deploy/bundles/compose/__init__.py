"""Compose files: from the one that a developer uses to the one that runs on Elastic Beanstalk."""

from beanpod.deploy.bundles.compose.transform import plan

__all__ = ["plan"]
