"""Runs a command line: the one place where this package starts processes."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Protocol

_CHUNK = 65536


@dataclass(frozen=True)
class Finished:
    """A process that ended. lines: what it printed on both outputs, as it came; stdout: the one alone."""

    code: int
    stdout: str = ""
    lines: tuple[str, ...] = ()


class TimedOutError(Exception):
    """The process was ended because it took too long; lines: what it had printed."""

    def __init__(self, seconds: float, lines: tuple[str, ...]) -> None:
        super().__init__(f"no end after {seconds:.0f} s")
        self.lines = lines


class Runner(Protocol):
    """Runs command lines."""

    def run(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        timeout: float,
        stdin: str = "",
        show: Callable[[str], None] | None = None,
    ) -> Finished:
        """Run to the end. timeout: seconds. show: is given each line as it comes.

        Raises FileNotFoundError where there is no such program, TimedOutError beyond the timeout.
        """


@dataclass(frozen=True)
class ProcessRunner:
    """Runs them as processes, each with all it starts in a group of its own: none is left behind.

    grace: seconds between asking a group to end and killing it.
    """

    grace: float = 5.0

    def run(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        timeout: float,
        stdin: str = "",
        show: Callable[[str], None] | None = None,
    ) -> Finished:
        pipe = subprocess.PIPE
        process = subprocess.Popen(  # noqa: S603 - argument lists of images._commands, no shell
            arguments, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
        output = _Output(show)
        with process, _ended_with(process, self.grace):
            _feed(process, stdin)
            output.follow(process, timeout)
        return Finished(process.returncode, output.stdout, tuple(output.lines))


@dataclass
class _Output:
    """What a process prints, split into lines."""

    show: Callable[[str], None] | None
    lines: list[str] = field(default_factory=list)
    _stdout: bytearray = field(default_factory=bytearray)
    _unfinished: dict[int, bytes] = field(default_factory=dict)

    @property
    def stdout(self) -> str:
        return self._stdout.decode(errors="replace")

    def follow(self, process: "subprocess.Popen[bytes]", timeout: float) -> None:
        end = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            for stream in filter(None, (process.stdout, process.stderr)):
                selector.register(stream, selectors.EVENT_READ, stream is process.stdout)
            while selector.get_map():
                ready = selector.select(max(0.0, end - time.monotonic()))
                if not ready or time.monotonic() >= end:
                    raise TimedOutError(timeout, tuple(self.lines))
                for key, _ in ready:
                    self._read(selector, key)
        process.wait()

    def _read(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        chunk = os.read(key.fd, _CHUNK)
        if key.data:
            self._stdout += chunk
        *whole, unfinished = (self._unfinished.get(key.fd, b"") + chunk).replace(b"\r", b"\n").split(b"\n")
        self._unfinished[key.fd] = unfinished
        if not chunk:
            selector.unregister(key.fileobj)
            whole.append(unfinished)
        for line in whole:
            self._tell(line.decode(errors="replace").rstrip())

    def _tell(self, line: str) -> None:
        if line:
            self.lines.append(line)
            if self.show:
                self.show(line)


def _feed(process: "subprocess.Popen[bytes]", text: str) -> None:
    with suppress(BrokenPipeError), process.stdin or nullcontext() as stream:
        if stream and text:
            stream.write(text.encode())


@contextmanager
def _ended_with(process: "subprocess.Popen[bytes]", grace: float) -> Iterator[None]:
    try:
        yield
    except BaseException:
        _end(process, grace)
        raise


def _end(process: "subprocess.Popen[bytes]", grace: float) -> None:
    try:
        _signal_group(process, signal.SIGTERM)
        process.wait(grace)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal_group(process, signal.SIGKILL)


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    # The group outlives its leader while any of its processes does.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
