"""Mounts and files: nothing of the developer's machine, only what is in the bundle or on every instance."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from beanpod.deploy.bundles import stamp
from beanpod.deploy.bundles.compose.draft import Draft, Tree
from beanpod.deploy.bundles.compose.entries import Volume
from beanpod.deploy.bundles.compose.environment import ENV_FILE, is_of_beanstalk, is_optional
from beanpod.deploy.bundles.compose.findings import at
from beanpod.deploy.bundles.compose.lasting import device_of, lost, named_volumes, written_mounts
from beanpod.deploy.bundles.compose.taking import has_files, inside, is_file, is_inside, is_whole_project, take

_LOGS = "${EB_LOG_BASE_DIR}"
_HOST_LOGS = PurePosixPath("/var/log")
_LOG_FOLDERS = ("log", "logs")
# Where no image has anything of its own that a mount would hide.
_OWN_LOGS = "/var/log/app"


def settle_mounts(draft: Draft) -> None:
    """Development mounts go, files of the project come along, each service has a folder for its logs, ours a stamp."""
    for name, service in draft.services.items():
        entries = service.get("volumes", [])
        volumes = [entry for entry in entries if isinstance(entry, Volume)]
        gone = [volume for volume in volumes if _is_for_development(draft, name, volume)]
        for volume in gone:
            draft.findings.note(at(name, "volumes"), _left_out(draft, volume))
        kept = [
            _settled(draft, name, volume)
            for volume in volumes
            if volume not in gone and not (volume.is_anonymous and any(volume.within(mount) for mount in gone))
        ]
        for text in written_mounts(kept, draft.setting.lifetime):
            draft.findings.note(at(name, "volumes"), text)
        faulty = [entry for entry in entries if not isinstance(entry, Volume)]
        service["volumes"] = [*faulty, *kept, *_log_mount(name, kept), *_stamp_mount(draft, name, kept)]


def _is_for_development(draft: Draft, name: str, volume: Volume) -> bool:
    """A folder of the project over what our image has in it already, unless the file for production asks for it."""
    if name not in draft.built or not volume.is_of_project or _holds_logs(draft, volume):
        return False
    return not draft.is_meant(name, volume) and is_inside(draft, volume.source)


def _left_out(draft: Draft, volume: Volume) -> str:
    mount = f"left out: {volume.source} on {volume.target}, because the image already contains it"
    # The whole project is refused wherever it is named.
    keep = "" if is_whole_project(draft, volume.source) else f"; to keep it, name it in {draft.production_name}"
    if volume.read_only:
        return f"{mount}{keep}"
    lost_data = "What the container writes there is lost at the next release: store data in"
    return f"{mount}{keep}. {lost_data} {draft.setting.lifetime.keeper}"


def _holds_logs(draft: Draft, volume: Volume) -> bool:
    """Whether it is a folder that the container writes logs to; a single file has no place in the instance's folder."""
    target = PurePosixPath(volume.target)
    if volume.read_only or is_file(draft, volume.source):
        return False
    return target.name in _LOG_FOLDERS or _HOST_LOGS in target.parents


def _settled(draft: Draft, name: str, volume: Volume) -> Volume:
    """The mount as it is on the instance."""
    where = at(name, "volumes")
    if volume.kind in ("npipe", "cluster"):
        draft.findings.problem(where, f"{volume.target}: an instance has no mounts of type {volume.kind}: remove it")
    if volume.kind != "bind" or volume.source.startswith(f"{_LOGS}/"):
        return volume
    if volume.is_of_project and _holds_logs(draft, volume):
        return volume.from_source(f"{_LOGS}/{name}")
    if _HOST_LOGS in PurePosixPath(volume.source).parents:
        return volume
    if not volume.is_of_project:
        if not draft.is_meant(name, volume) or volume.source.startswith("~"):
            draft.findings.problem(where, elsewhere(draft, volume.source))
        return volume
    return _taken(volume, draft, where)


def _taken(volume: Volume, draft: Draft, where: str) -> Volume:
    """The mount of what is taken along. A zip has no empty folder: compose is told to make that on the instance."""
    before = len(draft.files)
    path = take(draft, where, volume.source, or_else="use a named volume for data that the container creates")
    taken = volume.from_source(f"./{path}")
    if len(draft.files) > before or any(name.startswith(f"{path}/") for name in draft.files):
        return taken
    return replace(taken, others={**volume.others, "bind": {**volume.others.get("bind", {}), "create_host_path": True}})


def elsewhere(draft: Draft, path: str) -> str:
    """What to do about a path that is not of the project."""
    if path.startswith("~"):
        return (
            f"{path} is in your home directory: move it into the project and write ./{path[1:].lstrip('/')}, or use a "
            "named volume for data"
        )
    return (
        f"{path} is outside the project: move files into the project, use a named volume for data, or, if it is a path "
        f"on the instance, name it in {draft.production_name}"
    )


def _log_mount(name: str, volumes: list[Volume]) -> list[Volume]:
    if any(volume.source.startswith(f"{_LOGS}/") for volume in volumes):
        return []
    return [Volume.bind(f"{_LOGS}/{name}", _OWN_LOGS)]


def log_folders(draft: Draft) -> Iterator[tuple[str, str, str]]:
    """The folders of logs that containers write to, with their service and its user; "" for its image's own."""
    for name, service in draft.services.items():
        user = str(service.get("user") or "")
        for volume in service.get("volumes", ()):
            if isinstance(volume, Volume) and volume.source.startswith(f"{_LOGS}/") and not volume.read_only:
                yield volume.source.removeprefix(f"{_LOGS}/"), name, "" if "$" in user else user


