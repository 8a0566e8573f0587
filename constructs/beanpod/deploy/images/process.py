"""Run commands and create temporary folders; both end with the deployment, however it ends."""

import math
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from beanpod.deploy.errors import BuildError, unwritable

_CHUNK = 65536
_POLL_SECONDS = 0.1
_REAPED_SECONDS = 0.5
# No deployment takes so long.
_ABANDONED_SECONDS = 24 * 3600.0
_LOCK = ".beanpod-lock"


@dataclass(frozen=True)
class CommandResult:
    """A process that has ended.

    Attributes:
        code: Its exit code.
        stdout: Its standard output.
        lines: The lines of standard output and standard error, in the order in which they came.
    """

    code: int
    stdout: str = ""
    lines: tuple[str, ...] = ()


class TimedOutError(Exception):
    """A process was killed because it ran too long.

    Attributes:
        lines: What it had printed.
    """

    def __init__(self, seconds: float, lines: tuple[str, ...]) -> None:
        super().__init__(f"timed out after {seconds:.0f} s")
        self.lines = lines


class CommandRunner:
    """Runs each command in a process group of its own, which ends as a whole."""

    def __init__(self, *, grace: float = 5.0) -> None:
        """
        Args:
            grace: Seconds between SIGTERM and SIGKILL.
        """
        self._grace = grace

    def run(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path | None = None,
        timeout: float = math.inf,
        stdin: str = "",
        show: Callable[[str], None] | None = None,
        show_stdout: bool = True,
        check: Callable[[], None] = lambda: None,
    ) -> CommandResult:
        """Run a command to its end.

        Args:
            arguments: The command line.
            environment: All its variables.
            folder: Its working directory. Default: this process's.
            timeout: In seconds. Default: none.
            stdin: Its standard input.
            show: Called with each line when it is printed. Default: nothing.
            show_stdout: Whether the lines of standard output are shown too.
            check: Called ten times a second where lines are shown; what it raises ends the command. Default: nothing.

        Raises:
            FileNotFoundError: There is no such program.
            TimedOutError: It ran longer than the timeout.
        """
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(  # noqa: S603 - argument lists of images.commands, no shell
                arguments, cwd=folder, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
            )
        except PermissionError as error:
            # The PATH may name a folder that this user may not search.
            raise FileNotFoundError(error.errno, error.strerror, error.filename) from error
        with process:
            try:
                if show is None:
                    return _finished(process, timeout, stdin)
                with suppress(BrokenPipeError), process.stdin or nullcontext() as stream:
                    if stream and stdin:
                        stream.write(stdin.encode())
                return _follow(process, timeout, show, check, show_stdout=show_stdout)
            except BaseException:
                self._end(process)
                raise

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        """End the process, then what it leaves behind, which may still write files for a moment."""
        if os.name == "nt":
            process.kill()
            return
        try:
            _signal_group(process, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(self._grace)
        finally:
            _signal_group(process, signal.SIGKILL)
        # No longer: in a container without an init nobody reaps the children, and the group stays.
        deadline = time.monotonic() + _REAPED_SECONDS
        while time.monotonic() < deadline and _signal_group(process, 0):
            process.poll()
            time.sleep(0.02)


def _finished(process: "subprocess.Popen[bytes]", timeout: float, stdin: str) -> CommandResult:
    """Wait for a process, and read both outputs: on Windows, too, whose selectors take sockets only."""
    try:
        stdout, stderr = process.communicate(stdin.encode(), None if math.isinf(timeout) else timeout)
    except subprocess.TimeoutExpired as error:
        raise TimedOutError(timeout, _lines((error.stdout or b"") + (error.stderr or b""))) from None
    return CommandResult(process.returncode, stdout.decode(errors="replace"), _lines(stdout + stderr))


def _lines(output: bytes) -> tuple[str, ...]:
    lines = (line.decode(errors="replace").rstrip() for line in output.replace(b"\r", b"\n").split(b"\n"))
    return tuple(filter(None, lines))


def _follow(
    process: "subprocess.Popen[bytes]",
    timeout: float,
    show: Callable[[str], None],
    check: Callable[[], None],
    *,
    show_stdout: bool,
) -> CommandResult:
    """Read both outputs until they are closed."""
    deadline, stdout, lines = time.monotonic() + timeout, bytearray(), list[str]()
    unfinished: dict[int, bytes] = {}
    with selectors.DefaultSelector() as selector:
        for stream in filter(None, (process.stdout, process.stderr)):
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(_POLL_SECONDS)
            check()
            if time.monotonic() >= deadline:
                raise TimedOutError(timeout, tuple(lines))
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                of_stdout = key.fileobj is process.stdout
                stdout += chunk if of_stdout else b""
                *whole, rest = (unfinished.get(key.fd, b"") + chunk).replace(b"\r", b"\n").split(b"\n")
                unfinished[key.fd] = rest
                if not chunk:
                    selector.unregister(key.fileobj)
                    whole.append(rest)
                for line in filter(None, (part.decode(errors="replace").rstrip() for part in whole)):
                    lines.append(line)
                    if show_stdout or not of_stdout:
                        show(line)
    return CommandResult(process.wait(), stdout.decode(errors="replace"), tuple(lines))


def _signal_group(process: "subprocess.Popen[bytes]", number: int) -> bool:
    """Send a signal to the process and its children. Returns whether any of them exists."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
        return True
    return False


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """Make a folder for this user alone until the end of the block, and remove those that killed runs left.

    A lock on a file in the folder lasts exactly as long as the process, so that others can tell whether it runs.

    Args:
        prefix: The beginning of its name, and of the names of the folders to remove.

    Raises:
        BuildError: The disk is full, or read-only.
    """
    try:
        for folder in Path(gettempdir()).glob(f"{prefix}*"):
            # OSError: another user's, gone, or no folder.
            with suppress(OSError):
                if is_abandoned(folder):
                    shutil.rmtree(folder)
        with TemporaryDirectory(prefix=prefix) as name, _locked(Path(name)):
            yield Path(name)
    except OSError as error:
        if (problem := unwritable(error)) is None:
            raise
        raise BuildError(problem) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a file that has its final name only once it is locked."""
    # Windows has no such module.
    import fcntl

    unlocked = folder / ".unlocked"
    with unlocked.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        unlocked.rename(folder / _LOCK)
        yield


def is_abandoned(folder: Path) -> bool:
    """Whether the process that made a temporary folder has ended. Raises FileNotFoundError without the folder."""
    import fcntl

    try:
        with (folder / _LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return time.time() - folder.lstat().st_mtime > _ABANDONED_SECONDS
    return True
