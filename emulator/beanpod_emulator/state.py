"""The state of a running emulator: its clock, its lock, and what can be set while it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from threading import Condition, RLock, Thread
from typing import Any

from beanpod_emulator.clock import Clock
from beanpod_emulator.fault_injection import FaultInjector

_WAIT_SECONDS = 1.0


class StateLock:
    """A lock for everything that reads or writes the services' state, which moto keeps in plain dictionaries.

    `with lock:` acquires it. Work that takes real time, such as starting containers, runs in the background.
    """

    def __init__(self) -> None:
        self._condition = Condition(RLock())
        self._running = 0

    def __enter__(self) -> None:
        self._condition.acquire()

    def __exit__(self, *error: object) -> None:
        self._condition.release()

    def run_in_background(self, work: Callable[[], None]) -> None:
        """Start work in a thread. The work acquires the lock itself where it reads or writes state."""
        with self:
            self._running += 1
        Thread(target=self._work, args=(work,), daemon=True).start()

    def wait_for_background(self) -> bool:
        """Release the lock until some background work has ended.

        Returns:
            False if there is no such work.
        """
        with self:
            if not self._running:
                return False
            self._condition.wait(_WAIT_SECONDS)
            return True

    def _work(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            with self:
                self._running -= 1
                self._condition.notify_all()


class _Numbers:
    """Numbers that can be set by name."""

    def set(self, **values: float) -> None:
        """Change some of the numbers.

        Raises:
            ValueError: A number does not exist, or is negative.
        """
        known = [item.name for item in fields(self)]  # type: ignore[arg-type]
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"there is no {name} to set: choose one of {', '.join(known)}")
            if value < 0:
                raise ValueError(f"{name} must be 0 or more, got {value}")
            setattr(self, name, value)


@dataclass
class Pace(_Numbers):
    """How many seconds the steps of an environment take.

    Attributes:
        launch: AWS seconds until a new environment is Ready. As small environments take.
        update: AWS seconds of an update.
        terminate: AWS seconds until a terminated environment is gone.
        health: Real seconds in which a new version must pass its health check, with Docker.
        evaluation: Real seconds that a minute of a traffic split's evaluation time takes, with Docker.
        watch: Real seconds for which Beanpod's postdeploy hook watches containers; 0 for as long as the bundle says.
    """

    launch: float = 240
    update: float = 183
    terminate: float = 90
    health: float = 60
    evaluation: float = 1
    watch: float = 0


@dataclass
class Limits(_Numbers):
    """AWS's quotas: https://docs.aws.amazon.com/general/latest/gr/elasticbeanstalk.html

    Attributes:
        application_versions: Of all applications in a region.
    """

    application_versions: float = 1000


@dataclass
class Emulator:
    """The state of one emulator besides that of its services.

    Attributes:
        compute: The operations.ComputeBackend of Elastic Beanstalk. None: instances exist in API responses only.
    """

    clock: Clock = field(default_factory=Clock)
    lock: StateLock = field(default_factory=StateLock)
    pace: Pace = field(default_factory=Pace)
    limits: Limits = field(default_factory=Limits)
    faults: FaultInjector = field(default_factory=FaultInjector)
    compute: Any = None

    def reset(self) -> None:
        """Drop what is scheduled and what is injected, and set a stopped clock anew. Pace and limits remain."""
        self.clock.reset()
        self.faults.clear()
