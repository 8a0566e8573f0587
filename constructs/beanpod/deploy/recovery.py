"""What becomes of a release that failed: it is left alone, found to be reverted, or rolled back. Once, never twice."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NoReturn

from beanpod._docs import DOCS
from beanpod.deploy.aws import Environment, UnansweredError, remedies
from beanpod.deploy.clock import POLL_SECONDS
from beanpod.deploy.errors import BusyError, DeadlineError, DeployError, NotRolledBackError, RolledBackError
from beanpod.deploy.lock import Lock, Release
from beanpod.deploy.preflight import DeploymentContext, Preflight, version_of
from beanpod.deploy.report import EnvironmentEvent, Phase
from beanpod.deploy.verify import State, UnverifiedError, Update, Verdict

_MOST_CAUSES = 8
_TLS = f"{DOCS}/variables.md#tls-to-the-database"
# What PostgreSQL and MySQL say; of the first, Node.js prints the routine last.
_NO_TLS = ("no pg_hba.conf entry", "'ClientAuthentication'", "insecure transport", "require_secure_transport")
_UNKNOWN_AUTHORITY = ("certificate verify failed", "self-signed certificate", "unable to get local issuer certificate")
# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/health-enhanced-rules.html
_ADVICE = {
    "HTTP 4xx": f"if clients cause the 4xx, have Elastic Beanstalk ignore them: see {DOCS}/deploying.md#health-and-4xx",
    "failed to download the Docker image": "eb-engine.log in `beanpod logs` names the image and the registry's answer: "
    "if it refuses the pull, the token in DOCKER_PASSWORD of [secrets] may have expired or belong to another account; "
    "if it answers 429, its rate limit is reached: a login in [secrets] raises Docker Hub's; if it has lost what was "
    "pushed, deploy again, which pushes it again",
    **dict.fromkeys(_NO_TLS, f"the database accepts only connections with TLS: for the app's driver, see {_TLS}"),
    **dict.fromkeys(
        _UNKNOWN_AUTHORITY,
        f"the app does not know who issued a certificate: if it is the database's, for TLS, see {_TLS}",
    ),
    "Access denied for user": f"MariaDB denies access to connections without TLS: for the app's driver, see {_TLS}",
}


def advice(lines: Collection[str]) -> tuple[str, ...]:
    """Return what to do about causes, or lines of a log, that are known."""
    return tuple(dict.fromkeys(text for words, text in _ADVICE.items() if any(words in line for line in lines)))


@dataclass
class Recovery:
    """The end of a release that failed.

    Attributes:
        context: The environment.
        lock: Its lock, which this run has.
        found: What the preflight found.
        failed: The release.
        update: The update to it.
        verdict: On that update.
        causes: Of the failure.
        events: Of the rollback.
        environment: As it was last.
    """

    context: DeploymentContext
    lock: Lock
    found: Preflight
    failed: Release
    update: Update
    verdict: Verdict
    causes: tuple[str, ...] = ()
    events: list[EnvironmentEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.environment = self.verdict.environment

    def recover(self) -> NoReturn:
        """Do what the verdict asks for. Always raises: the error says how it ended."""
        self.causes = self._causes()
        if self.verdict.state is State.GONE:
            raise self._ended(NotRolledBackError, ": it cannot be rolled back")
        if self.verdict.state is State.MOVING:
            raise self._ended(BusyError, ": another deployment is updating it, so it is not rolled back")
        if self.verdict.state is State.OTHER:
            self._check_version()
        self._roll_back()

    def _check_version(self) -> None:
        """Raise, unless the version that runs is the previous one, and not well."""
        environment, runs = self.verdict.environment, version_of(self.verdict.environment)
        if runs not in (self.failed.previous, self.update.before):
            raise BusyError(
                f"{self.failed.label} was superseded: environment {environment.name} runs {environment.version_label} "
                "now, which is left alone",
                causes=self.causes,
            )
        if runs is None:
            raise self._ended(NotRolledBackError, ": this is the first release, there is none to roll back to")
        back = Update(self.context, runs).verify(environment)
        self.environment = back.environment
        if back.state is State.GOOD:
            self._report(back)
            self._warn_about_migrations()
            raise self._ended(RolledBackError, ": Elastic Beanstalk reverted to it, and it is healthy")

    def _roll_back(self) -> NoReturn:
        self._refuse_if_impossible()
        previous = self.failed.previous or ""
        try:
            with self.context.report.phase(Phase.ROLL_BACK):
                self._roll_out(previous)
        except UnverifiedError as error:
            self.causes += error.verdict.causes
            raise self._ended(NotRolledBackError, f"; after the rollback to {previous}, {error}") from None
        except DeadlineError as error:
            raise self._ended(DeadlineError, f"; while it was rolled back: {error}") from error
        except DeployError as error:
            raise self._ended(NotRolledBackError, f", and cannot be rolled back: {error}") from error
        self._warn_about_migrations()
        raise self._ended(RolledBackError, f"; rolled back, {previous} runs again")

    def _refuse_if_impossible(self) -> None:
        previous, why = self.failed.previous, None
        if not self.context.settings.roll_back:
            why = "it is not rolled back, because of --no-rollback"
        elif previous is None:
            why = "this is the first release, there is nothing to roll back to"
        elif self.lock.lost:
            why = "it is not rolled back, because another deployment has taken the lock over"
        elif not self._has_bundle(previous):
            why = f"it cannot be rolled back, the bundle of {previous} no longer exists"
        if why:
            raise self._ended(NotRolledBackError, f"; {why}")

    def _has_bundle(self, label: str) -> bool:
        """Whether a version's bundle exists, as far as is known; one may have been uploaded after the preflight."""
        if not self.found.has_bundle(label):
            with suppress(DeployError):
                return replace(self.found, stored=self.context.stored_bundles()).has_bundle(label)
        return True

    def _roll_out(self, previous: str) -> None:
        self.context.report.say(f"rolling back to {previous}")
        update, clock = Update(self.context, previous), self.context.clock
        since = clock.monotonic()
        try:
            # It may be Ready by another replica of the API only.
            while not update.start(self._not_replaced()):
                if clock.monotonic() - since >= self.context.settings.ready_timeout:
                    raise BusyError("another deployment keeps updating the environment")
                self.context.pause(POLL_SECONDS)
            back = update.verify(update.wait())
            self.environment = back.environment
            if back.state is not State.GOOD:
                raise UnverifiedError(back)
            self._report(back)
        finally:
            self.events += update.events

    def _not_replaced(self) -> Environment:
        """The environment, once it is Ready. Raises BusyError where another deployment has replaced what failed."""
        environment, failed = self._ready(), self.verdict.environment.version_label
        if environment.version_label not in (failed, self.failed.previous, self.update.before):
            raise BusyError(f"another deployment has replaced it by {environment.version_label}, which is left alone")
        return environment

    def _ready(self) -> Environment:
        """Wait until the environment is Ready, also while AWS does not answer: nothing else rolls the release back."""
        context, since = self.context, self.context.clock.monotonic()
        while True:
            try:
                return context.wait_until_ready()
            except UnansweredError as error:
                if context.clock.monotonic() - since >= context.settings.ready_timeout:
                    raise
                context.report.say(f"{error}; polling again")
            context.pause(POLL_SECONDS)

    def _report(self, back: Verdict) -> None:
        """Report what the health path answers now that the previous version runs."""
        if back.answer and back.answer.well is None:
            self.context.report.warn(f"the health path was {back.answer.text}; check that the previous version works")
        elif back.answer:
            self.context.report.say(back.answer.text)

    def _ended(self, error: type[DeployError], how: str) -> DeployError:
        """Return the error that says what failed, and how it ended."""
        aborted = " (the update took too long and was aborted)" if self.update.aborted else ""
        failed = f"{self.failed.label} failed on {self.verdict.environment.name}: {self.verdict.text}"
        return error(f"{failed}{aborted}{how}", causes=self.causes)

    def _causes(self) -> tuple[str, ...]:
        # The first error says what, the instances say why; what follows an error mostly says that it was one.
        first, *more = self.update.errors or [""]
        found = [text for text in (first, *remedies((first, *more)), *self.verdict.causes, *more) if text]
        if not found and self.verdict.state is State.RECOVERING:
            found += self._health_causes(self.verdict.environment)
        return (*tuple(dict.fromkeys(found))[:_MOST_CAUSES], *_where_to_read(found), *advice(found))

    def _health_causes(self, environment: Environment) -> tuple[str, ...]:
        try:
            return self.context.aws.health_causes(environment.name)
        except DeployError as error:
            # Roll back also if the causes cannot be read.
            self.context.report.warn(f"the causes of health {environment.health} could not be read: {error}")
            return ()

    def _warn_about_migrations(self) -> None:
        self.context.report.warn(f"a rollback does not undo a migration of the database by {self.failed.label}")


def _where_to_read(causes: list[str]) -> tuple[str, ...]:
    """Where the instance's own log is, as far as Elastic Beanstalk quotes it: of a hook it mostly does not.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-deployment-logs.html
    """
    if any("The release is not healthy" in cause for cause in causes):
        return ()
    if any(word in cause for cause in causes for word in ("eb-engine", "Engine execution", "hook")):
        return ("details: the deployment log in the console, or `beanpod logs`",)
    return ()
