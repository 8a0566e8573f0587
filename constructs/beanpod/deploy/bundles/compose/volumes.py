"""A service's `volumes`, in both syntaxes: https://docs.docker.com/reference/compose-file/services/#volumes."""

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

_ELSEWHERE = ("/", "~", "$")
_PATHS = (".", *_ELSEWHERE)


class VolumeError(ValueError):
    """What is wrong with an entry."""


@dataclass(frozen=True)
class Volume:
    """One mount of a container.

    source: a host path of a bind, the name of a volume, "" for an anonymous one or none. options: what stands after
    the target in the short syntax. others: the other keys of the long syntax; None for an entry in the short one,
    which also makes a missing path on the host.
    """

    kind: str
    target: str
    source: str = ""
    options: tuple[str, ...] = ()
    others: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """Of entries with the same target the last one counts."""
        return str(PurePosixPath(self.target))

    @property
    def is_of_project(self) -> bool:
        """Whether it mounts a path below or beside the compose file."""
        return self.kind == "bind" and not self.source.startswith(_ELSEWHERE)

    @property
    def is_anonymous(self) -> bool:
        """Whether it is a volume without a name, which goes with its container."""
        return self.kind == "volume" and not self.source

    @property
    def is_named(self) -> bool:
        """Whether it is a volume with a name, which outlives its container."""
        return self.kind == "volume" and bool(self.source)

    @property
    def read_only(self) -> bool:
        """Whether the container cannot write to it."""
        return "ro" in self.options or str((self.others or {}).get("read_only", False)).lower() == "true"

    def within(self, other: "Volume") -> bool:
        """Whether it lies inside of what the other one mounts."""
        return PurePosixPath(other.target) in PurePosixPath(self.target).parents

    def from_source(self, source: str) -> "Volume":
        """The same mount of something else on the host."""
        return replace(self, kind="bind", source=source)

    @property
    def entry(self) -> Any:
        """As it stands in a compose file."""
        if self.others is not None:
            source = {"source": self.source} if self.source else {}
            return {"type": self.kind, **source, "target": self.target, **self.others}
        return ":".join(part for part in (self.source, self.target, ",".join(self.options)) if part)


def parsed(entry: Any) -> Volume:
    """One entry. Raises VolumeError."""
    if isinstance(entry, dict):
        return _from_long(entry)
    parts = _rejoined(str(entry))
    if not isinstance(entry, str) or not 1 <= len(parts) <= 3 or not all(parts):
        raise VolumeError(f'{entry} is no volume: write it like "data:/var/lib/data"')
    if len(parts) == 1:
        return Volume("volume", parts[0])
    source, target, *options = parts
    kind = "bind" if source.startswith(_PATHS) else "volume"
    return Volume(kind, target, source, tuple(options[0].split(",")) if options else ())


def _rejoined(text: str) -> list[str]:
    """The parts between colons, except those inside of a variable's braces."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "{") - (letter == "}")
        if letter == ":" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _from_long(entry: dict[str, Any]) -> Volume:
    kind, target, source = (entry.get(key) for key in ("type", "target", "source"))
    if not isinstance(target, str) or not target:
        raise VolumeError("an entry has no target: write the path in the container")
    if not isinstance(kind, str) or not isinstance(source, str | None):
        raise VolumeError(f"the entry for {target} has no type: write bind, volume or tmpfs")
    others = {key: value for key, value in entry.items() if key not in ("type", "target", "source")}
    if kind == "bind" and not source:
        raise VolumeError(f"the entry for {target} has no source: write the path on the host")
    return Volume(kind, target, source or "", (), others)
