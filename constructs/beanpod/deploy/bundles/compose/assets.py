"""Mounts and files: only what is in the bundle or on every instance, and what becomes of data that containers write."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from beanpod.deploy.bundles.bundle import METADATA_MOUNT, metadata_folder
from beanpod.deploy.bundles.compose.environment import ENV_FILE, is_of_beanstalk, is_optional
from beanpod.deploy.bundles.compose.model import Lifetime, TransformContext, Tree, Volume, at
from beanpod.deploy.bundles.files import folder_files

_LOGS = "${EB_LOG_BASE_DIR}"
_HOST_LOGS = PurePosixPath("/var/log")
_LOG_FOLDERS = ("log", "logs")
# No image has files here that a mount would hide.
_OWN_LOGS = "/var/log/app"


def transform_mounts(context: TransformContext) -> None:
    """Drop development mounts, add mounted files to the bundle, and mount folders for logs and release metadata."""
    for name, service in context.services.items():
        entries = service.get("volumes", [])
        volumes = [entry for entry in entries if isinstance(entry, Volume)]
        dropped = [volume for volume in volumes if _is_for_development(context, name, volume)]
        for volume in dropped:
            context.findings.note(at(name, "volumes"), _left_out(context, volume))
        kept = [
            _settled(context, name, volume)
            for volume in volumes
            if volume not in dropped and not (volume.is_anonymous and any(volume.within(mount) for mount in dropped))
        ]
        for text in data_loss_notes(kept, context.settings.lifetime):
            context.findings.note(at(name, "volumes"), text)
        invalid = [entry for entry in entries if not isinstance(entry, Volume)]
        service["volumes"] = [*invalid, *kept, *_log_mount(name, kept), *_metadata_mount(context, name, kept)]


def _is_for_development(context: TransformContext, name: str, volume: Volume) -> bool:
    """Whether it mounts the project over a built image, and the file for production does not name it."""
    if name not in context.built or not volume.is_of_project or _holds_logs(context, volume):
        return False
    return not context.in_production_file(name, volume) and _path(context, volume.source) is not None


def _left_out(context: TransformContext, volume: Volume) -> str:
    mount = f"left out: {volume.source} on {volume.target}, because the image already contains it"
    # The whole project is refused wherever it is named.
    keep = "" if _is_whole_project(context, volume.source) else f"; to keep it, name it in {context.production_name}"
    if volume.read_only:
        return f"{mount}{keep}"
    lost_data = "What the container writes there is lost at the next release: store data in"
    return f"{mount}{keep}. {lost_data} {context.settings.lifetime.durable_storage}"


def _holds_logs(context: TransformContext, volume: Volume) -> bool:
    """Whether it is a folder that the container writes logs to; a single file is not."""
    target = PurePosixPath(volume.target)
    if volume.read_only or os.path.isfile(_path(context, volume.source) or ""):
        return False
    return target.name in _LOG_FOLDERS or _HOST_LOGS in target.parents


def _settled(context: TransformContext, name: str, volume: Volume) -> Volume:
    """Return the mount as it is on the instance."""
    where = at(name, "volumes")
    if volume.kind in ("npipe", "cluster"):
        context.findings.problem(where, f"{volume.target}: an instance has no mounts of type {volume.kind}: remove it")
    if volume.kind != "bind" or volume.source.startswith(f"{_LOGS}/"):
        return volume
    if volume.is_of_project and _holds_logs(context, volume):
        return volume.from_source(f"{_LOGS}/{name}")
    if _HOST_LOGS in PurePosixPath(volume.source).parents:
        return volume
    if not volume.is_of_project:
        if not context.in_production_file(name, volume) or volume.source.startswith("~"):
            context.findings.problem(where, outside_project(context, volume.source))
        return volume
    return _project_mount(volume, context, where)


def _project_mount(volume: Volume, context: TransformContext, where: str) -> Volume:
    """Add what is mounted to the bundle. A zip has no empty folder, so Compose creates that on the instance."""
    before = len(context.files)
    path = add_file(context, where, volume.source, or_else="use a named volume for data that the container creates")
    taken = volume.from_source(f"./{path}")
    if len(context.files) > before or any(name.startswith(f"{path}/") for name in context.files):
        return taken
    return replace(taken, others={**volume.others, "bind": {**volume.others.get("bind", {}), "create_host_path": True}})


def outside_project(context: TransformContext, path: str) -> str:
    """Say what to do about a path outside the project."""
    if path.startswith("~"):
        return (
            f"{path} is in your home directory: move it into the project and write ./{path[1:].lstrip('/')}, or use a "
            "named volume for data"
        )
    return (
        f"{path} is outside the project: move files into the project, use a named volume for data, or, if it is a path "
        f"on the instance, name it in {context.production_name}"
    )


def _log_mount(name: str, volumes: list[Volume]) -> list[Volume]:
    if any(volume.source.startswith(f"{_LOGS}/") for volume in volumes):
        return []
    return [Volume.bind(f"{_LOGS}/{name}", _OWN_LOGS)]


def log_folders(context: TransformContext) -> Iterator[tuple[str, str, str]]:
    """Yield the folders that containers write logs to, with their service and its user; "" for the image's."""
    for name, service in context.services.items():
        user = str(service.get("user") or "")
        for volume in service.get("volumes", ()):
            if isinstance(volume, Volume) and volume.source.startswith(f"{_LOGS}/") and not volume.read_only:
                yield volume.source.removeprefix(f"{_LOGS}/"), name, "" if "$" in user else user


