"""Values that are never shown."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from beanpod.cli.output.text import clean

HIDDEN = "***"
# To hide a shorter one everywhere would tell which letters it has, spoil labels and addresses that programs read, and
# protect what is guessed in a moment anyway.
_SHORTEST = 4


class Masks:
    """Hides the values it was told wherever they would be shown, also as URLs, JSON and Python write them."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        """Hide `value` from now on, and each line of it. What is blank or shorter than 4 characters hides nothing."""
        self._forms.update(_forms(value) if value.strip() else ())
        if not self._forms:
            return
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(form) for form in longest_first))

    def hide(self, text: str) -> str:
        """`text` with every hidden value replaced by three asterisks."""
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)

    def presentable(self, text: str) -> str:
        """`text` as one line that may be shown: nothing hidden in it, and nothing that commands a terminal."""
        # Twice: a value may hold control characters, and control characters may stand within a value.
        return self.hide(clean(self.hide(text)))


def _forms(value: str) -> Iterator[str]:
    parts = (value, value.strip(), *(line.strip() for line in value.splitlines()))
    written = (form for part in parts if len(part) >= _SHORTEST for form in _written(part))
    return (form for form in written if len(form) >= _SHORTEST)


def _written(part: str) -> Iterator[str]:
    yield from (part, quote(part, safe=""), quote_plus(part), repr(part)[1:-1], clean(part).strip())
    yield from (json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
