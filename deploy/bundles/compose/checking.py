"""Whether a compose file has only keys that compose knows, with values of a kind that compose takes."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from deploy.bundles.compose.findings import Findings, at
from deploy.bundles.compose.keys import KEYS, KINDS, LIST, MAPPING, SCALAR
from deploy.bundles.compose.reading import Override, Reset

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EMPTY = "nothing"

Path = tuple[str, ...]


def check(tree: Any, findings: Findings) -> bool:
    """Add what is wrong with the tree of one file; whether nothing is."""
    before = len(findings.problems)
    if not isinstance(tree, dict):
        findings.problem("the file", "no mapping: begin with services:")
        return False
    for path, value in _places(tree, ()):
        _check(path, value, findings)
    return len(findings.problems) == before


def _places(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Every value of the tree with its place, without what is reset."""
    value = value.value if isinstance(value, Override) else value
    if isinstance(value, Reset):
        return
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from _places(item, (*path, "[]"))


def _check(path: Path, value: Any, findings: Findings) -> None:
    if path == ("services",) or (len(path) == 1 and (*path, "*") in KINDS):
        _check_names(path[0], value, findings)
    for place in _patterns(path):
        if place in KINDS and not _fits(value, place):
            words = f"{_kind(value)} does not belong here: write {' or '.join(KINDS[place])}"
            findings.problem(_where(path), words)
            return
        if place in KEYS and isinstance(value, dict):
            _check_keys(value, path, KEYS[place], findings)
            return


def _patterns(path: Path) -> Iterator[Path]:
    """The place as the tables may know it: names of the user's own are stars, at most two on the way."""
    yield path
    if len(path) > 1:
        starred = (path[0], "*", *path[2:])
        yield starred
        if len(path) > 3 and path[3] != "[]":
            yield (*starred[:3], "*", *path[4:])


def _fits(value: Any, place: Path) -> bool:
    if value is None:
        return place[-1] != "[]" and place != ("services", "*")
    return _kind(value) in KINDS[place]


def _check_names(section: str, named: Any, findings: Findings) -> None:
    for name in named if isinstance(named, dict) else ():
        if not _NAME.fullmatch(name):
            findings.problem(_where((section, name)), "a name has letters, digits and . _ - only: write another")


def _check_keys(mapping: dict[str, Any], path: Path, known: Iterable[str], findings: Findings) -> None:
    for key in mapping:
        if key not in known and not key.startswith("x-"):
            nearest = get_close_matches(key, list(known), n=1)
            remedy = f"write {nearest[0]}" if nearest else "leave it out, or begin it with x-"
            findings.problem(_where((*path, key)), f"compose knows no such key: {remedy}")


def _kind(value: Any) -> str:
    if value is None:
        return _EMPTY
    return MAPPING if isinstance(value, dict) else LIST if isinstance(value, list) else SCALAR


def _where(path: Path) -> str:
    if path[:1] == ("services",) and len(path) > 1:
        return at(path[1], *(part for part in path[2:] if part != "[]"))
    return ".".join(path)
