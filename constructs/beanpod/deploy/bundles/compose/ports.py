"""A service's `ports`, in both syntaxes: https://docs.docker.com/reference/compose-file/services/#ports."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

_SHORT = re.compile(
    r"(?:(?P<ip>\[[0-9A-Fa-f:.]*\]|[0-9]+(?:\.[0-9]+){3}):)?(?:(?P<published>[0-9]*(?:-[0-9]+)?):)?"
    r"(?P<target>[0-9]+(?:-[0-9]+)?)(?:/(?P<protocol>tcp|udp|sctp))?",
    re.IGNORECASE,
)
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_LAST = 65535
_ANYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104


class PortError(ValueError):
    """What is wrong with an entry."""


@dataclass(frozen=True)
class Port:
    """One port of a container on the host.

    published: a port, a range to choose from, or "" for any free one. host_ip: the address it is bound to, "" for
    all. others: keys of the long syntax that have no short one.
    """

    target: int
    published: str = ""
    host_ip: str = ""
    protocol: str = "tcp"
    others: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int, str, str]:
        """Of entries with the same key the last one counts."""
        return ("" if self.host_ip in _ANYWHERE else self.host_ip, self.target, self.published, self.protocol)

    def reached_at(self, port: int) -> bool:
        """Whether this port of the instance, seen from outside, is the container's."""
        return self.published == str(port) and self.protocol == "tcp" and self.host_ip in _ANYWHERE

    def moved_to(self, port: int) -> "Port":
        """The same port of the container, published for everybody."""
        return replace(self, published=str(port), host_ip="")

    @property
    def entry(self) -> Any:
        """As it stands in a compose file."""
        if self.others:
            return self._long
        address = f"[{self.host_ip}]" if ":" in self.host_ip else self.host_ip
        published = f"{self.published}:" if self.published or address else ""
        protocol = "" if self.protocol == "tcp" else f"/{self.protocol}"
        return f"{f'{address}:' if address else ''}{published}{self.target}{protocol}"

    @property
    def _long(self) -> dict[str, Any]:
        known = {"target": self.target, "published": self.published, "host_ip": self.host_ip}
        return {key: value for key, value in known.items() if value} | {"protocol": self.protocol} | self.others


def parsed(entry: Any) -> tuple[Port, ...]:
    """The ports of one entry; a range is several. Raises PortError."""
    if isinstance(entry, dict):
        return (_from_long(entry),)
    match = _SHORT.fullmatch(str(entry))
    if match is None or isinstance(entry, bool):
        raise PortError(f'{entry} is no port: write it like "8080:80"')
    targets = _numbers(match["target"])
    host_ip = (match["ip"] or "").strip("[]")
    protocol = (match["protocol"] or "tcp").lower()
    return tuple(
        Port(target, published, host_ip, protocol)
        for target, published in zip(targets, _published(match["published"] or "", len(targets)), strict=True)
    )


def _from_long(entry: dict[str, Any]) -> Port:
    target, published = str(entry.get("target", "")), str(entry.get("published", "") or "")
    others = {key: value for key, value in entry.items() if key not in _SHORT_KEYS}
    if others.get("mode") == "ingress":
        others = {key: value for key, value in others.items() if key != "mode"}
    (number, *rest) = _numbers(target)
    if rest:
        raise PortError(f"target {target} is a range: write one entry for each port")
    if published:
        _numbers(published)
    return Port(number, published, str(entry.get("host_ip") or ""), str(entry.get("protocol") or "tcp"), others)


_SHORT_KEYS = ("target", "published", "host_ip", "protocol")


def _published(text: str, targets: int) -> Iterator[str]:
    """For each target what it is published as: a range is either as long, or to choose from for a single one."""
    numbers = _numbers(text) if text else []
    if not numbers:
        yield from [""] * targets
    elif len(numbers) == targets:
        yield from map(str, numbers)
    elif targets == 1:
        yield text
    else:
        raise PortError(f"{text} and its container's ports are ranges of different lengths: write equal ones")


def _numbers(text: str) -> list[int]:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise PortError(f"{text or 'nothing'} is no port: write a number")
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= last <= _LAST:
        raise PortError(f"{text} is no port: write a number from 1 to {_LAST}")
    return list(range(first, last + 1))
