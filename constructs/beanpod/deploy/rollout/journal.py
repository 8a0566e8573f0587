"""What the environment says during one update."""

from collections.abc import Iterable

from beanpod.deploy.aws import Event
from beanpod.deploy.report import Reporter

_ERRORS = ("ERROR", "FATAL")
# In the words of the EB CLI's own list, and of an abort.
_ENDINGS = (
    "Environment update completed successfully.",
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
    def ended(self) -> bool:
        """Whether an event announces the end of the update."""
        return any(words in event.message for event in self.events for words in _ENDINGS)

    @property
    def errors(self) -> list[Event]:
        """The errors, the first one being the root of the others."""
        return [event for event in self.events if event.severity in _ERRORS]
