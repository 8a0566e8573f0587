"""Temporary folders, of which a killed run leaves none for good: the next one removes them."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

# A younger one may have been made this moment, and not be locked yet.
_YOUNG_SECONDS = 60.0


@contextmanager
def scratch(prefix: str, *, parent: Path | None = None) -> Iterator[Path]:
    """A folder until the end of the block. Those of the same prefix go first whose run was killed.

    parent: where it is made. Default: where the machine keeps temporary files.
    """
    place = parent or Path(gettempdir())
    for left in place.glob(f"{prefix}*"):
        _remove_if_left(left)
    with TemporaryDirectory(prefix=prefix, dir=place) as folder, _opened(Path(folder)) as descriptor:
        # However a process ends, its lock does: that is how the next one knows.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield Path(folder)


def _remove_if_left(folder: Path) -> None:
    # It is locked, somebody else's, gone, or no folder.
    with suppress(OSError), _opened(folder) as descriptor:
        # The file system's time, and so the machine's.
        if time.time() - os.fstat(descriptor).st_mtime > _YOUNG_SECONDS:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
