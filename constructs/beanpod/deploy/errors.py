"""The errors that end a deployment, each with the exit code that says in what state.

DeployError                 1  unexpected
├── UsageError              2  the command, the manifest or the credentials are wrong; nothing was changed
├── BuildError              3  no image: build, push or bundle failed; the environment was not touched
├── BusyError               4  busy, locked or superseded by another deployment
├── RolledBackError         5  the release failed, the previous version serves
├── NotRolledBackError      6  the release failed and was not rolled back
├── DeadlineError           7  the time ran out; the state is unknown
└── InterruptionError     130  Ctrl-C or SIGTERM
"""

import errno
import signal

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class DeployError(Exception):
    """Ends a deployment with one line that says what happened and what to do.

    Attributes:
        causes: Lines that say why, the most important first, such as the environment's first error event.
    """

    exit_code = 1

    def __init__(self, message: str, *, causes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.causes = causes


class UsageError(DeployError):
    """The command, the manifest, the credentials or the target are wrong: nothing was changed."""

    exit_code = 2


class BuildError(DeployError):
    """There is no image or no bundle to deploy: the environment was not changed."""

    exit_code = 3


class BusyError(DeployError):
    """The environment is busy or locked, or this deployment was superseded by another."""

    exit_code = 4


class RolledBackError(DeployError):
    """The release failed and the previous version serves."""

    exit_code = 5


class NotRolledBackError(DeployError):
    """The release failed and was not rolled back."""

    exit_code = 6


class DeadlineError(DeployError):
    """The time ran out while the environment was changing: its state is unknown."""

    exit_code = 7


class InterruptionError(DeployError):
    """Ended by Ctrl-C or SIGTERM; the message says in what state."""

    exit_code = 130


def ended(code: int) -> str:
    """How a process ended, for messages: `exit code 1`, or `signal 9 (Killed)`."""
    return f"exit code {code}" if code >= 0 else f"signal {-code} ({signal.strsignal(-code)})"


def unwritable(error: OSError) -> str | None:
    """What a full or read-only disk says, and what to do; None for another error."""
    if error.errno not in _UNWRITABLE and "No usable temporary directory" not in str(error):
        return None
    return f"{error}: free space there, or set TMPDIR and HOME to folders that can be written"
