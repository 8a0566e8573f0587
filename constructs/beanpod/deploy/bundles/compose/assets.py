"""Mounts and files: only what is in the bundle or on every instance, and what becomes of data that containers write."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from beanpod.deploy.bundles.bundle import METADATA_MOUNT, BundleFile, hash_of, metadata_folder
from beanpod.deploy.bundles.compose.environment import ENV_FILE, is_of_beanstalk
from beanpod.deploy.bundles.compose.filters import resources
from beanpod.deploy.bundles.compose.interpolation import undefined
from beanpod.deploy.bundles.compose.model import (
    DATABASE_IMAGE,
    INITIAL_SCRIPTS,
    TransformContext,
    Tree,
    Volume,
    at,
    is_optional,
)
from beanpod.deploy.bundles.dockerfiles import may_copy
from beanpod.deploy.bundles.files import folder_files

_LOGS = "${EB_LOG_BASE_DIR}"
_HOST_LOGS = PurePosixPath("/var/log")
_FILES_LABEL = "beanpod.files"
# No image has files here that a mount would hide.
_OWN_LOGS = "/var/log/app"
# Paths without data: sockets, devices, the kernel, settings and logs.
_NOT_DATA = tuple(map(PurePosixPath, ("/var/run", "/run", "/proc", "/sys", "/dev", "/etc", "/usr", "/lib", "/var/log")))
_LASTING = "EFS, S3 or the database"
_FOREIGN_TYPES = ("nfs", "cifs", "smb", "tmpfs")


def transform_mounts(context: TransformContext) -> None:
    """Drop development mounts, add mounted files to the bundle, and mount folders for logs and release metadata."""
    for name, service in context.services.items():
        kept: list[Volume] = []
        dropped: list[Volume] = []
        for volume in service.get("volumes", []):
            if _is_for_development(context, name, volume):
                dropped.append(volume)
                context.note(at(name, "volumes"), _left_out(context, name, volume))
            else:
                kept.append(_on_the_instance(context, name, volume))
        # An anonymous volume in a dropped mount was there to keep a folder of the image.
        kept = [it for it in kept if it.kind != "volume" or it.source or not _is_inside(it, dropped)]
        for text in filter(None, (_data_loss(context, volume) for volume in kept)):
            context.note(at(name, "volumes"), text)
        if DATABASE_IMAGE.search(str(service.get("image", ""))) and all(
            it.read_only or it.target.startswith(INITIAL_SCRIPTS) for it in kept
        ):
            context.note(
                at(name, "volumes"),
                "the database has no volume, and its data is lost with its container or its instance: connect to a "
                "server elsewhere, or mount a named volume and back it up",
            )
        logs = [] if any(_is_of_logs(it) for it in kept) else [Volume.bind(f"{_LOGS}/{name}", _OWN_LOGS)]
        has_metadata = name not in context.built or any(it.path == PurePosixPath(METADATA_MOUNT) for it in kept)
        metadata = [] if has_metadata else [Volume.bind(metadata_folder(name), METADATA_MOUNT, read_only=True)]
        service["volumes"] = [*kept, *logs, *metadata]


def _is_inside(volume: Volume, mounts: list[Volume]) -> bool:
    return any(mount.path in volume.path.parents for mount in mounts)


def _is_of_logs(volume: Volume) -> bool:
    return volume.source.startswith(f"{_LOGS}/")


def _is_for_development(context: TransformContext, name: str, volume: Volume) -> bool:
    """Whether it mounts the project over a built image, and the file for production does not name it."""
    if name not in context.built or not volume.is_of_project or _holds_logs(context, volume):
        return False
    return not context.in_production_file(name, volume) and _path(context, volume.source) is not None


def _left_out(context: TransformContext, name: str, volume: Volume) -> str:
    reason = "because the image already contains it"
    if not may_copy(context.spec(name), Path(os.path.normpath(context.folder / volume.source))):
        reason = "but no COPY or ADD names it: copy it into the image if the app reads it"
    mount = f"left out: {volume.source} on {volume.target}, {reason}"
    # The whole project is refused wherever it is named.
    keep = "" if _is_whole_project(context, volume.source) else f"; to keep it, name it in {context.production_name}"
    if volume.read_only:
        return f"{mount}{keep}"
    lost_data = "What the container writes there is lost at the next release: store data in"
    return f"{mount}{keep}. {lost_data} {_durable_storage(context)}"


def _holds_logs(context: TransformContext, volume: Volume) -> bool:
    """Whether it is a folder that the container writes logs to; a single file is not."""
    if volume.read_only or os.path.isfile(_path(context, volume.source) or ""):
        return False
    return volume.path.name in ("log", "logs") or _HOST_LOGS in volume.path.parents


def _on_the_instance(context: TransformContext, name: str, volume: Volume) -> Volume:
    """Return the mount as it is on the instance."""
    where, source = at(name, "volumes"), volume.source
    for _, text in undefined([source, volume.target, volume.others], context.variables):
        context.problem(where, text)
        return volume
    if volume.kind in ("npipe", "cluster"):
        context.problem(where, f"{volume.target}: an instance has no mounts of type {volume.kind}: remove it")
    if not volume.target.startswith(("/", "$")):
        context.problem(where, f"{volume.target}: write an absolute path in the container")
    if volume.kind != "bind" or not source or _is_of_logs(volume) or _HOST_LOGS in PurePosixPath(source).parents:
        return volume
    if volume.is_of_project and _holds_logs(context, volume):
        return volume.from_source(f"{_LOGS}/{name}")
    if not volume.is_of_project:
        if not context.in_production_file(name, volume) or source.startswith("~"):
            context.problem(where, _outside_project(context, source))
        return volume
    before = len(context.files)
    path = add_file(context, where, source, or_else="use a named volume for data that the container creates")
    taken = volume.from_source(f"./{path}")
    if len(context.files) > before or any(file.startswith(f"{path}/") for file in context.files):
        return taken
    # A zip has no empty folder, so Compose creates it on the instance.
    return replace(taken, others={**volume.others, "bind": {**volume.others.get("bind", {}), "create_host_path": True}})


def _outside_project(context: TransformContext, path: str) -> str:
    if path.startswith("~"):
        return (
            f"{path} is in your home directory: move it into the project and write ./{path[1:].lstrip('/')}, or use a "
            "named volume for data"
        )
    return (
        f"{path} is outside the project: move files into the project, use a named volume for data, or, if it is a path "
        f"on the instance, name it in {context.production_name}{_or_leave_out(context)}"
    )


def _or_leave_out(context: TransformContext) -> str:
    return f"; if the service is for development only, write profiles: [development] in {context.production_name}"


def _data_loss(context: TransformContext, volume: Volume) -> str | None:
    """Say what becomes of what a container writes to a mount."""
    if volume.read_only:
        return None
    if volume.is_of_project:
        return _lost_at_release(context, volume.target, volume.source)
    if volume.kind == "volume" and not volume.source:
        keeper = _durable_storage(context)
        return f"{volume.target} is an anonymous volume, which is removed with its container: store data in {keeper}"
    place = PurePosixPath(volume.source)
    if volume.kind == "bind" and place.is_absolute() and not {place, *place.parents} & set(_NOT_DATA):
        return f"{volume.source} is on the instance's disk and is lost with it, unless EFS is mounted there"
    return None


def _lost_at_release(context: TransformContext, target: str, source: str) -> str:
    return (
        f"what the container writes to {target} is lost at the next release, which unpacks {source} again: store data "
        f"in {_durable_storage(context)}; add :ro if the container only reads it"
    )


def _durable_storage(context: TransformContext) -> str:
    """Name what keeps data on this stage."""
    in_place = context.stage.environment.max_size == 1 and not _replaces_instances(context)
    return f"{'a named volume (kept across releases, lost with the instance), ' if in_place else ''}{_LASTING}"


def _named_volumes(context: TransformContext) -> str:
    """Say how long a named volume lasts on this stage, and what to do about it."""
    environment = context.stage.environment
    policy = environment.deployment_policy
    update = f"platform updates{' (by managed_updates)' if environment.managed_updates else ''}"
    if _replaces_instances(context):
        lasts = f"and lost at every release, because deployment_policy {policy} replaces the instances"
        return f"on the instance's disk, {lasts}: store data in {_LASTING}"
    if environment.max_size == 1:
        lasts = f"kept across releases, but lost when the instance is replaced, as by {update}"
        return f"on the instance's disk: {lasts}: store data in {_LASTING}"
    by = f"{'releases, ' if policy == 'RollingWithAdditionalBatch' else ''}scaling in and {update}"
    lasts = f"not shared between instances, and lost when an instance is terminated, as by {by}"
    return f"on each instance's disk: {lasts}: store data in {_LASTING}"


def _replaces_instances(context: TransformContext) -> bool:
    return context.stage.environment.deployment_policy in ("Immutable", "TrafficSplitting")


def log_folders(context: TransformContext) -> Iterator[tuple[str, str, str]]:
    """Yield the folders that containers write logs to, with their service and its user; "" for the image's."""
    for name, service in context.services.items():
        user = str(service.get("user") or "")
        for volume in service["volumes"]:
            if _is_of_logs(volume) and not volume.read_only:
                yield volume.source.removeprefix(f"{_LOGS}/"), name, "" if "$" in user else user


