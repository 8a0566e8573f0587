"""versions: the versions of the application."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import Cell, Paint
from beanpod.deploy.status import VersionLine, read_versions

_HEADINGS = tuple(Cell(text, "dim") for text in ("VERSION", "CREATED", "", "DESCRIPTION"))


def run(context: Context) -> None:
    """Show the application's versions, newest first."""
    versions = read_versions(context.target, context.aws)
    text = _text(versions, context.target.application, context.results.paint)
    context.results.emit([asdict(version) for version in versions], text)


def _text(versions: Sequence[VersionLine], application: str, paint: Paint) -> Iterator[str]:
    if versions:
        yield from paint.table([_HEADINGS, *map(_row, versions)])
    else:
        yield f"application {application} has no version yet: run `beanpod deploy`"


def _row(version: VersionLine) -> tuple[str | Cell, ...]:
    return (
        Cell(version.label, "bold" if version.current else ""),
        f"{version.created:%Y-%m-%d %H:%M}",
        Cell("current", "green") if version.current else Cell("previous" if version.previous else "", "dim"),
        version.description,
    )
