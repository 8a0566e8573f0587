"""init: look at the app in this folder, and write a project for it."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import Cell, Paint
from beanpod.deploy.errors import InterruptionError, UsageError
from beanpod.project.choices import Choices, Missing
from beanpod.project.discovery import discover
from beanpod.project.files import Change, ProjectFile, write
from beanpod.project.init import Ask, Project, found_lines, next_steps, plan


def run(context: Context) -> None:
    """Write the files that are not there yet. Nothing that exists is overwritten.

    Raises UsageError if the folder has no app that can be deployed, or a value is missing and cannot be asked for.
    """
    ask: Ask | None = _ask if sys.stdin.isatty() and sys.stderr.isatty() and not context.options.json else None
    written = not (context.options.dry_run or context.options.diff)
    try:
        given = Choices(**context.options.given)
        found = discover(context.root, compose_file=given.compose, environ=context.environ)
        project = plan(found, given, ask=ask)
        if written:
            write(context.root, project.files)
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from error
    result = InitResult(project, written=written, diff=context.options.diff)
    context.results.emit(result.to_dict(), result.to_text(context.results.paint))


def _ask(question: Missing) -> str:
    """Ask on the terminal until the answer can be taken."""
    sys.stderr.write("".join(f"{line}\n" for line in (question.question, *(f"  {one}" for one in question.choices))))
    while True:
        sys.stderr.write("> ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise InterruptionError("no answer: nothing was written")
        answer = line.strip()
        problem = question.problem(answer)
        if problem is None:
            return answer
        sys.stderr.write(f"{problem}\n")


@dataclass(frozen=True)
class InitResult:
    """A project that was written, or would be.

    Attributes:
        project: The project.
        written: Whether its files were written.
        diff: Whether to show how files differ from those that exist.
    """

    project: Project
    written: bool
    diff: bool

    def to_dict(self) -> Any:
        files = {file.path: file.change.value for file in self.project.files}
        return {"found": dict(found_lines(self.project)), "files": files, "written": self.written}

    def to_text(self, paint: Paint) -> Iterator[str]:
        if self.diff:
            # The owner's own file once it is there: it shows what they wrote into it.
            for file in (one for one in self.project.files if one.path != "beanpod.toml" or one.present is None):
                yield from map(paint, file.diff().splitlines())
            return
        yield from paint.table((Cell(name, "dim"), value) for name, value in found_lines(self.project))
        yield ""
        yield from paint.table((Cell(self._change(file), "dim"), file.path) for file in self.project.files)
        if self.written:
            yield ""
            yield paint("Next:", "bold")
            yield from (paint(f"  {number}. {step}") for number, step in enumerate(next_steps(self.project), 1))

    def _change(self, file: ProjectFile) -> str:
        changed = file.change in (Change.CREATED, Change.APPENDED)
        return f"would be {file.change.value}" if changed and not self.written else file.change.value
