"""How long an environment's updates take, from what it said during earlier ones."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from beanpod.deploy.aws import Event

STARTING = "Environment update is starting."
COMPLETED = "Environment update completed successfully."
_DEPLOYING = "Deploying new version to instance(s)."
_REMEMBERED = 6
_INSTANCE = re.compile(r"\bi-[0-9a-f]+")


def wording(message: str) -> str:
    """A message without what differs from update to update."""
    return _INSTANCE.sub("i", message)


@dataclass(frozen=True)
class History:
    """remaining: by the wording of an event, how many seconds later each earlier release was done, newest first."""

    remaining: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Sequence[Event]) -> "History":
        """The history in an environment's events, oldest first: releases that went well, and no other updates."""
        told = [_remaining(release) for release in islice(_releases(events), _REMEMBERED)]
        # What was not told every time need not come this time.
        always = set.intersection(*map(set, told)) if told else set()
        return cls({words: tuple(release[words] for release in told) for words in always})

    @property
    def known(self) -> bool:
        """Whether there was a release before."""
        return STARTING in self.remaining


def _remaining(release: list[Event]) -> dict[str, float]:
    """Seconds from the first time a message was told to the end."""
    end = release[-1].time
    return {wording(event.message): (end - event.time).total_seconds() for event in reversed(release)}


def _releases(events: Sequence[Event]) -> Iterable[list[Event]]:
    """The events of each completed release up to its end, newest release first."""
    requests: dict[str, list[Event]] = {}
    for event in events:
        requests.setdefault(event.request_id, []).append(event)
    requests.pop("", None)
    for told in reversed(requests.values()):
        messages = [event.message for event in told]
        if messages[0] == STARTING and _DEPLOYING in messages and COMPLETED in messages:
            yield told[: messages.index(COMPLETED) + 1]
