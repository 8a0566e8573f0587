"""Make the compose file for Elastic Beanstalk of the user's own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beanpod.deploy.bundles.bundle import BundleFile
from beanpod.deploy.bundles.compose.assets import (
    check_external,
    log_folders,
    transform_files,
    transform_mounts,
    transform_volumes,
)
from beanpod.deploy.bundles.compose.environment import transform_environment
from beanpod.deploy.bundles.compose.filters import remove_database, remove_profiles, remove_unused, transform_names
from beanpod.deploy.bundles.compose.model import (
    WEB_PORT,
    Findings,
    Port,
    Settings,
    TransformContext,
    Tree,
    Volume,
    at,
    invalid_texts,
    place,
)
from beanpod.deploy.bundles.compose.reading import Compose, ComposeError, Runner, docker_compose, load, to_yaml
from beanpod.deploy.bundles.compose.services import Kind, publish_web_port, transform_restarts
from beanpod.deploy.images import BuildSpec

_LEFT_OUT = ("build", "container_name", "develop", "profiles")
_DECIDED_BY_THE_IMAGE = ("platform", "pull_policy", "pull_refresh_after")
# Compose would read these files, and one exists on the instance only.
_FILES = ("env_file", "label_file")
# Of a build; the deploy command itself decides caches, names and platforms.
_USED = frozenset({"context", "dockerfile", "args", "target"})
_DECIDED_HERE = frozenset(
    ["cache_from", "cache_to", "no_cache", "no_cache_filter", "platforms", "provenance", "pull", "sbom", "tags"]
)
_SECTIONS = ("networks", "volumes", "secrets", "configs", "models")


@dataclass(frozen=True)
class Production:
    """A compose file for Elastic Beanstalk that lacks only the images.

    Attributes:
        specs: What has to be built.
        files: What the services need beside it, by path in the bundle.
        notes: What it leaves out or changes.
        web: The service that receives requests.
        web_port: Where its container listens.
        images: Those that are not built here, by their services.
        logs: The folders that containers write logs to, with their service and its user ("" for the image's).
        kinds: Of the services that have containers.
    """

    specs: tuple[BuildSpec, ...] = ()
    files: Mapping[str, BundleFile] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    web: str | None = None
    web_port: int | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    logs: tuple[tuple[str, str, str], ...] = ()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    _tree: Tree = field(default_factory=dict)
    _header: str = ""

    def text(self, images: Mapping[str | None, str]) -> str:
        """Return the file's text. images: references of the built services by their names."""
        built: Tree = {str(spec.name): {"image": images[spec.name]} for spec in self.specs}
        return self._header + to_yaml({**self._tree, "services": _merged(self._tree["services"], built)})


def production(path: Path, settings: Settings, findings: Findings, run: Runner = docker_compose) -> Production:
    """Make the file for Elastic Beanstalk; it is empty if a problem hides all others.

    Args:
        path: The user's compose file.
        settings: What the stage says.
        findings: Where problems and notes are added.
        run: Runs `docker compose`.
    """
    compose = Compose(settings.root, run)
    loaded = load(path, settings.provided, findings, compose)
    if not findings.problems and not loaded.tree["services"]:
        findings.problem("services", "no services are defined: define the app as one")
    if findings.problems:
        return Production()
    built = frozenset(name for name, service in loaded.tree["services"].items() if "build" in service)
    context = TransformContext(
        loaded.tree, loaded.production, settings, findings, built, production_name=loaded.production_name
    )
    remove_profiles(context)
    remove_database(context)
    transform_names(context)
    transform_environment(context)
    transform_mounts(context)
    remove_unused(context)
    transform_volumes(context)
    transform_files(context)
    check_external(context)
    web = publish_web_port(context)
    kinds = transform_restarts(context, web)
    images = _pulled_images(context, web)
    tree = _tree(context)
    # Of a build only these keys are used; others may hold undefined variables.
    builds = {name: {"build": _used(context.services[name]["build"])} for name in context.services if name in built}
    for where, problem in invalid_texts({**tree, "services": _merged(tree["services"], builds)}):
        findings.problem(place(where), problem)
    specs = tuple(_build_spec(context, name, service["build"]) for name, service in builds.items())
    if not findings.problems:
        _check(context, tree, compose)
    names = " and ".join(path.relative_to(settings.root).as_posix() for path in loaded.paths)
    header = [f"Generated by the deploy script from {names}: edit that, not this file.", *findings.notes]
    return Production(
        specs=specs,
        files=context.files,
        notes=tuple(findings.notes),
        web=web,
        web_port=next(
            (port.target for name, port in context.ports() if name == web and port.published_at(WEB_PORT)), None
        ),
        images=images,
        logs=tuple(log_folders(context)),
        kinds=kinds,
        _tree=tree,
        _header="".join(f"# {line}\n" for line in header),
    )


def _pulled_images(context: TransformContext, web: str | None) -> dict[str, str]:
    """Return the images that are not built here, by their services."""
    services = {name: service for name, service in context.services.items() if name not in context.built}
    for name, service in services.items():
        platform = service.get("platform")
        if platform and not str(platform).startswith(context.settings.platform):
            text = f"{platform} does not run on the instances, which are {context.settings.platform}: leave it out"
            context.findings.problem(at(name, "platform"), text)
    images = {name: str(service["image"]) for name, service in services.items() if service.get("image")}
    image = images.get(web or "", "")
    if image and "@" not in image and "$" not in image:
        text = (
            f"{image}: pushing another image with the same tag does not make a new release; use a new tag for each "
            "image, or a digest"
        )
        context.findings.note(at(str(web), "image"), text)
    return images


def _check(context: TransformContext, tree: Tree, compose: Compose) -> None:
    """Have Compose check what is deployed, with values for the environment's variables and images for builds."""
    services = {
        name: {key: value for key, value in service.items() if key not in _FILES}
        for name, service in _merged(tree["services"], {name: {"image": "x"} for name in context.built}).items()
    }
    try:
        compose.check(to_yaml({**tree, "services": services}), context.settings.variables)
    except ComposeError as error:
        context.findings.problem("docker compose", str(error))


def _tree(context: TransformContext) -> Tree:
    """Return what is deployed, without the images of the built services."""
    services: Tree = {}
    for name, service in context.services.items():
        without = {*_LEFT_OUT, *(("image", *_DECIDED_BY_THE_IMAGE) if name in context.built else ())}
        kept = {key: value for key, value in service.items() if key not in without and not key.startswith("x-")}
        entries: Tree = {key: [_entry(item) for item in kept[key]] for key in ("ports", "volumes") if key in kept}
        services[name] = {**kept, **entries}
    return {"services": services, **{key: context.tree[key] for key in _SECTIONS if context.tree.get(key)}}


def _entry(item: Any) -> Any:
    return item.entry if isinstance(item, Port | Volume) else item


def _merged(services: Tree, keys: Tree) -> Tree:
    """Return the services, each with more keys before its own."""
    return {name: {**keys.get(name, {}), **service} for name, service in services.items()}


def _used(build: Tree) -> Tree:
    return {key: value for key, value in build.items() if key in _USED}


def _build_spec(context: TransformContext, name: str, build: Tree) -> BuildSpec:
    folder = context.settings.folder / str(build.get("context", "."))
    spec = BuildSpec(
        name=name,
        context=folder,
        dockerfile=folder / str(build.get("dockerfile", "Dockerfile")),
        args={key: _text(value) for key, value in (build.get("args") or {}).items()},
        target=str(build["target"]) if build.get("target") else None,
    )
    for key, text in _problems(context.services[name]["build"], spec):
        context.findings.problem(at(name, "build", key), text)
    return spec


def _problems(build: Tree, spec: BuildSpec) -> Iterator[tuple[str, str]]:
    for key in build:
        if key not in _USED | _DECIDED_HERE and not key.startswith("x-"):
            yield key, "the deploy script builds without it: move it into the Dockerfile"
    for key, value in (build.get("args") or {}).items():
        if value is None:
            yield f"args.{key}", "its value would be this machine's: write one"
    context = str(build.get("context", "."))
    if "://" in context or context.startswith("git@"):
        yield "context", f"{context} is elsewhere: name a folder"
    elif not spec.context.is_dir():
        yield "context", f"{context}: no such folder: write its path from the compose file"
    elif not spec.dockerfile.is_file():
        yield "dockerfile", f"{build.get('dockerfile', 'Dockerfile')}: no such file: write its path from the context"


def _text(value: object) -> str:
    # Docker does not interpolate arguments, so a doubled dollar is one.
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.replace("$$", "$")
