"""Progress in a pipe or a file: lines, each with the time of day."""

from beanpod.cli.output.display import (
    Event,
    Failure,
    Finished,
    Message,
    PhaseFinished,
    PhaseStarted,
    Renderer,
    StatusReport,
    outcome_text,
)
from beanpod.cli.output.text import SafeStream, duration, status_text
from beanpod.deploy.clock import Clock
from beanpod.deploy.report import EnvironmentEvent


class Lines(Renderer):
    """Appends a line for each event; a failure goes to `errors`."""

    def __init__(self, out: SafeStream, errors: SafeStream, *, clock: Clock) -> None:
        self._out, self._errors, self._clock = out, errors, clock
        self._indent = ""

    def show(self, event: Event) -> None:
        if isinstance(event, Failure):
            for line in event.lines:
                self._errors.line(line)
            return
        if isinstance(event, PhaseFinished):
            self._indent = ""
        self._out.line(f"{self._clock.now():%H:%M:%SZ}  {self._indent}{line_text(event)}")
        if isinstance(event, PhaseStarted):
            self._indent = "  "


def line_text(event: Event) -> str:
    """Describe an event in one line."""
    match event:
        case PhaseStarted(phase):
            return phase
        case PhaseFinished(phase, seconds, failed):
            return f"{phase}: {'failed after' if failed else 'done in'} {duration(seconds)}"
        case Message(text, kind):
            return {"step": "", "output": "| ", "warning": "Warning: "}[kind] + text
        case EnvironmentEvent():
            return f"{event.severity:5} {event.message}"
        case StatusReport(status, unchanged):
            return status_text(status) + (f", unchanged for {duration(unchanged)}" if unchanged >= 1 else "")
        case Finished(outcome, seconds):
            return f"{outcome_text(outcome)}, after {duration(seconds)}"
        case Failure():
            return "\n".join(event.lines)
