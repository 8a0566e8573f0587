"""Ctrl-C and SIGTERM: one asks to end in order, what follows cannot cut that short by accident."""

import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from beanpod.deploy.errors import InterruptionError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAME_WISH_SECONDS = 1.0


class Interruptions:
    """Turns the first signal into KeyboardInterrupt, so that locks are released and what was left is told.

    Those that follow within a second are the same wish: a terminal and `make` both pass Ctrl-C on. Another Ctrl-C
    after that ends the process at once. Another SIGTERM does not: who sends one (GitHub sends it 7.5 s after the
    first signal) kills when out of patience, and the cleaning may be done by then.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic, leave: Callable[[int], None] = os._exit):
        self._monotonic = monotonic
        self._leave = leave
        self._first: float | None = None

    def install(self) -> None:
        """Handle the signals from now on; one that the parent ignores, as under nohup, stays ignored."""
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self.handle)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """What happens on a signal. Raises KeyboardInterrupt the first time."""
        now = self._monotonic()
        if self._first is None:
            self._first = now
            raise KeyboardInterrupt
        if number == signal.SIGINT and now - self._first > _SAME_WISH_SECONDS:
            _show_cursor()
            self._leave(InterruptionError.exit_code)


def _show_cursor() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream.isatty():
            os.write(stream.fileno(), b"\x1b[?25h\r\n")
            return
