"""`python -m benchmarks.waiting`: what waiting for an update costs and how soon its end is noticed, beside other tools.

Releases on the emulated AWS with its virtual clock. Waiting is from UpdateEnvironment to the poll that first finds the
environment settled; renewals of the deployment lock, which the others do not have, are counted apart. The others are
modelled from the intervals in their sources.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from statistics import fmean

from beanpod.deploy.errors import DeployError
from beanpod.deploy.preflight import Settings, Target
from beanpod_emulator import EmbeddedAws
from tests.deploy.rollout.sandbox import Sandbox, bundle

DURATIONS = (20.0, 183.0, 900.0)
_RUNS = 4
_SPREAD = 0.15
_FAULTS = ("error-event", "with-errors-silently", "reverts", "instance-behind")
_LONGEST_DELAY = 5.0
_MOST_OTHER_CALLS = 14
# One of them looks at the environment again after the build.
_MOST_IDLE_CALLS = 8
_LONGEST_IDLE_SECONDS = 2.0
# Read before a release, with the outputs of the stage's two stacks.
_STACKS = 2


@dataclass(frozen=True)
class Peer:
    """Another tool's way to wait.

    Attributes:
        name: What it is called.
        pauses: Seconds between its polls, without end.
        calls_per_poll: AWS calls of each poll.
        other_calls: AWS calls before the first and after the last one.
    """

    name: str
    pauses: Callable[[], Iterator[float]]
    calls_per_poll: int
    other_calls: int

    def wait(self, seconds: float) -> tuple[int, float]:
        """The calls it makes for an update that takes so many seconds, and the delay after its end."""
        elapsed, polls = 0.0, 0
        pauses = self.pauses()
        while elapsed < seconds:
            elapsed += next(pauses)
            polls += 1
        return self.other_calls + polls * self.calls_per_poll, elapsed - seconds


PEERS = (
    # awsebcli 3.27: events every 5 s.
    Peer("eb deploy", lambda: repeat(5.0), calls_per_poll=1, other_calls=1),
    # einaregilsson/beanstalk-deploy v22: events and environment; 10 s for five minutes, 20 s for five more, then 30 s.
    Peer(
        "beanstalk-deploy",
        lambda: chain(repeat(10.0, 30), repeat(20.0, 15), repeat(30.0)),
        calls_per_poll=2,
        other_calls=2,
    ),
    # aws-actions/aws-elasticbeanstalk-deploy: environment and events, every 10 s.
    Peer("AWS's action", lambda: repeat(10.0), calls_per_poll=2, other_calls=2),
)


@dataclass(frozen=True)
class Run:
    """A release, counted.

    Attributes:
        seconds: What its update took.
        waiting: Calls while it was waited for.
        renewals: Of the lock, meanwhile.
        other: All other calls.
        delay: Seconds from the update's end to the first look at the settled environment.
    """

    seconds: float
    waiting: int
    renewals: int
    other: int
    delay: float


@dataclass(frozen=True)
class Line:
    """A line of the table. limits: what the figures may not exceed; None for what is only shown."""

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


class Releases:
    """Releases on one environment of the emulated AWS."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._target: Target = sandbox.environment(instances=2)
        self._count = 0

    def run(self, seconds: float, *, fault: str = "") -> Run:
        """Release something new in an update that takes so many seconds. fault: of the emulator's, for this release."""
        self._count += 1
        new = bundle(f"release {self._count}")
        self._sandbox.emulator.set_pace(update=seconds)
        self._sandbox.clear_calls()
        if fault:
            self._sandbox.emulator.inject_fault(fault, version_label=new.label)
        rollout, _ = self._sandbox.rollout(self._target, settings=Settings(roll_back=False))
        try:
            rollout.release(new)
        except DeployError:
            if not fault:
                raise
        return self._counted(seconds)

    def idle(self) -> tuple[int, float]:
        """Release what runs already; the calls and the real seconds that takes."""
        self._sandbox.clear_calls()
        began = time.perf_counter()
        self._sandbox.rollout(self._target)[0].release(bundle(f"release {self._count}"))
        return len(self._sandbox.actions()) + _STACKS, time.perf_counter() - began

    def _counted(self, seconds: float) -> Run:
        calls = self._sandbox.emulator.calls()
        began = [call.action for call in calls].index("UpdateEnvironment")
        done = calls[began].time.timestamp() + seconds
        noticed = next(
            number
            for number, call in enumerate(calls)
            if call.action == "DescribeEnvironments" and call.time.timestamp() >= done
        )
        # That poll reads the events as well.
        noticed += calls[noticed + 1].action == "DescribeEvents"
        between = [call.action for call in calls[began + 1 : noticed + 1]]
        renewals = between.count("PutObject")
        other = _STACKS + len(calls) - len(between)
        return Run(seconds, len(between) - renewals, renewals, other, calls[noticed].time.timestamp() - done)


