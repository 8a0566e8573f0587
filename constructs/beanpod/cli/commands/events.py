"""events: what the environment said, and goes on to say."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.table import Cell, Paint, severity
from beanpod.deploy.report import EnvironmentEvent
from beanpod.deploy.rollout import follow_events, read_events


def run(context: Context) -> None:
    """Answers the latest events, oldest first; with --follow, every new one until it is interrupted."""
    if not context.options.follow:
        context.answers.give(EventsAnswer(read_events(context.target, context.aws)))
        return
    for event in follow_events(context.target, context.aws, context.clock):
        context.answers.go_on(EventAnswer(event))


@dataclass(frozen=True)
class EventAnswer:
    """One event."""

    event: EnvironmentEvent

    def document(self) -> Any:
        return {"time": self.event.time, "severity": self.event.severity, "message": self.event.message}

    def lines(self, paint: Paint) -> Iterable[str]:
        time = paint(Cell(f"{self.event.time:%Y-%m-%d %H:%M:%S}", "dim"))
        kind = paint(severity(f"{self.event.severity}")) + " " * (5 - len(self.event.severity))
        return [f"{time}  {kind}  {paint(Cell(self.event.message))}"]


@dataclass(frozen=True)
class EventsAnswer:
    """Several events."""

    events: tuple[EnvironmentEvent, ...]

    def document(self) -> Any:
        return [EventAnswer(event).document() for event in self.events]

    def lines(self, paint: Paint) -> Iterable[str]:
        for event in self.events:
            yield from EventAnswer(event).lines(paint)