def transform_volumes(context: TransformContext) -> None:
    """Add the folders that volumes bind to the bundle, and note how long named volumes last."""
    written = [
        (name, volume)
        for name, service in context.services.items()
        for volume in service["volumes"]
        if volume.is_named and not volume.read_only
    ]
    lasting = []
    for name, definition in context.declared("volumes"):
        options = definition.get("driver_opts") or {}
        users = [(service, volume) for service, volume in written if volume.source == name]
        if _device(definition):
            path = _add_device(context, name, definition)
            for service, volume in users if path else ():
                text = _lost_at_release(context, volume.target, str(options["device"]))
                context.note(at(service, "volumes"), text)
        elif (
            users
            and definition.get("driver") in (None, "local")
            and not str(options.get("type", "")).startswith(_FOREIGN_TYPES)
        ):
            lasting.append(name)
    if lasting:
        where = f"volume {lasting[0]}" if len(lasting) == 1 else f"volumes {', '.join(lasting)}"
        context.note(where, _named_volumes(context))


def _device(definition: Tree) -> str:
    """Return the file or folder that the options of a local volume bind; "" if they bind none.

    https://docs.docker.com/reference/cli/docker/volume/create/#opt: as `mount` takes them.
    """
    options = definition.get("driver_opts") or {}
    flags = {*str(options.get("o", "")).split(","), str(options.get("type", ""))}
    bound = definition.get("driver") in (None, "local") and flags & {"bind", "rbind"}
    return str(options.get("device") or "") if bound else ""


