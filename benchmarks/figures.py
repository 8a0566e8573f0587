"""Medians and ratios of the measured seconds, and the table."""

from dataclasses import dataclass
from statistics import median

LIMIT = 1.6


@dataclass(frozen=True)
class Figures:
    """The times of one number of stages.

    Attributes:
        stage_count: How many stages the app had.
        pairs: Seconds of Python and of the baseline, a pair for each round.
    """

    stage_count: int
    pairs: tuple[tuple[float, float], ...]

    @property
    def python(self) -> float:
        """Return the median seconds in Python."""
        return median(python for python, _ in self.pairs)

    @property
    def baseline(self) -> float:
        """Return the median seconds of the baseline."""
        return median(baseline for _, baseline in self.pairs)

    @property
    def ratios(self) -> list[float]:
        """Return Python's time divided by the baseline's, pair by pair, the lowest first."""
        return sorted(python / baseline for python, baseline in self.pairs)

    @property
    def ratio(self) -> float:
        """Return the median of the ratios."""
        return median(self.ratios)


def slope(fewest: Figures, most: Figures) -> Figures:
    """Return the time of one more stage, round by round: both must have been measured in the same rounds."""
    stages = most.stage_count - fewest.stage_count
    rounds = zip(fewest.pairs, most.pairs, strict=True)
    return Figures(1, tuple(((more[0] - few[0]) / stages, (more[1] - few[1]) / stages) for few, more in rounds))


def row(label: str, figures: Figures, *, limited: bool) -> str:
    """Return a line of the table."""
    limit = f"{LIMIT:.2f}" if limited else "-"
    spread = f"{figures.ratios[0]:.2f}-{figures.ratios[-1]:.2f}"
    return f"{label:<12}{figures.python:>10.2f}{figures.baseline:>12.2f}{figures.ratio:>8.2f}{spread:>12}{limit:>8}"


HEADER = f"{'':<12}{'Python s':>10}{'baseline s':>12}{'ratio':>8}{'rounds':>12}{'limit':>8}"
