"""From the user's own compose file to the one that runs on Beanstalk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beanpod.deploy.bundles.archive import BundleFile
from beanpod.deploy.bundles.compose.building import spec_of, used_of
from beanpod.deploy.bundles.compose.draft import WEB_PORT, Draft, Setting, Tree
from beanpod.deploy.bundles.compose.entries import Port, Volume
from beanpod.deploy.bundles.compose.environment import ensure_variables
from beanpod.deploy.bundles.compose.findings import Findings, at, invalid_texts, place
from beanpod.deploy.bundles.compose.leaving import remove_database, remove_profiles, remove_unused
from beanpod.deploy.bundles.compose.mounts import (
    check_external,
    log_folders,
    settle_files,
    settle_mounts,
    settle_volumes,
)
from beanpod.deploy.bundles.compose.names import settle_names
from beanpod.deploy.bundles.compose.reading import Compose, ComposeError, Loaded, Runner, docker_compose, load, written
from beanpod.deploy.bundles.compose.restart import Kind, settle_restarts
from beanpod.deploy.bundles.compose.web import ensure_web_port
from beanpod.deploy.images import BuildSpec

_LEFT_OUT = ("build", "container_name", "develop", "profiles")
_DECIDED_BY_THE_IMAGE = ("platform", "pull_policy", "pull_refresh_after")
# Compose would read them, and one of them is on the instance only.
_FILES = ("env_file", "label_file")
_SECTIONS = ("networks", "volumes", "secrets", "configs", "models")


@dataclass(frozen=True)
class Production:
    """A compose file for Beanstalk that lacks only the images.

    specs: what has to be built. files: what the services need beside it, by path in the bundle. web: the service that
    requests reach. web_port: where its container listens. images: those that are not built here, by their services, as
    the file names them. logs: the folders of logs that containers write to, with their service and its user ("" for
    its image's own). kinds: of the services that have containers.
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
        """The file, with the images of the services that are built by their names."""
        built = {spec.name: {"image": images[spec.name]} for spec in self.specs}
        services = {name: {**built.get(name, {}), **service} for name, service in self._tree["services"].items()}
        return f"{self._header}\n{written({**self._tree, 'services': services})}"


def production(path: Path, setting: Setting, findings: Findings, run: Runner = docker_compose) -> Production:
    """Make the file for Beanstalk of the compose file at `path`; adds what is wrong to the findings.

    It is an empty one where a problem hides all others.
    """
    compose = Compose(setting.root, run)
    loaded = load(path, setting.provided, findings, compose)
    if findings.problems or not _has_services(loaded.tree, findings):
        return Production()
    built = frozenset(name for name, service in loaded.tree["services"].items() if "build" in service)
    draft = Draft(loaded.tree, loaded.production, setting, findings, built, production_name=loaded.production_name)
    web = _settle(draft)
    kinds = settle_restarts(draft, web)
    _note_moving_tag(draft, web)
    for where, problem in invalid_texts({"services": _staying(draft), **_others(draft)}):
        findings.problem(place(where), problem)
    specs = tuple(
        spec_of(name, service["build"], setting.folder, findings)
        for name, service in draft.services.items()
        if name in built
    )
    if not findings.problems:
        _check(draft, compose, findings)
    return Production(
        specs=specs,
        files=draft.files,
        notes=tuple(findings.notes),
        web=web,
        web_port=next(
            (port.target for name, port in draft.ports() if name == web and port.published_at(WEB_PORT)), None
        ),
        images=_off_the_shelf(draft),
        logs=tuple(log_folders(draft)),
        kinds=kinds,
        _tree=_tree(draft),
        _header=_header(loaded, setting, findings),
    )


def _note_moving_tag(draft: Draft, web: str | None) -> None:
    """A release is known by its files: another image under the same tag does not make it another one."""
    image = str(draft.services.get(web or "", {}).get("image") or "")
    if image and web not in draft.built and "@" not in image and "$" not in image:
        text = (
            f"{image}: pushing another image with the same tag does not make a new release; use a new tag for each "
            "image, or a digest"
        )
        draft.findings.note(at(str(web), "image"), text)


def _off_the_shelf(draft: Draft) -> dict[str, str]:
    images = {name: service.get("image") for name, service in draft.services.items() if name not in draft.built}
    return {name: str(image) for name, image in images.items() if image}


def _has_services(tree: Tree, findings: Findings) -> bool:
    if not tree.get("services"):
        findings.problem("services", "no services are defined: define the app as one")
    return not findings.problems


def _settle(draft: Draft) -> str | None:
    """Settle everything; the service that requests reach."""
    remove_profiles(draft)
    remove_database(draft)
    settle_names(draft)
    ensure_variables(draft)
    settle_mounts(draft)
    remove_unused(draft)
    settle_volumes(draft)
    settle_files(draft)
    check_external(draft)
    web = ensure_web_port(draft)
    for name, service in draft.services.items():
        _check_image(draft, name, service)
    return web


def _check(draft: Draft, compose: Compose, findings: Findings) -> None:
    """Have Compose check what is deployed, with the values that the environment gives and with images for builds."""
    images = {name: {"image": "x"} for name in draft.built}
    services = {
        name: {**images.get(name, {}), **{key: value for key, value in service.items() if key not in _FILES}}
        for name, service in _tree(draft)["services"].items()
    }
    try:
        compose.check(written({**_tree(draft), "services": services}), draft.setting.variables)
    except ComposeError as error:
        findings.problem("docker compose", str(error))


def _check_image(draft: Draft, name: str, service: Tree) -> None:
    platform = service.get("platform")
    if name not in draft.built and platform and not str(platform).startswith(draft.setting.platform):
        text = f"{platform} does not run on the instances, which are {draft.setting.platform}: leave it out"
        draft.findings.problem(at(name, "platform"), text)


def _staying(draft: Draft) -> Tree:
    """The services with what is used of them: what leaves may hold variables that nothing gives."""
    return {
        name: {**_service(draft, name, service), **({"build": used_of(service["build"])} if "build" in service else {})}
        for name, service in draft.services.items()
    }


def _tree(draft: Draft) -> Tree:
    services = {name: _service(draft, name, service) for name, service in draft.services.items()}
    return {"services": services, **_others(draft)}


def _others(draft: Draft) -> Tree:
    return {section: draft.tree[section] for section in _SECTIONS if draft.tree.get(section)}


def _service(draft: Draft, name: str, service: Tree) -> Tree:
    own = {key for key in service if key.startswith("x-")}
    without = {*_LEFT_OUT, *own, *(("image", *_DECIDED_BY_THE_IMAGE) if name in draft.built else ())}
    return plain_service({key: value for key, value in service.items() if key not in without})


def plain_service(service: Tree) -> Tree:
    """A service with its ports and volumes as they stand in a file."""
    entries: Tree = {key: [_entry(item) for item in service[key]] for key in ("ports", "volumes") if key in service}
    return {**service, **entries}


def _entry(item: Any) -> Any:
    return item.entry if isinstance(item, Port | Volume) else item


def _header(loaded: Loaded, setting: Setting, findings: Findings) -> str:
    names = " and ".join(path.relative_to(setting.root).as_posix() for path in loaded.paths)
    lines = [f"Generated by the deploy script from {names}: edit that, not this file.", *findings.notes]
    return "\n".join(f"# {line}" for line in lines)
