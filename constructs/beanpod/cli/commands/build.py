"""build: build and push the images, and make the bundle, without deploying it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.results import Result
from beanpod.cli.output.text import Paint
from beanpod.deploy.bundles import Bundle, build_inputs, check_folder, write_folder
from beanpod.deploy.errors import InterruptionError
from beanpod.deploy.flow import Built, Project, build, preview


def run(context: Context) -> None:
    """Build and push; with --dry-run, only make the bundle. Raises BuildError and UsageError."""
    project = Project(context.stage, context.root, context.environ)
    folder = context.options.bundle
    if folder:
        check_folder(folder, build_inputs(project.stage, project.root))
    bundle, result = _previewed(project, context) if context.options.dry_run else _built(project, context)
    if folder:
        write_folder(bundle, folder)
    context.results.emit(result)


def _previewed(project: Project, context: Context) -> tuple[Bundle, Result]:
    bundle = preview(project, report=context.display)
    return bundle, PreviewResult(project, bundle, context.options.bundle)


def _built(project: Project, context: Context) -> tuple[Bundle, Result]:
    try:
        built = build(project, application=context.target.application, clock=context.clock, report=context.display)
    except KeyboardInterrupt:
        raise InterruptionError("interrupted: the environment was not touched") from None
    return built.bundle, BuiltResult(built, context.options.bundle)


@dataclass(frozen=True)
class BuiltResult:
    """The images and the bundle. folder: where the bundle's files were written."""

    built: Built
    folder: Path | None = None

    def to_dict(self) -> Any:
        images, bundle = self.built.images, self.built.bundle
        return {
            "images": [
                {"service": name, "image": image.reference, "pushed": image.pushed} for name, image in images.items()
            ],
            "image": bundle.image,
            "version_label": bundle.label,
            "bundle": _bundle(bundle, self.folder),
        }

    def to_text(self, paint: Paint) -> Iterator[str]:
        images = [(name or "image", image.reference) for name, image in self.built.images.items()]
        facts = images or [("image", self.built.bundle.image)]
        yield from paint.facts([*facts, ("version", self.built.bundle.label), *_folder(self.folder)])


@dataclass(frozen=True)
class PreviewResult:
    """What a release would build and deploy. folder: where the bundle's files were written."""

    project: Project
    bundle: Bundle
    folder: Path | None = None

    def to_dict(self) -> Any:
        return {
            "dry_run": True,
            "build": self.project.builds,
            "platform": self.project.platform,
            "repository": self.project.stage.service.image,
            "notes": self.bundle.notes,
            "bundle": _bundle(self.bundle, self.folder),
        }

    def to_text(self, paint: Paint) -> Iterator[str]:
        yield paint("A release would deploy this bundle (dry run):", "bold")
        builds, facts = ", ".join(self.project.builds), []
        if builds:
            facts = [
                ("build", f"{builds}, for {self.project.platform}"),
                ("push", f"to {self.project.stage.service.image}"),
            ]
        facts = facts or [("build", "no image")]
        facts += [("file", name) for name in sorted(self.bundle.files)]
        yield from paint.facts([*facts, *_folder(self.folder)])


def _folder(folder: Path | None) -> list[tuple[str, str]]:
    return [("written to", str(folder))] if folder else []


def _bundle(bundle: Bundle, folder: Path | None) -> dict[str, Any]:
    described: dict[str, Any] = {"files": sorted(bundle.files), "bytes": len(bundle.data)}
    return {**described, "folder": str(folder)} if folder else described
