"""What follows a release that failed: leave it, find it reverted, or roll it back. Once, and never twice."""

from typing import NoReturn

from beanpod.deploy.aws import Environment, Event, remedies
from beanpod.deploy.errors import BusyError, DeadlineError, DeployError, NotRolledBackError, RolledBackError
from beanpod.deploy.report import Phase
from beanpod.deploy.rollout.attempt import Attempt
from beanpod.deploy.rollout.ledger import Release
from beanpod.deploy.rollout.lock import Lock
from beanpod.deploy.rollout.looking import Look, version_of
from beanpod.deploy.rollout.site import Site
from beanpod.deploy.rollout.verdict import Finding, State, UnverifiedError

_MOST_CAUSES = 8


class Recovery:
    """Ends one failed release. events: what the environment said meanwhile. environment: as it was seen last."""

    def __init__(self, site: Site, lock: Lock, look: Look, failed: Release, attempt: Attempt) -> None:
        self._site = site
        self._lock = lock
        self._look = look
        self._failed = failed
        self._attempt = attempt
        self.events: list[Event] = []
        self.environment: Environment | None = None

    def after(self, finding: Finding) -> NoReturn:
        """Do what a finding asks for. Always raises: the error says how it ended."""
        causes = self._causes(finding)
        if finding.state is State.GONE:
            raise NotRolledBackError(f"{self._what(finding)}: it cannot be rolled back", causes=causes)
        if finding.state is State.MOVING:
            raise BusyError(f"{self._what(finding)}: somebody else is changing it, so it is left alone", causes=causes)
        if finding.state is State.OTHER:
            self._other(finding, causes)
        self._go_back(finding, causes)

    def _other(self, finding: Finding, causes: tuple[str, ...]) -> None:
        """Returns if the previous version is there, but not well."""
        runs = version_of(finding.environment)
        if runs != self._failed.previous:
            raise BusyError(
                f"{self._failed.label} was superseded: environment {finding.environment.name} runs "
                f"{finding.environment.version_label} now, which is left alone",
                causes=causes,
            )
        if runs is None:
            raise NotRolledBackError(f"{self._what(finding)}: as before this first release", causes=causes)
        back = Attempt(self._site, runs, each=self._lock.keep).verify(finding.environment)
        self.environment = back.environment
        if back.state is State.GOOD:
            self._tell(back)
            self._remind()
            raise RolledBackError(
                f"{self._what(finding)}: Elastic Beanstalk went back to it, and it serves", causes=causes
            )

    def _go_back(self, finding: Finding, causes: tuple[str, ...]) -> NoReturn:
        self._refuse_if_impossible(finding, causes)
        previous = self._failed.previous or ""
        try:
            with self._site.report.phase(Phase.ROLL_BACK):
                self._previous_version(previous)
        except UnverifiedError as error:
            raise NotRolledBackError(
                f"{self._what(finding)}; after the rollback to {previous}, {error}",
                causes=(*causes, *error.finding.causes),
            ) from None
        except DeadlineError as error:
            raise DeadlineError(f"{self._what(finding)}; while it was rolled back: {error}", causes=causes) from error
        except DeployError as error:
            raise NotRolledBackError(
                f"{self._what(finding)}, and cannot be rolled back: {error}", causes=causes
            ) from error
        self._remind()
        raise RolledBackError(f"{self._what(finding)}; rolled back, {previous} serves again", causes=causes)

    def _refuse_if_impossible(self, finding: Finding, causes: tuple[str, ...]) -> None:
        previous, why = self._failed.previous, None
        if not self._site.settings.roll_back:
            why = "it is not rolled back, as you asked"
        elif previous is None:
            why = "this is the first release, there is nothing to roll back to"
        elif self._lock.lost:
            why = "it is not rolled back, since another deployment has taken over"
        elif not self._look.has_bundle(previous):
            why = f"it cannot be rolled back, the bundle of {previous} is gone"
        if why:
            raise NotRolledBackError(f"{self._what(finding)}; {why}", causes=causes)

    def _previous_version(self, previous: str) -> None:
        self._site.report.say(f"rolling back to {previous}")
        attempt = Attempt(self._site, previous, each=self._lock.keep)
        try:
            update = attempt.start(self._site.await_ready(each=self._lock.keep))
            if update is None:
                raise BusyError("somebody else is changing the environment")
            back = attempt.verify(attempt.settle(update))
            self.environment = back.environment
            if back.state is not State.GOOD:
                raise UnverifiedError(back)
            self._tell(back)
        finally:
            self.events += attempt.journal.events

    def _tell(self, back: Finding) -> None:
        """What the health path answers now that the previous version runs."""
        if back.answer and back.answer.well is None:
            self._site.report.warn(f"the health path was {back.answer.text}; look whether the previous version serves")
        elif back.answer:
            self._site.report.say(back.answer.text)

    def _what(self, finding: Finding) -> str:
        aborted = " (the update took too long and was aborted)" if self._attempt.aborted else ""
        return f"{self._failed.label} failed on {finding.environment.name}: {finding.text}{aborted}"

    def _causes(self, finding: Finding) -> tuple[str, ...]:
        # The first error says what, the instances say why; what follows an error mostly says that it was one.
        first, *more = [event.message for event in self._attempt.journal.errors] or [""]
        found = [text for text in (first, *remedies((first, *more)), *finding.causes, *more) if text]
        if not found and finding.state is State.RECOVERING:
            found += self._health_causes(finding.environment)
        return (*tuple(dict.fromkeys(found))[:_MOST_CAUSES], *_where_to_read(found))

    def _health_causes(self, environment: Environment) -> tuple[str, ...]:
        try:
            return self._site.aws.health_causes(environment.name)
        except DeployError as error:
            # The verdict stands, and what follows it must not wait for the reasons.
            self._site.report.warn(f"why the health is {environment.health} is not known: {error}")
            return ()

    def _remind(self) -> None:
        self._site.report.warn(
            f"if {self._failed.label} changed the database, that stays: a rollback does not undo a migration"
        )


def _where_to_read(causes: list[str]) -> tuple[str, ...]:
    """Where the instance's own words are, as far as Elastic Beanstalk quotes them: of a hook it mostly does not.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-deployment-logs.html
    """
    if any("The release does not run well" in cause for cause in causes):
        return ()
    if any(word in cause for cause in causes for word in ("eb-engine", "Engine execution", "hook")):
        return ("which container or health path it was: the deployment log in the console, or beanpod logs",)
    return ()
