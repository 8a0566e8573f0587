"""A run of the machines: what belongs to it, and the removal of what dead runs have left behind."""

import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from beanpod_emulator.machines.docker import Docker

_PREFIX = "beanpod-machines-"
_LABEL = "beanpod.machines"
_LOCK = "lock"
_SETTLING_SECONDS = 60
_LOOKS = 10
_BETWEEN_LOOKS_SECONDS = 0.5


class Run:
    """One run. folder: its files; label: what every container, network and volume of it carries.

    A lock on a file in the folder lasts exactly as long as the process: that tells the living from the dead.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.label = f"{_LABEL}={self.folder}"
        self._lock = _locked(self.folder)

    @property
    def name(self) -> str:
        """A name for what Docker wants one for."""
        return self.folder.name

    def remove(self, docker: Docker) -> None:
        """Remove everything that is labelled, and the folder.

        Also what the engine is still making for a client that was killed: it looks again until nothing is there.
        """
        for _ in range(_LOOKS):
            if not _remove(docker, str(self.folder)):
                break
            time.sleep(_BETWEEN_LOOKS_SECONDS)
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
    if not folder.is_dir():
        return True
    if not (folder / _LOCK).exists():
        # It may be just about to be locked.
        return time.time() - folder.stat().st_mtime > _SETTLING_SECONDS
    with suppress(OSError), (folder / _LOCK).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _locked(folder: Path) -> IO[bytes]:
    """A lock that is there for others to see only once it is held."""
    file = (folder / "unlocked").open("wb")
    fcntl.flock(file, fcntl.LOCK_EX)
    (folder / "unlocked").rename(folder / _LOCK)
    return file


def _remove(docker: Docker, folder: str) -> int:
    """Remove what is labelled with a folder, and the folder; how many things there were."""
    label = f"label={_LABEL}={folder}"
    found = (
        _remove_each(docker, ("ps", "--all", "--quiet", "--filter", label), ("rm", "--force", "--volumes"))
        + _remove_each(docker, ("volume", "ls", "--quiet", "--filter", label), ("volume", "rm", "--force"))
        + _remove_each(docker, ("network", "ls", "--quiet", "--filter", label), ("network", "rm"))
    )
    shutil.rmtree(folder, ignore_errors=True)
    return found


def _remove_each(docker: Docker, listing: tuple[str, ...], removal: tuple[str, ...]) -> int:
    names = tuple(_listed(docker, listing))
    for name in names:
        docker.tries(*removal, name)
    return len(names)


def _listed(docker: Docker, listing: tuple[str, ...]) -> Iterator[str]:
    yield from docker.run(*listing).splitlines()