def _add_device(context: TransformContext, name: str, definition: Tree) -> str | None:
    """Add the folder that a volume binds to the bundle and return its path; None for one that stays as it is.

    Compose resolves a relative one with exactly these options. The folder has to exist when the container starts, and
    a zip has no empty folder.
    """
    where, options, device = f"volumes.{name}.driver_opts", definition["driver_opts"], _device(definition)
    without = f"remove driver_opts, so that {name} is a named volume"
    if device.startswith(("/", "$", "~")):
        named = ((context.production.get("volumes") or {}).get(name) or {}).get("driver_opts") or {}
        if named.get("device") != device or device.startswith("~"):
            context.problem(where, f"{_outside_project(context, device)}, or {without}")
        return None
    if options.get("o") != "bind":
        text = f"o: {options.get('o')} cannot bind a folder of the project: write o: bind, or {without}"
        context.problem(where, text)
        return None
    folder = context.folder / device
    if os.path.isdir(folder) and not any(files for _, _, files in os.walk(folder)):
        context.problem(where, f"{device} is empty, and a bundle cannot contain empty folders: {without}")
        return None
    path = add_file(context, where, device, or_else=without)
    definition |= {"driver": "local", "driver_opts": {**options, "device": f"./{path}"}}
    return path


def transform_files(context: TransformContext) -> None:
    """Add secrets, configs, env files and label files to the bundle; refuse what is not available on the instance."""
    for section in ("secrets", "configs"):
        for name, definition in context.declared(section):
            _transform_definition(context, section, name, definition)
    for name, service in context.services.items():
        if "env_file" in service:
            service["env_file"] = [file for entry in service["env_file"] if (file := _env_file(context, name, entry))]
        if "label_file" in service:
            where = at(name, "label_file")
            service["label_file"] = [f"./{add_file(context, where, str(path))}" for path in service["label_file"]]
        if "security_opt" in service:
            service["security_opt"] = [_security_option(context, name, str(it)) for it in service["security_opt"]]
    # Nothing exists on an instance beforehand.
    for section in ("networks", "volumes", "secrets", "configs"):
        for name, definition in context.declared(section):
            if definition.get("external"):
                context.problem(f"{section}.{name}", "external: it does not exist on the instance: remove external")


