"""From seconds to the figures in the table."""

from dataclasses import dataclass
from statistics import median

LIMIT = 1.35


@dataclass(frozen=True)
class Figures:
    """What a number of stages took: pairs of seconds, Python's and the twin's of the same moment."""

    stage_count: int
    pairs: tuple[tuple[float, float], ...]

    @property
    def python(self) -> float:
        """Median seconds in Python."""
        return median(python for python, _ in self.pairs)

    @property
    def twin(self) -> float:
        """Median seconds of the twin."""
        return median(twin for _, twin in self.pairs)

    @property
    def ratio(self) -> float:
        """Median of Python's time over the twin's, pair by pair."""
        return median(python / twin for python, twin in self.pairs)


def slopes(fewest: Figures, most: Figures) -> tuple[float, float]:
    """Seconds that one more stage takes, in Python and in the twin."""
    stages = most.stage_count - fewest.stage_count
    return (most.python - fewest.python) / stages, (most.twin - fewest.twin) / stages


def row(label: str, python: float, twin: float, ratio: float, *, limited: bool) -> str:
    """A line of the table."""
    limit = f"{LIMIT:.2f}" if limited else "-"
    return f"{label:<12}{python:>10.2f}{twin:>10.2f}{ratio:>8.2f}{limit:>8}"


HEADER = f"{'':<12}{'Python s':>10}{'twin s':>10}{'ratio':>8}{'limit':>8}"
