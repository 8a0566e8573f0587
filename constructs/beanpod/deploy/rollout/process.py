"""Which run of the script this is, so that a later one knows whether an earlier one can still be alive."""

import hashlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """machine: one set of process ids of one boot of one kernel, "" where that cannot be told. pid: of this process.

    attempt: GitHub's count of a run's attempts, which never overlap; 0 elsewhere.
    """

    machine: str = ""
    pid: int = 0
    attempt: int = 0

    @classmethod
    def this(cls, environment: Mapping[str, str] = os.environ) -> "Process":
        """The process that asks."""
        return cls(_machine(), os.getpid(), int(environment.get("GITHUB_RUN_ATTEMPT") or 0))

    def outlived(self, other: "Process", *, same_run: bool) -> bool:
        """Whether the other one has ended for sure: an earlier attempt of the same run, or a process gone from here."""
        if same_run and other.attempt < self.attempt:
            return True
        return bool(self.machine) and self.machine == other.machine and not _alive(other.pid)


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # A container counts its own processes: another one's are not gone just because they are not seen.
        ids = os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
    return hashlib.sha256(f"{socket.gethostname()} {boot} {ids}".encode()).hexdigest()[:16]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
