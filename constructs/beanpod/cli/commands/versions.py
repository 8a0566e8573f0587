"""versions: the versions of the application."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import Cell, Paint
from beanpod.deploy.status import VersionLine, read_versions


def run(context: Context) -> None:
    """Show the application's versions, newest first."""
    context.results.emit(VersionsResult(context.target.application, read_versions(context.target, context.aws)))


@dataclass(frozen=True)
class VersionsResult:
    """Versions, as a table or a document."""

    application: str
    versions: tuple[VersionLine, ...]

    def to_dict(self) -> Any:
        return [asdict(version) for version in self.versions]

    def to_text(self, paint: Paint) -> Iterable[str]:
        if not self.versions:
            return [f"application {self.application} has no version yet: run beanpod deploy"]
        return paint.table([_HEADINGS, *map(_row, self.versions)])


_HEADINGS = tuple(Cell(text, "dim") for text in ("VERSION", "CREATED", "", "DESCRIPTION"))


def _row(version: VersionLine) -> tuple[str | Cell, ...]:
    return (
        Cell(version.label, "bold" if version.current else ""),
        f"{version.created:%Y-%m-%d %H:%M}",
        Cell("current", "green") if version.current else Cell("previous" if version.previous else "", "dim"),
        version.description,
    )
