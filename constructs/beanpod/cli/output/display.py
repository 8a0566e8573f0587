"""What every display does on top of reporting: it has the last word."""

from dataclasses import dataclass
from typing import Protocol, Self

from beanpod.deploy.errors import DeployError, InterruptionError, RolledBackError
from beanpod.deploy.report import Outcome, Reporter

PREFIX = "deploy: "


@dataclass(frozen=True)
class Failure:
    """How a command ended that did not succeed.

    message: one line, or several where a manifest has several problems. causes: why, most telling first.
    outcome: what was known of the release by then. trace: Python's, line by line; only with --verbose.
    """

    message: str
    exit_code: int
    causes: tuple[str, ...] = ()
    rolled_back: bool = False
    outcome: Outcome | None = None
    trace: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: DeployError) -> Self:
        """What there is to say about an error of the deployment."""
        return cls(str(error), error.exit_code, error.causes, isinstance(error, RolledBackError))

    @property
    def interrupted(self) -> bool:
        """Whether a person or the machine ended it, rather than anything that went wrong."""
        return self.exit_code == InterruptionError.exit_code

    @property
    def reasons(self) -> tuple[str, ...]:
        """The causes that the message does not tell already."""
        return tuple(cause for cause in self.causes if cause not in self.message)

    def lines(self) -> list[str]:
        """As it stands on standard error: "deploy: " and the message, then the reasons, indented."""
        first, *more = self.message.splitlines() or [""]
        return [*self.trace, f"{PREFIX}{first}", *more, *(f"  {reason}" for reason in self.reasons)]


class Display(Reporter, Protocol):
    """A reporter with a last word. A context manager: leaving it gives the screen back."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    @property
    def phases(self) -> dict[str, float]:
        """The seconds that each phase took so far."""

    def finish(self, outcome: Outcome) -> None:
        """A deployment or a rollback succeeded: what is live, and where."""

    def fail(self, failure: Failure) -> None:
        """It did not: what happened and what to do. Called at most once, instead of `finish`."""


def verdict(outcome: Outcome) -> str:
    """The last line of a success."""
    label = outcome.version_label
    health = f", health {outcome.health}" if outcome.health else ""
    where = f" at {outcome.url}" if outcome.url else ""
    if not outcome.changed:
        return f"Nothing to do: {label} already serves{where}{health}"
    return f"Live: {label} serves{where}{health}"
