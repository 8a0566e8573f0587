"""versions: the versions of the application."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import Cell, Paint
from beanpod.deploy.lock import LockStore

_HEADINGS = tuple(Cell(text, "dim") for text in ("VERSION", "CREATED", "", "DESCRIPTION"))


def run(context: Context) -> None:
    """Show the application's versions, newest first: which one runs, and which one `rollback` goes to."""
    target, aws = context.target, context.aws
    current = target.describe(aws).version_label
    previous = LockStore(target, aws).read().before(current)
    versions = [
        {
            "label": version["VersionLabel"],
            "description": version.get("Description", ""),
            "created": version["DateCreated"],
            "current": version["VersionLabel"] == current,
            "previous": version["VersionLabel"] == previous,
        }
        for version in aws.versions(target.application)
    ]
    context.results.emit(versions, _text(versions, target.application, context.results.paint))


def _text(versions: Sequence[Mapping[str, Any]], application: str, paint: Paint) -> Iterator[str]:
    if versions:
        yield from paint.table([_HEADINGS, *map(_row, versions)])
    else:
        yield f"application {application} has no version yet: run `beanpod deploy`"


def _row(version: Mapping[str, Any]) -> tuple[str | Cell, ...]:
    return (
        Cell(version["label"], "bold" if version["current"] else ""),
        f"{version['created']:%Y-%m-%d %H:%M}",
        Cell("current", "green") if version["current"] else Cell("previous" if version["previous"] else "", "dim"),
        version["description"],
    )
