"""When an update will be done, and how often it is worth looking.

Looking costs a call, not looking costs waiting. So: rarely while the end is far, often where it is likely, and again
less often the longer it is overdue. What the environment said in earlier releases tells where that is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from beanpod.deploy.rollout.history import STARTING, History

# What is said shortly before the end. The seconds are from transcripts of `eb deploy` on Amazon Linux 2 and 2023 (6, 7,
# 7 and 38 s), for environments that have no history yet.
HERALD = "Instance deployment completed successfully."
_HERALD_SECONDS = (3.0, 9.0)
# From the first error to the end of the update: longer, the more there is to undo.
_FAILING_SECONDS = 60.0
_FAILING_PAUSE = 2.5

# Before the window. A short update is nearly over before a failure could be seen much earlier.
_SHORT, _FAR_IN_SHORT, _FAR = 120.0, 20.0, 10.0
# Whether it has begun, or failed at once; then when the quickest are over.
_FIRST_LOOKS = (3.0, 18.0)
# Between these, so that an end without a sign is seen within 5 s all the same.
_FINEST, _COARSEST = 0.8, 4.2
# How much the next release may differ from the extremes of the last ones, by how many of those are known.
_MARGINS = (0.26, 0.2, 0.16, 0.13)
_LEAST_MARGIN = 0.1


@dataclass(frozen=True)
class Window:
    """When the end is likely, in seconds since the update began. sharp: whether no earlier sign of it is to come.

    finest, farthest: the pauses inside, and long before or after.
    """

    earliest: float
    latest: float
    finest: float
    sharp: bool
    farthest: float = _FAR

    def pause(self, elapsed: float) -> float:
        """Seconds until the next look."""
        if elapsed < self.earliest:
            return min(self.farthest, max(self.earliest - elapsed, self.finest))
        overdue = max(elapsed - self.latest, 0.0)
        return min(self.finest + overdue * 0.1, self.farthest)


@dataclass(frozen=True)
class Said:
    """A message of this update, and when, in seconds since it began."""

    words: str
    at: float


def window(history: History, said: Sequence[Said], *, failing: float | None = None) -> Window | None:
    """When the end is likely; None while nothing tells. failing: when the first error was told."""
    if failing is not None:
        return Window(failing, failing + _FAILING_SECONDS, _FAILING_PAUSE, sharp=True)
    if not history.known:
        return _unprecedented(said)
    start = [Said(STARTING, 0.0)]
    known = [one for one in (*start, *said) if one.words in history.remaining]
    return min((_from(history, one, known) for one in known), key=lambda it: it.latest - it.earliest)


def _unprecedented(said: Sequence[Said]) -> Window | None:
    heralded = next((one.at for one in said if one.words == HERALD), None)
    if heralded is None:
        return None
    soonest, longest = _HERALD_SECONDS[0], max(_HERALD_SECONDS[1], heralded * 0.05)
    return Window(heralded + soonest, heralded + longest, min(max(longest / 14, 1.5), 3.0), sharp=True)


def _from(history: History, one: Said, said: Sequence[Said]) -> Window:
    samples = history.remaining[one.words]
    margin = _MARGINS[len(samples) - 1] if len(samples) <= len(_MARGINS) else _LEAST_MARGIN
    earliest, latest = one.at + min(samples) * (1 - margin), one.at + max(samples) * (1 + margin)
    sign = _next_sign(history.remaining, said)
    usual = max(history.remaining[STARTING])
    far = _FAR_IN_SHORT if usual < _SHORT else max(_FAR, usual / 60)
    if sign is not None:
        return Window(earliest - sign, latest, min(max(sign * 0.8, 2.0), _COARSEST), sharp=False, farthest=far)
    finest = max((latest - earliest) / 12, _FINEST, usual / 400)
    return Window(earliest, latest, min(finest, max(usual / 250, 1.4)), sharp=True, farthest=far)


def _next_sign(remaining: Mapping[str, tuple[float, ...]], said: Sequence[Said]) -> float | None:
    """How long before the end the last sign comes that is still to come; None when there is none worth waiting for."""
    latest = min(min(remaining[one.words]) for one in said)
    return min((min(samples) for samples in remaining.values() if 2 <= min(samples) < latest), default=None)


def pause(elapsed: float, now: Window | None) -> float:
    """Seconds until the next look. Without a window: after the first looks, growing from 5 to 11.5."""
    if now is not None:
        return now.pause(elapsed)
    for moment in _FIRST_LOOKS:
        if elapsed < moment:
            return moment - elapsed
    return min(max(5.0, elapsed / 24), 11.5)
