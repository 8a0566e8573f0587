"""Whether a compose file has only keys that compose knows, with values of a kind that compose takes."""

import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from beanpod.deploy.bundles.compose.findings import Findings, place
from beanpod.deploy.bundles.compose.keys import KEYS, KINDS, LIST, MAPPING, SCALAR
from beanpod.deploy.bundles.compose.reading import Override, Reset

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EMPTY = "nothing"

Path = tuple[str, ...]


def check(tree: Any, findings: Findings) -> bool:
    """Add what is wrong with the tree of one file; whether nothing is."""
    before = len(findings.problems)
    if not isinstance(tree, dict):
        findings.problem("the file", "no mapping: begin with services:")
        return False
    _walk(tree, (), findings)
    return len(findings.problems) == before


def _walk(value: Any, path: Path, findings: Findings) -> None:
    """Check a value and what is in it, unless it is reset, or of the wrong kind."""
    value = value.value if isinstance(value, Override) else value
    if isinstance(value, Reset) or not _is_right(value, path, findings):
        return
    if isinstance(value, dict):
        for key, item in value.items():
            _walk(item, (*path, key), findings)
    elif isinstance(value, list):
        for item in value:
            _walk(item, (*path, "[]"), findings)


def _is_right(value: Any, path: Path, findings: Findings) -> bool:
    kinds = next((KINDS[place] for place in _patterns(path) if place in KINDS), None)
    if kinds and not _fits(value, path, kinds):
        findings.problem(place(path), f"{_kind(value)} does not belong here: write {' or '.join(kinds)}")
        return False
    if isinstance(value, dict):
        for known in (KEYS[place] for place in _patterns(path) if place in KEYS):
            _check_keys(value, path, known, findings)
        if (*path, "*") in KINDS:
            _check_names(path[0], value, findings)
    return True


def _patterns(path: Path) -> Iterator[Path]:
    """The place as the tables may know it: names of the user's own are stars, at most two on the way."""
    yield path
    if len(path) > 1:
        starred = (path[0], "*", *path[2:])
        yield starred
        if len(path) > 3 and path[3] != "[]":
            yield (*starred[:3], "*", *path[4:])


def _fits(value: Any, path: Path, kinds: tuple[str, ...]) -> bool:
    """Nothing fits everywhere but in a list and as a service."""
    if value is None:
        return path[-1] != "[]" and (path[0] != "services" or len(path) != 2)
    return _kind(value) in kinds


def _check_names(section: str, named: Iterable[str], findings: Findings) -> None:
    for name in named:
        if not _NAME.fullmatch(name):
            findings.problem(place((section, name)), "a name has letters, digits and . _ - only: write another")


def _check_keys(mapping: Iterable[str], path: Path, known: Collection[str], findings: Findings) -> None:
    for key in mapping:
        if key not in known and not key.startswith("x-"):
            nearest = get_close_matches(key, sorted(known), n=1)
            remedy = f"write {nearest[0]}" if nearest else "leave it out, or begin it with x-"
            findings.problem(place((*path, key)), f"compose knows no such key: {remedy}")


def _kind(value: Any) -> str:
    if value is None:
        return _EMPTY
    return MAPPING if isinstance(value, dict) else LIST if isinstance(value, list) else SCALAR
