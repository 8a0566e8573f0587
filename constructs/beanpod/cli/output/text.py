"""Text that is safe to print: a single line, without control characters and without secrets."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TextIO
from urllib.parse import quote, quote_plus

from beanpod.deploy.report import Status

# Colours and cursor moves (CSI), titles and links (OSC and the like, to their terminator), single-character escapes.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]P^_X]|[\x90\x9d\x9e\x9f\x98])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_SPACES = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
# The C0 and C1 controls, and those that change the direction of text: a line must not look like another.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
# Masking a shorter value would spoil words and labels, and tell which letters it consists of.
_MIN_SECRET_LENGTH = 4
_ANSI_CODES = {"green": "32", "yellow": "33", "red": "31", "dim": "2", "bold": "1"}
STATE_COLOURS = {
    **dict.fromkeys(("Ok", "Info", "Green", "Ready", "Deployed"), "green"),
    **dict.fromkeys(("Warning", "Degraded", "Yellow", "Pending", "Updating", "Launching", "In Progress"), "yellow"),
    **dict.fromkeys(("Severe", "Red", "Failed", "Terminated", "Terminating"), "red"),
}
SEVERITY_COLOURS = {"WARN": "yellow", "ERROR": "red", "FATAL": "red"}


def clean(text: str) -> str:
    """Return `text` as one line without control characters, so that it cannot change a terminal or a log."""
    return _CONTROLS.sub("", _SPACES.sub(" ", _ESCAPES.sub("", text))).rstrip()


def duration(seconds: float) -> str:
    """Format a duration: "0.4 s", "35 s", "3 min 03 s", "1 h 02 min"."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def status_text(status: Status) -> str:
    """Describe an environment's status: "Updating, health Info, 1 of 2 instances updated"."""
    parts = [status.state]
    if status.health:
        parts.append(f"health {status.health}")
    if status.on_version is not None and status.instances is not None:
        noun = "instance" if status.instances == 1 else "instances"
        parts.append(f"{status.on_version} of {status.instances} {noun} updated")
    return ", ".join(parts)


class Masks:
    """Replaces secrets with ***, also where they are written as in URLs, JSON or Python."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        """Mask `value` and each of its lines from now on. Values shorter than 4 characters are not masked."""
        self._forms.update(_forms(value) if value.strip() else ())
        if self._forms:
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(re.escape(form) for form in longest_first))

    def hide(self, text: str) -> str:
        """Return `text` with every secret replaced."""
        return text if self._pattern is None else self._pattern.sub("***", text)

    def clean(self, text: str) -> str:
        """Return `text` as one line that is safe to print."""
        # Twice: a secret may hold control characters, and control characters may split a secret.
        return self.hide(clean(self.hide(text)))


def _forms(value: str) -> Iterator[str]:
    for part in (value, value.strip(), *(line.strip() for line in value.splitlines())):
        # A variable may have bytes that are not UTF-8: the output of a program is read with U+FFFD for each.
        read = _SURROGATES.sub("\ufffd", part)
        written = (part, read, quote(read, safe=""), quote_plus(read), repr(part)[1:-1], clean(part).strip())
        for form in (*written, json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1]):
            if min(len(part), len(form)) >= _MIN_SECRET_LENGTH:
                yield form


def encodable(text: str, stream: TextIO) -> str:
    """Return `text` with a question mark for each character that the stream's encoding lacks."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


class SafeStream:
    """A stream that never raises: a deployment continues after `| head`, on a full disk and without its terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._open = True
        self.encoding = stream.encoding or "utf-8"
        self.isatty = stream.isatty

    def write(self, text: str) -> int:
        """Write `text`, unless an earlier write failed."""
        self._attempt(lambda: self._stream.write(encodable(text, self._stream)))
        return len(text)

    def flush(self) -> None:
        """Flush the stream, unless an earlier write failed."""
        self._attempt(self._stream.flush)

    def line(self, text: str) -> None:
        """Write a line at once. text: is safe to print."""
        self.write(f"{text}\n")
        self.flush()

    def _attempt(self, act: Callable[[], object]) -> None:
        try:
            if self._open:
                act()
        except (OSError, ValueError):
            self._open = False


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: Its text.
        style: green, yellow, red, dim or bold. Default: plain.
    """

    text: str
    style: str = ""


def state_cell(text: str) -> Cell:
    """Return a health or status in the colour that Beanstalk's console gives it."""
    return Cell(text, STATE_COLOURS.get(text, ""))


class Paint:
    """Writes cells as cleaned text, with ANSI colours where the stream shows them."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    @classmethod
    def for_stream(cls, stream: TextIO, environ: Mapping[str, str]) -> "Paint":
        """Use colours on a terminal, unless NO_COLOR (https://no-color.org) is set."""
        capable = stream.isatty() and environ.get("TERM", "dumb") != "dumb"
        return cls(colours=capable and not environ.get("NO_COLOR"))

    def __call__(self, text: str, style: str = "") -> str:
        """Return `text`, cleaned and in its style."""
        text, code = clean(text), _ANSI_CODES.get(style)
        return f"\x1b[{code}m{text}\x1b[0m" if code and self._colours and text else text

    def table(self, rows: Iterable[Sequence[str | Cell]]) -> Iterator[str]:
        """Yield the rows as lines, each column as wide as its widest cell."""
        cells = [[Cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
        widths = [max(len(clean(cell.text)) for cell in column) for column in zip(*cells, strict=True)]
        for row in cells:
            padded = (
                self(*cell) + " " * (width - len(clean(cell.text))) for cell, width in zip(row, widths, strict=True)
            )
            yield "  ".join(padded).rstrip()

    def facts(self, facts: Iterable[tuple[str, str | Cell]]) -> Iterator[str]:
        """Yield a line for each name and value, indented."""
        return self.table((Cell(f"  {name}", "dim"), value) for name, value in facts)
