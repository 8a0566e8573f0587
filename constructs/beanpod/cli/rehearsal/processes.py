"""Commands of a rehearsal as processes, which end when it is interrupted."""

import errno
import os
import re
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType

from beanpod.cli.output.display import PREFIX, Display
from beanpod.deploy.errors import DeployError, InterruptionError, ended
from beanpod.deploy.images import CommandRunner

_ENDING_SECONDS = 30
_TAIL = 12
# The time of day, with which `--output lines` begins.
_TIME = re.compile(r"^\d\d:\d\d:\d\dZ +")


class Interrupted(threading.Event):
    """Set by the first signal that ends the command."""

    def check(self) -> None:
        """Raise InterruptionError if the command is to end."""
        if self.is_set():
            raise InterruptionError("interrupted: nothing is left running")


def check_server(runs: Callable[[], bool]) -> None:
    """Raise DeployError if the emulated AWS has ended. runs: whether it runs."""
    if not runs():
        raise DeployError(
            "the emulated AWS was killed, perhaps for lack of memory: rehearse again, which removes its containers"
        )


@contextmanager
def noted_interruptions() -> Iterator[Interrupted]:
    """Note SIGINT, SIGTERM and SIGHUP, in place of raising KeyboardInterrupt.

    Raised while a process or a container is being started, it would leave that one running. Under nohup, SIGHUP
    stays ignored.
    """
    interrupted = Interrupted()

    def note(number: int, frame: FrameType | None) -> None:
        interrupted.set()

    hangup = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    previous = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, *hangup)}
    try:
        yield interrupted
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@dataclass(frozen=True)
class Done:
    """A process that ended.

    Attributes:
        code: Its exit code.
        output: Its standard output; with its errors, unless only these were shown.
        tail: The last lines that it printed.
        failure: The lines of Beanpod's own failure, which are part of its result.
    """

    code: int
    output: str
    tail: tuple[str, ...]
    failure: tuple[str, ...] = ()


class ProgramRunner:
    """Runs commands, and shows what they print: all of it on a terminal or with --verbose, else nothing.

    Attributes:
        interrupted: Ends the command that runs.
    """

    def __init__(self, display: Display, interrupted: Interrupted, *, verbose: bool) -> None:
        self._display, self._shown = display, display.live or verbose
        self.interrupted = interrupted

    def run(
        self,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        folder: Path,
        result: bool = False,
        server_runs: Callable[[], bool] = lambda: True,
    ) -> Done:
        """Run a command to its end.

        Args:
            command: The program and its arguments.
            environ: Its variables.
            folder: Its working directory.
            result: Whether standard output is a result, and not shown.
            server_runs: Whether the emulated AWS runs, without which the command is ended.

        Raises:
            InterruptionError: The command was interrupted.
            DeployError: The emulated AWS has ended.
        """
        tail: deque[str] = deque(maxlen=_TAIL)
        failure: list[str] = []

        def take(line: str) -> None:
            text = _TIME.sub("", line).strip()
            if failure or text.startswith(PREFIX):
                failure.append(text)
            elif text:
                tail.append(text)
                if self._shown:
                    self._display.output(text)

        def check() -> None:
            self.interrupted.check()
            check_server(server_runs)

        done = CommandRunner(grace=_ENDING_SECONDS).run(
            command, environment=environ, folder=folder, show=take, show_stdout=not result, check=check
        )
        check()
        return Done(done.code, done.stdout if result else "\n".join(done.lines), tuple(tail), tuple(failure))

    def show_tail(self, done: Done) -> None:
        """Show the last lines of a command if they were not shown before."""
        for line in () if self._shown else done.tail:
            self._display.output(line)

    def failed(self, what: str, done: Done) -> DeployError:
        """Return the error of a command that failed, after showing its last lines if they were not shown before."""
        self.show_tail(done)
        for line in done.failure:
            self._display.output(line)
        # jsii prints more after it than the last lines hold.
        full = (line.strip() for line in done.output.splitlines() if os.strerror(errno.ENOSPC) in line)
        return DeployError(f"{what} failed with {ended(done.code)}", causes=tuple(islice(full, 1)))
