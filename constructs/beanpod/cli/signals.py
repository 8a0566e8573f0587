"""Ctrl-C and SIGTERM: the first one ends the command in order; others do not interrupt that by accident."""

import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from beanpod.deploy.errors import InterruptionError

# Windows has no SIGHUP.
_SIGNALS = tuple(one for one in signal.Signals if one.name in ("SIGINT", "SIGTERM", "SIGHUP"))
_REPEATED_SECONDS = 1.0


class Interruptions:
    """Raises KeyboardInterrupt on the first signal, so that locks are released and the state is reported.

    Signals within the following second are ignored: a terminal and `make` both forward Ctrl-C. A later Ctrl-C ends the
    process at once. A later SIGTERM does not: GitHub sends it 7.5 s after the first signal, and SIGKILL after that, by
    when the command may have finished.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic, leave: Callable[[int], None] = os._exit):
        self._monotonic = monotonic
        self._leave = leave
        self._first: float | None = None

    def install(self) -> None:
        """Handle the signals, except those that the parent process ignores, as under nohup."""
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self.handle)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal. Raises KeyboardInterrupt the first time."""
        now = self._monotonic()
        if self._first is None:
            self._first = now
            raise KeyboardInterrupt
        if number == signal.SIGINT and now - self._first > _REPEATED_SECONDS:
            _show_cursor()
            self._leave(InterruptionError.exit_code)


def _show_cursor() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream.isatty():
            os.write(stream.fileno(), b"\x1b[?25h\r\n")
            return
