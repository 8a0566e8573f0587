"""The comparison of two cloud assemblies: times count only if their templates are the same."""

import json
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

_PATTERN = "*.template.json"
_LINES_SHOWN = 80


def differences(python: Path, baseline: Path) -> list[str]:
    """Return a unified diff of all templates without regard to the order of keys; empty if they are the same."""
    ours, theirs = _templates(python), _templates(baseline)
    lines = [line for name in sorted(ours | theirs) for line in _diff(name, ours, theirs)]
    hidden = len(lines) - _LINES_SHOWN
    return lines if hidden <= 0 else [*lines[:_LINES_SHOWN], f"... and {hidden} more lines"]


def resource_count(assembly: Path) -> int:
    """Return the number of resources in all templates."""
    return sum(len(json.loads(text)["Resources"]) for text in _templates(assembly).values())


def _templates(assembly: Path) -> dict[str, str]:
    return {path.name: _normal(path) for path in assembly.glob(_PATTERN)}


def _normal(path: Path) -> str:
    return json.dumps(json.loads(path.read_text(encoding="utf-8")), indent=1, sort_keys=True)


def _diff(name: str, ours: dict[str, str], theirs: dict[str, str]) -> Iterator[str]:
    before, after = (side.get(name, "").splitlines() for side in (ours, theirs))
    return unified_diff(before, after, f"python/{name}", f"baseline/{name}", lineterm="", n=6)
