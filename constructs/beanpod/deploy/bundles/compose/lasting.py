"""Data that containers write, and how long it lasts: what is told of it before a release.

Beanstalk unpacks each bundle anew, so a mounted folder of the project begins with every release as it is in the
project. A named volume is on the instance's disk, and goes with the instance:
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.rolling-version-deploy.html has which policies
replace instances, https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-platform-update-managed.html
that platform updates are immutable, and
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/services-efs.html how instances share files that last.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from beanpod.deploy.bundles.compose.entries import Volume

Tree = dict[str, Any]

_LASTING = "EFS, S3 or the database"
_ADVICE = f"store data in {_LASTING}"
_REPLACING = frozenset({"Immutable", "TrafficSplitting"})
# What is no place for data: sockets, devices, the kernel's, settings and logs.
_NOT_DATA = tuple(map(PurePosixPath, ("/var/run", "/run", "/proc", "/sys", "/dev", "/etc", "/usr", "/lib", "/var/log")))
_FOREIGN_TYPES = ("nfs", "cifs", "smb", "tmpfs")


@dataclass(frozen=True)
class Lifetime:
    """What becomes of a stage's instances.

    Attributes:
        policy: The manifest's `deployment_policy`.
        most: The most instances there are at a time.
        updated: Whether Beanstalk brings the platform up to date by itself.
    """

    policy: str
    most: int
    updated: bool

    @property
    def in_place(self) -> bool:
        """Whether there is one instance, which a release does not replace."""
        return self.most == 1 and self.policy not in _REPLACING

    @property
    def keeper(self) -> str:
        """What keeps data on this stage, as a message names it."""
        volume = "a named volume (kept across releases, lost with the instance), "
        return f"{volume if self.in_place else ''}{_LASTING}"

    def of_named_volumes(self) -> str:
        """How long a named volume lasts, and what to do about it."""
        if self.policy in _REPLACING:
            return (
                "on the instance's disk, and lost at every release, because deployment_policy "
                f"{self.policy} replaces the instances: {_ADVICE}"
            )
        update = f"platform updates{' (by managed_updates)' if self.updated else ''}"
        if self.most == 1:
            return (
                "on the instance's disk: kept across releases, but lost when the instance is replaced, "
                f"as by {update}: {_ADVICE}"
            )
        more = "releases, " if self.policy == "RollingWithAdditionalBatch" else ""
        return (
            "on each instance's disk: not shared between instances, and lost when an instance is terminated, as by "
            f"{more}scaling in and {update}: {_ADVICE}"
        )


def written_mounts(volumes: list[Volume], lifetime: Lifetime) -> Iterator[str]:
    """What to say of a service's mounts: a line for each one that its container may write to.

    Args:
        volumes: As they are on the instance, without those of the deploy script itself.
        lifetime: Of the stage's instances.
    """
    for volume in volumes:
        if volume.read_only:
            continue
        if volume.is_of_project:
            yield lost(volume.target, volume.source, lifetime)
        elif volume.is_anonymous:
            yield (
                f"{volume.target} is an anonymous volume, which is removed with its container: store data in "
                f"{lifetime.keeper}"
            )
        elif volume.kind == "bind" and _may_hold_data(volume.source):
            yield f"{volume.source} is on the instance's disk and is lost with it, unless EFS is mounted there"


def lost(target: str, source: str, lifetime: Lifetime) -> str:
    """What to say of a file or folder of the project that a container may write to."""
    return (
        f"what the container writes to {target} is lost at the next release, which unpacks {source} again: store data "
        f"in {lifetime.keeper}; add :ro if the container only reads it"
    )


def _may_hold_data(path: str) -> bool:
    place = PurePosixPath(path)
    return path.startswith("/") and not any(place == root or root in place.parents for root in _NOT_DATA)


def named_volumes(services: Mapping[str, Tree], declared: Mapping[str, Tree | None]) -> list[str]:
    """The volumes on the instance's disk that a container may write to, in the order of the file."""
    written = {
        volume.source
        for service in services.values()
        for volume in service.get("volumes", ())
        if isinstance(volume, Volume) and volume.is_named and not volume.read_only
    }
    return [name for name, definition in declared.items() if name in written and _is_on_disk(definition or {})]


def _is_on_disk(definition: Tree) -> bool:
    options = definition.get("driver_opts") or {}
    foreign = str(options.get("type", "")).startswith(_FOREIGN_TYPES)
    return definition.get("driver") in (None, "local") and not foreign and device_of(definition) is None


def device_of(definition: Tree) -> str | None:
    """The file or folder that a volume of the local driver is, where its options bind one.

    https://docs.docker.com/reference/cli/docker/volume/create/#opt: as `mount` takes them.
    """
    options = definition.get("driver_opts") or {}
    flags = {*str(options.get("o", "")).split(","), str(options.get("type", ""))}
    bound = definition.get("driver") in (None, "local") and flags & {"bind", "rbind"}
    return str(options["device"]) if bound and options.get("device") else None
