"""Ctrl-C and SIGTERM: the first one ends the command in order; others do not interrupt that by accident."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from beanpod.deploy.errors import InterruptionError

# Windows has no SIGHUP.
_SIGNALS = tuple(one for one in signal.Signals if one.name in ("SIGINT", "SIGTERM", "SIGHUP"))
_REPEATED_SECONDS = 1.0
# GitHub's runner kills a process 10 s after the first signal; the lock has to be released by then.
_DEFERRED_SECONDS = 2.0


class _Deferral:
    """Of this process, as its signal handlers are: whether KeyboardInterrupt may not be raised now, and is due."""

    active = False
    due = False


_deferral = _Deferral()


@contextmanager
def deferred_interruption() -> Iterator[None]:
    """Raise KeyboardInterrupt after the block instead of within it, but at most 2 s later.

    For code with locks of its own. Raised between the call that takes a lock and the block that releases it,
    KeyboardInterrupt leaves the lock taken, and who needs it next waits forever: one of 182 interrupted boto3 calls
    left the lock of urllib3's connection pool. Blocks inside a block, and in other threads, change nothing.
    """
    if _deferral.active or threading.current_thread() is not threading.main_thread():
        yield
        return
    _deferral.active = True
    try:
        yield
    finally:
        _deferral.active = False
        if _deferral.due:
            _deferral.due = False
            _alarm_in(0)
            raise KeyboardInterrupt


def _interrupt() -> None:
    if _deferral.active:
        _deferral.due = True
        _alarm_in(_DEFERRED_SECONDS)
        return
    raise KeyboardInterrupt


def _end_deferral(number: int, frame: FrameType | None) -> None:
    if _deferral.due:
        _deferral.due = False
        raise KeyboardInterrupt


def _alarm_in(seconds: float) -> None:
    # Windows has no timer: there the interruption waits until the block ends.
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


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
        if hasattr(signal, "SIGALRM"):
            signal.signal(signal.SIGALRM, _end_deferral)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal. Raises KeyboardInterrupt the first time; see `deferred_interruption`."""
        now = self._monotonic()
        if self._first is None:
            self._first = now
            _interrupt()
            return
        if number == signal.SIGINT and now - self._first > _REPEATED_SECONDS:
            _show_cursor()
            self._leave(InterruptionError.exit_code)


def _show_cursor() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream.isatty():
            os.write(stream.fileno(), b"\x1b[?25h\r\n")
            return
