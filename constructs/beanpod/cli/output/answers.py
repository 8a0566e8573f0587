"""The answer of a command, on standard output: text for a person, or JSON for a program."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol, TextIO

from beanpod.cli.output.display import Failure
from beanpod.cli.output.masks import Masks
from beanpod.cli.output.table import Paint
from beanpod.cli.output.workflow import harmless
from beanpod.cli.output.writer import encodable
from beanpod.deploy.report import Outcome


class Answer(Protocol):
    """What a command found out."""

    def document(self) -> Any:
        """For `--json`: dictionaries, lists, texts, numbers, times."""

    def lines(self, paint: Paint) -> Iterable[str]:
        """For a person; what others wrote is cleaned already."""


class ReaderGoneError(Exception):
    """Nobody reads the answer any more, as after `| head`."""


class Answers(Protocol):
    """Gives answers, one after the other. Raises ReaderGoneError once nobody reads any more."""

    def give(self, answer: Answer) -> None:
        """The whole answer."""

    def go_on(self, answer: Answer) -> None:
        """One of many that follow each other, such as events: with `--json`, one line each."""


class TextAnswers:
    """Answers for a person. write: takes a line that may be shown."""

    def __init__(self, write: Callable[[str], None], masks: Masks, paint: Paint) -> None:
        self._write = write
        self._masks = masks
        self._paint = paint

    def give(self, answer: Answer) -> None:
        for line in answer.lines(self._paint):
            self._write(self._masks.hide(line))

    go_on = give


class JsonAnswers:
    """Answers for a program."""

    def __init__(self, write: Callable[[str], None], masks: Masks) -> None:
        self._write = write
        self._masks = masks

    def give(self, answer: Answer) -> None:
        self._dump(answer, indent=2)

    def go_on(self, answer: Answer) -> None:
        self._dump(answer, indent=None)

    def _dump(self, answer: Answer, indent: int | None) -> None:
        self._write(harmless(json.dumps(self._masked(answer.document()), indent=indent)))

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._masks.hide(value)
        if isinstance(value, datetime):
            return value.isoformat()
        if isinstance(value, Mapping):
            return {str(key): self._masked(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._masked(item) for item in value]
        return value


@dataclass(frozen=True)
class OutcomeAnswer:
    """How a deployment or a rollback succeeded; the display has told a person."""

    outcome: Outcome

    def document(self) -> Any:
        return asdict(self.outcome)

    def lines(self, paint: Paint) -> Iterable[str]:
        return ()


@dataclass(frozen=True)
class FailureAnswer:
    """How a command failed; the display has told a person."""

    failure: Failure

    def document(self) -> Any:
        failure = self.failure
        return {
            # As GitHub's outputs have it: what was rolled out and failed is no release.
            **(asdict(failure.outcome) | {"changed": False} if failure.outcome else {}),
            "error": failure.message,
            "causes": failure.causes,
            "exit_code": failure.exit_code,
            "rolled_back": failure.rolled_back,
        }

    def lines(self, paint: Paint) -> Iterable[str]:
        return ()


def printer(stream: TextIO) -> Callable[[str], None]:
    """Writes lines to `stream`; characters that it cannot hold become question marks."""

    def write(line: str) -> None:
        try:
            stream.write(encodable(line, stream.encoding or "utf-8") + "\n")
            stream.flush()
        except BrokenPipeError:
            raise ReaderGoneError from None

    return write
