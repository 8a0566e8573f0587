"""A run of the machines: what belongs to it, and the removal of what dead runs have left behind."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from emulator.machines.docker import Docker

_PREFIX = "beanpod-machines-"
_LABEL = "beanpod.machines"


class Run:
    """One run. folder: its files; label: what every container, network and volume of it carries.

    A lock on a file in the folder lasts exactly as long as the process: that tells the living from the dead.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self.label = f"{_LABEL}={self.folder}"
        self._lock = _lock(self.folder)

    @property
    def name(self) -> str:
        """A name for what Docker wants one for."""
        return self.folder.name

    def remove(self, docker: Docker) -> None:
        """Remove everything that is labelled, and the folder."""
        _remove(docker, str(self.folder))
        if self._lock:
            self._lock.close()


def remove_leftovers(docker: Docker, own: Run) -> None:
    """Remove what runs that have died have left on this engine."""
    for folder in _folders(docker):
        if folder != str(own.folder) and _is_dead(Path(folder)):
            _remove(docker, folder)


def _folders(docker: Docker) -> set[str]:
    found = {str(path) for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")}
    form = f'{{{{.Label "{_LABEL}"}}}}'
    for kind in (("ps", "--all"), ("network", "ls"), ("volume", "ls")):
        found |= set(docker.run(*kind, "--filter", f"label={_LABEL}", "--format", form).splitlines())
    return {folder for folder in found if Path(folder).name.startswith(_PREFIX)}


def _is_dead(folder: Path) -> bool:
    lock = _lock(folder) if folder.is_dir() else None
    if lock:
        lock.close()
    return lock is not None or not folder.is_dir()


def _lock(folder: Path) -> IO[bytes] | None:
    """The lock, while nobody else has it."""
    with suppress(OSError):
        file = (folder / "lock").open("wb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise
        return file
    return None


def _remove(docker: Docker, folder: str) -> None:
    label = f"label={_LABEL}={folder}"
    _remove_each(docker, ("ps", "--all", "--quiet", "--filter", label), ("rm", "--force", "--volumes"))
    _remove_each(docker, ("volume", "ls", "--quiet", "--filter", label), ("volume", "rm", "--force"))
    _remove_each(docker, ("network", "ls", "--quiet", "--filter", label), ("network", "rm"))
    shutil.rmtree(folder, ignore_errors=True)


def _remove_each(docker: Docker, listing: tuple[str, ...], removal: tuple[str, ...]) -> None:
    for name in _listed(docker, listing):
        docker.tries(*removal, name)


def _listed(docker: Docker, listing: tuple[str, ...]) -> Iterator[str]:
    yield from docker.run(*listing).splitlines()
