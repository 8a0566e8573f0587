"""check: check the manifest, and the bundle that each stage would deploy, without AWS and without building an image."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import Paint
from beanpod.deploy.bundles import Bundle, build_inputs, check_folder, write_folder
from beanpod.deploy.flow import Project, preview
from beanpod.manifest import Manifest


def run(context: Context) -> None:
    """Check all stages, or the one of --stage; with --bundle, write its bundle, or the first stage's.

    Raises ManifestError, BuildError and UsageError.
    """
    manifest, folder = Manifest.read(context.options.manifest, build_files=True), context.options.bundle
    names = [context.options.stage] if context.options.stage else list(manifest.stages)
    projects = [Project(manifest.stage(name), context.root, context.environ) for name in names]
    if folder:
        check_folder(folder, build_inputs(projects[0].stage, context.root))
    bundles = {}
    for project in projects:
        context.display.say(f"stage {project.stage.name}")
        bundles[project.stage.name] = preview(project, report=context.display)
    if folder:
        write_folder(bundles[projects[0].stage.name], folder)
    # Each of the stages that share an account has the same warning.
    if warning := next(filter(None, map(manifest.sharing, bundles)), None):
        context.display.warn(warning)
    context.results.emit(CheckResult(context.options.manifest, bundles, folder))


@dataclass(frozen=True)
class CheckResult:
    """A manifest without problems.

    Attributes:
        manifest: The manifest.
        bundles: The bundle of each stage.
        folder: Where the first stage's bundle was written.
    """

    manifest: Path
    bundles: dict[str, Bundle]
    folder: Path | None

    def to_dict(self) -> Any:
        stages = {name: {"files": sorted(bundle.files), "notes": bundle.notes} for name, bundle in self.bundles.items()}
        return {"manifest": str(self.manifest), "stages": stages, "folder": self.folder and str(self.folder)}

    def to_text(self, paint: Paint) -> Iterator[str]:
        yield paint(f"{self.manifest}: no problems in {', '.join(self.bundles)}")
        if self.folder:
            yield paint(f"wrote the bundle of {next(iter(self.bundles))} to {self.folder}")
