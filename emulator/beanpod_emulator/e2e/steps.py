"""The steps of the demo and the rehearsal: shown with their times, with commands that end when interrupted."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

# A pipe has no width: names stay on one line there.
console = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 140)
interrupted = threading.Event()
_ENDING_SECONDS = 10


class StepFailedError(Exception):
    """A step failed; the message says why."""


def note_interruptions() -> None:
    """Let SIGINT and SIGTERM end the step that runs, with its processes."""
    # Not an exception: raised while a process is being started, it would leave that one running.
    for end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(end, lambda *_: interrupted.set())


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show a step, and how long it took; StepFailedError if it was interrupted."""
    began = time.monotonic()
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        console.print(f"…  {what}")
        yield
    if interrupted.is_set():
        raise StepFailedError("interrupted")
    console.print(f"[green]✓[/]  {what}  [dim]{time.monotonic() - began:.1f} s[/]")


def run(*command: str, environment: Mapping[str, str], folder: Path) -> str:
    """Return the output of a command, with errors; StepFailedError if it fails or is interrupted."""
    # In a group of its own: the CDK CLI is a script that starts Node, and ending the one would leave the other running.
    with subprocess.Popen(  # noqa: S603
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        output = _read_to_the_end(process)
    if process.returncode != 0:
        shown = " ".join([Path(command[0]).name, *command[1:2]])
        raise StepFailedError(f"{shown} ended with {process.returncode}:\n{output}")
    return output


def _read_to_the_end(process: "subprocess.Popen[str]") -> str:
    while True:
        try:
            return process.communicate(timeout=0.2)[0]
        except subprocess.TimeoutExpired:
            if interrupted.is_set():
                _end_group(process)
                raise StepFailedError("interrupted") from None


def _end_group(process: "subprocess.Popen[str]") -> None:
    """End a process group, and wait until it is gone: a process that is ending may still write files."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
            _await_end(process)


def _await_end(process: "subprocess.Popen[str]") -> None:
    """Wait until the group is gone, which raises ProcessLookupError, or for _ENDING_SECONDS."""
    deadline = time.monotonic() + _ENDING_SECONDS
    while time.monotonic() < deadline:
        process.poll()
        os.killpg(process.pid, 0)
        time.sleep(0.02)
