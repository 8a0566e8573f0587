"""From a bundle to a verified release, and back where it fails."""

from beanpod.deploy.rollout.bundles import Bundle
from beanpod.deploy.rollout.ledger import Holder, Release
from beanpod.deploy.rollout.looking import Look
from beanpod.deploy.rollout.reading import (
    Standing,
    VersionLine,
    follow_events,
    read_events,
    read_standing,
    read_versions,
)
from beanpod.deploy.rollout.rollout import Rollout
from beanpod.deploy.rollout.settings import HEALTHS, Settings
from beanpod.deploy.rollout.target import Target

__all__ = [
    "HEALTHS",
    "Bundle",
    "Holder",
    "Look",
    "Release",
    "Rollout",
    "Settings",
    "Standing",
    "Target",
    "VersionLine",
    "follow_events",
    "read_events",
    "read_standing",
    "read_versions",
]
