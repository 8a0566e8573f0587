"""What happened in a deployment, kept for its summary."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from beanpod.deploy.clock import Clock
from beanpod.deploy.report import EnvironmentEvent, Phase, Status

HEARTBEAT_SECONDS = 30.0


@dataclass
class PhaseRecord:
    """A phase that was begun. began: when, on the monotonic clock. seconds: how long it took, 0 until its end."""

    phase: Phase
    began: float
    seconds: float = 0.0
    failed: bool = False


class Record:
    """The phases with their times, the events and the warnings, in order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self.phases: list[PhaseRecord] = []
        self.events: list[EnvironmentEvent] = []
        self.warnings: list[str] = []

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._clock.monotonic() - self._began

    @property
    def seconds(self) -> dict[str, float]:
        """What each phase took: all of it where one came twice."""
        total: dict[str, float] = {}
        for entry in self.phases:
            total[entry.phase.value] = round(total.get(entry.phase.value, 0.0) + entry.seconds, 3)
        return total

    @contextmanager
    def phase(self, phase: Phase, ended: Callable[[PhaseRecord], None]) -> Iterator[None]:
        """Times a phase; any way out but the regular one marks it failed. ended: told at its end."""
        entry = PhaseRecord(phase, self._clock.monotonic(), failed=True)
        self.phases.append(entry)
        try:
            yield
            entry.failed = False
        finally:
            entry.seconds = self._clock.monotonic() - entry.began
            ended(entry)


class Heartbeat:
    """Decides when the environment's state is worth a line: when it changed, and every 30 s while it does not."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: Status | None = None
        self._since = self._told = 0.0

    def tells(self, status: Status) -> bool:
        """Whether this state has to be told now."""
        now = self._clock.monotonic()
        changed = status != self._last
        if changed:
            self._since = now
        if not changed and now - self._told < HEARTBEAT_SECONDS:
            return False
        self._last, self._told = status, now
        return True

    @property
    def unchanged(self) -> float:
        """For how many seconds the state has been the same."""
        return self._clock.monotonic() - self._since
