"""build: the images in their registry and the bundle; the environment is left alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.commands.context import Context
from deploy.errors import InterruptionError
from deploy.flow import Built, Project, build
from deploy.output.table import Cell, Paint, table


def run(context: Context) -> None:
    """Builds and pushes, and answers what came of it. Raises BuildError, UsageError."""
    project = Project(context.stage, context.root, context.environ)
    try:
        built = build(project, application=context.target.application, clock=context.clock, report=context.display)
    except KeyboardInterrupt:
        raise InterruptionError("interrupted: the environment was not touched") from None
    context.answers.give(BuiltAnswer(built))


@dataclass(frozen=True)
class BuiltAnswer:
    """Images and bundle."""

    built: Built

    def document(self) -> Any:
        images, bundle = self.built.images, self.built.bundle
        return {
            "images": [
                {"service": name, "image": image.reference, "pushed": image.pushed} for name, image in images.items()
            ],
            "image": bundle.image,
            "version_label": bundle.label,
            "bundle": {"files": sorted(bundle.files), "bytes": len(bundle.data)},
        }

    def lines(self, paint: Paint) -> Iterator[str]:
        rows = [(Cell(name or "image", "dim"), Cell(image.reference)) for name, image in self.built.images.items()]
        rows = rows or [(Cell("image", "dim"), Cell(self.built.bundle.image))]
        yield from table([*rows, (Cell("version", "dim"), Cell(self.built.bundle.label))], paint)
