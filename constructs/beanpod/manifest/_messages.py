"""How the manifest's problems are written: keys and values as in the file, and one list of them for a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

KeyPath = tuple[str | int, ...]

_LONGEST = 80


class ManifestError(Exception):
    """A manifest that cannot be used. `str()` is the list for a terminal.

    Attributes:
        path: The manifest's file.
        problems: One line a problem.
    """

    def __init__(self, path: Path, problems: Iterable[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__(path, self.problems)

    def __str__(self) -> str:
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        return "\n".join([f"{self.path}: {count}", *(f"  - {problem}" for problem in self.problems)])


def dotted(path: KeyPath) -> str:
    """Return a key as TOML writes it: ('secrets', 'MY KEY', 0) is 'secrets."MY KEY"[0]'."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{_key(part)}"
    return text.removeprefix(".")


def _key(part: str) -> str:
    if len(part) > _LONGEST:
        part = f"{part[: _LONGEST - 3]}..."
    return part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else json.dumps(part, ensure_ascii=False)


def show(value: object) -> str:
    """Return a value as TOML writes it, cut to a readable length."""
    text = _toml(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value[: _LONGEST + 1], ensure_ascii=False)
        case int():
            # str() refuses an int of more than 4,300 digits, and TOML can write one in hexadecimal.
            return str(value) if value.bit_length() < 256 else "a number of very many digits"
        case Mapping():
            return "a table"
        case list() | tuple():
            return f"[{', '.join(_toml(item) for item in value[:20])}]"
        case _:
            return str(value)


def printable(text: str) -> str:
    """Return a text with everything escaped that could move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a misspelt one is closest to; None if none is close."""
    matches = get_close_matches(word.lower()[:_LONGEST], list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


_ONCE = "it is there already: write it once"
_QUOTES = "write text in quotes"
_KEY_VALUE = "write key = value, the key of a to z, digits, _ and -"
# By the beginnings of tomllib's messages; a message that is not here is shown without a remedy.
_SYNTAX = {
    "Invalid value": _QUOTES,
    "Invalid date": _QUOTES,
    "Unterminated string": "end it with a quote",
    "Unescaped": "write a backslash twice",
    "Illegal character '\\n'": "end the text with a quote on the same line",
    "Cannot overwrite": _ONCE,
    "Cannot declare": _ONCE,
    "Duplicate": _ONCE,
    "Expected '='": _KEY_VALUE,
    "Invalid statement": "write [table], or key = value",
    "Invalid initial character": _KEY_VALUE,
    "Expected newline": "write one key = value a line",
    "Unclosed array": "end it with ]",
    "Unclosed inline table": "end it with } on the same line",
}


def syntax_problem(message: str) -> str:
    """Return the line about a file that tomllib refuses with `message`."""
    shown = re.sub(r"\('(.*?)',?\)", lambda names: "[" + names[1].replace("', '", ".") + "]", message)
    remedy = next((remedy for start, remedy in _SYNTAX.items() if message.startswith(start)), None)
    return f"not TOML: {shown}: {remedy}" if remedy else f"not TOML: {shown}"
