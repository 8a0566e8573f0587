"""From a bundle to a verified release, and back where it fails."""

from deploy.rollout.bundles import Bundle
from deploy.rollout.ledger import Holder, Release
from deploy.rollout.looking import Look
from deploy.rollout.reading import Standing, VersionLine, follow_events, read_events, read_standing, read_versions
from deploy.rollout.rollout import Rollout
from deploy.rollout.settings import HEALTHS, Settings
from deploy.rollout.target import Target

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
