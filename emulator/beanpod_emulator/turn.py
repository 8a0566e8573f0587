"""Whose turn it is: one request at a time, and between requests what happens outside of them."""

from collections.abc import Callable
from threading import Condition, RLock, Thread


class Turn:
    """A lock for everything that touches the services' state, which moto keeps in plain dictionaries.

    `with TURN:` takes it. Work that takes real time, such as starting containers, runs beside it.
    """

    def __init__(self) -> None:
        self._condition = Condition(RLock())
        self._running = 0

    def __enter__(self) -> None:
        self._condition.acquire()

    def __exit__(self, *error: object) -> None:
        self._condition.release()

    def beside(self, work: Callable[[], None]) -> None:
        """Start work in a thread of its own; it takes the turn itself whenever it touches anything."""
        with self:
            self._running += 1
        Thread(target=self._work, args=(work,), daemon=True).start()

    def wait(self) -> bool:
        """Let others have the turn until some of that work has ended; False when there is none to wait for."""
        with self:
            if not self._running:
                return False
            self._condition.wait(_SECONDS)
            return True

    def _work(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            with self:
                self._running -= 1
                self._condition.notify_all()


_SECONDS = 1.0

TURN = Turn()
"""The turn of this process."""
