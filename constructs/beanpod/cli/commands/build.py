"""build: the images in their registry and the bundle; the environment is left alone. --dry-run: only the bundle."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.answers import Answer
from beanpod.cli.output.table import Cell, Paint, table
from beanpod.deploy.bundles import Bundle, build_inputs, check_folder, write_folder
from beanpod.deploy.errors import InterruptionError
from beanpod.deploy.flow import Built, Project, build, preview


def run(context: Context) -> None:
    """Builds and pushes, or only looks, and answers what came of it. Raises BuildError, UsageError."""
    project = Project(context.stage, context.root, context.environ)
    folder = context.options.bundle
    if folder:
        check_folder(folder, build_inputs(project.stage, project.root))
    bundle, answer = _previewed(project, context) if context.options.dry_run else _built(project, context)
    if folder:
        write_folder(bundle, folder)
    context.answers.give(answer)


def _previewed(project: Project, context: Context) -> tuple[Bundle, Answer]:
    bundle = preview(project, report=context.display)
    return bundle, PreviewAnswer(project, bundle, context.options.bundle)


def _built(project: Project, context: Context) -> tuple[Bundle, Answer]:
    try:
        built = build(project, application=context.target.application, clock=context.clock, report=context.display)
    except KeyboardInterrupt:
        raise InterruptionError("interrupted: the environment was not touched") from None
    return built.bundle, BuiltAnswer(built, context.options.bundle)


@dataclass(frozen=True)
class BuiltAnswer:
    """Images and bundle. folder: where the bundle's files were written."""

    built: Built
    folder: Path | None = None

    def document(self) -> Any:
        images, bundle = self.built.images, self.built.bundle
        return {
            "images": [
                {"service": name, "image": image.reference, "pushed": image.pushed} for name, image in images.items()
            ],
            "image": bundle.image,
            "version_label": bundle.label,
            "bundle": _described(bundle, self.folder),
        }

    def lines(self, paint: Paint) -> Iterator[str]:
        rows = [(Cell(name or "image", "dim"), Cell(image.reference)) for name, image in self.built.images.items()]
        rows = rows or [(Cell("image", "dim"), Cell(self.built.bundle.image))]
        rows.append((Cell("version", "dim"), Cell(self.built.bundle.label)))
        yield from table([*rows, *_written(self.folder)], paint)


@dataclass(frozen=True)
class PreviewAnswer:
    """What a release would build and deploy. folder: where the bundle's files were written."""

    project: Project
    bundle: Bundle
    folder: Path | None = None

    def document(self) -> Any:
        return {
            "dry_run": True,
            "build": self.project.builds,
            "platform": self.project.platform,
            "repository": self.project.stage.service.image,
            "notes": self.bundle.notes,
            "bundle": _described(self.bundle, self.folder),
        }

    def lines(self, paint: Paint) -> Iterator[str]:
        yield paint(Cell("A release would deploy this; nothing was built, pushed or asked:", "bold"))
        yield from table(list(self._rows()), paint)

    def _rows(self) -> Iterator[tuple[Cell, Cell]]:
        builds = ", ".join(self.project.builds)
        yield _row("build", f"{builds}, for {self.project.platform}" if builds else "nothing: no image is made here")
        if builds:
            yield _row("push", f"to {self.project.stage.service.image}")
        for name in sorted(self.bundle.files):
            yield _row("file", name)
        yield from _written(self.folder)


def _row(name: str, text: str) -> tuple[Cell, Cell]:
    return Cell(f"  {name}", "dim"), Cell(text)


def _written(folder: Path | None) -> Iterator[tuple[Cell, Cell]]:
    if folder:
        yield Cell("  written to", "dim"), Cell(str(folder))


def _described(bundle: Bundle, folder: Path | None) -> dict[str, Any]:
    described = {"files": sorted(bundle.files), "bytes": len(bundle.data)}
    return {**described, "folder": str(folder)} if folder else described
