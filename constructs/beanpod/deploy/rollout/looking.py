"""The look before anything is built: who, where, what runs, and whether there is a way back."""

import re
from dataclasses import dataclass

from beanpod.deploy.aws import Environment
from beanpod.deploy.rollout.bundles import key_of, prefix
from beanpod.deploy.rollout.site import Site

SAMPLE = "Sample Application"
_OURS = re.compile(r".+-[0-9a-f]{16}")


@dataclass(frozen=True)
class Look:
    """identity: the caller's ARN. previous: the version that runs, None for Beanstalk's sample or nothing at all.

    stored: the keys of the application's bundles, None when there are too many to list at once.
    """

    identity: str
    environment: Environment
    previous: str | None
    stored: frozenset[str] | None
    application: str

    @property
    def can_roll_back(self) -> bool:
        """Whether a version runs and its bundle is still there; for a label that is not ours, Beanstalk knows."""
        return self.previous is not None and self.has_bundle(self.previous)

    def has_bundle(self, label: str) -> bool:
        """Whether a version's bundle was there at the look, as far as can be told."""
        if self.stored is None or not _OURS.fullmatch(label):
            return True
        return key_of(label, self.application) in self.stored


def take_look(site: Site, *, wait: bool = True) -> Look:
    """Look at who asks, the environment and the stored bundles. wait: until the environment is Ready.

    Raises CredentialsError, UsageError unless there is exactly one environment, BusyError when it stays busy.
    """
    identity = site.aws.identity()
    environment = site.await_ready() if wait else site.look()
    application = site.target.application
    stored = site.aws.keys(site.target.bucket, prefix(application))
    look = Look(identity, environment, version_of(environment), stored, application)
    site.report.say(_summary(look))
    if look.previous and not look.can_roll_back:
        site.report.warn(f"the bundle of {look.previous} is gone: a release that fails cannot be rolled back")
    return look


def version_of(environment: Environment) -> str | None:
    """The version of ours that an environment runs."""
    return environment.version_label if environment.version_label not in ("", SAMPLE) else None


def _summary(look: Look) -> str:
    runs = look.previous or "no version of the service yet"
    return f"{look.environment.name} runs {runs}, health {look.environment.health}"
