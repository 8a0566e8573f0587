"""`python -m benchmarks.waiting`: what waiting for an update costs and how soon its end is seen, beside other tools."""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from beanpod.manifest import StageConfig
from benchmarks.waiting_peers import PEERS, Peer
from benchmarks.waiting_runs import Course, Run, spread
from emulator import EmbeddedAws
from tests.deploy.rollout.ground import Ground

DURATIONS = (60.0, 183.0, 600.0, 900.0)
RUNS = 8
_BEFORE = 3
_FAILURES = ("error-event", "with-errors-silently", "reverts", "instance-behind")
_MOST_OTHER = 14
_MOST_IDLE = 6
_LONGEST_IDLE = 2.0
_FIRST_DELAY = 2.5
_FAILURE_DELAY = 5.0
_LONG = 400.0


@dataclass(frozen=True)
class Line:
    """A line of the table. limit: what the figure may not exceed; None for what is only shown."""

    what: str
    figures: Sequence[float]
    limits: Sequence[float] | None = None

    @property
    def kept(self) -> bool:
        """Whether every figure is within its limit."""
        return self.limits is None or all(f <= limit for f, limit in zip(self.figures, self.limits, strict=True))

    def __str__(self) -> str:
        shown = "".join(f"{figure:>9.2f}" for figure in self.figures)
        limits = "" if self.limits is None else "   at most" + "".join(f"{limit:>8.2f}" for limit in self.limits)
        return f"{self.what:<44}{shown}{limits}{'' if self.kept else '   EXCEEDED'}"


@dataclass(frozen=True)
class Measured:
    """All runs around one duration. known, failed: released to before. failed_early: after a third of the time.

    idle: nothing to do, its calls and real seconds.
    """

    seconds: float
    known: Sequence[Run]
    first: Sequence[Run]
    failed: Sequence[Run]
    failed_early: Run
    idle: tuple[int, float]

    @classmethod
    def on(cls, course: Course, seconds: float) -> "Measured":
        """Run everything. Raises RuntimeError when doing nothing uploads something."""
        stage = course.environment(releases=spread(seconds, _BEFORE), instances=2)
        durations = spread(seconds, RUNS)
        known = [course.release(stage, each) for each in durations]
        idle = _idle(course, stage)
        failed = [
            course.release(stage, each, fault=fault)
            for fault, each in zip(_FAILURES, spread(seconds, len(_FAILURES)), strict=True)
        ]
        failed_early = course.release(stage, seconds / 3, fault="error-event")
        first = [course.release(course.environment(releases=[]), each) for each in durations]
        return cls(seconds, known, first, failed, failed_early, idle)

    @property
    def thriftiest(self) -> float:
        """The calls that the thriftiest peer makes for the same updates."""
        return min(fmean(peer.wait(run.seconds)[0] for run in self.known) for peer in PEERS)

    @property
    def longest_delay(self) -> float:
        """What the mean delay may be where the environment has been released to before."""
        return 1.0 if self.seconds <= _LONG else 0.0025 * self.seconds


def main() -> int:
    """0 within the limits, 1 beyond one of them."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedAws.start(virtual_clock=True) as emulator:
        ground = Ground(emulator)
        ground.prepare()
        course = Course(ground, Path(folder))
        lines = _lines([Measured.on(course, seconds) for seconds in DURATIONS])
    print(f"Updates that take so many seconds, {RUNS} each, spread over 15 % around it; mean calls and seconds:")
    print(f"{'':<44}{''.join(f'{seconds:>9.0f}' for seconds in DURATIONS)}")
    print(*lines, sep="\n")
    return int(not all(line.kept for line in lines))


def _idle(course: Course, stage: StageConfig) -> tuple[int, float]:
    began = time.perf_counter()
    actions = course.nothing_to_do(stage)
    if "PutObject" in actions:
        raise RuntimeError(f"nothing was to be done, and something was uploaded: {actions}")
    return len(actions), time.perf_counter() - began


def _lines(all_of_it: Sequence[Measured]) -> list[Line]:
    calls = [each.thriftiest for each in all_of_it]
    width = len(all_of_it)
    return [
        Line("waiting, released to before: calls", [_calls(it.known) for it in all_of_it], calls),
        Line(
            "  seconds from done to exit",
            [_delay(it.known) for it in all_of_it],
            [it.longest_delay for it in all_of_it],
        ),
        Line("waiting, the first release: calls", [_calls(it.first) for it in all_of_it], calls),
        Line("  seconds from done to exit", [_delay(it.first) for it in all_of_it], [_FIRST_DELAY] * width),
        Line(
            "a failure: longest seconds until noticed",
            [_longest(it.failed) for it in all_of_it],
            [_FAILURE_DELAY] * width,
        ),
        Line("  in a third of the usual time", [it.failed_early.delay for it in all_of_it]),
        Line("besides waiting: most calls", [_other(it) for it in all_of_it], [_MOST_OTHER] * width),
        Line("nothing to do: calls", [it.idle[0] for it in all_of_it], [_MOST_IDLE] * width),
        Line("  real seconds", [it.idle[1] for it in all_of_it], [_LONGEST_IDLE] * width),
        *(line for peer in PEERS for line in _peer(peer, all_of_it)),
    ]


def _calls(runs: Sequence[Run]) -> float:
    return fmean(run.waiting for run in runs)


def _delay(runs: Sequence[Run]) -> float:
    return fmean(run.delay for run in runs)


def _longest(runs: Sequence[Run]) -> float:
    return max(run.delay for run in runs)


def _other(measured: Measured) -> float:
    return max(run.other for run in (*measured.known, *measured.first))


def _peer(peer: Peer, all_of_it: Sequence[Measured]) -> list[Line]:
    waits = [[peer.wait(run.seconds) for run in it.known] for it in all_of_it]
    return [
        Line(f"{peer.name}, modelled: calls", [fmean(calls for calls, _ in each) for each in waits]),
        Line("  seconds from done to exit", [fmean(delay for _, delay in each) for each in waits]),
    ]


if __name__ == "__main__":
    sys.exit(main())
