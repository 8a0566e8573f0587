"""The release, from the first look to the verdict."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn

from beanpod.deploy.aws import Aws, Environment
from beanpod.deploy.clock import Clock
from beanpod.deploy.errors import BusyError, InterruptionError, RolledBackError, UsageError
from beanpod.deploy.report import Outcome, Phase, Reporter
from beanpod.deploy.rollout.attempt import Attempt
from beanpod.deploy.rollout.bundles import Bundle, make_version, upload
from beanpod.deploy.rollout.ledger import Page, Release
from beanpod.deploy.rollout.lock import Lock
from beanpod.deploy.rollout.looking import Look, take_look, version_of
from beanpod.deploy.rollout.process import Process
from beanpod.deploy.rollout.recovery import Recovery
from beanpod.deploy.rollout.settings import Settings
from beanpod.deploy.rollout.site import Site
from beanpod.deploy.rollout.target import Target
from beanpod.deploy.rollout.verdict import Finding, State, UnverifiedError, judge
from beanpod.deploy.rollout.waiting import Update
from beanpod.deploy.source import Source

_STATUS = "beanpod status"


class Rollout:
    """Rolls versions out on one environment: look(), then release() or roll_back().

    outcome: what is known so far; also of use after an error, whose exit code says how it ended.
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
        process: Process | None = None,
    ) -> None:
        """
        :param settings: Default: `Settings()`.
        :param source: The commit and the CI run. Default: none known.
        :param process: What tells a later run that this one is gone. Default: the process that runs.
        """
        self._site = Site(target, aws, clock, report, settings or Settings())
        self._source = source or Source()
        self._lock = Lock(self._site, source=self._source, process=process or Process.this())
        self._look: Look | None = None
        self._leaves = "nothing was touched"
        self.outcome = Outcome(version_label="", url=target.url)

    def look(self, *, wait: bool = True) -> Look:
        """See who deploys where, and what runs there. wait: until the environment is Ready.

        Raises UsageError, CredentialsError, or BusyError when the environment does not get Ready.
        """
        with self._interruptible(), self._site.report.phase(Phase.LOOK):
            self._look = take_look(self._site, wait=wait)
        self._note(self._look.environment, previous_version=self._look.previous)
        return self._look

    def release(
        self, bundle: Bundle, *, description: str = "", tags: Mapping[str, str] | None = None, force: bool = False
    ) -> Outcome:
        """Make the environment run a bundle, verified; the previous version again if it does not.

        description, tags: of the version, shortened to what Beanstalk takes. force: also where the environment runs
        the bundle already, or a newer commit.
        Raises BusyError, RolledBackError, NotRolledBackError, DeadlineError, InterruptionError, UsageError.
        """
        look = self._look or self.look()
        self.outcome = replace(self.outcome, version_label=bundle.label)
        with self._interruptible():
            if not force and self._runs(look.environment, bundle.label):
                return self.outcome
            with self._site.report.phase(Phase.UPLOAD):
                upload(self._site, bundle, stored=look.stored)
                make_version(self._site, bundle, description=description, tags=tags or {})
            self._leaves = f"version {bundle.label} is made, the environment was not touched"
            self._roll_out(self._wanted(bundle.label, look), look, force=force)
        return self.outcome

    def roll_back(self, label: str | None = None) -> Outcome:
        """Make the environment run an earlier version. label: Default: the one before the present one.

        Raises what release() does; UsageError when there is no such version, or none is known.
        """
        look = self._look or self.look()
        with self._interruptible():
            wanted = label or self._lock.page().before(look.environment.version_label)
            self._refuse_unknown(wanted)
            self.outcome = replace(self.outcome, version_label=wanted or "")
            release = Release(wanted or "", look.previous)
            self._roll_out(release, look, force=True)
        return self.outcome

    def _wanted(self, label: str, look: Look) -> Release:
        return Release(label, look.previous, self._source.commit, self._source.committed)

    def _roll_out(self, wanted: Release, look: Look, *, force: bool) -> None:
        with self._lock.held(wanted, patience=self._site.settings.ready_timeout) as page:
            environment = self._site.await_ready(each=self._lock.keep)
            if not force:
                self._refuse_if_older(wanted, page, environment)
                if self._runs(environment, wanted.label):
                    return
            attempt = Attempt(self._site, wanted.label, each=self._lock.keep)
            try:
                with self._site.report.phase(Phase.ROLL_OUT):
                    wanted, update = self._begun(attempt, wanted, page, environment)
                    settled = attempt.settle(update)
                with self._site.report.phase(Phase.VERIFY):
                    self._verify(attempt, settled)
            except UnverifiedError as error:
                self._recover(Recovery(self._site, self._lock, look, wanted, attempt), error.finding)
            finally:
                self.outcome = replace(self.outcome, events=(*attempt.journal.events, *self.outcome.events))
            self._lock.succeeded(wanted)

    def _verify(self, attempt: Attempt, settled: Environment) -> None:
        finding = attempt.verify(settled)
        self._note(finding.environment)
        self._tell(finding)
        if finding.state is not State.GOOD:
            raise UnverifiedError(finding)

    def _tell(self, finding: Finding) -> None:
        """Say what a look found, and what the health path answered."""
        report, answer = self._site.report, finding.answer
        if answer is None or answer.well is not False:
            report.say(f"{finding.text}, health {finding.environment.health}")
        if answer is None:
            return
        self.outcome = replace(self.outcome, health_path=answer.text)
        if answer.well is None:
            report.warn(f"the health path was {answer.text}; whether it answers there is not part of this verdict")
        else:
            report.say(answer.text)

    def _begun(self, attempt: Attempt, wanted: Release, page: Page, environment: Environment) -> tuple[Release, Update]:
        """Start the update, as soon as the environment takes it; the release as it is by then."""
        since = self._site.clock.monotonic()
        while True:
            wanted = replace(wanted, previous=self._previous(environment, page, wanted.label))
            self._lock.claim(wanted)
            self._note(environment, previous_version=wanted.previous, changed=True)
            self._leaves = f"Elastic Beanstalk may go on rolling out {wanted.label}: see {_STATUS}"
            update = attempt.start(environment)
            if update is not None:
                return wanted, update
            if self._site.clock.monotonic() - since >= self._site.settings.ready_timeout:
                raise BusyError(f"environment {environment.name} gets busy again and again: deploy when it rests")
            environment = self._site.await_ready(each=self._lock.keep)

    def _previous(self, environment: Environment, page: Page, label: str) -> str | None:
        """Where a rollback would go: what runs, unless that is a release that was cut off and is not well."""
        runs = version_of(environment)
        if runs is None:
            return None
        if runs == label or (page.was_cut_off(runs) and not self._site.settings.accepts(environment.health)):
            return page.before(runs)
        return runs

    def _refuse_if_older(self, wanted: Release, page: Page, environment: Environment) -> None:
        deployed = page.of(environment.version_label)
        if deployed and wanted.older_than(deployed):
            raise BusyError(
                f"superseded: {environment.name} runs {deployed.label}, of commit {deployed.commit[:12]} made "
                f"{deployed.committed:%Y-%m-%d %H:%M:%S}, and this commit is older: deploy it with --force, or go back "
                "with beanpod rollback"
            )

    def _refuse_unknown(self, label: str | None) -> None:
        if label is None:
            raise UsageError(
                "it is not known what ran before: name a version, one of those that beanpod versions lists"
            )
        if not self._site.aws.versions(self._site.target.application, (label,)):
            raise UsageError(
                f"application {self._site.target.application} has no version {label}: choose one of those that "
                "beanpod versions lists"
            )

    def _runs(self, environment: Environment, label: str) -> bool:
        """Whether there is nothing to do: one look at the environment, one at its instances."""
        if environment.version_label != label:
            return False
        instances = self._site.aws.instances(environment.name)
        finding = judge(environment, instances, label, self._site.settings)
        health_path = self._site.target.health_path
        if health_path and finding.state is State.GOOD:
            finding = finding.with_answer(health_path.answer())
        if finding.state is not State.GOOD:
            self._site.report.say(f"{label} is there, but {finding.text}: rolling it out again")
            return False
        self._tell(finding)
        # What ran before it would cost one more call; what runs now is not it.
        self._note(environment, previous_version=None)
        return True

    def _recover(self, recovery: Recovery, finding: Finding) -> NoReturn:
        self._leaves = f"the previous version may be on its way back: see {_STATUS}"
        try:
            recovery.after(finding)
        except RolledBackError:
            self._lock.undone()
            self.outcome = replace(self.outcome, rolled_back=True)
            raise
        finally:
            self._note(recovery.environment or finding.environment, events=tuple(recovery.events))

    def _note(self, environment: Environment, **known: Any) -> None:
        self.outcome = replace(self.outcome, health=environment.health, **known)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            raise InterruptionError(f"interrupted: {self._leaves}") from None
