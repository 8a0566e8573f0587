"""Follow an update until the environment has settled: one call every five seconds, as `eb deploy` does."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from beanpod.deploy.aws import Environment, UnansweredError
from beanpod.deploy.report import Status
from beanpod.deploy.rollout.journal import Journal
from beanpod.deploy.rollout.site import Site

POLL_SECONDS = 5.0
# Mostly the events are asked for; the environment itself at every sixth poll, and once an event announces the end.
_ENVIRONMENT_POLLS = 6


@dataclass(frozen=True)
class Update:
    """An update that has begun.

    Attributes:
        began: On the monotonic clock.
        request_id: Of UpdateEnvironment; None if its answer was lost.
        since: AWS's time before it began: where the request's id is not known, the events since then are its own.
    """

    began: float
    request_id: str | None
    since: datetime


class Waiting:
    """Wait for one update. each: called after every poll, such as to renew a lock."""

    def __init__(self, site: Site, update: Update, *, journal: Journal, each: Callable[[], None]) -> None:
        self._site = site
        self._aws = site.aws.once()
        self._update = update
        self._journal = journal
        self._each = each
        self._last: Environment | None = None
        self._polls = 0

    def until_settled(self, seconds: float) -> Environment | None:
        """Wait until no update is under way.

        Args:
            seconds: How long, since the update began.

        Returns:
            The environment, Ready or ending; None when it is still being updated after `seconds`.
        """
        while (left := seconds - self._elapsed()) > 0:
            self._site.clock.sleep(min(POLL_SECONDS, left))
            environment = self._poll()
            if environment and (environment.ready or environment.gone):
                return environment
            self._each()
        return None

    def hear(self) -> None:
        """Report the events so far."""
        target, update = self._site.target, self._update
        since = None if update.request_id else update.since
        self._journal.add(
            self._aws.events(target.application, target.environment, request_id=update.request_id, since=since)
        )

    def _elapsed(self) -> float:
        return self._site.clock.monotonic() - self._update.began

    def _poll(self) -> Environment | None:
        """Look once; a call that AWS does not answer is skipped."""
        self._polls += 1
        try:
            if self._polls % _ENVIRONMENT_POLLS and not self._journal.ended:
                self.hear()
            if not self._polls % _ENVIRONMENT_POLLS or self._journal.ended:
                self._last = self._site.look(patiently=False)
                return self._last
        except UnansweredError as error:
            self._site.report.say(f"{error}; polling again")
        else:
            if self._last:
                # The live line shows that it is still so.
                self._site.report.status(Status(self._last.status, self._last.health))
        return None
