"""Progress in a pipe or a file: lines that are only ever appended, each with the time of day."""

from contextlib import AbstractContextManager
from typing import Self

from beanpod.cli.output.display import Failure, verdict
from beanpod.cli.output.record import Heartbeat, PhaseRecord, Record
from beanpod.cli.output.text import described, duration
from beanpod.cli.output.writer import Writer
from beanpod.deploy.clock import Clock
from beanpod.deploy.report import EnvironmentEvent, Outcome, Phase, Status


class Lines:
    """Appends lines. errors: where a failure is told. The state of the environment comes at least every 30 s."""

    def __init__(self, out: Writer, errors: Writer, *, clock: Clock) -> None:
        self._out = out
        self._errors = errors
        self._clock = clock
        self._record = Record(clock)
        self._heartbeat = Heartbeat(clock)
        self._indent = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    @property
    def phases(self) -> dict[str, float]:
        return self._record.seconds

    def phase(self, phase: Phase) -> AbstractContextManager[None]:
        self._line(phase)
        self._indent = "  "
        return self._record.phase(phase, self._end_phase)

    def say(self, text: str) -> None:
        self._line(text)

    def output(self, line: str) -> None:
        self._line(f"| {line}")

    def warn(self, text: str) -> None:
        self._line(f"Warning: {text}")

    def event(self, event: EnvironmentEvent) -> None:
        self._line(f"{event.severity:5} {event.message}")

    def status(self, status: Status) -> None:
        if self._heartbeat.tells(status):
            self._line(state_line(status, self._heartbeat.unchanged))

    def mask(self, value: str) -> None:
        self._out.masks.add(value)

    def finish(self, outcome: Outcome) -> None:
        self._line(f"{verdict(outcome)}, after {duration(self._record.elapsed)}")

    def fail(self, failure: Failure) -> None:
        for line in failure.lines():
            self._errors.line(line)

    def _end_phase(self, entry: PhaseRecord) -> None:
        self._indent = ""
        self._line(ended(entry))

    def _line(self, text: str) -> None:
        self._out.line(f"{self._clock.now():%H:%M:%SZ}  {self._indent}{text}")


def ended(entry: PhaseRecord) -> str:
    """A phase's last line: "Build: done in 35 s"."""
    verb = "failed after" if entry.failed else "done in"
    return f"{entry.phase}: {verb} {duration(entry.seconds)}"


def state_line(status: Status, unchanged: float) -> str:
    """The environment's state, and for how long it has been so once that is worth saying."""
    since = f", for {duration(unchanged)} now" if unchanged >= 1 else ""
    return f"{described(status)}{since}"
