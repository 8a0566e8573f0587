"""A release, from the preflight to the verdict: upload, lock, update, verify, and roll back where it fails."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn

from beanpod.deploy.aws import Aws, Environment, remedies
from beanpod.deploy.clock import Clock
from beanpod.deploy.errors import (
    BusyError,
    DeadlineError,
    DeployError,
    InterruptionError,
    NotRolledBackError,
    RolledBackError,
    UsageError,
)
from beanpod.deploy.lock import Lock, LockRecord, Release
from beanpod.deploy.preflight import DeploymentContext, Preflight, Settings, Target, run_preflight, version_of
from beanpod.deploy.report import Outcome, Phase, Reporter
from beanpod.deploy.source import Source
from beanpod.deploy.verify import State, UnverifiedError, Update, Verdict, ask_health_path, judge
from beanpod.deploy.versions import Bundle, create_version, upload

_MOST_CAUSES = 8


class Rollout:
    """Rolls versions out on one environment: preflight(), then release() or roll_back().

    Attributes:
        outcome: What is known so far; also of use after an error, whose exit code says how it ended.
    """

    def __init__(
        self,
        target: Target,
        aws: Aws,
        *,
        report: Reporter,
        clock: Clock,
        settings: Settings | None = None,
        source: Source | None = None,
    ) -> None:
        """
        Args:
            target: The environment.
            aws: The calls to make.
            report: Shows the progress.
            clock: To wait by.
            settings: Default: `Settings()`.
            source: The commit and the CI run. Default: unknown.
        """
        self._context = DeploymentContext(target, aws, clock, report, settings or Settings())
        self._source = source or Source()
        self._lock = Lock(self._context, source=self._source)
        self._preflight: Preflight | None = None
        self._on_interruption = "nothing was touched"
        self.outcome = Outcome(version_label="", url=target.url)

    def preflight(self, *, wait: bool = True) -> Preflight:
        """Check who deploys where, and what runs there.

        Args:
            wait: Whether to wait until the environment is Ready.

        Raises:
            UsageError: When there is no such environment.
            CredentialsError: When AWS does not accept the credentials.
            BusyError: When the environment does not become Ready.
        """
        with self._interruptible(), self._context.report.phase(Phase.LOOK):
            self._preflight = run_preflight(self._context, wait=wait)
        self._note(self._preflight.environment, previous_version=self._preflight.previous)
        return self._preflight

    def release(
        self, bundle: Bundle, *, description: str = "", tags: Mapping[str, str] | None = None, force: bool = False
    ) -> Outcome:
        """Make the environment run a bundle, verified; the previous version again if it does not.

        Args:
            bundle: What to release.
            description: Of the version, shortened to what Beanstalk accepts.
            tags: Of the version, shortened likewise.
            force: Also where the environment runs the bundle already, or a newer commit.

        Raises:
            BusyError: Behind another deployment.
            RolledBackError: When the release failed and the previous version runs.
            NotRolledBackError: When the release failed and was not rolled back.
            DeadlineError: When the state of the environment is unknown.
            InterruptionError: On Ctrl-C or SIGTERM.
            UsageError: When the bundle's key or label is used for something else.
        """
        found = self._preflight or self.preflight()
        self.outcome = replace(self.outcome, version_label=bundle.label)
        with self._interruptible():
            if not force and self._runs(found.environment, bundle.label):
                return self.outcome
            with self._context.report.phase(Phase.UPLOAD):
                upload(self._context, bundle, stored=found.stored)
                create_version(self._context, bundle, description=description, tags=tags or {})
            self._on_interruption = f"version {bundle.label} is created, the environment was not touched"
            release = Release(bundle.label, found.previous, self._source.commit, self._source.committed)
            self._roll_out(release, found, force=force)
        return self.outcome

    def roll_back(self, label: str | None = None) -> Outcome:
        """Make the environment run an earlier version.

        Args:
            label: Of the version. Default: the one before the present one.

        Raises:
            UsageError: When there is no such version, or none is known.
            DeployError: As release().
        """
        found = self._preflight or self.preflight()
        with self._interruptible():
            wanted = label or self._lock.read().before(found.environment.version_label)
            if wanted is None:
                raise UsageError("the version before is not known: name one that beanpod versions lists")
            application = self._context.target.application
            if not self._context.aws.versions(application, (wanted,)):
                raise UsageError(
                    f"application {application} has no version {wanted}: choose one that beanpod versions lists"
                )
            self.outcome = replace(self.outcome, version_label=wanted)
            self._roll_out(Release(wanted, found.previous), found, force=True)
        return self.outcome

    def _roll_out(self, release: Release, found: Preflight, *, force: bool) -> None:
        with self._lock.held(release, timeout=self._context.settings.ready_timeout) as record:
            environment = self._context.wait_until_ready(each=self._lock.renew)
            if not force:
                _refuse_if_older(release, record, environment)
                if self._runs(environment, release.label):
                    return
            update = Update(self._context, release.label, each=self._lock.renew)
            try:
                with self._context.report.phase(Phase.ROLL_OUT):
                    release = self._start(update, release, record, environment)
                    settled = update.wait()
                with self._context.report.phase(Phase.VERIFY):
                    self._verify(update, settled)
            except UnverifiedError as error:
                self._recover(release, found, update, error.verdict)
            finally:
                self.outcome = replace(self.outcome, events=(*update.log.events, *self.outcome.events))
            self._lock.succeeded(release)

    def _start(self, update: Update, release: Release, record: LockRecord, environment: Environment) -> Release:
        """Start the update, as soon as the environment accepts it; the release as it is by then."""
        context, since = self._context, self._context.clock.monotonic()
        while True:
            release = replace(release, previous=self._previous(environment, record, release.label))
            self._lock.claim(release)
            self._note(environment, previous_version=release.previous, changed=True)
            self._on_interruption = (
                f"Elastic Beanstalk may still be rolling out {release.label}: see beanpod status"
            )  # fmt: skip
            if update.start(environment):
                return release
            if context.clock.monotonic() - since >= context.settings.ready_timeout:
                raise BusyError(f"environment {environment.name} is updated again and again: deploy when it is Ready")
            environment = context.wait_until_ready(each=self._lock.renew)

    def _previous(self, environment: Environment, record: LockRecord, label: str) -> str | None:
        """Where to roll back to: what runs, unless that is not well and was never verified."""
        runs = version_of(environment)
        if runs is None:
            return None
        verified = record.last_good is not None and record.last_good.label == runs
        well = self._context.settings.accepts(environment.health)
        if runs == label or (record.etag and not verified and not well):
            return record.before(runs)
        return runs

    def _runs(self, environment: Environment, label: str) -> bool:
        """Whether there is nothing to do: the environment runs the version well."""
        if environment.version_label != label:
            return False
        instances = self._context.aws.instances(environment.name)
        verdict = ask_health_path(self._context, judge(environment, instances, label, self._context.settings))
        if verdict.state is not State.GOOD:
            self._context.report.say(f"the environment has {label} already, but {verdict.text}: rolling it out again")
            return False
        self._tell(verdict)
        # What ran before it would cost one more call; what runs now is not it.
        self._note(environment, previous_version=None)
        return True

    def _verify(self, update: Update, settled: Environment) -> None:
        verdict = update.verify(settled)
        self._note(verdict.environment)
        self._tell(verdict)
        if verdict.state is not State.GOOD:
            raise UnverifiedError(verdict)

    def _tell(self, verdict: Verdict) -> None:
        """Report a verdict, and what the health path answered."""
        report, answer = self._context.report, verdict.answer
        if answer is None or answer.well is not False:
            report.say(f"{verdict.text}, health {verdict.environment.health}")
        if answer is None:
            return
        self.outcome = replace(self.outcome, health_path=answer.text)
        if answer.well is None:
            report.warn(f"the health path was {answer.text}; whether it answers there is not part of this verdict")
        else:
            report.say(answer.text)

    def _recover(self, failed: Release, found: Preflight, update: Update, verdict: Verdict) -> NoReturn:
        self._on_interruption = "the previous version may be on its way back: see beanpod status"
        recovery = _Recovery(self._context, self._lock, found, failed, update)
        try:
            recovery.recover(verdict)
        except RolledBackError:
            self.outcome = replace(self.outcome, rolled_back=True)
            raise
        finally:
            self._note(recovery.environment or verdict.environment, events=tuple(recovery.events))

    def _note(self, environment: Environment, **known: Any) -> None:
        self.outcome = replace(self.outcome, health=environment.health, **known)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            raise InterruptionError(f"interrupted: {self._on_interruption}") from None


def _refuse_if_older(release: Release, record: LockRecord, environment: Environment) -> None:
    deployed = record.release_of(environment.version_label)
    if deployed and release.older_than(deployed):
        raise BusyError(
            f"superseded: {environment.name} runs {deployed.label}, of commit {deployed.commit[:12]} made "
            f"{deployed.committed:%Y-%m-%d %H:%M:%S}, and this commit is older: deploy it with --force, or go back "
            "with beanpod rollback"
        )


class _Recovery:
    """Ends a release that failed: leave it, find it reverted, or roll it back. Once, and never twice.

    Attributes:
        events: Of the rollback.
        environment: As it was last.
    """

    def __init__(
        self, context: DeploymentContext, lock: Lock, found: Preflight, failed: Release, update: Update
    ) -> None:
        self._context = context
        self._lock = lock
        self._found = found
        self._failed = failed
        self._update = update
        self.events: list[Any] = []
        self.environment: Environment | None = None

    def recover(self, verdict: Verdict) -> NoReturn:
        """Do what the verdict asks for. Always raises: the error says how it ended."""
        causes = self._causes(verdict)
        if verdict.state is State.GONE:
            raise NotRolledBackError(f"{self._what(verdict)}: it cannot be rolled back", causes=causes)
        if verdict.state is State.MOVING:
            raise BusyError(f"{self._what(verdict)}: another deployer updates it, so it is left alone", causes=causes)
        if verdict.state is State.OTHER:
            self._other(verdict, causes)
        self._roll_back(verdict, causes)

    def _other(self, verdict: Verdict, causes: tuple[str, ...]) -> None:
        """Returns if the previous version is there, but not well."""
        runs = version_of(verdict.environment)
        if runs != self._failed.previous:
            raise BusyError(
                f"{self._failed.label} was superseded: environment {verdict.environment.name} runs "
                f"{verdict.environment.version_label} now, which is left alone",
                causes=causes,
            )
        if runs is None:
            raise NotRolledBackError(f"{self._what(verdict)}: as before this first release", causes=causes)
        back = Update(self._context, runs, each=self._lock.renew).verify(verdict.environment)
        self.environment = back.environment
        if back.state is State.GOOD:
            self._tell(back)
            self._remind()
            raise RolledBackError(
                f"{self._what(verdict)}: Elastic Beanstalk went back to it, and it serves", causes=causes
            )

    def _roll_back(self, verdict: Verdict, causes: tuple[str, ...]) -> NoReturn:
        self._refuse_if_impossible(verdict, causes)
        previous = self._failed.previous or ""
        try:
            with self._context.report.phase(Phase.ROLL_BACK):
                self._roll_out(previous)
        except UnverifiedError as error:
            raise NotRolledBackError(
                f"{self._what(verdict)}; after the rollback to {previous}, {error}",
                causes=(*causes, *error.verdict.causes),
            ) from None
        except DeadlineError as error:
            raise DeadlineError(f"{self._what(verdict)}; while it was rolled back: {error}", causes=causes) from error
        except DeployError as error:
            raise NotRolledBackError(
                f"{self._what(verdict)}, and cannot be rolled back: {error}", causes=causes
            ) from error
        self._remind()
        raise RolledBackError(f"{self._what(verdict)}; rolled back, {previous} serves again", causes=causes)

    def _refuse_if_impossible(self, verdict: Verdict, causes: tuple[str, ...]) -> None:
        previous, why = self._failed.previous, None
        if not self._context.settings.roll_back:
            why = "it is not rolled back, because of --no-rollback"
        elif previous is None:
            why = "this is the first release, there is nothing to roll back to"
        elif self._lock.lost:
            why = "it is not rolled back, since another deployment has taken over"
        elif not self._found.has_bundle(previous):
            why = f"it cannot be rolled back, the bundle of {previous} does not exist any more"
        if why:
            raise NotRolledBackError(f"{self._what(verdict)}; {why}", causes=causes)

    def _roll_out(self, previous: str) -> None:
        self._context.report.say(f"rolling back to {previous}")
        update = Update(self._context, previous, each=self._lock.renew)
        try:
            if not update.start(self._context.wait_until_ready(each=self._lock.renew)):
                raise BusyError("another deployer updates the environment")
            back = update.verify(update.wait())
            self.environment = back.environment
            if back.state is not State.GOOD:
                raise UnverifiedError(back)
            self._tell(back)
        finally:
            self.events += update.log.events

    def _tell(self, back: Verdict) -> None:
        """Report what the health path answers now that the previous version runs."""
        if back.answer and back.answer.well is None:
            self._context.report.warn(f"the health path was {back.answer.text}; check that the previous version serves")
        elif back.answer:
            self._context.report.say(back.answer.text)

    def _what(self, verdict: Verdict) -> str:
        aborted = " (the update took too long and was aborted)" if self._update.aborted else ""
        return f"{self._failed.label} failed on {verdict.environment.name}: {verdict.text}{aborted}"

    def _causes(self, verdict: Verdict) -> tuple[str, ...]:
        # The first error says what, the instances say why; what follows an error mostly says that it was one.
        first, *more = [event.message for event in self._update.log.errors] or [""]
        found = [text for text in (first, *remedies((first, *more)), *verdict.causes, *more) if text]
        if not found and verdict.state is State.RECOVERING:
            found += self._health_causes(verdict.environment)
        return (*tuple(dict.fromkeys(found))[:_MOST_CAUSES], *_where_to_read(found))

    def _health_causes(self, environment: Environment) -> tuple[str, ...]:
        try:
            return self._context.aws.health_causes(environment.name)
        except DeployError as error:
            # The causes are only extra information: the rollback goes on without them.
            self._context.report.warn(f"why the health is {environment.health} is not known: {error}")
            return ()

    def _remind(self) -> None:
        self._context.report.warn(
            f"if {self._failed.label} changed the database, that stays: a rollback does not undo a migration"
        )


def _where_to_read(causes: list[str]) -> tuple[str, ...]:
    """Where the instance's own log is, as far as Elastic Beanstalk quotes it: of a hook it mostly does not.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-deployment-logs.html
    """
    if any("The release does not run well" in cause for cause in causes):
        return ()
    if any(word in cause for cause in causes for word in ("eb-engine", "Engine execution", "hook")):
        return ("which container or health path it was: the deployment log in the console, or beanpod logs",)
    return ()
