"""Clocks that tests move: on their own, with an emulated AWS, and for several deployments at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from beanpod.deploy.clock import Clock
from beanpod_emulator import EmbeddedAws

START = datetime(2026, 11, 24, 12, 31, 4, tzinfo=UTC)
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
T = TypeVar("T")


class StillClock(Clock):
    """Begins at START; only sleeping moves it. sleeps: every sleep so far."""

    def __init__(self) -> None:
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return sum(self.sleeps)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)


class VirtualClock(Clock):
    """Sleeping moves the emulated AWS's time, and what falls due there happens. slept: every sleep so far."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self._aws = aws
        self._now = aws.now()
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - _EPOCH).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now = self._aws.advance(seconds)


class ConcurrentClock(VirtualClock):
    """The clock of several deployments: moves when every one of them sleeps, and then to where the first one wakes."""

    def __init__(self, aws: EmbeddedAws) -> None:
        super().__init__(aws)
        self._awake = 0
        self._wake_ups: list[float] = []
        self._changed = threading.Condition()

    def sleep(self, seconds: float) -> None:
        with self._changed:
            due = self.monotonic() + seconds
            self._wake_ups.append(due)
            self._awake -= 1
            self._move_on()
            self._changed.wait_for(lambda: self.monotonic() >= due)

    def run(self, parts: list[Callable[[], T]]) -> list[T | Exception]:
        """What each part returns or raises, all of them run at once."""
        self._awake = len(parts)
        with ThreadPoolExecutor(len(parts)) as pool:
            return list(pool.map(self._perform, parts))

    def _perform(self, part: Callable[[], T]) -> T | Exception:
        try:
            return part()
        except Exception as error:
            return error
        finally:
            with self._changed:
                self._awake -= 1
                self._move_on()

    def _move_on(self) -> None:
        """Whoever falls asleep last moves the clock, a little further than due: its steps are whole microseconds."""
        if self._awake or not self._wake_ups:
            return
        first = min(self._wake_ups)
        self._now = self._aws.advance(max(first - self.monotonic(), 0.0) + 0.001)
        self._awake = sum(due <= self.monotonic() for due in self._wake_ups)
        self._wake_ups = [due for due in self._wake_ups if due > self.monotonic()]
        self._changed.notify_all()
