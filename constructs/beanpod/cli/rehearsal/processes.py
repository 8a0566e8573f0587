"""Commands of a rehearsal as processes, which end when it is interrupted."""

import errno
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import IO

from beanpod.cli.output.display import PREFIX, Display
from beanpod.deploy.errors import DeployError, InterruptionError, ended

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


class Runner:
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
        shown: queue.Queue[str] = queue.Queue()
        output: list[str] = []

        def both(line: str) -> None:
            output.append(line)
            shown.put(line)

        # In a group of its own: the CDK CLI starts Node, and ending the one would leave the other running.
        with subprocess.Popen(  # noqa: S603
            command,
            cwd=folder,
            env=dict(environ),
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if result else subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            pairs = [(process.stderr, shown.put), (process.stdout, output.append)]
            streams = pairs if result else [(process.stdout, both)]
            threads = [threading.Thread(target=_read, args=one, daemon=True) for one in streams]
            for thread in threads:
                thread.start()
            lines, failure = self._show(process, shown, threads, server_runs)
        self.interrupted.check()
        check_server(server_runs)
        return Done(process.returncode, "".join(output), lines, failure)

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

    def _show(
        self,
        process: "subprocess.Popen[str]",
        shown: "queue.Queue[str]",
        threads: Sequence[threading.Thread],
        server_runs: Callable[[], bool],
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        tail: deque[str] = deque(maxlen=_TAIL)
        failure: list[str] = []
        while any(thread.is_alive() for thread in threads) or not shown.empty():
            if self.interrupted.is_set() or not server_runs():
                _end_group(process)
                break
            with suppress(queue.Empty):
                text = _TIME.sub("", shown.get(timeout=0.1)).strip()
                if failure or text.startswith(PREFIX):
                    failure.append(text)
                elif text:
                    tail.append(text)
                    if self._shown:
                        self._display.output(text)
        return tuple(tail), tuple(failure)


def _read(stream: IO[str] | None, take: Callable[[str], object]) -> None:
    for line in stream or ():
        take(line)


def _end_group(process: "subprocess.Popen[str]") -> None:
    """End a process group, and wait until it is gone: a process that is ending may still write files."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
            deadline = time.monotonic() + _ENDING_SECONDS
            while time.monotonic() < deadline:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(0.02)
