"""What the environment says during one update."""

from collections.abc import Iterable
from datetime import datetime

from beanpod.deploy.aws import Event
from beanpod.deploy.report import Reporter
from beanpod.deploy.rollout.forecast import Said
from beanpod.deploy.rollout.history import COMPLETED, wording

_ERRORS = ("ERROR", "FATAL")
# In the words of the EB CLI's own list, and of an abort.
_ENDINGS = (
    COMPLETED,
    "Update environment operation is complete, but with errors",
    "Failed to deploy application.",
    "Failed to deploy configuration.",
    "The environment was reverted to the previous configuration setting.",
    "update was aborted",
)


class Journal:
    """The events so far, each reported once. They lead to a look at the environment, and never to a verdict."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._known: set[Event] = set()
        self.events: list[Event] = []

    def add(self, events: Iterable[Event]) -> None:
        """Take in what DescribeEvents answers: known events and new ones, oldest first."""
        for event in events:
            if event not in self._known:
                self._known.add(event)
                self.events.append(event)
                self._report.event(event)

    @property
    def ending(self) -> int:
        """How many messages there are that sound like the end."""
        return sum(any(words in event.message for words in _ENDINGS) for event in self.events)

    @property
    def errors(self) -> list[Event]:
        """The errors, the first one being the root of the others."""
        return [event for event in self.events if event.severity in _ERRORS]

    @property
    def said(self) -> list[Said]:
        """The messages, timed from the first one: both times are AWS's."""
        return [Said(wording(event.message), self._since_first(event.time)) for event in self.events]

    @property
    def failing(self) -> float | None:
        """When the first error was told, in seconds since the first message."""
        return self._since_first(self.errors[0].time) if self.errors else None

    def _since_first(self, time: datetime) -> float:
        return (time - self.events[0].time).total_seconds()
