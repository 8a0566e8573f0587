"""events: the events of the environment."""

from dataclasses import asdict

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import SEVERITY_COLOURS, Paint
from beanpod.deploy.report import EnvironmentEvent
from beanpod.deploy.status import follow_events


def run(context: Context) -> None:
    """Show the latest events, oldest first; with --follow, new ones until Ctrl-C."""
    paint, target = context.results.paint, context.target
    if context.options.follow:
        for event in follow_events(target, context.aws, context.clock):
            context.results.emit(asdict(event), [_line(event, paint)], indent=None)
    else:
        events = context.aws.events(target.application, target.environment, limit=50)
        context.results.emit([asdict(event) for event in events], [_line(event, paint) for event in events])


def _line(event: EnvironmentEvent, paint: Paint) -> str:
    severity = paint(event.severity, SEVERITY_COLOURS.get(event.severity, "dim")) + " " * (5 - len(event.severity))
    return f"{paint(f'{event.time:%Y-%m-%d %H:%M:%S}', 'dim')}  {severity}  {paint(event.message)}"
