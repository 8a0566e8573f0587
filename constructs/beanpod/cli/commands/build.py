"""build: build and push the images, and make the bundle, without deploying it."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import Paint
from beanpod.deploy.bundles import Bundle, check_folder, write_folder
from beanpod.deploy.errors import InterruptionError
from beanpod.deploy.pipeline import Built, build, preview


def run(context: Context) -> None:
    """Build and push; with --dry-run, only make the bundle. Raises BuildError and UsageError."""
    folder = context.options.bundle
    if folder:
        check_folder(folder, context.bundle_plan.inputs)
    if context.options.dry_run:
        bundle = preview(context.bundle_plan, context.environ, report=context.display)
        document, text = _preview_document(context, bundle), _preview_text(context, bundle)
    else:
        built = _build(context)
        bundle, document, text = built.bundle, _document(built), _text(built, context.results.paint)
    document["bundle"] = {"files": sorted(bundle.files), "bytes": len(bundle.data)}
    if folder:
        write_folder(bundle, folder)
        document["bundle"]["folder"] = str(folder)
        text = chain(text, context.results.paint.facts([("written to", str(folder))]))
    context.results.emit(document, text)


def _build(context: Context) -> Built:
    try:
        return build(context.bundle_plan, context.docker, application=context.target.application)
    except KeyboardInterrupt:
        raise InterruptionError("interrupted: the environment was not changed") from None


def _document(built: Built) -> dict[str, Any]:
    return {
        "images": [
            {"service": name, "image": image.reference, "pushed": image.pushed} for name, image in built.images.items()
        ],
        "image": built.bundle.image,
        "version_label": built.bundle.label,
    }


def _text(built: Built, paint: Paint) -> Iterator[str]:
    images = [(name or "image", image.reference) for name, image in built.images.items()]
    return paint.facts([*(images or [("image", built.bundle.image)]), ("version", built.bundle.label)])


def _preview_document(context: Context, bundle: Bundle) -> dict[str, Any]:
    return {
        "dry_run": True,
        "build": context.bundle_plan.builds,
        "platform": context.bundle_plan.platform,
        "repository": context.stage.service.image,
        "notes": bundle.notes,
    }


def _preview_text(context: Context, bundle: Bundle) -> Iterator[str]:
    paint, builds = context.results.paint, ", ".join(context.bundle_plan.builds)
    yield paint("A release would deploy this bundle (dry run):", "bold")
    facts = [("build", f"{builds}, for {context.bundle_plan.platform}" if builds else "no image")]
    if builds:
        facts.append(("push", f"to {context.stage.service.image}"))
    yield from paint.facts([*facts, *(("file", name) for name in sorted(bundle.files))])
