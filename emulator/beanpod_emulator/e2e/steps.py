"""How the demonstration and the rehearsal run: one visible step after another, commands that end with them."""

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
    """A step that did not do what it should; carries what to show."""


def note_interruptions() -> None:
    """From now on SIGINT and SIGTERM end the step that runs, and no process is left behind."""
    # Only noted here: raised while a process is being started, it would leave that one running.
    for end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(end, lambda *_: interrupted.set())


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show a step, and how long it took. Raises StepFailedError when it was interrupted."""
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
    """What a command prints, errors included. Raises StepFailedError when it fails or is interrupted."""
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
    """End a process and what it started, and wait until they are gone: one that is dying may still write files."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
            _await_end(process)


def _await_end(process: "subprocess.Popen[str]") -> None:
    """Wait until the group is gone, which raises ProcessLookupError; or not for ever."""
    deadline = time.monotonic() + _ENDING_SECONDS
    while time.monotonic() < deadline:
        process.poll()
        os.killpg(process.pid, 0)
        time.sleep(0.02)