def spread(seconds: float, count: int) -> list[float]:
    """Durations evenly over 15 % on both sides of `seconds`, shuffled, the same every time."""
    shares = [(2 * number + 1) / count - 1 for number in range(count)]
    durations = [seconds * (1 + _SPREAD * share) for share in shares]
    random.Random(4).shuffle(durations)  # noqa: S311
    return durations


def main() -> int:
    """Print the table. 0 within the limits, 1 beyond one of them."""
    with EmbeddedAws.start(virtual_clock=True) as emulator:
        sandbox = Sandbox(emulator)
        sandbox.prepare()
        releases = Releases(sandbox)
        good = [[releases.run(each) for each in spread(seconds, _RUNS)] for seconds in DURATIONS]
        idle = releases.idle()
        failed = [
            [releases.run(each, fault=fault) for fault, each in zip(_FAULTS, spread(s, len(_FAULTS)), strict=True)]
            for s in DURATIONS
        ]
    lines = _lines(good, failed, idle)
    print(f"Updates that take so many seconds, {_RUNS} each, spread over 15 % around it; mean calls:")
    print(f"{'':<44}{''.join(f'{seconds:>9.0f}' for seconds in DURATIONS)}")
    print(*lines, sep="\n")
    return int(not all(line.kept for line in lines))


def _lines(good: Sequence[Sequence[Run]], failed: Sequence[Sequence[Run]], idle: tuple[int, float]) -> list[Line]:
    eb, *_ = peers = [[[peer.wait(run.seconds) for run in runs] for runs in good] for peer in PEERS]
    delays, others = [_LONGEST_DELAY] * len(good), [_MOST_OTHER_CALLS] * len(good)
    lines = [
        Line("waiting: calls", [fmean(run.waiting for run in runs) for runs in good], [_calls(each) for each in eb]),
        Line("  renewals of the lock", [fmean(run.renewals for run in runs) for runs in good]),
        Line("  longest seconds until an end is noticed", [_longest(runs) for runs in good], delays),
        Line("  longest seconds until a failure is noticed", [_longest(runs) for runs in failed], delays),
        Line("besides waiting: most calls", [max(run.other for run in runs) for runs in good], others),
        Line("nothing to do: calls", [idle[0]], [_MOST_IDLE_CALLS]),
        Line("  real seconds", [idle[1]], [_LONGEST_IDLE_SECONDS]),
    ]
    for peer, waits in zip(PEERS, peers, strict=True):
        lines.append(Line(f"{peer.name}, modelled: calls", [_calls(each) for each in waits]))
        lines.append(Line("  longest seconds until an end is noticed", [max(d for _, d in each) for each in waits]))
    return lines


def _calls(waits: Sequence[tuple[int, float]]) -> float:
    return fmean(calls for calls, _ in waits)


def _longest(runs: Sequence[Run]) -> float:
    return max(run.delay for run in runs)


if __name__ == "__main__":
    sys.exit(main())
