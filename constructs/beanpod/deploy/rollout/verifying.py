"""Looks until it is sure: never at once, and never at one look alone."""

from collections.abc import Callable

from beanpod.deploy.aws import Environment
from beanpod.deploy.report import Status
from beanpod.deploy.rollout.site import Site
from beanpod.deploy.rollout.verdict import Finding, State, judge

# Another replica of the API may still answer with the state before.
_SECOND_LOOK = 0.3
_RECOVERY_POLL = 5.0
# A container that has just been started may not listen yet.
_REFUSED_SECONDS = 15.0
_FINAL = (State.GOOD, State.FAILED, State.OTHER, State.GONE)


class Verifying:
    """Finds out whether an environment runs a version well. each: called at every look."""

    def __init__(self, site: Site, *, each: Callable[[], None]) -> None:
        self._site = site
        self._each = each

    def verify(self, label: str, environment: Environment) -> Finding:
        """The verdict on a settled environment: the same at two looks in a row, the second one at every instance.

        What is good is so at the health path as well, asked at each of the two. A state that may become good, and
        an answer that is not wanted, have `recovery` seconds; an update that somebody else started, `ready_timeout`.
        """
        settings, began = self._site.settings, self._site.clock.monotonic()
        finding, pause = self._asked(judge(environment, None, label, settings)), _SECOND_LOOK
        while True:
            self._site.clock.sleep(pause)
            before, finding = finding, self._look(label)
            waited = self._site.clock.monotonic() - began
            if self._is_sure(before, finding, waited):
                return finding
            patience = settings.ready_timeout if finding.state is State.MOVING else settings.recovery
            if finding.state not in _FINAL and waited >= patience:
                return finding
            pause = _SECOND_LOOK if finding.state in _FINAL and not _is_refused(finding) else _RECOVERY_POLL
            self._each()

    def _is_sure(self, before: Finding, finding: Finding, waited: float) -> bool:
        if finding.state is not before.state or finding.state not in _FINAL:
            return False
        return not _is_refused(finding) or waited >= min(_REFUSED_SECONDS, self._site.settings.recovery)

    def _look(self, label: str) -> Finding:
        environment = self._site.look()
        if environment.gone or not environment.ready:
            return judge(environment, None, label, self._site.settings)
        instances = self._site.aws.instances(self._site.target.environment)
        status = Status(environment.status, environment.health, instances.on(label), len(instances.all))
        self._site.report.status(status)
        return self._asked(judge(environment, instances, label, self._site.settings))

    def _asked(self, finding: Finding) -> Finding:
        """What is good so far, with what the health path answers."""
        health_path = self._site.target.health_path
        return finding.with_answer(health_path.answer()) if health_path and finding.state is State.GOOD else finding


def _is_refused(finding: Finding) -> bool:
    return finding.answer is not None and finding.answer.refused
