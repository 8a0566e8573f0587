"""The result of a command on standard output: text, or JSON with `--json`."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol, TextIO

from beanpod.cli.output.display import Failure
from beanpod.cli.output.text import Masks, Paint, encodable
from beanpod.deploy.report import Outcome


class ReaderGoneError(Exception):
    """Standard output was closed, as by `| head`."""


class Result(Protocol):
    """What a command found out."""

    def to_dict(self) -> Any:
        """Return the document for `--json`: dictionaries, lists, texts, numbers and times."""

    def to_text(self, paint: Paint) -> Iterable[str]:
        """Return the lines for a person, cleaned by `paint`."""


@dataclass(frozen=True)
class Results:
    """Writes results.

    Attributes:
        write: Writes a line. Raises ReaderGoneError.
        masks: The secrets.
        paint: The colours of text. None: write JSON.
    """

    write: Callable[[str], None]
    masks: Masks
    paint: Paint | None

    def emit(self, result: Result, *, indent: int | None = 2) -> None:
        """Write a result. indent: of its JSON; None: one line, as for each of many results."""
        if self.paint is None:
            self.write(escape_commands(json.dumps(self._masked(result.to_dict()), indent=indent)))
            return
        for line in result.to_text(self.paint):
            self.write(self.masks.hide(line))

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.masks.hide(value)
        if isinstance(value, datetime):
            return value.isoformat()
        if isinstance(value, Mapping):
            return {str(key): self._masked(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._masked(item) for item in value]
        return value


def escape_commands(document: str) -> str:
    """Return the same JSON without GitHub's workflow commands: `##[` can only be part of a string."""
    return re.sub(r"##(?=\[)", r"#\\u0023", document)


def line_writer(stream: TextIO) -> Callable[[str], None]:
    """Return a function that writes lines to `stream`. It raises ReaderGoneError once the stream is closed."""

    def write(line: str) -> None:
        try:
            stream.write(encodable(line, stream) + "\n")
            stream.flush()
        except BrokenPipeError:
            raise ReaderGoneError from None

    return write


@dataclass(frozen=True)
class OutcomeResult:
    """The outcome of a deployment or a rollback; the display shows it to a person."""

    outcome: Outcome

    def to_dict(self) -> Any:
        return asdict(self.outcome)

    def to_text(self, paint: Paint) -> Iterable[str]:
        return ()


@dataclass(frozen=True)
class FailureResult:
    """The failure of a command; the display shows it to a person."""

    failure: Failure

    def to_dict(self) -> Any:
        failure = self.failure
        return {
            # As in GitHub's outputs: a release that failed changed nothing.
            **(asdict(failure.outcome) | {"changed": False} if failure.outcome else {}),
            "error": failure.message,
            "causes": failure.causes,
            "exit_code": failure.exit_code,
            "rolled_back": failure.rolled_back,
        }

    def to_text(self, paint: Paint) -> Iterable[str]:
        return ()
