"""check: check the manifest, and the bundle that each stage would deploy, without AWS and without building an image."""

from collections.abc import Mapping, Sequence

from beanpod.cli.commands.context import Context
from beanpod.deploy.bundles import BundlePlan, check_folder, plan_bundle, write_folder
from beanpod.deploy.errors import UsageError
from beanpod.deploy.images import given_credentials
from beanpod.manifest import Manifest
from beanpod.project.versions import other_version
from beanpod.rules.database import support_note


def run(context: Context) -> None:
    """Check all stages, or the one of --stage; with --bundle, write its bundle, or the first stage's.

    Raises ManifestError, BuildError and UsageError.
    """
    manifest, folder = Manifest.read(context.options.manifest, build_files=True), context.options.bundle
    names = [context.options.stage] if context.options.stage else list(manifest.stages)

    def plan(name: str) -> BundlePlan:
        return plan_bundle(manifest.stage(name), context.root)

    if folder:
        check_folder(folder, plan(names[0]).inputs)
    given_credentials(context.environ)
    if problem := other_version(context.root):
        raise UsageError(problem)
    files, notes = dict[str, list[str]](), dict[str, tuple[str, ...]]()
    for name in names:
        bundle = plan(name).preview()
        database = manifest.stage(name).database
        today = context.clock.now().date()
        old = support_note(database.engine, database.version, today) if database else None
        files[name], notes[name] = sorted(bundle.files), (*bundle.notes, *filter(None, [old]))
        # It may have half a gigabyte: one at a time.
        del bundle
    for note, noted in _stages_by_note(notes).items():
        context.display.say(note if len(noted) == len(names) else f"stage {', '.join(noted)}: {note}")
    if folder:
        write_folder(plan(names[0]).preview(), folder)
    # Each of the stages that share an account has the same warning.
    if warning := next(filter(None, map(manifest.sharing, names)), None):
        context.display.warn(warning)
    path = context.options.manifest
    text = [f"{path}: no problems in {', '.join(names)}"]
    if folder:
        text.append(f"wrote the bundle of {names[0]} to {folder}")
    stages = {name: {"files": files[name], "notes": notes[name]} for name in names}
    document = {"manifest": str(path), "stages": stages, "folder": str(folder) if folder else None}
    context.results.emit(document, map(context.results.paint, text))


def _stages_by_note(notes: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    stages: dict[str, list[str]] = {}
    for name, noted in notes.items():
        for note in noted:
            stages.setdefault(note, []).append(name)
    return stages
