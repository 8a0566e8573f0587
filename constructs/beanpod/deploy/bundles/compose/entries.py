"""Ports and volumes of a service, as Docker Compose writes them out, and in the short syntax again.

https://docs.docker.com/reference/compose-file/services/#ports and #volumes.
"""

from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

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
