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
from beanpod.deploy.bundles.compose.reading import Compose, ComposeError, Loaded, Runner, docker_compose, load, to_yaml
from beanpod.deploy.bundles.compose.services import Kind, publish_web_port, transform_restarts
from beanpod.deploy.images import BuildSpec

_LEFT_OUT = ("build", "container_name", "develop", "profiles")
_DECIDED_BY_THE_IMAGE = ("platform", "pull_policy", "pull_refresh_after")
# Compose would read them, and one of them is on the instance only.
_FILES = ("env_file", "label_file")
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
        built = {spec.name: {"image": images[spec.name]} for spec in self.specs}
        services = {name: {**built.get(name, {}), **service} for name, service in self._tree["services"].items()}
        return f"{self._header}\n{to_yaml({**self._tree, 'services': services})}"


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
    if findings.problems or not _has_services(loaded.tree, findings):
        return Production()
    built = frozenset(name for name, service in loaded.tree["services"].items() if "build" in service)
    context = TransformContext(
        loaded.tree, loaded.production, settings, findings, built, production_name=loaded.production_name
    )
    web = _transform(context)
    kinds = transform_restarts(context, web)
    _note_moving_tag(context, web)
    for where, problem in invalid_texts({"services": _deployed_services(context), **_sections(context)}):
        findings.problem(place(where), problem)
    specs = tuple(
        build_spec(name, service["build"], settings.folder, findings)
        for name, service in context.services.items()
        if name in built
    )
    if not findings.problems:
        _check(context, compose, findings)
    return Production(
        specs=specs,
        files=context.files,
        notes=tuple(findings.notes),
        web=web,
        web_port=next(
            (port.target for name, port in context.ports() if name == web and port.published_at(WEB_PORT)), None
        ),
        images=_pulled_images(context),
        logs=tuple(log_folders(context)),
        kinds=kinds,
        _tree=_tree(context),
        _header=_header(loaded, settings, findings),
    )


def _note_moving_tag(context: TransformContext, web: str | None) -> None:
    """Note that a tag that is pushed again makes no new release."""
    image = str(context.services.get(web or "", {}).get("image") or "")
    if image and web not in context.built and "@" not in image and "$" not in image:
        text = (
            f"{image}: pushing another image with the same tag does not make a new release; use a new tag for each "
            "image, or a digest"
        )
        context.findings.note(at(str(web), "image"), text)


def _pulled_images(context: TransformContext) -> dict[str, str]:
    images = {name: service.get("image") for name, service in context.services.items() if name not in context.built}
    return {name: str(image) for name, image in images.items() if image}


def _has_services(tree: Tree, findings: Findings) -> bool:
    if not tree.get("services"):
        findings.problem("services", "no services are defined: define the app as one")
    return not findings.problems


def _transform(context: TransformContext) -> str | None:
    """Transform everything. Return the service that receives requests."""
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
    for name, service in context.services.items():
        _check_image(context, name, service)
    return web


def _check(context: TransformContext, compose: Compose, findings: Findings) -> None:
    """Have Compose check what is deployed, with values for the environment's variables and images for builds."""
    images = {name: {"image": "x"} for name in context.built}
    services = {
        name: {**images.get(name, {}), **{key: value for key, value in service.items() if key not in _FILES}}
        for name, service in _tree(context)["services"].items()
    }
    try:
        compose.check(to_yaml({**_tree(context), "services": services}), context.settings.variables)
    except ComposeError as error:
        findings.problem("docker compose", str(error))


def _check_image(context: TransformContext, name: str, service: Tree) -> None:
    platform = service.get("platform")
    if name not in context.built and platform and not str(platform).startswith(context.settings.platform):
        text = f"{platform} does not run on the instances, which are {context.settings.platform}: leave it out"
        context.findings.problem(at(name, "platform"), text)


def _deployed_services(context: TransformContext) -> Tree:
    """Return the services with the keys that are used; others may hold undefined variables."""
    return {
        name: {
            **_service(context, name, service),
            **({"build": used_build_keys(service["build"])} if "build" in service else {}),
        }
        for name, service in context.services.items()
    }


def _tree(context: TransformContext) -> Tree:
    services = {name: _service(context, name, service) for name, service in context.services.items()}
    return {"services": services, **_sections(context)}


def _sections(context: TransformContext) -> Tree:
    return {section: context.tree[section] for section in _SECTIONS if context.tree.get(section)}


def _service(context: TransformContext, name: str, service: Tree) -> Tree:
    own = {key for key in service if key.startswith("x-")}
    without = {*_LEFT_OUT, *own, *(("image", *_DECIDED_BY_THE_IMAGE) if name in context.built else ())}
    return plain_service({key: value for key, value in service.items() if key not in without})


def plain_service(service: Tree) -> Tree:
    """Return a service with its ports and volumes as written in a file."""
    entries: Tree = {key: [_entry(item) for item in service[key]] for key in ("ports", "volumes") if key in service}
    return {**service, **entries}


def _entry(item: Any) -> Any:
    return item.entry if isinstance(item, Port | Volume) else item


def _header(loaded: Loaded, settings: Settings, findings: Findings) -> str:
    names = " and ".join(path.relative_to(settings.root).as_posix() for path in loaded.paths)
    lines = [f"Generated by the deploy script from {names}: edit that, not this file.", *findings.notes]
    return "\n".join(f"# {line}" for line in lines)


# Where images are cached, how they are named and for what they are built is the deploy script's own affair.
_DECIDED_HERE = "cache_from cache_to no_cache no_cache_filter platforms provenance pull sbom tags"
_USED = frozenset({"context", "dockerfile", "args", "target"})
_TAKEN = _USED | frozenset(_DECIDED_HERE.split())


def used_build_keys(build: Tree) -> Tree:
    """Return the keys of a `build` that are used here."""
    return {key: value for key, value in build.items() if key in _USED}


def build_spec(name: str, build: Tree, folder: Path, findings: Findings) -> BuildSpec:
    """Return what is built for a service. folder: the compose file's."""
    context = folder / str(build.get("context", "."))
    spec = BuildSpec(
        name=name,
        context=context,
        dockerfile=context / str(build.get("dockerfile", "Dockerfile")),
        args={key: _text(value) for key, value in (build.get("args") or {}).items()},
        target=str(build["target"]) if build.get("target") else None,
    )
    for key, text in _problems(build, spec):
        findings.problem(at(name, "build", key), text)
    return spec


def _problems(build: Tree, spec: BuildSpec) -> Iterator[tuple[str, str]]:
    for key in build:
        if key not in _TAKEN and not key.startswith("x-"):
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
    # Nothing interpolates this any more, so a doubled dollar is one.
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.replace("$$", "$")