def _metadata_mount(context: TransformContext, name: str, volumes: list[Volume]) -> list[Volume]:
    """Mount the release's metadata into a built service, unless it mounts something else there."""
    if name not in context.built or any(volume.path == METADATA_MOUNT for volume in volumes):
        return []
    return [Volume.bind(metadata_folder(name), METADATA_MOUNT, read_only=True)]


def transform_volumes(context: TransformContext) -> None:
    """Add the folders that volumes bind to the bundle, and note how long named volumes last."""
    for name, definition in context.declared("volumes"):
        device = device_of(definition)
        if device is not None:
            _transform_device(context, name, definition, device)
    if lasting := volumes_on_disk(context.services, context.tree.get("volumes") or {}):
        where = f"volume {lasting[0]}" if len(lasting) == 1 else f"volumes {', '.join(lasting)}"
        context.findings.note(where, context.settings.lifetime.of_named_volumes())


def _transform_device(context: TransformContext, name: str, definition: Tree, device: str) -> None:
    """Add the folder that a volume binds to the bundle; Compose resolves a relative one with exactly these options.

    The folder has to exist when the container starts, and a zip has no empty folder.
    """
    where, options = f"volumes.{name}.driver_opts", definition["driver_opts"]
    without = f"remove driver_opts, so that {name} is a named volume"
    if device.startswith(("/", "$", "~")):
        named = ((context.production.get("volumes") or {}).get(name) or {}).get("driver_opts") or {}
        if named.get("device") != device or device.startswith("~"):
            context.findings.problem(where, f"{outside_project(context, device)}, or {without}")
        return
    if options.get("o") != "bind":
        context.findings.problem(
            where, f"o: {options.get('o')} cannot bind a folder of the project: write o: bind, or {without}"
        )
        return
    folder = context.settings.folder / device
    if os.path.isdir(folder) and not any(files for _, _, files in os.walk(folder)):
        context.findings.problem(where, f"{device} is empty, and a bundle cannot contain empty folders: {without}")
        return
    path = add_file(context, where, device, or_else=without)
    definition |= {"driver": "local", "driver_opts": {**options, "device": f"./{path}"}}
    for service, keys in context.services.items():
        for volume in keys.get("volumes", ()):
            if isinstance(volume, Volume) and volume.is_named and volume.source == name and not volume.read_only:
                text = lost_at_release(volume.target, device, context.settings.lifetime)
                context.findings.note(at(service, "volumes"), text)