def _stamp_mount(draft: Draft, name: str, volumes: list[Volume]) -> list[Volume]:
    """What the release says of itself, for a service of ours that has nothing of its own there."""
    if name not in draft.built or any(volume.path == stamp.MOUNT for volume in volumes):
        return []
    return [Volume.bind(stamp.folder(name), stamp.MOUNT, read_only=True)]


def settle_volumes(draft: Draft) -> None:
    """Folders that volumes are bound to come along; how long the others last is said."""
    for name, definition in draft.declared("volumes"):
        device = device_of(definition)
        if device is not None:
            _settle_device(draft, name, definition, device)
    if lasting := named_volumes(draft.services, draft.tree.get("volumes") or {}):
        where = f"volume {lasting[0]}" if len(lasting) == 1 else f"volumes {', '.join(lasting)}"
        draft.findings.note(where, draft.setting.lifetime.of_named_volumes())


def _settle_device(draft: Draft, name: str, definition: Tree, device: str) -> None:
    """Take the folder along. Compose finds one of the project where the options are just these, and on no other way.

    A volume's folder has to be there when its container starts, and a zip has no empty one.
    """
    where, options = f"volumes.{name}.driver_opts", definition["driver_opts"]
    without = f"remove driver_opts, so that {name} is a named volume"
    if device.startswith(("/", "$", "~")):
        named = ((draft.production.get("volumes") or {}).get(name) or {}).get("driver_opts") or {}
        if named.get("device") != device or device.startswith("~"):
            draft.findings.problem(where, f"{elsewhere(draft, device)}, or {without}")
        return
    if options.get("o") != "bind":
        draft.findings.problem(
            where, f"o: {options.get('o')} cannot bind a folder of the project: write o: bind, or {without}"
        )
        return
    if os.path.isdir(draft.setting.folder / device) and not has_files(draft, device):
        draft.findings.problem(where, f"{device} is empty, and a bundle cannot contain empty folders: {without}")
        return
    path = take(draft, where, device, or_else=without)
    definition |= {"driver": "local", "driver_opts": {**options, "device": f"./{path}"}}
    for service, keys in draft.services.items():
        for volume in keys.get("volumes", ()):
            if isinstance(volume, Volume) and volume.is_named and volume.source == name and not volume.read_only:
                text = lost(volume.target, device, draft.setting.lifetime)
                draft.findings.note(at(service, "volumes"), text)


def settle_files(draft: Draft) -> None:
    """Secrets, configs and env files that are files come along; what nobody can give is refused."""
    for section in ("secrets", "configs"):
        for name, definition in draft.declared(section):
            _settle_definition(draft, f"{section}.{name}", definition)
    for name, service in draft.services.items():
        _settle_env_files(draft, name, service)
        _settle_label_files(draft, name, service)


def check_external(draft: Draft) -> None:
    """Nobody makes anything on an instance beforehand."""
    for section in ("networks", "volumes", "secrets", "configs"):
        for name, definition in draft.declared(section):
            if definition.get("external"):
                text = "external: it does not exist on the instance: remove external"
                draft.findings.problem(f"{section}.{name}", text)


def _settle_definition(draft: Draft, where: str, definition: Tree) -> None:
    file, variable = definition.get("file"), definition.get("environment")
    if file is not None and _is_of_the_instance(draft, where, str(file)):
        return
    if file is not None:
        definition["file"] = f"./{take(draft, where, str(file))}"
        if where.startswith("secrets."):
            draft.findings.note(
                where,
                f"{file} is uploaded with the bundle; to avoid that, use [secrets] and write environment here",
            )
    if variable is not None and variable not in draft.setting.provided:
        draft.findings.problem(where, f"{variable} is not set on Elastic Beanstalk: add it to [secrets]")


def _is_of_the_instance(draft: Draft, where: str, file: str) -> bool:
    """Whether it is a path of the instance that the file for production names, such as a certificate's."""
    section, _, name = where.partition(".")
    named = ((draft.production.get(section) or {}).get(name) or {}).get("file")
    return PurePosixPath(file).is_absolute() and str(named) == file


def _settle_label_files(draft: Draft, name: str, service: Tree) -> None:
    files = [take(draft, at(name, "label_file"), str(path)) for path in service.get("label_file", ())]
    if files:
        service["label_file"] = [f"./{path}" for path in files]


def _settle_env_files(draft: Draft, name: str, service: Tree) -> None:
    entries = [_settled_env_file(draft, name, entry) for entry in service.get("env_file", [])]
    if entries:
        service["env_file"] = [entry for entry in entries if entry]


def _settled_env_file(draft: Draft, name: str, entry: Any) -> Any:
    path, where = str(entry.get("path") if isinstance(entry, dict) else entry), at(name, "env_file")
    if is_of_beanstalk(draft, path):
        settled: str | None = ENV_FILE
    elif PurePosixPath(path).is_absolute():
        settled = path
    elif isinstance(entry, dict) and is_optional(entry) and not os.path.exists(draft.setting.folder / path):
        draft.findings.note(
            where, f"{path} does not exist here and is not required; a hook may create it on the instance"
        )
        settled = inside(draft, path)
    else:
        settled = take(draft, where, path, or_else=f"write {{path: {path}, required: false}} if a hook creates it")
        if settled:
            draft.findings.note(
                where,
                f"{path} is uploaded with the bundle; to avoid that, move its values to [variables] and [secrets]",
            )
    return {**entry, "path": settled} if isinstance(entry, dict) else settled
