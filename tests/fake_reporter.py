"""A reporter that remembers."""

from collections.abc import Iterator
from contextlib import contextmanager

from beanpod.deploy.report import EnvironmentEvent, Phase, Status


class FakeReporter:
    """Records everything that is reported. phases: begun, in order; failed: those that ended with an exception."""

    def __init__(self) -> None:
        self.phases: list[Phase] = []
        self.failed: list[Phase] = []
        self.said: list[str] = []
        self.warnings: list[str] = []
        self.events: list[EnvironmentEvent] = []
        self.statuses: list[Status] = []

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        self.phases.append(phase)
        try:
            yield
        except BaseException:
            self.failed.append(phase)
            raise

    def say(self, text: str) -> None:
        self.said.append(text)

    def output(self, line: str) -> None:
        self.said.append(line)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def event(self, event: EnvironmentEvent) -> None:
        self.events.append(event)

    def status(self, status: Status) -> None:
        self.statuses.append(status)

    def mask(self, value: str) -> None:
        raise AssertionError("a rollout knows no secret")
