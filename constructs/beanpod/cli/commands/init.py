"""init: look at the app in this folder, and write a project for it."""

import sys
from collections.abc import Iterator
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import Cell, Paint
from beanpod.deploy.errors import InterruptionError, UsageError
from beanpod.project.choices import Choices, Question
from beanpod.project.discovery import discover
from beanpod.project.files import FileChange, ProjectFile, write
from beanpod.project.init import Ask, Project, found_lines, next_steps, plan


def run(context: Context) -> None:
    """Write the files that are not there yet. Nothing that exists is overwritten.

    Raises UsageError if the folder has no app that can be deployed, or a value is missing and cannot be asked for.
    """
    if (manifest := context.options.manifest).name != "beanpod.toml":
        raise UsageError(f"--manifest {manifest}: init writes beanpod.toml: leave the option out, and rename the file")
    ask: Ask | None = _ask if sys.stdin.isatty() and sys.stderr.isatty() and not context.options.json else None
    written = not (context.options.dry_run or context.options.diff)
    try:
        given = Choices(**context.options.given)
        found = discover(context.root, dockerfile=given.dockerfile, compose_file=given.compose, environ=context.environ)
        project = plan(found, given, ask=ask)
        if written:
            write(context.root, project.files)
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from error
    paint = context.results.paint
    text = _diff(project, paint) if context.options.diff else _text(project, paint, written=written)
    context.results.emit(_document(project, written=written), text)


def _ask(question: Question) -> str:
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


def _document(project: Project, *, written: bool) -> Any:
    files = {file.path: file.change.value for file in project.files}
    return {"found": dict(found_lines(project)), "files": files, "written": written}


def _diff(project: Project, paint: Paint) -> Iterator[str]:
    """Yield how the files differ from those that exist, but for the manifest, which shows what the owner wrote."""
    for file in project.files:
        if file.path != "beanpod.toml" or file.present is None:
            yield from map(paint, file.diff().splitlines())


def _text(project: Project, paint: Paint, *, written: bool) -> Iterator[str]:
    yield from paint.table((Cell(name, "dim"), value) for name, value in found_lines(project))
    yield ""
    yield from paint.table((Cell(_change(file, written=written), "dim"), file.path) for file in project.files)
    if written:
        yield ""
        yield paint("Next:", "bold")
        yield from (paint(f"  {number}. {step}") for number, step in enumerate(next_steps(project), 1))


def _change(file: ProjectFile, *, written: bool) -> str:
    changed = file.change in (FileChange.CREATED, FileChange.APPENDED)
    return f"would be {file.change.value}" if changed and not written else file.change.value
