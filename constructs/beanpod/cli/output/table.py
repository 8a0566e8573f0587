"""Aligned columns and sparing colours, for answers on a terminal."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TextIO

from beanpod.cli.output.text import clean

_CODES = {"good": "32", "fair": "33", "bad": "31", "dim": "2", "bold": "1"}
HEALTH_STYLES = {
    **dict.fromkeys(("Ok", "Info", "Green", "Ready", "Deployed"), "good"),
    **dict.fromkeys(("Warning", "Degraded", "Yellow", "Pending", "Updating", "Launching", "In Progress"), "fair"),
    **dict.fromkeys(("Severe", "Red", "Failed", "Terminated", "Terminating"), "bad"),
}
SEVERITY_STYLES = {"WARN": "fair", "ERROR": "bad", "FATAL": "bad"}


class Cell(NamedTuple):
    """A text with its style: good, fair, bad, dim, bold, or none."""

    text: str
    style: str = ""


def state(text: str) -> Cell:
    """A health or status, in the colour that Beanstalk's console gives it."""
    return Cell(text, HEALTH_STYLES.get(text, ""))


def severity(text: str) -> Cell:
    """An event's severity; only what needs looking at has a colour."""
    return Cell(text, SEVERITY_STYLES.get(text, "dim"))


class Paint:
    """Colours text, if at all."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    @classmethod
    def suiting(cls, stream: TextIO, environ: Mapping[str, str]) -> "Paint":
        """Colours on a terminal that knows them, unless NO_COLOR (https://no-color.org) forbids it."""
        able = stream.isatty() and environ.get("TERM", "dumb") != "dumb"
        return cls(colours=able and not environ.get("NO_COLOR"))

    def __call__(self, cell: Cell) -> str:
        """The text, cleaned, in its colour."""
        code = _CODES.get(cell.style)
        text = clean(cell.text)
        return f"\x1b[{code}m{text}\x1b[0m" if code and self._colours and text else text


def table(rows: Sequence[Sequence[Cell]], paint: Paint) -> list[str]:
    """The rows as lines, each column as wide as its widest cell."""
    widths = [max(len(clean(cell.text)) for cell in column) for column in zip(*rows, strict=True)]
    return [_row(row, widths, paint).rstrip() for row in rows]


def _row(row: Sequence[Cell], widths: Sequence[int], paint: Paint) -> str:
    padded = (paint(cell) + " " * (width - len(clean(cell.text))) for cell, width in zip(row, widths, strict=True))
    return "  ".join(padded)
