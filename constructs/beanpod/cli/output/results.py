"""The result of a command on standard output: text, or JSON with `--json`."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TextIO

from beanpod.cli.output.display import Failure
from beanpod.cli.output.text import Masks, Paint, encodable
from beanpod.deploy.errors import DeployError


class ReaderGoneError(Exception):
    """Standard output was closed, as by `| head`."""


@dataclass(frozen=True)
class Results:
    """Writes results.

    Attributes:
        write: Writes a line. Raises ReaderGoneError.
        masks: The secrets.
        paint: The colours of text.
        as_json: Whether results are written as JSON.
        complete: Completes the commands that a result names.
    """

    write: Callable[[str], None]
    masks: Masks
    paint: Paint
    as_json: bool
    complete: Callable[[str], str] = str

    def emit(self, document: Any, text: Iterable[str] = (), *, indent: int | None = 2) -> None:
        """Write a result.

        Args:
            document: What `--json` writes: dictionaries, lists, texts, numbers and times.
            text: The lines for a person, cleaned by `paint`. Default: none, because the display has shown them.
            indent: Of the JSON. None: one line, as for each of many results.
        """
        if self.as_json:
            written = json.dumps(self._masked(document), indent=indent)
            # The same JSON without GitHub's workflow commands: "##[" can only be part of a string.
            self.write(re.sub(r"##(?=\[)", r"#\\u0023", written))
            return
        for line in text:
            self.write(self.masks.hide(self.complete(line)))

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.masks.hide(self.complete(value))
        if isinstance(value, datetime):
            return value.isoformat()
        if isinstance(value, Mapping):
            return {str(key): self._masked(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._masked(item) for item in value]
        return value


def line_writer(stream: TextIO) -> Callable[[str], None]:
    """Return a function that writes lines to `stream`.

    It raises ReaderGoneError once the stream is closed, and DeployError where it cannot be written, as on a full disk.
    """

    def write(line: str) -> None:
        try:
            stream.write(encodable(line, stream) + "\n")
            stream.flush()
        except BrokenPipeError:
            raise ReaderGoneError from None
        except OSError as error:
            raise DeployError(f"standard output cannot be written: {error.strerror}") from error

    return write


def failure_document(failure: Failure) -> dict[str, Any]:
    """Return the document of a failed command."""
    return {
        # As in GitHub's outputs: a release that failed changed nothing.
        **(asdict(failure.outcome) | {"changed": False} if failure.outcome else {}),
        "error": failure.message,
        "causes": failure.causes,
        "exit_code": failure.exit_code,
        "rolled_back": failure.rolled_back,
    }
