"""The one way out: every line that is shown passes through here."""

from collections.abc import Callable
from typing import TextIO

from beanpod.cli.output.masks import Masks


class SteadyStream:
    """A stream that never fails.

    A deployment must not stop half-way because `| head` had enough, the disk of the log is full, or the terminal
    was closed; characters that the stream's encoding lacks become question marks.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._open = True

    @property
    def encoding(self) -> str:
        """How it writes characters."""
        return self._stream.encoding or "utf-8"

    def isatty(self) -> bool:
        """Whether a person watches."""
        return self._stream.isatty()

    def write(self, text: str) -> int:
        """Write, or lose it."""
        self._attempt(lambda: self._stream.write(encodable(text, self.encoding)))
        return len(text)

    def flush(self) -> None:
        """Flush, or lose it."""
        self._attempt(self._stream.flush)

    def _attempt(self, act: Callable[[], object]) -> None:
        if not self._open:
            return
        try:
            act()
        except (OSError, ValueError):
            self._open = False


class Writer:
    """Writes lines to a stream, cleaned and masked. Never fails."""

    def __init__(self, stream: TextIO, masks: Masks) -> None:
        self.masks = masks
        self._stream = SteadyStream(stream)

    def line(self, text: str) -> None:
        """One line, whatever `text` holds."""
        self.raw(self.masks.presentable(text))

    def raw(self, text: str) -> None:
        """A line that the caller has made presentable already."""
        self._stream.write(f"{text}\n")
        self._stream.flush()


def encodable(text: str, encoding: str) -> str:
    """`text` with what `encoding` lacks as question marks."""
    return text.encode(encoding, "replace").decode(encoding)
