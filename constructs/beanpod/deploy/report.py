"""What the deployment tells as it goes; `beanpod.cli.output` shows it on a terminal, in a pipe or in GitHub Actions."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Phase(StrEnum):
    """The steps of a deployment, in order."""

    LOOK = "Look"
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
    """What the environment is at this moment, for the live line.

    state: Ready, Updating and so on. health: Ok, Info, Warning, Degraded, Severe, Pending, NoData...
    on_version, instances: how many of how many instances run the wanted version; None while unknown.
    """

    state: str
    health: str
    on_version: int | None = None
    instances: int | None = None


@dataclass(frozen=True)
class Outcome:
    """How a deployment ended, for `--json`, GitHub's outputs and the summary.

    image: the one that serves requests, as repository:tag@sha256:... or, where it is not built here, as the compose
    file names it; digest: its digest, "" where only a tag is known. previous_version: the label that this
    release replaces, None on the first and where there was nothing to do. health_path: what it answered at the public
    address, such as "GET http://shop.example.org/health answered 200", or "not reached: " and why; "" before it was
    asked. phases: seconds each took. events: the environment's, oldest first.
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
    phases: dict[str, float] = field(default_factory=dict)
    events: tuple[EnvironmentEvent, ...] = ()


class Reporter(Protocol):
    """Shows a deployment to a person or to a machine."""

    def phase(self, phase: Phase) -> AbstractContextManager[None]:
        """A step, from its start to its end; an exception inside marks it failed."""

    def say(self, text: str) -> None:
        """Something was done or found out: one line."""

    def output(self, line: str) -> None:
        """A line that a command such as `docker build` printed."""

    def warn(self, text: str) -> None:
        """Something to look at that does not end the deployment."""

    def event(self, event: EnvironmentEvent) -> None:
        """The environment said something."""

    def status(self, status: Status) -> None:
        """The environment's state at this moment; often the same as before."""

    def mask(self, value: str) -> None:
        """Never show this value again."""
