"""Values that are never shown."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from deploy.output.text import clean

HIDDEN = "***"
_SHORTEST_LINE = 4


class Masks:
    """Hides the values it was told wherever they would be shown, also as URLs, JSON and Python write them."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        """Hide `value` from now on, and each line of it. A blank value hides nothing."""
        if not value.strip():
            return
        self._forms.update(form for form in _forms(value) if form)
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
    lines = (line.strip() for line in value.splitlines())
    for part in (value, value.strip(), *(line for line in lines if len(line) >= _SHORTEST_LINE)):
        yield from (part, quote(part, safe=""), quote_plus(part), repr(part)[1:-1], clean(part).strip())
        yield from (json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
