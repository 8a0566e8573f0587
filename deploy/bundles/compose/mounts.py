"""Mounts and files: nothing of the developer's machine, only what is in the bundle or on every instance."""

from pathlib import PurePosixPath
from typing import Any

from deploy.bundles import stamp
from deploy.bundles.compose.draft import Draft, Tree
from deploy.bundles.compose.environment import ENV_FILE
from deploy.bundles.compose.findings import at
from deploy.bundles.compose.taking import is_inside, take
from deploy.bundles.compose.volumes import Volume

_LOGS = "${EB_LOG_BASE_DIR}"
_HOST_LOGS = PurePosixPath("/var/log")
_LOG_FOLDERS = ("log", "logs")
# Where no image has anything of its own that a mount would hide.
_OWN_LOGS = "/var/log/app"
_KEEP = "compose.prod.yaml keeps it by naming it"
_ELSEWHERE = "keep the data in a named volume, or the files in the project"


def settle_mounts(draft: Draft) -> None:
    """Development mounts go, files of the project come along, each service has a folder for its logs, ours a stamp."""
    for name, service in draft.services.items():
        entries = service.get("volumes", [])
        volumes = [entry for entry in entries if isinstance(entry, Volume)]
        gone = [volume for volume in volumes if _is_for_development(draft, name, volume)]
        for volume in gone:
            draft.findings.note(at(name, "volumes"), f"left out: {volume.source} on {volume.target}, {_KEEP}")
        kept = [
            _settled(draft, name, volume)
            for volume in volumes
            if volume not in gone and not (volume.is_anonymous and any(volume.within(mount) for mount in gone))
        ]
        faulty = [entry for entry in entries if not isinstance(entry, Volume)]
        service["volumes"] = [*faulty, *kept, *_log_mount(name, kept), *_stamp_mount(draft, name, kept)]


def _is_for_development(draft: Draft, name: str, volume: Volume) -> bool:
    """A folder of the project over what our image has in it already, unless the file for production asks for it."""
    if name not in draft.built or not volume.is_of_project or _holds_logs(volume):
        return False
    explicit = {mount.key for mount in draft.said_for_production(name, "volumes")}
    return volume.key not in explicit and is_inside(draft, volume.source)


def _holds_logs(volume: Volume) -> bool:
    target = PurePosixPath(volume.target)
    return target.name in _LOG_FOLDERS or _HOST_LOGS in target.parents


def _settled(draft: Draft, name: str, volume: Volume) -> Volume:
    """The mount as it is on the instance."""
    where = at(name, "volumes")
    if volume.kind in ("npipe", "cluster"):
        draft.findings.problem(where, f"{volume.target} is a {volume.kind}, which the instance has not: leave it out")
    if volume.kind != "bind" or volume.source.startswith(f"{_LOGS}/"):
        return volume
    if volume.is_of_project and _holds_logs(volume):
        return volume.from_source(f"{_LOGS}/{name}")
    if _HOST_LOGS in PurePosixPath(volume.source).parents:
        return volume
    if not volume.is_of_project:
        draft.findings.problem(where, f"{volume.source} is outside of the bundle: {_ELSEWHERE}")
        return volume
    return volume.from_source(f"./{take(draft, where, volume.source)}")


def _log_mount(name: str, volumes: list[Volume]) -> list[Volume]:
    if any(volume.source.startswith(f"{_LOGS}/") for volume in volumes):
        return []
    return [Volume("bind", _OWN_LOGS, f"{_LOGS}/{name}")]


def _stamp_mount(draft: Draft, name: str, volumes: list[Volume]) -> list[Volume]:
    """What the release says of itself, for a service of ours that has nothing of its own there."""
    if name not in draft.built or any(volume.key == stamp.MOUNT for volume in volumes):
        return []
    return [Volume("bind", stamp.MOUNT, stamp.folder(name), ("ro",))]


def settle_files(draft: Draft) -> None:
    """Secrets, configs and env files that are files come along; what nobody can give is refused."""
    for section in ("secrets", "configs"):
        for name, definition in draft.declared(section):
            _settle_definition(draft, f"{section}.{name}", definition)
    for name, service in draft.services.items():
        _settle_env_files(draft, name, service)


def check_external(draft: Draft) -> None:
    """Nobody makes anything on an instance beforehand."""
    for section in ("networks", "volumes", "secrets", "configs"):
        for name, definition in draft.declared(section):
            if definition.get("external"):
                text = "external: nothing makes it on the instance: leave external out"
                draft.findings.problem(f"{section}.{name}", text)


def _settle_definition(draft: Draft, where: str, definition: Tree) -> None:
    file, variable = definition.get("file"), definition.get("environment")
    if file is not None:
        definition["file"] = f"./{take(draft, where, str(file))}"
        if where.startswith("secrets."):
            draft.findings.note(where, f"{file} goes into the bundle: [secrets] and environment: keep it out")
    if variable is not None and variable not in draft.setting.provided:
        draft.findings.problem(where, f"nothing gives {variable} on Beanstalk: put it into [secrets]")


def _settle_env_files(draft: Draft, name: str, service: Tree) -> None:
    entries = [_settled_env_file(draft, name, entry) for entry in service.get("env_file", [])]
    if entries:
        service["env_file"] = [entry for entry in entries if entry]


def _settled_env_file(draft: Draft, name: str, entry: Any) -> Any:
    path = str(entry.get("path") if isinstance(entry, dict) else entry)
    if PurePosixPath(path).name == ENV_FILE:
        settled: str | None = ENV_FILE
    elif isinstance(entry, dict) and entry.get("required") is False and not (draft.setting.folder / path).exists():
        return None
    else:
        settled = take(draft, at(name, "env_file"), path)
    return {**entry, "path": settled} if isinstance(entry, dict) else settled
