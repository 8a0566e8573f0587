"""The compose file for Beanstalk while it is being made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beanpod.deploy.bundles.archive import BundleFile
from beanpod.deploy.bundles.compose.database import Login
from beanpod.deploy.bundles.compose.entries import Port, Volume
from beanpod.deploy.bundles.compose.findings import Findings
from beanpod.deploy.bundles.compose.lasting import Lifetime

Tree = dict[str, Any]

WEB_PORT = 80


@dataclass(frozen=True)
class Setting:
    """What the stage says about its compose file.

    Attributes:
        root: The manifest's folder, which the bundle mirrors.
        folder: The compose file's folder.
        variables: Of the environment, each with its value, or with any other that may stand for it.
        port: Where the container listens.
        database_service: The service that RDS replaces.
        platform: Of the instances, such as linux/amd64.
        lifetime: Of the instances.
        port_said: Whether the manifest names the port.
    """

    root: Path
    folder: Path
    variables: Mapping[str, str]
    port: int
    database_service: str | None
    platform: str
    lifetime: Lifetime
    port_said: bool = True

    @property
    def provided(self) -> frozenset[str]:
        """The names of the variables."""
        return frozenset(self.variables)


@dataclass(frozen=True)
class Replaced:
    """The development database, which RDS takes the place of: the names that others may reach it by, and its login."""

    names: tuple[str, ...]
    login: Login


@dataclass
class Draft:
    """tree: canonical, changed step by step. production: what `compose.prod.yaml` says itself, whose word counts.

    built: the services that have an image of ours. files: what the services need beside them, by path in the bundle.
    replaced: the development database, once it has left. production_name: of the file for production, as messages name
    it.
    """

    tree: Tree
    production: Tree
    setting: Setting
    findings: Findings
    built: frozenset[str]
    files: dict[str, BundleFile] = field(default_factory=dict)
    replaced: Replaced | None = None
    production_name: str = "compose.prod.yaml"

    @property
    def services(self) -> dict[str, Tree]:
        """The services that are left."""
        services: dict[str, Tree] = self.tree["services"]
        return services

    def declared(self, section: str) -> Iterator[tuple[str, Tree]]:
        """The networks, volumes, secrets or configs of the file."""
        for name, definition in (self.tree.get(section) or {}).items():
            yield name, definition or {}

    def said_for_production(self, service: str, key: str) -> list[Any]:
        """The entries of a service's list in `compose.prod.yaml`."""
        above = self.production.get("services", {}).get(service, {})
        return list(above.get(key) or [])

    def is_meant(self, service: str, volume: Volume) -> bool:
        """Whether `compose.prod.yaml` names a mount at this place itself."""
        return volume.path in {getattr(entry, "path", None) for entry in self.said_for_production(service, "volumes")}

    def ports(self) -> Iterator[tuple[str, Port]]:
        """Every port that a service publishes."""
        for name, service in self.services.items():
            yield from ((name, port) for port in service.get("ports", ()) if isinstance(port, Port))

    def faulty_ports(self) -> Iterator[str]:
        """The services with a port that could not be read."""
        for name, service in self.services.items():
            yield from (name for port in service.get("ports", ()) if not isinstance(port, Port))
