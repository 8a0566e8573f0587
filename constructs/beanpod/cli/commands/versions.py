"""versions: what can be rolled out."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.table import Cell, Paint, table
from beanpod.deploy.rollout import VersionLine, read_versions


def run(context: Context) -> None:
    """Answers the application's versions, newest first."""
    context.answers.give(VersionsAnswer(context.target.application, read_versions(context.target, context.aws)))


@dataclass(frozen=True)
class VersionsAnswer:
    """Versions, as a table or a document."""

    application: str
    versions: tuple[VersionLine, ...]

    def document(self) -> Any:
        return [asdict(version) for version in self.versions]

    def lines(self, paint: Paint) -> Iterable[str]:
        if not self.versions:
            return [f"application {self.application} has no version yet: beanpod deploy makes the first"]
        return table([_HEADINGS, *map(_row, self.versions)], paint)


_HEADINGS = tuple(Cell(text, "dim") for text in ("VERSION", "CREATED", "", "DESCRIPTION"))


def _row(version: VersionLine) -> tuple[Cell, ...]:
    return (
        Cell(version.label, "bold" if version.current else ""),
        Cell(f"{version.created:%Y-%m-%d %H:%M}"),
        Cell("current", "good") if version.current else Cell("previous" if version.previous else "", "dim"),
        Cell(version.description),
    )
