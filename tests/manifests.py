"""Manifests as tests write them."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from beanpod.manifest import Manifest

# Keys that a test adds come first in the file, since TOML's top-level keys cannot follow a table.
SERVICE = '[service]\nname = "guestbook"\nimage = "ada/guestbook"\n'
DATABASE = '[database]\nengine = "mysql"\n'

# Fixtures of tests/manifest: a manifest of a text, and the problems of one.
Reader = Callable[[str], Manifest]
Finder = Callable[[str], list[str]]


def toml(tables: Mapping[str, Any]) -> str:
    """Return a document, each top-level key on a line."""
    return "".join(f"{_quoted(key)} = {_value(value)}\n" for key, value in tables.items())


def _value(value: Any) -> str:
    match value:
        case dict():
            return f"{{{', '.join(f'{_quoted(key)} = {_value(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case bool():
            return str(value).lower()
        case str():
            return _quoted(value)
        case date():
            return value.isoformat()
        case _:
            return repr(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
