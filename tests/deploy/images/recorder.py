"""A reporter that remembers, and a clock that does not wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from beanpod.deploy.report import EnvironmentEvent, Phase, Status


@dataclass
class Recorder:
    """Everything a deployment told, by kind."""

    phases: list[Phase] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    masked: list[str] = field(default_factory=list)

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        self.phases.append(phase)
        yield

    def say(self, text: str) -> None:
        self.said.append(text)

    def output(self, line: str) -> None:
        self.printed.append(line)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def event(self, event: EnvironmentEvent) -> None:
        raise AssertionError(f"building an image told of the environment: {event}")

    def status(self, status: Status) -> None:
        raise AssertionError(f"building an image told of the environment: {status}")

    def mask(self, value: str) -> None:
        self.masked.append(value)

    @property
    def everything(self) -> str:
        """All that was told."""
        return "\n".join((*self.said, *self.printed, *self.warnings))


@dataclass
class StillClock:
    """Moves only when somebody sleeps. sleeps: for how long each time."""

    sleeps: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return sum(self.sleeps)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
