"""A compose file, its parts, and what is found in them, while the file for Elastic Beanstalk is made."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from beanpod.deploy.bundles.bundle import BundleFile
from beanpod.deploy.bundles.compose.database import Login
from beanpod.deploy.bundles.files import printable
from beanpod.deploy.images import BuildSpec, Platform, platform_of
from beanpod.rules.environment import DATABASE_VARIABLES

if TYPE_CHECKING:
    from beanpod.manifest import StageConfig

Tree = dict[str, Any]

WEB_PORT = 80
# The folder of the scripts that database images run at their first start: https://hub.docker.com/_/postgres.
INITIAL_SCRIPTS = "/docker-entrypoint-initdb.d"
# Images of database servers, by the end of their names. RDS can replace the first ones.
_REPLACEABLE = r"postgres(?:ql)?|postgis|timescaledb|pgvector|mysql(?:-server)?|mariadb|percona"
_OTHERS = (
    r"mongo|mongodb|mongodb-community-server|mssql/server|azure-sql-edge|oracle-(?:xe|free)|couchdb|cassandra|neo4j|"
    r"influxdb|clickhouse(?:-server)?"
)
REPLACEABLE_IMAGE = re.compile(rf"(?:^|/)(?:{_REPLACEABLE})(?:[:@]|$)")
DATABASE_IMAGE = re.compile(rf"(?:^|/)(?:{_REPLACEABLE}|{_OTHERS})(?:[:@]|$)")
# Values that stand for those of the environment when Docker Compose checks a file.
_DATABASE = {**dict.fromkeys(DATABASE_VARIABLES, "x"), "RDS_PORT": "3306"}
# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/create_deploy_docker.container.console.html
_BEANSTALK = {"EB_LOG_BASE_DIR": "/var/log/eb-docker/containers"}
_HOST_PATHS = ("/", "~", "$")
_ANYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104
_CREATED = {"create_host_path": True}


def at(service: str, *keys: str) -> str:
    """Name a place in a service, as messages do."""
    return f"service {service}, {'.'.join(keys)}" if keys else f"service {service}"


def is_optional(entry: Tree) -> bool:
    """Whether a dependency or an env file may be missing."""
    return str(entry.get("required", True)).lower() == "false"


@dataclass(frozen=True)
class Port:
    """One port of a container on the host.

    Attributes:
        target: The port in the container.
        published: A port of the host, a range to choose from, or "" for any free one.
        host_ip: The address that it is bound to, "" for all.
        protocol: Such as tcp.
    """

    target: int
    published: str = ""
    host_ip: str = ""
    protocol: str = "tcp"

    @classmethod
    def of(cls, entry: Tree) -> "Port":
        """Read an entry in the long syntax, whose other keys are for Swarm, or for people."""
        published, host_ip = str(entry.get("published") or ""), str(entry.get("host_ip", ""))
        return cls(int(entry["target"]), published, host_ip, str(entry.get("protocol", "tcp")))

    @property
    def is_web(self) -> bool:
        """Whether requests to port 80 of the instance, from anywhere, reach the container."""
        return self.published == str(WEB_PORT) and self.protocol == "tcp" and self.host_ip in _ANYWHERE

    @property
    def entry(self) -> str:
        """As written in a compose file."""
        address = f"[{self.host_ip}]:" if ":" in self.host_ip else f"{self.host_ip}:" if self.host_ip else ""
        published = f"{self.published}:" if self.published or address else ""
        return f"{address}{published}{self.target}{'' if self.protocol == 'tcp' else f'/{self.protocol}'}"


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
    others: Tree = field(default_factory=dict)

    @classmethod
    def of(cls, entry: Tree) -> "Volume":
        """Read an entry in the long syntax."""
        others = dict(entry)
        kind, target, source = (str(others.pop(key, "")) for key in ("type", "target", "source"))
        read_only = str(others.pop("read_only", False)).lower() == "true"
        if kind == "volume" and not source and ":" in target and not target.startswith("$"):
            # Of a variable for the whole mount, such as ${DATA:-./data:/data:ro}, Compose takes all for the target.
            source, target, *mode = target.split(":")
            read_only = "ro" in ",".join(mode).split(",")
        if kind == "volume" and source.startswith((".", *_HOST_PATHS)):
            # Compose takes a source with a variable for the name of a volume.
            return cls.bind(source, target, read_only=read_only)
        return cls(kind, target, source, read_only, others)

    @classmethod
    def bind(cls, source: str, target: str, *, read_only: bool = False) -> "Volume":
        """Mount a path of the host, as the short syntax does: a missing one is created."""
        return cls("bind", target, source, read_only, {"bind": _CREATED})

    @property
    def path(self) -> PurePosixPath:
        """The path in the container, without doubled or final slashes."""
        return PurePosixPath(self.target)

    @property
    def is_of_project(self) -> bool:
        """Whether it mounts a path that is relative to the compose file."""
        return self.kind == "bind" and bool(self.source) and not self.source.startswith(_HOST_PATHS)

    @property
    def is_named(self) -> bool:
        """Whether it is a volume with a name, which outlives its container; one without is removed with it."""
        return self.kind == "volume" and bool(self.source)

    def from_source(self, source: str) -> "Volume":
        """Mount something else of the host at the same place."""
        return replace(self, kind="bind", source=source)

    @property
    def entry(self) -> Any:
        """As written in a compose file."""
        short = self.others in ({}, {"volume": {}}) if self.kind == "volume" else self.others == {"bind": _CREATED}
        if short and ":" not in f"{self.source}{self.target}":
            return ":".join(part for part in (self.source, self.target, "ro" if self.read_only else "") if part)
        keys = {"source": self.source, "target": self.target, "read_only": self.read_only}
        return {"type": self.kind, **{key: value for key, value in keys.items() if value}, **self.others}


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
        stage: Of the manifest.
        root: The manifest's folder, which the bundle mirrors.
        problems: What cannot run on Elastic Beanstalk, each with its remedy.
        notes: What the release leaves out or changes.
        tree: All files merged, each variable kept if the stage gives it, and replaced by its default otherwise.
        production: What the file for production says itself; it is deployed as written. {} if there is none.
        production_name: Of the file for production, whether it exists or not.
        paths: The files, each over the one before.
        built: The services with a build.
        files: What the services need beside their images, by path in the bundle.
        replaced: The development database, once it is removed.
        web: The service that receives requests; None if there is not exactly one.
    """

    stage: "StageConfig"
    root: Path
    problems: list[str]
    notes: list[str] = field(default_factory=list)
    tree: Tree = field(default_factory=lambda: {"services": {}})
    production: Tree = field(default_factory=dict)
    production_name: str = "compose.prod.yaml"
    paths: tuple[Path, ...] = ()
    built: frozenset[str] = frozenset()
    files: dict[str, BundleFile] = field(default_factory=dict)
    replaced: ReplacedDatabase | None = None
    web: str | None = None

    def problem(self, where: str, text: str) -> None:
        """Add something that has to be fixed."""
        self.problems.append(printable(f"{where}: {text}"))

    def note(self, where: str, text: str) -> None:
        """Add something to know."""
        self.notes.append(printable(f"{where}: {text}"))

    @cached_property
    def path(self) -> Path:
        """The compose file of the manifest."""
        return self.root / (self.stage.service.compose or "")

    @property
    def folder(self) -> Path:
        """Its folder."""
        return self.path.parent

    @cached_property
    def variables(self) -> Mapping[str, str]:
        """The variables of the environment, each with its value, or with any other that may stand for it."""
        database = _DATABASE if self.stage.database else {}
        return {**dict.fromkeys(self.stage.secrets, "x"), **database, **_BEANSTALK, **self.stage.variables}

    @property
    def database_service(self) -> str | None:
        """The service that RDS replaces."""
        return self.stage.database.compose_service if self.stage.database else None

    @property
    def platform(self) -> Platform:
        """The platform of the instances, such as linux/amd64."""
        return platform_of(self.stage.environment.architecture)

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
        return list(self.production.get("services", {}).get(service, {}).get(key) or [])

    def in_production_file(self, service: str, volume: Volume) -> bool:
        """Whether the file for production names a mount at this path."""
        return volume.path in {entry.path for entry in self.production_entries(service, "volumes")}

    def spec(self, service: str) -> BuildSpec:
        """What a service's `build` builds; its paths as Compose resolves them."""
        build = self.services[service]["build"]
        folder = Path(os.path.normpath(self.folder / str(build.get("context", "."))))
        return BuildSpec(
            name=service,
            context=folder,
            dockerfile=folder / str(build.get("dockerfile", "Dockerfile")),
            platform=self.platform,
            # Docker does not interpolate arguments, so a doubled dollar is one.
            args={key: _text(value).replace("$$", "$") for key, value in build["args"].items()},
            target=str(build["target"]) if build.get("target") else None,
        )

    def ports(self) -> Iterator[tuple[str, Port]]:
        """Yield every published port with its service; none that holds a variable."""
        for name, service in self.services.items():
            yield from ((name, port) for port in service.get("ports", ()) if isinstance(port, Port))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
