"""Follows an update until the environment has settled: prompt where the end is likely, thrifty elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from beanpod.deploy.aws import Environment, UnansweredError
from beanpod.deploy.report import Status
from beanpod.deploy.rollout.forecast import Window, pause, window
from beanpod.deploy.rollout.history import History
from beanpod.deploy.rollout.journal import Journal
from beanpod.deploy.rollout.site import Site

_ENVIRONMENT_SECONDS = 30.0
_EVENTS_SECONDS = 15.0
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Update:
    """An update that has begun. began: on the monotonic clock. request_id: None if its answer was lost.

    since: AWS's time before it began, from which on events are its own where the request's id is not known.
    """

    began: float
    request_id: str | None
    since: datetime


class Waiting:
    """One wait. history: how long it took before. each: called at every look, such as to renew a lock."""

    def __init__(
        self, site: Site, update: Update, *, history: History, journal: Journal, each: Callable[[], None]
    ) -> None:
        self._site = site
        self._aws = site.aws.once()
        self._update = update
        self._history = history
        self._journal = journal
        self._each = each
        self._environment_at = self._events_at = 0.0
        self._last: Environment | None = None
        self._endings = 0
        self._unanswered = 0

    def until_settled(self, seconds: float) -> Environment | None:
        """The environment once no update is under way; None when that takes longer than `seconds`."""
        while True:
            elapsed = self._elapsed()
            if elapsed >= seconds:
                return None
            now = window(self._history, self._journal.said, failing=self._journal.failing)
            self._site.clock.sleep(min(self._pause(elapsed, now), seconds - elapsed))
            environment = self._tick(now)
            if environment and (environment.ready or environment.gone):
                return environment
            self._each()

    def hear(self) -> None:
        """Take in the events so far."""
        target, update = self._site.target, self._update
        since = None if update.request_id else update.since
        self._journal.add(
            self._aws.events(target.application, target.environment, request_id=update.request_id, since=since)
        )
        self._events_at = self._elapsed()

    def _elapsed(self) -> float:
        return self._site.clock.monotonic() - self._update.began

    def _pause(self, elapsed: float, now: Window | None) -> float:
        if self._unanswered:
            # AWS is overloaded, or out of reach: the next look comes later than planned.
            return min(pause(elapsed, now) * 2.0**self._unanswered, _LONGEST_PAUSE)
        return 0.0 if self._journal.ending > self._endings else pause(elapsed, now)

    def _tick(self, now: Window | None) -> Environment | None:
        """One look, one call; a call that AWS does not answer only skips a tick."""
        try:
            environment = self._look(now)
        except UnansweredError as error:
            self._unanswered += 1
            self._site.report.say(f"{error}; looking again")
            return None
        self._unanswered = 0
        return environment

    def _look(self, now: Window | None) -> Environment | None:
        if not self._environment_is_due(now):
            self.hear()
            if self._last:
                # Whoever watches is told every time that it is still so.
                self._site.report.status(Status(self._last.status, self._last.health))
            return None
        endings = self._journal.ending
        self._last = environment = self._site.look(patiently=False)
        self._endings, self._environment_at = endings, self._elapsed()
        return environment

    def _environment_is_due(self, now: Window | None) -> bool:
        elapsed = self._elapsed()
        if self._journal.ending > self._endings or elapsed - self._environment_at >= _ENVIRONMENT_SECONDS:
            return True
        near = now is not None and now.sharp and elapsed >= now.earliest
        return near and elapsed - self._events_at < _EVENTS_SECONDS
