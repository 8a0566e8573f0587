"""The parts of a compose file and what is found in them, while the file for Elastic Beanstalk is made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from beanpod.deploy.bundles.bundle import BundleFile
from beanpod.deploy.bundles.compose.database import Login
from beanpod.deploy.bundles.files import printable

Tree = dict[str, Any]

WEB_PORT = 80
_LASTING = "EFS, S3 or the database"
_ADVICE = f"store data in {_LASTING}"
_REPLACING = frozenset({"Immutable", "TrafficSplitting"})


@dataclass
class Findings:
    """What is wrong with a compose file, and what the release changes in it.

    Attributes:
        problems: What cannot run on Elastic Beanstalk, each with its remedy.
        notes: What is left out or changed.
    """

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def problem(self, where: str, text: str) -> None:
        """Add something that has to be fixed."""
        self.problems.append(printable(f"{where}: {text}"))

    def note(self, where: str, text: str) -> None:
        """Add something to know."""
        self.notes.append(printable(f"{where}: {text}"))


def at(service: str, *keys: str) -> str:
    """Name a place in a service, as messages do."""
    return f"service {service}, {'.'.join(keys)}" if keys else f"service {service}"


def place(path: tuple[str, ...]) -> str:
    """Name a place in the file, as messages do."""
    return at(*path[1:]) if path[0] == "services" and len(path) > 1 else ".".join(path)


class Invalid(str):
    """A text that Compose on the instance could not use, kept until it is known whether the text is deployed.

    Development services, the database's above all, hold many such texts, and they are left out.

    Attributes:
        problem: What is wrong with it, and the remedy.
    """

    problem: str

    def __new__(cls, text: str, problem: str) -> "Invalid":
        invalid = super().__new__(cls, text)
        invalid.problem = problem
        return invalid


def invalid_texts(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the places of the invalid texts in a tree, each with its problem."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from invalid_texts(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from invalid_texts(item, path)
    elif isinstance(value, Invalid):
        yield path, value.problem


_HOST_PATHS = ("/", "~", "$")
_ANYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104
_CREATED = {"create_host_path": True}


@dataclass(frozen=True)
class Port:
    """One port of a container on the host.

    Attributes:
        target: The port in the container.
        published: A port of the host, a range to choose from, or "" for any free one.
        host_ip: The address that it is bound to, "" for all.
        others: Keys of the long syntax that have no short one.
    """

    target: int
    published: str = ""
    host_ip: str = ""
    protocol: str = "tcp"
    others: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, entry: dict[str, Any]) -> "Port":
        """Read an entry in the long syntax. Raises ValueError where its target is no port."""
        others = {key: value for key, value in entry.items() if (key, value) != ("mode", "ingress")}
        target, published = str(others.pop("target", "")), str(others.pop("published", None) or "")
        for number in (target, *(published.split("-") if published else ())):
            if not (number.isdecimal() and 1 <= int(number) <= 65535):
                raise ValueError(f"{number or 'nothing'} is not a port: write a number from 1 to 65535")
        return cls(int(target), published, str(others.pop("host_ip", "")), str(others.pop("protocol", "tcp")), others)

    def published_at(self, port: int) -> bool:
        """Whether requests to this port of the instance, from anywhere, reach the container."""
        return self.published == str(port) and self.protocol == "tcp" and self.host_ip in _ANYWHERE

    def moved_to(self, port: int) -> "Port":
        """Publish the same port of the container at another one of the instance."""
        return replace(self, published=str(port), host_ip="")

    @property
    def entry(self) -> Any:
        """As written in a compose file."""
        if self.others:
            known = {"target": self.target, "published": self.published, "host_ip": self.host_ip}
            return {key: value for key, value in known.items() if value} | {"protocol": self.protocol} | self.others
        address = f"[{self.host_ip}]" if ":" in self.host_ip else self.host_ip
        published = f"{self.published}:" if self.published or address else ""
        protocol = "" if self.protocol == "tcp" else f"/{self.protocol}"
        return f"{f'{address}:' if address else ''}{published}{self.target}{protocol}"


@dataclass(frozen=True)
class Volume:
    """One mount of a container.

    Attributes:
        kind: The type: bind, volume, tmpfs, ...
        target: The path in the container.
        source: The host's path of a bind, the name of a volume; "" for an anonymous volume.
        read_only: Whether the container cannot write to it.
        others: The other keys of the long syntax.
    """

    kind: str
    target: str
    source: str = ""
    read_only: bool = False
    others: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, entry: dict[str, Any]) -> "Volume":
        """Read an entry in the long syntax. Raises ValueError for a bind without source or a target that is no path."""
        others = dict(entry)
        kind, target, source = (str(others.pop(key, "")) for key in ("type", "target", "source"))
        read_only = str(others.pop("read_only", False)).lower() == "true"
        if not target.startswith(("/", "$")):
            raise ValueError(f"{target or 'an entry without target'}: write an absolute path in the container")
        if kind == "bind" and not source:
            raise ValueError(f"the entry for {target} has no source: write the path on the host")
        if kind == "volume" and source.startswith((".", *_HOST_PATHS)):
            # Compose takes a source with a variable for the name of a volume.
            return cls.bind(source, target, read_only=read_only)
        return cls(kind, target, source, read_only, others)

    @classmethod
    def bind(cls, source: str, target: str, *, read_only: bool = False) -> "Volume":
        """Mount a path of the host, as the short syntax does: a missing one is created."""
        return cls("bind", target, source, read_only, {"bind": _CREATED})

    @property
    def path(self) -> str:
        """The path in the container, without doubled or final slashes."""
        return str(PurePosixPath(self.target))

    @property
    def is_of_project(self) -> bool:
        """Whether it mounts a path that is relative to the compose file."""
        return self.kind == "bind" and not self.source.startswith(_HOST_PATHS)

    @property
    def is_anonymous(self) -> bool:
        """Whether it is a volume without a name, which is removed with its container."""
        return self.kind == "volume" and not self.source

    @property
    def is_named(self) -> bool:
        """Whether it is a volume with a name, which outlives its container."""
        return self.kind == "volume" and bool(self.source)

    def within(self, other: "Volume") -> bool:
        """Whether it is mounted below the other one."""
        return PurePosixPath(other.target) in PurePosixPath(self.target).parents

    def from_source(self, source: str) -> "Volume":
        """Mount something else of the host at the same place."""
        return replace(self, kind="bind", source=source)

    @property
    def entry(self) -> Any:
        """As written in a compose file."""
        short = self.others in ({}, {"volume": {}}) if self.kind == "volume" else self.others == {"bind": _CREATED}
        if short and ":" not in f"{self.source}{self.target}":
            return ":".join(part for part in (self.source, self.target, "ro" if self.read_only else "") if part)
        source = {"source": self.source} if self.source else {}
        read_only = {"read_only": True} if self.read_only else {}
        return {"type": self.kind, **source, "target": self.target, **read_only, **self.others}


@dataclass(frozen=True)
class Lifetime:
    """How long a stage's instances live.

    Attributes:
        deployment_policy: The manifest's.
        max_size: The highest number of instances.
        managed_updates: Whether Elastic Beanstalk updates the platform by itself.
    """

    deployment_policy: str
    max_size: int
    managed_updates: bool

    @property
    def in_place(self) -> bool:
        """Whether there is one instance that a release does not replace."""
        return self.max_size == 1 and self.deployment_policy not in _REPLACING

    @property
    def durable_storage(self) -> str:
        """Name what keeps data on this stage."""
        volume = "a named volume (kept across releases, lost with the instance), "
        return f"{volume if self.in_place else ''}{_LASTING}"

    def of_named_volumes(self) -> str:
        """Say how long a named volume lasts, and what to do about it."""
        if self.deployment_policy in _REPLACING:
            return (
                "on the instance's disk, and lost at every release, because deployment_policy "
                f"{self.deployment_policy} replaces the instances: {_ADVICE}"
            )
        update = f"platform updates{' (by managed_updates)' if self.managed_updates else ''}"
        if self.max_size == 1:
            return (
                "on the instance's disk: kept across releases, but lost when the instance is replaced, "
                f"as by {update}: {_ADVICE}"
            )
        more = "releases, " if self.deployment_policy == "RollingWithAdditionalBatch" else ""
        return (
            "on each instance's disk: not shared between instances, and lost when an instance is terminated, as by "
            f"{more}scaling in and {update}: {_ADVICE}"
        )


@dataclass(frozen=True)
class Settings:
    """What the stage says about its compose file.

    Attributes:
        root: The manifest's folder, which the bundle mirrors.
        folder: The compose file's folder.
        variables: Of the environment, each with its value, or with any other that may stand for it.
        port: Where the container listens.
        port_is_set: Whether the manifest names the port.
        database_service: The service that RDS replaces.
        platform: Of the instances, such as linux/amd64.
        lifetime: Of the instances.
    """

    root: Path
    folder: Path
    variables: Mapping[str, str]
    port: int
    port_is_set: bool
    database_service: str | None
    platform: str
    lifetime: Lifetime

    @property
    def provided(self) -> frozenset[str]:
        """The names of the variables."""
        return frozenset(self.variables)


@dataclass(frozen=True)
class ReplacedDatabase:
    """The development database that RDS replaces.

    Attributes:
        names: By which other services may reach it.
        login: Its users, passwords and databases.
    """

    names: tuple[str, ...]
    login: Login


@dataclass
class TransformContext:
    """A compose file on its way to the one for Elastic Beanstalk, changed step by step.

    Attributes:
        tree: The merged file.
        production: What the file for production says itself; it is deployed as written.
        settings: What the stage says.
        findings: Where problems and notes are added.
        built: The services with a build.
        files: What the services need beside their images, by path in the bundle.
        replaced: The development database, once it is removed.
        production_name: Of the file for production, as messages name it.
    """

    tree: Tree
    production: Tree
    settings: Settings
    findings: Findings
    built: frozenset[str]
    files: dict[str, BundleFile] = field(default_factory=dict)
    replaced: ReplacedDatabase | None = None
    production_name: str = "compose.prod.yaml"

    @property
    def services(self) -> dict[str, Tree]:
        """The services that are not removed."""
        services: dict[str, Tree] = self.tree["services"]
        return services

    def declared(self, section: str) -> Iterator[tuple[str, Tree]]:
        """Yield the networks, volumes, secrets or configs of the file."""
        for name, definition in (self.tree.get(section) or {}).items():
            yield name, definition or {}

    def production_entries(self, service: str, key: str) -> list[Any]:
        """Return the entries of a service's list in the file for production."""
        above = self.production.get("services", {}).get(service, {})
        return list(above.get(key) or [])

    def in_production_file(self, service: str, volume: Volume) -> bool:
        """Whether the file for production names a mount at this path."""
        return volume.path in {getattr(entry, "path", None) for entry in self.production_entries(service, "volumes")}

    def ports(self) -> Iterator[tuple[str, Port]]:
        """Yield every published port with its service."""
        for name, service in self.services.items():
            yield from ((name, port) for port in service.get("ports", ()) if isinstance(port, Port))

    def invalid_ports(self) -> Iterator[str]:
        """Yield the services with a port that could not be read."""
        for name, service in self.services.items():
            yield from (name for port in service.get("ports", ()) if not isinstance(port, Port))
