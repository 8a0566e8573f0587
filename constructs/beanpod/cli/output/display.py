"""What a command reports, as events, and the display that gives them to a renderer.

Secrets are masked and text is cleaned here, once for all renderers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal, Self

from beanpod.cli.output.text import Masks
from beanpod.deploy.clock import Clock
from beanpod.deploy.report import EnvironmentEvent, Outcome, Status

PREFIX = "beanpod: "


@dataclass(frozen=True)
class PhaseStarted:
    """A phase of the command begins."""

    phase: StrEnum


@dataclass(frozen=True)
class PhaseFinished:
    """A phase ends, `failed` if by an exception."""

    phase: StrEnum
    seconds: float
    failed: bool


@dataclass(frozen=True)
class Message:
    """A line about a step, a line that a command such as `docker build` printed, or a warning."""

    text: str
    kind: Literal["step", "output", "warning"] = "step"


@dataclass(frozen=True)
class StatusReport:
    """The environment's status, and for how many seconds it has been the same."""

    status: Status
    unchanged: float


@dataclass(frozen=True)
class Finished:
    """A deployment or a rollback succeeded, `seconds` after the command started."""

    outcome: Outcome
    seconds: float


@dataclass(frozen=True)
class Failure:
    """A command failed.

    Attributes:
        message: What happened and what to do; several lines if a manifest has several problems.
        exit_code: The exit code of the command.
        causes: Why, the most telling first.
        rolled_back: Whether the previous version runs again.
        outcome: What is known of the release.
        trace: Python's trace, by line.
    """

    message: str
    exit_code: int
    causes: tuple[str, ...] = ()
    rolled_back: bool = False
    outcome: Outcome | None = None
    trace: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """The causes that the message does not contain."""
        return tuple(cause for cause in self.causes if cause not in self.message)

    @property
    def lines(self) -> list[str]:
        """The text for standard error: trace, "beanpod: " and the message, then the reasons, indented."""
        return [*self.trace, *f"{PREFIX}{self.message}".split("\n"), *(f"  {reason}" for reason in self.reasons)]


Event = PhaseStarted | PhaseFinished | Message | EnvironmentEvent | StatusReport | Finished | Failure


class Renderer:
    """Shows events. Their texts are masked; each is one line, but a failure's message.

    Attributes:
        status_interval: After how many seconds an unchanged status is shown again.
        live: Whether the output of commands is replaced by what follows it.
    """

    status_interval = 30.0
    live = False

    def show(self, event: Event) -> None:
        """Show an event."""
        raise NotImplementedError

    def close(self) -> None:
        """Restore the terminal or the log."""


class Display:
    """The reporter of a command: masks and times what is reported, and gives it to a renderer as events.

    Args:
        renderer: Shows the events.
        masks: The secrets.
        clock: The clock.
        complete: Completes the commands that warnings and failures name. Default: they stay as they are.
    """

    def __init__(self, renderer: Renderer, *, masks: Masks, clock: Clock, complete: Callable[[str], str] = str) -> None:
        self._renderer, self._masks, self._clock, self._complete = renderer, masks, clock, complete
        self._started = clock.monotonic()
        self._status: Status | None = None
        self._status_since = self._status_shown = 0.0
        self.phases: dict[str, float] = {}
        """The seconds that each phase took so far."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._renderer.close()

    @property
    def live(self) -> bool:
        """Whether the output of commands is replaced by what follows it, as on a terminal."""
        return self._renderer.live

    @contextmanager
    def phase(self, phase: StrEnum) -> Iterator[None]:
        started, failed = self._clock.monotonic(), True
        self._renderer.show(PhaseStarted(phase))
        try:
            yield
            failed = False
        finally:
            seconds = self._clock.monotonic() - started
            self.phases[phase.value] = round(self.phases.get(phase.value, 0.0) + seconds, 3)
            self._renderer.show(PhaseFinished(phase, seconds, failed))

    def say(self, text: str) -> None:
        self._renderer.show(Message(self._masks.clean(text)))

    def output(self, line: str) -> None:
        self._renderer.show(Message(self._masks.clean(line), "output"))

    def warn(self, text: str) -> None:
        self._renderer.show(Message(self._masks.clean(self._complete(text)), "warning"))

    def event(self, event: EnvironmentEvent) -> None:
        self._renderer.show(replace(event, message=self._masks.clean(event.message)))

    def status(self, status: Status) -> None:
        status = replace(status, state=self._masks.clean(status.state), health=self._masks.clean(status.health))
        now = self._clock.monotonic()
        if status != self._status:
            self._status, self._status_since = status, now
        elif now - self._status_shown < self._renderer.status_interval:
            return
        self._status_shown = now
        self._renderer.show(StatusReport(status, now - self._status_since))

    def mask(self, value: str) -> None:
        self._masks.add(value)

    def finish(self, outcome: Outcome) -> None:
        """Show the success of a deployment or a rollback."""
        self._renderer.show(Finished(self._masked(outcome), self._clock.monotonic() - self._started))

    def fail(self, failure: Failure) -> None:
        """Show the failure of a command."""
        clean = self._masks.clean
        lines = self._masks.hide(self._complete(failure.message)).splitlines()
        self._renderer.show(
            replace(
                failure,
                message="\n".join(map(clean, lines)),
                causes=tuple(clean(self._complete(cause)) for cause in failure.causes),
                trace=tuple(map(clean, failure.trace)),
                outcome=failure.outcome and self._masked(failure.outcome),
            )
        )

    def _masked(self, outcome: Outcome) -> Outcome:
        texts: dict[str, Any] = {
            key: self._masks.clean(text) for key, text in vars(outcome).items() if isinstance(text, str)
        }
        return replace(outcome, **texts)


def url_text(outcome: Outcome) -> str:
    """Describe the public address, which a load balancer may serve without HTTPS."""
    return f"{outcome.url} (plain HTTP)" if outcome.plain_http else outcome.url


def outcome_text(outcome: Outcome, *, with_url: bool = True) -> str:
    """Describe a success: "Deployed app-1 to http://app, health Ok"."""
    url = url_text(outcome) if with_url else ""
    health = f", health {outcome.health}" if outcome.health else ""
    if not outcome.changed:
        return f"Nothing to do: {outcome.version_label} is deployed already{f' to {url}' if url else ''}{health}"
    return f"Deployed {outcome.version_label}{f' to {url}' if url else ''}{health}"
