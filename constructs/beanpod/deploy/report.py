"""The progress of a deployment; `beanpod.cli.output` shows it on a terminal, in a pipe or in GitHub Actions."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Phase(StrEnum):
    """The steps of a deployment, in order."""

    PREFLIGHT = "Preflight"
    BUILD = "Build"
    PUSH = "Push"
    BUNDLE = "Bundle"
    UPLOAD = "Upload"
    ROLL_OUT = "Roll out"
    VERIFY = "Verify"
    ROLL_BACK = "Roll back"


@dataclass(frozen=True)
class EnvironmentEvent:
    """One event of the environment. severity: TRACE, DEBUG, INFO, WARN, ERROR or FATAL."""

    time: datetime
    severity: str
    message: str


@dataclass(frozen=True)
class Status:
    """The state of the environment at this moment, for the live line.

    Attributes:
        state: Ready, Updating and so on.
        health: Ok, Info, Warning, Degraded, Severe, Pending, NoData...
        on_version: How many instances run the wanted version; None while unknown.
        instances: How many instances there are; None while unknown.
    """

    state: str
    health: str
    on_version: int | None = None
    instances: int | None = None


@dataclass(frozen=True)
class Outcome:
    """How a deployment ended, for `--json`, GitHub's outputs and the summary.

    Attributes:
        version_label: Of the release.
        image: The image that serves requests, as repository:tag@sha256:... or, where it is not built here, as the
            compose file names it.
        digest: Of that image, "" where only a tag is known.
        previous_version: The label that this release replaces; None on the first, and where there was nothing to do.
        url: The public address.
        health: Of the environment.
        health_path: The answer at the public address, such as "GET http://shop.example.org/health answered 200", or
            "not reached: " and why; "" before it was requested.
        changed: Whether the environment was updated.
        rolled_back: Whether the previous version runs again.
        plain_http: Whether a load balancer serves the public address without HTTPS.
        phases: The seconds that each took.
        events: Of the environment, oldest first.
    """

    version_label: str
    image: str = ""
    digest: str = ""
    previous_version: str | None = None
    url: str = ""
    health: str = ""
    health_path: str = ""
    changed: bool = False
    rolled_back: bool = False
    plain_http: bool = False
    phases: dict[str, float] = field(default_factory=dict)
    events: tuple[EnvironmentEvent, ...] = ()


class Reporter(Protocol):
    """Shows a deployment to a person or to a machine."""

    def phase(self, phase: Phase) -> AbstractContextManager[None]:
        """Show a step, from its start to its end; an exception inside marks it failed."""

    def say(self, text: str) -> None:
        """Show one line about what was done or found."""

    def output(self, line: str) -> None:
        """Show a line that a command such as `docker build` printed."""

    def warn(self, text: str) -> None:
        """Show a warning that does not end the deployment."""

    def event(self, event: EnvironmentEvent) -> None:
        """Show an event of the environment."""

    def status(self, status: Status) -> None:
        """Show the state of the environment at this moment; often the same as before."""

    def mask(self, value: str) -> None:
        """Never show this value again."""
