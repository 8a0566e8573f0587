"""How keys and values are written in messages: as they would stand in the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches

Path = tuple[str | int, ...]

_LONGEST = 80


def dotted(path: Path) -> str:
    """('secrets', 'MY KEY', 0) -> 'secrets."MY KEY"[0]'."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{_key(part)}"
    return text.removeprefix(".")


def _key(part: str) -> str:
    if len(part) > _LONGEST:
        part = f"{part[: _LONGEST - 3]}..."
    return part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else json.dumps(part, ensure_ascii=False)


def printable(text: str) -> str:
    """`text` with everything escaped that could move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)


def show(value: object) -> str:
    """A value as TOML would write it, cut to a readable length."""
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


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is most likely a slip of, if any comes close."""
    matches = get_close_matches(word.lower()[:_LONGEST], list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def nearest_first(word: str, known: Iterable[str]) -> list[str]:
    return sorted(known, key=lambda other: -SequenceMatcher(None, word[:_LONGEST], other).ratio())
