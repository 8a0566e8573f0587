"""Streams that are not files."""

import errno
import io
import os


class Tty(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


class ClosedPipe(io.StringIO):
    """A pipe whose reader has ended after some writes."""

    def __init__(self, writes: int = 0) -> None:
        super().__init__()
        self._left = writes

    def write(self, text: str) -> int:
        if not self._left:
            raise BrokenPipeError
        self._left -= 1
        return super().write(text)


class FullDisk(io.StringIO):
    """A file on a disk that is full."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
