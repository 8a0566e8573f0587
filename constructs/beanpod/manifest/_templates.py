"""The one bit of syntax in variables: `{database.host}`, with `{{` and `}}` for the braces themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping

PLACEHOLDERS = ("database.host", "database.port", "database.name", "database.username")

_TOKEN = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|(?P<stray>[{}])")


def placeholders(text: str) -> list[str]:
    """The names between single braces, in order."""
    return [match["name"] for match in _TOKEN.finditer(text) if match["name"] is not None]


def has_stray_brace(text: str) -> bool:
    """Whether a brace is neither doubled nor part of a placeholder."""
    return any(match["stray"] for match in _TOKEN.finditer(text))


def render(text: str, values: Mapping[str, str]) -> str:
    """Replace every placeholder by its value, and doubled braces by single ones."""

    def replacement(match: re.Match[str]) -> str:
        name = match["name"]
        return match[0][0] if name is None else values[name]

    return _TOKEN.sub(replacement, text)
