"""The emulator's clock, which all services read, and on which slow operations are scheduled."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


def _utcnow() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(order=True)
class _Task:
    due: datetime
    order: int
    action: Callable[[], None] = field(compare=False)


class Clock:
    """A clock that runs scheduled actions when they are due and run_due() or advance() is called.

    Slow operations end at the next run_due(), until run_in_real_time() or stop() is called.

    Args:
        wall: Source of the real time, naive UTC. Default: the machine's clock.
    """

    def __init__(self, wall: Callable[[], datetime] = _utcnow) -> None:
        self._wall = wall
        self._tasks: list[_Task] = []
        self._order = itertools.count()
        self._stopped_at: datetime | None = None
        self._running: datetime | None = None
        self._at_once = True

    def run_in_real_time(self) -> None:
        """Have slow operations take their time."""
        self._at_once = False

    def stop(self) -> None:
        """Stop the clock: time moves by advance() only."""
        self._at_once = False
        self._stopped_at = self._wall()

    def reset(self) -> None:
        """Drop what is scheduled; a stopped clock begins anew at the machine's time."""
        self._tasks.clear()
        if self._stopped_at:
            self._stopped_at = self._wall()

    def now(self) -> datetime:
        """Return the current time, naive UTC."""
        return self._running or self._stopped_at or self._wall()

    def advance(self, seconds: float) -> None:
        """Move a stopped clock, and run what falls due, in order and each action at its own time.

        Raises:
            ValueError: The clock is not stopped, or `seconds` is negative.
        """
        if self._stopped_at is None:
            raise ValueError("this clock follows the machine's: start the server with a virtual clock to move it")
        if seconds < 0:
            raise ValueError(f"seconds must be 0 or more, got {seconds}: time does not run backwards")
        target = self._stopped_at + timedelta(seconds=seconds)
        self._run_until(target)
        self._stopped_at = target

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Schedule an action in `seconds` of AWS time."""
        due = self.now() + timedelta(seconds=0 if self._at_once else seconds)
        heapq.heappush(self._tasks, _Task(due, next(self._order), action))

    def run_due(self) -> None:
        """Run all actions that are due, in order and each at its own time."""
        self._run_until(self.now())

    def finish(self, until: Callable[[], bool]) -> None:
        """Run scheduled actions, due or not, until a condition holds or none is left."""
        # The condition first: it may run what is due.
        while not until() and self._tasks:
            heapq.heappop(self._tasks).action()

    def _run_until(self, target: datetime) -> None:
        while self._tasks and self._tasks[0].due <= target:
            task = heapq.heappop(self._tasks)
            self._running = task.due
            try:
                task.action()
            finally:
                self._running = None
