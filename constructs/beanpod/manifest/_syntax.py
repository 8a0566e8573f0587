"""What tomllib says of a file that is not TOML, and what to write instead."""

from __future__ import annotations

import re

_ONCE = "it is there already: write it once"
_QUOTES = "write text in quotes"
# By the beginnings of tomllib's messages; one that it words in another way is told without.
_REMEDIES = {
    "Invalid value": _QUOTES,
    "Invalid date": _QUOTES,
    "Unterminated string": "end it with a quote",
    "Unescaped": "write a backslash twice",
    "Illegal character '\\n'": "end the text with a quote on the same line",
    "Cannot overwrite": _ONCE,
    "Cannot declare": _ONCE,
    "Duplicate": _ONCE,
    "Expected '='": "write key = value, the key of a to z, digits, _ and -",
    "Invalid statement": "write [table], or key = value",
    "Invalid initial character": "write key = value, the key of a to z, digits, _ and -",
    "Expected newline": "write one key = value a line",
    "Unclosed array": "end it with ]",
    "Unclosed inline table": "end it with } on the same line",
}


def no_toml(message: str) -> str:
    """The one line about a file that tomllib refuses with `message`."""
    told = re.sub(r"\('(.*?)',?\)", _header, message)
    remedy = next((remedy for start, remedy in _REMEDIES.items() if message.startswith(start)), None)
    return f"not TOML: {told}: {remedy}" if remedy else f"not TOML: {told}"


def _header(names: re.Match[str]) -> str:
    """A table as the file writes it, of the tuple that tomllib writes."""
    return "[" + names[1].replace("', '", ".") + "]"