def transform_files(context: TransformContext) -> None:
    """Add secrets, configs, env files and label files to the bundle; refuse what is not available on the instance."""
    for section in ("secrets", "configs"):
        for name, definition in context.declared(section):
            _transform_definition(context, f"{section}.{name}", definition)
    for name, service in context.services.items():
        _transform_env_files(context, name, service)
        _transform_label_files(context, name, service)


def check_external(context: TransformContext) -> None:
    """Refuse what is external: nothing exists on an instance beforehand."""
    for section in ("networks", "volumes", "secrets", "configs"):
        for name, definition in context.declared(section):
            if definition.get("external"):
                text = "external: it does not exist on the instance: remove external"
                context.findings.problem(f"{section}.{name}", text)


def _transform_definition(context: TransformContext, where: str, definition: Tree) -> None:
    file, variable = definition.get("file"), definition.get("environment")
    if file is not None and _is_of_the_instance(context, where, str(file)):
        return
    if file is not None:
        definition["file"] = f"./{add_file(context, where, str(file))}"
        if where.startswith("secrets."):
            context.findings.note(
                where,
                f"{file} is uploaded with the bundle; to avoid that, use [secrets] and write environment here",
            )
    if variable is not None and variable not in context.settings.provided:
        context.findings.problem(where, f"{variable} is not set on Elastic Beanstalk: add it to [secrets]")


def _is_of_the_instance(context: TransformContext, where: str, file: str) -> bool:
    """Whether the file for production names this path on the instance, such as a certificate's."""
    section, _, name = where.partition(".")
    named = ((context.production.get(section) or {}).get(name) or {}).get("file")
    return PurePosixPath(file).is_absolute() and str(named) == file


def _transform_label_files(context: TransformContext, name: str, service: Tree) -> None:
    files = [add_file(context, at(name, "label_file"), str(path)) for path in service.get("label_file", ())]
    if files:
        service["label_file"] = [f"./{path}" for path in files]


def _transform_env_files(context: TransformContext, name: str, service: Tree) -> None:
    entries = [_settled_env_file(context, name, entry) for entry in service.get("env_file", [])]
    if entries:
        service["env_file"] = [entry for entry in entries if entry]


def _settled_env_file(context: TransformContext, name: str, entry: Any) -> Any:
    path, where = str(entry.get("path") if isinstance(entry, dict) else entry), at(name, "env_file")
    if is_of_beanstalk(context, path):
        settled: str | None = ENV_FILE
    elif PurePosixPath(path).is_absolute():
        settled = path
    elif isinstance(entry, dict) and is_optional(entry) and not os.path.exists(context.settings.folder / path):
        context.findings.note(
            where, f"{path} does not exist here and is not required; a hook may create it on the instance"
        )
        inside = _path(context, path)
        settled = inside.relative_to(context.settings.root).as_posix() if inside else None
    else:
        settled = add_file(
            context, where, path, or_else=f"write {{path: {path}, required: false}} if a hook creates it"
        )
        if settled:
            context.findings.note(
                where,
                f"{path} is uploaded with the bundle; to avoid that, move its values to [variables] and [secrets]",
            )
    return {**entry, "path": settled} if isinstance(entry, dict) else settled


def add_file(context: TransformContext, where: str, source: str, *, or_else: str = "") -> str | None:
    """Add what `source` names to the bundle, which mirrors the manifest's folder.

    Args:
        context: The compose file.
        where: The place in it, for messages.
        source: A path relative to the compose file's folder.
        or_else: What else to do if there is no such file.

    Returns:
        Its path in the bundle, None if there is a problem.
    """
    path = _path(context, source)
    problem = _problem(context, path, source, or_else)
    if problem or path is None:
        context.findings.problem(where, problem)
        return None
    problems: list[str] = []
    context.files.update(folder_files(context.settings.root, path, problems))
    for text in problems:
        context.findings.problem(where, text)
    return path.relative_to(context.settings.root).as_posix()


