"""check: check the manifest, and the bundle that each stage would deploy, without AWS and without building an image."""

from collections.abc import Mapping

from beanpod.cli.commands.context import Context
from beanpod.deploy.bundles import Bundle, check_folder, write_folder
from beanpod.deploy.errors import UsageError
from beanpod.deploy.images import given_credentials
from beanpod.deploy.pipeline import Project
from beanpod.manifest import Manifest
from beanpod.project.versions import other_version


def run(context: Context) -> None:
    """Check all stages, or the one of --stage; with --bundle, write its bundle, or the first stage's.

    Raises ManifestError, BuildError and UsageError.
    """
    manifest, folder = Manifest.read(context.options.manifest, build_files=True), context.options.bundle
    names = [context.options.stage] if context.options.stage else list(manifest.stages)
    projects = [Project(manifest.stage(name), context.root, context.environ) for name in names]
    if folder:
        check_folder(folder, projects[0].bundle_plan.inputs)
    given_credentials(context.environ)
    if problem := other_version(context.root):
        raise UsageError(problem)
    bundles = {project.stage.name: project.bundle_plan.preview() for project in projects}
    for note, noted in _stages_by_note(bundles).items():
        context.display.say(note if len(noted) == len(bundles) else f"stage {', '.join(noted)}: {note}")
    if folder:
        write_folder(bundles[projects[0].stage.name], folder)
    # Each of the stages that share an account has the same warning.
    if warning := next(filter(None, map(manifest.sharing, bundles)), None):
        context.display.warn(warning)
    path = context.options.manifest
    text = [f"{path}: no problems in {', '.join(bundles)}"]
    if folder:
        text.append(f"wrote the bundle of {projects[0].stage.name} to {folder}")
    stages = {name: {"files": sorted(bundle.files), "notes": bundle.notes} for name, bundle in bundles.items()}
    document = {"manifest": str(path), "stages": stages, "folder": str(folder) if folder else None}
    context.results.emit(document, map(context.results.paint, text))


def _stages_by_note(bundles: Mapping[str, Bundle]) -> dict[str, list[str]]:
    notes: dict[str, list[str]] = {}
    for name, bundle in bundles.items():
        for note in bundle.notes:
            notes.setdefault(note, []).append(name)
    return notes
