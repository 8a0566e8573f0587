"""events: the events of the environment."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import SEVERITY_COLOURS, Paint
from beanpod.deploy.report import EnvironmentEvent
from beanpod.deploy.status import follow_events, read_events


def run(context: Context) -> None:
    """Show the latest events, oldest first; with --follow, new ones until Ctrl-C."""
    if not context.options.follow:
        context.results.emit(EventsResult(read_events(context.target, context.aws)))
        return
    for event in follow_events(context.target, context.aws, context.clock):
        context.results.emit(EventResult(event), indent=None)


@dataclass(frozen=True)
class EventResult:
    """One event."""

    event: EnvironmentEvent

    def to_dict(self) -> Any:
        return {"time": self.event.time, "severity": self.event.severity, "message": self.event.message}

    def to_text(self, paint: Paint) -> Iterable[str]:
        time = paint(f"{self.event.time:%Y-%m-%d %H:%M:%S}", "dim")
        severity = paint(self.event.severity, SEVERITY_COLOURS.get(self.event.severity, "dim"))
        return [f"{time}  {severity}{' ' * (5 - len(self.event.severity))}  {paint(self.event.message)}"]


@dataclass(frozen=True)
class EventsResult:
    """Several events."""

    events: tuple[EnvironmentEvent, ...]

    def to_dict(self) -> Any:
        return [EventResult(event).to_dict() for event in self.events]

    def to_text(self, paint: Paint) -> Iterable[str]:
        for event in self.events:
            yield from EventResult(event).to_text(paint)