def _transform_definition(context: TransformContext, section: str, name: str, definition: Tree) -> None:
    where, file, variable = f"{section}.{name}", definition.get("file"), definition.get("environment")
    named = ((context.production.get(section) or {}).get(name) or {}).get("file")
    # The file for production may name a path on the instance, such as a certificate's.
    if file is not None and not (PurePosixPath(file).is_absolute() and named == file):
        definition["file"] = f"./{add_file(context, where, str(file))}"
        if section == "secrets":
            text = f"{file} is uploaded with the bundle; to avoid that, use [secrets] and write environment here"
            context.note(where, text)
    if variable is not None and variable not in context.variables:
        context.problem(where, f"{variable} is not set on Elastic Beanstalk: add it to [secrets]")


def _env_file(context: TransformContext, name: str, entry: Tree) -> Tree | None:
    path, where = str(entry["path"]), at(name, "env_file")
    settled: str | None = path
    if is_of_beanstalk(context, path):
        settled = ENV_FILE
    elif is_optional(entry) and not PurePosixPath(path).is_absolute() and not os.path.exists(context.folder / path):
        context.note(where, f"{path} does not exist here and is not required; a hook may create it on the instance")
        inside = _path(context, path)
        settled = inside.relative_to(context.root).as_posix() if inside else None
    elif not PurePosixPath(path).is_absolute():
        or_else = (
            "move its values to [variables] and [secrets] and leave it out, or write "
            f"{{path: {path}, required: false}} if a hook creates it"
        )
        settled = add_file(context, where, path, or_else=or_else)
        if settled:
            text = f"{path} is uploaded with the bundle; to avoid that, move its values to [variables] and [secrets]"
            context.note(where, text)
    return {**entry, "path": settled} if settled else None


def _security_option(context: TransformContext, name: str, option: str) -> str:
    """Return an option of a service; a seccomp profile, which Compose reads on the instance, is in the bundle."""
    profile = re.fullmatch(r"seccomp[=:](?!unconfined$|builtin$)([^$]+)", option)
    named = option in context.production_entries(name, "security_opt")
    if not profile or (named and profile[1].startswith("/")):
        return option
    return f"seccomp=./{add_file(context, at(name, 'security_opt'), profile[1])}"


def label_files(context: TransformContext) -> None:
    """Label each service that is not built here with a hash of the project's files in it, and of inline configs.

    Docker Compose compares the names of mounted files and configs, not their content, and the container would keep
    those of the release before: https://github.com/docker/compose/issues/13045. Another label makes it a new container;
    built services get one in every release.
    """
    for name, service in context.services.items():
        if name in context.built:
            continue
        sources = [volume.source for volume in service["volumes"] if volume.kind == "bind"]
        sources += (option.removeprefix("seccomp=") for option in service.get("security_opt", ()))
        used, contents = set(resources(service)), dict[str, BundleFile]()
        for section in ("volumes", "secrets", "configs"):
            for key, definition in context.declared(section):
                if (section, key) in used:
                    sources += [_device(definition), str(definition.get("file", ""))]
                    if "content" in definition:
                        contents[f"{section}/{key}"] = BundleFile(str(definition["content"]).encode())
        paths = [source.removeprefix("./") for source in sources if source.startswith("./")]
        files = {
            file: content
            for file, content in context.files.items()
            if any(file == path or file.startswith(f"{path}/") for path in paths)
        }
        if files or contents:
            service["labels"] = {**service.get("labels", {}), _FILES_LABEL: hash_of(files | contents)}


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
        context.problem(where, problem)
        return None
    problems: list[str] = []
    context.files.update(folder_files(context.root, path, problems))
    for text in problems:
        context.problem(where, text)
    return path.relative_to(context.root).as_posix()


def _is_whole_project(context: TransformContext, source: str) -> bool:
    """Whether `source` names the compose file's folder, or one above it."""
    path = _path(context, source)
    return path is not None and context.folder.is_relative_to(path)


def _path(context: TransformContext, source: str) -> Path | None:
    """Return the path in the project, without `..`; None outside of it."""
    # The compose file may be above the manifest, and name files below it.
    place = Path(os.path.normpath(context.folder / source))
    inside = not Path(source).is_absolute() and place.is_relative_to(context.root)
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
        return f"{source} is the whole project: name the folder in it that the service needs{_or_leave_out(context)}"
    return ""