def _is_whole_project(context: TransformContext, source: str) -> bool:
    """Whether `source` names the compose file's folder, or one above it."""
    path = _path(context, source)
    return path is not None and context.settings.folder.is_relative_to(path)


def _path(context: TransformContext, source: str) -> Path | None:
    """Return the path in the project, without `..`; None outside of it."""
    # The compose file may be above the manifest, and name files below it.
    place = Path(os.path.normpath(context.settings.folder / source))
    inside = not Path(source).is_absolute() and place.is_relative_to(context.settings.root)
    return place if inside else None


def _problem(context: TransformContext, path: Path | None, source: str, or_else: str) -> str:
    if path is None or "$" in source or source.startswith("~"):
        return f"{source} is outside the project: move it next to or below the manifest"
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return f"{source}: no such file or folder: create it, in CI too, or {or_else or 'remove the reference'}"
    except OSError as error:
        return f"{source}: cannot be read: {error.strerror}: grant this user read permission, or remove the reference"
    if _is_whole_project(context, source):
        return f"{source} is the whole project: name the folder in it that the service needs"
    return ""


# Paths without data: sockets, devices, the kernel, settings and logs.
_NOT_DATA = tuple(map(PurePosixPath, ("/var/run", "/run", "/proc", "/sys", "/dev", "/etc", "/usr", "/lib", "/var/log")))
_FOREIGN_TYPES = ("nfs", "cifs", "smb", "tmpfs")


def data_loss_notes(volumes: list[Volume], lifetime: Lifetime) -> Iterator[str]:
    """Yield a note for each mount of a service that its container may write to.

    Args:
        volumes: As they are on the instance, without those of the deploy script itself.
        lifetime: Of the stage's instances.
    """
    for volume in volumes:
        if volume.read_only:
            continue
        if volume.is_of_project:
            yield lost_at_release(volume.target, volume.source, lifetime)
        elif volume.is_anonymous:
            yield (
                f"{volume.target} is an anonymous volume, which is removed with its container: store data in "
                f"{lifetime.durable_storage}"
            )
        elif volume.kind == "bind" and _may_hold_data(volume.source):
            yield f"{volume.source} is on the instance's disk and is lost with it, unless EFS is mounted there"


def lost_at_release(target: str, source: str, lifetime: Lifetime) -> str:
    """Say what happens to what a container writes to a file or folder of the project."""
    return (
        f"what the container writes to {target} is lost at the next release, which unpacks {source} again: store data "
        f"in {lifetime.durable_storage}; add :ro if the container only reads it"
    )


def _may_hold_data(path: str) -> bool:
    place = PurePosixPath(path)
    return path.startswith("/") and not any(place == root or root in place.parents for root in _NOT_DATA)


def volumes_on_disk(services: Mapping[str, Tree], declared: Mapping[str, Tree | None]) -> list[str]:
    """List the volumes on the instance's disk that a container may write to."""
    to_yaml = {
        volume.source
        for service in services.values()
        for volume in service.get("volumes", ())
        if isinstance(volume, Volume) and volume.is_named and not volume.read_only
    }
    return [name for name, definition in declared.items() if name in to_yaml and _is_on_disk(definition or {})]


def _is_on_disk(definition: Tree) -> bool:
    options = definition.get("driver_opts") or {}
    foreign = str(options.get("type", "")).startswith(_FOREIGN_TYPES)
    return definition.get("driver") in (None, "local") and not foreign and device_of(definition) is None


def device_of(definition: Tree) -> str | None:
    """Return the file or folder that the options of a local volume bind; None if they bind none.

    https://docs.docker.com/reference/cli/docker/volume/create/#opt: as `mount` takes them.
    """
    options = definition.get("driver_opts") or {}
    flags = {*str(options.get("o", "")).split(","), str(options.get("type", ""))}
    bound = definition.get("driver") in (None, "local") and flags & {"bind", "rbind"}
    return str(options["device"]) if bound and options.get("device") else None
