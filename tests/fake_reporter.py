"""A reporter that records."""

from collections.abc import Iterator
from contextlib import contextmanager

from beanpod.deploy.report import EnvironmentEvent, Phase, Status


class FakeReporter:
    """Records everything that is reported.

    Attributes:
        phases: Begun, in order.
        failed: Those that ended with an exception.
        messages: With the output of docker.
        warnings: In order.
        events: Of the environment.
        event_phases: The phase that each of these was reported in.
        statuses: Of the environment, at each poll.
        masked: Secrets to hide.
    """

    def __init__(self) -> None:
        self.phases: list[Phase] = []
        self.failed: list[Phase] = []
        self.messages: list[str] = []
        self.warnings: list[str] = []
        self.events: list[EnvironmentEvent] = []
        self.event_phases: list[Phase] = []
        self.statuses: list[Status] = []
        self.masked: list[str] = []

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        self.phases.append(phase)
        try:
            yield
        except BaseException:
            self.failed.append(phase)
            raise

    def say(self, text: str) -> None:
        self.messages.append(text)

    def output(self, line: str) -> None:
        self.messages.append(line)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def event(self, event: EnvironmentEvent) -> None:
        self.events.append(event)
        self.event_phases += self.phases[-1:]

    def status(self, status: Status) -> None:
        self.statuses.append(status)

    def mask(self, value: str) -> None:
        self.masked.append(value)
