"""How others wait for an update, from the intervals that their sources document (read there, not run here)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat


@dataclass(frozen=True)
class Peer:
    """pauses: seconds between its polls, without end. a_poll: calls each poll makes; around: those at both ends."""

    name: str
    pauses: Callable[[], Iterator[float]]
    a_poll: int
    around: int

    def wait(self, seconds: float) -> tuple[int, float]:
        """The calls it makes for an update of that length, and how long after its end it ends."""
        elapsed, polls = 0.0, 0
        pauses = self.pauses()
        while elapsed < seconds:
            elapsed += next(pauses)
            polls += 1
        return self.around + polls * self.a_poll, elapsed - seconds


def _every(seconds: float) -> Callable[[], Iterator[float]]:
    return lambda: repeat(seconds)


def _slowing_down() -> Iterator[float]:
    """10 s for five minutes, 20 s for five more, then 30 s."""
    return chain(repeat(10.0, 30), repeat(20.0, 15), repeat(30.0))


PEERS = (
    # awsebcli 3.27: events every 5 s.
    Peer("eb deploy", _every(5.0), a_poll=1, around=1),
    # einaregilsson/beanstalk-deploy v22: events and environment.
    Peer("beanstalk-deploy", _slowing_down, a_poll=2, around=2),
    # aws-actions/aws-elasticbeanstalk-deploy: environment and events, every 10 s.
    Peer("AWS's action", _every(10.0), a_poll=2, around=2),
)
