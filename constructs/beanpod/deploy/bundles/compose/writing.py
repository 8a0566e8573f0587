"""A tree as YAML that reads the same in YAML 1.1 and 1.2, for people and for any version of compose.

Written here, because a library's own choice of quotes and line breaks changes with its version, and with it the
label of a release.
"""

import re
from collections.abc import Iterator
from typing import Any

from beanpod.deploy.bundles.compose.reading import Plain

# Text that no YAML takes for anything else; all other text is quoted.
_WORDS = re.compile(r"[A-Za-z_/.][A-Za-z0-9_./@-]*(?: [A-Za-z0-9_./@-]+)*")
_NOT_TEXT = re.compile(r"true|false|yes|no|on|off|y|n|null|[.](?:inf|nan)|[.][0-9._e+-]*", re.IGNORECASE)
_NUMBERS = re.compile(r"[-+.0-9][-+.,:/_%0-9A-Za-z]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_INDENT = "  "


def written(tree: dict[str, Any]) -> str:
    """The tree as YAML, keys in their order."""
    return "".join(f"{line}\n" for line in _mapping(tree, ""))


def _mapping(mapping: dict[str, Any], indent: str) -> Iterator[str]:
    for key, value in mapping.items():
        yield from _entry(f"{indent}{_text(key)}:", value, indent + _INDENT)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        yield head
        yield from _mapping(value, indent)
    elif isinstance(value, list) and value:
        yield head
        yield from _sequence(value, indent)
    else:
        yield f"{head} {_scalar(value)}"


def _sequence(items: list[Any], indent: str) -> Iterator[str]:
    for item in items:
        # A dash and its blank are as wide as the indentation of what follows.
        lines = list(_entry("", item, indent + _INDENT))
        first = lines[0].strip() or lines.pop(1).strip()
        yield f"{indent}- {first}"
        yield from lines[1:]


def _scalar(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case dict():
            return "{}"
        case list():
            return "[]"
        case _:
            return _text(value)


def _text(text: str) -> str:
    if isinstance(text, Plain) and _NUMBERS.fullmatch(text):
        return str(text)
    if _WORDS.fullmatch(text) and not _NOT_TEXT.fullmatch(text):
        return text
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(letter: str) -> str:
    if letter in _ESCAPES or letter.isprintable():
        return _ESCAPES.get(letter, letter)
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
