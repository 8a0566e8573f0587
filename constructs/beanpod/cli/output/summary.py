"""The step summary, in Markdown: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands."""

import re
from collections.abc import Iterator, Sequence

from beanpod.cli.output.record import Record
from beanpod.cli.output.text import duration
from beanpod.deploy.report import EnvironmentEvent

# GitHub drops a summary of more than 1 MiB; nobody reads more events than these.
_EVENTS = 100
_LONGEST_EVENT = 1000


def summary(title: str, details: Sequence[str], record: Record) -> str:
    """Title, details, the phases with their times, and the environment's events. Anything may stand in the texts."""
    return "\n".join([f"### {escape(title)}", "", *_details(details), *_phases(record), *_events(record.events)])


def _details(details: Sequence[str]) -> Iterator[str]:
    if details:
        yield from (f"- {escape(line)}" for line in details)
        yield ""


def _phases(record: Record) -> Iterator[str]:
    if not record.phases:
        return
    yield from ("| Phase | Time | |", "| --- | ---: | --- |")
    for entry in record.phases:
        yield f"| {entry.phase} | {duration(entry.seconds)} | {'failed' if entry.failed else ''} |"
    yield ""


def _events(events: Sequence[EnvironmentEvent]) -> Iterator[str]:
    if not events:
        return
    shown = [_event(event) for event in events[-_EVENTS:]]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from ("<details><summary>Events of the environment</summary>", "", fence, *shown, fence, "", "</details>", "")


def _event(event: EnvironmentEvent) -> str:
    return f"{event.time:%H:%M:%S} {event.severity:5} {event.message[:_LONGEST_EVENT]}"


def escape(text: str) -> str:
    """`text` as Markdown that shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]#|~<>&@$])", r"\\\1", text)
