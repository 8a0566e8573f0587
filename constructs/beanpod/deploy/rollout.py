"""A release, from the preflight to the verdict: upload, lock, update, verify. A failed one goes to `recovery`."""

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from beanpod.deploy.aws import AwsError, Environment
from beanpod.deploy.clock import POLL_SECONDS
from beanpod.deploy.errors import BusyError, InterruptionError, RolledBackError, UsageError
from beanpod.deploy.health_path import current_url
from beanpod.deploy.lock import Lock, LockRecord, Release
from beanpod.deploy.preflight import DeploymentContext, Preflight, run_preflight, version_of
from beanpod.deploy.recovery import Recovery
from beanpod.deploy.report import Outcome, Phase
from beanpod.deploy.verify import State, UnverifiedError, Update, Verdict, ask_health_path, judge

if TYPE_CHECKING:
    from beanpod.deploy.bundles import Bundle

_LONGEST_DESCRIPTION = 200
_LONGEST_TAG = 256
# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-tagging-resources.html
_NOT_IN_TAGS = re.compile(r"[^\w .:/=+\-@]")


class Rollout:
    """Rolls versions out on one environment: preflight(), then release() or roll_back().

    Attributes:
        outcome: What is known so far; also of use after an error, whose exit code says how it ended.
    """

    def __init__(self, context: DeploymentContext) -> None:
        self._lock = Lock(context)
        self._context = replace(context, renew_lock=self._lock.renew)
        self._preflight: Preflight | None = None
        self._on_interruption = "nothing was changed"
        self.outcome = Outcome(version_label="", url=context.target.url, plain_http=context.target.plain_http)

    def preflight(self, *, wait: bool = True) -> Preflight:
        """Check who deploys where, and what runs there.

        Args:
            wait: Whether to wait until the environment is Ready.

        Raises:
            UsageError: When there is no such environment, or AWS does not accept the credentials.
            BusyError: When the environment does not become Ready.
        """
        with self._interruptible(), self._context.report.phase(Phase.PREFLIGHT):
            self._preflight = run_preflight(self._context, wait=wait)
        self._note(self._preflight.environment, previous_version=self._preflight.previous)
        return self._preflight

    def release(self, bundle: "Bundle", *, force: bool = False) -> Outcome:
        """Make the environment run a bundle, verified; the previous version again if it does not.

        Args:
            bundle: What to release.
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
        self.outcome = replace(self.outcome, version_label=bundle.label, image=bundle.image, digest=bundle.digest)
        with self._interruptible():
            source = self._context.source
            release = Release(bundle.label, found.previous, source.commit, source.committed, source.ancestors)
            ran = not force and found.previous == bundle.label
            # Looked at again, since a build may have taken its time.
            if ran and self._runs(self._context.describe(), bundle.label) and not self._may_be_replaced(release):
                return self.outcome
            with self._context.report.phase(Phase.UPLOAD):
                upload(self._context, bundle, stored=found.stored)
            self._roll_out(release, found, bundle, force=force)
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
            record = self._lock.read()
            wanted = label or record.before(found.environment.version_label)
            if wanted is None:
                raise UsageError("no previous version is known: choose one that `beanpod versions` lists")
            application = self._context.target.application
            if not self._context.aws.versions(application, wanted):
                raise UsageError(
                    f"application {application} has no version {wanted}: choose one that `beanpod versions` lists"
                )
            if not found.has_bundle(wanted):
                raise UsageError(
                    f"the bundle of {wanted} no longer exists: choose another version that `beanpod versions` lists"
                )
            self.outcome = replace(self.outcome, version_label=wanted)
            # With its commit, where that is known: an older one that comes later is refused.
            release = record.release_of(wanted) or Release(wanted, None)
            self._roll_out(replace(release, previous=found.previous), found, None, force=True)
        return self.outcome

    def _roll_out(self, release: Release, found: Preflight, bundle: "Bundle | None", *, force: bool) -> None:
        """Update the environment to a version; bundle: what it is created from, unless it exists."""
        with self._lock.held(release) as record:
            environment = self._context.wait_until_ready()
            if not force:
                _refuse_if_older(release, record, environment)
                if self._runs(environment, release.label):
                    known = record.last_good
                    if known is None or known.label != release.label or known.older_than(release):
                        self._lock.succeeded(replace(release, previous=record.before(release.label)))
                    return
            update = Update(self._context, release.label)
            try:
                with self._context.report.phase(Phase.ROLL_OUT):
                    # Under the lock: a deployment that is refused creates no application version.
                    if bundle:
                        create_version(self._context, bundle)
                    release = self._start(update, release, record, environment)
                    settled = update.wait()
                with self._context.report.phase(Phase.VERIFY):
                    self._verify(update, settled)
            except UnverifiedError as error:
                self._recover(release, found, update, error.verdict)
            finally:
                self.outcome = replace(self.outcome, events=(*update.events, *self.outcome.events))
            self._lock.succeeded(release)
            self._on_interruption = f"{release.label} is deployed and healthy"

    def _start(self, update: Update, release: Release, record: LockRecord, environment: Environment) -> Release:
        """Start the update, as soon as the environment accepts it; the release as it is by then."""
        context, since = self._context, self._context.clock.monotonic()
        while True:
            release = replace(release, previous=self._previous(environment, record, release.label))
            self._lock.claim(release)
            self._note(environment, previous_version=release.previous, changed=True)
            rolling_out = f"Elastic Beanstalk may still be rolling out {release.label}"
            self._on_interruption = f"{rolling_out}: see `beanpod status`"
            if update.start(environment):
                return release
            if context.clock.monotonic() - since >= context.settings.ready_timeout:
                raise BusyError(f"environment {environment.name} keeps being updated: deploy again when it is Ready")
            # It may be Ready by another replica of the API.
            context.pause(POLL_SECONDS)
            environment = context.wait_until_ready()

    def _previous(self, environment: Environment, record: LockRecord, label: str) -> str | None:
        """Where to roll back to: what runs, unless that is not well and was never verified."""
        runs = version_of(environment)
        if runs is None:
            return None
        verified = record.last_good is not None and record.last_good.label == runs
        well = self._context.settings.accepts(environment.health)
        if runs == label or (record.etag and not verified and not well):
            known = record.before(runs)
            # Where the last good release is deployed again, the one before it.
            return record.before(label) if known == label else known
        return runs

    def _runs(self, environment: Environment, label: str) -> bool:
        """Whether there is nothing to do: the environment runs the version well."""
        if environment.version_label != label or not environment.ready:
            return False
        instances = self._context.aws.instances(environment.name)
        verdict = ask_health_path(self._context, judge(environment, instances, label, self._context.settings))
        if verdict.state not in (State.GOOD, State.STARTING):
            self._context.report.say(f"the environment has {label} already, but {verdict.text}: deploying it again")
            return False
        self._report(verdict)
        # What ran before it would cost one more call; what runs now is not it.
        self._note(environment, previous_version=None)
        return True

    def _may_be_replaced(self, release: Release) -> bool:
        """Whether an older commit could replace what runs: one is being deployed, or the lock names an older one."""
        record = self._lock.read()
        owner, recorded = record.current_owner, record.release_of(release.label)
        replacing = owner is not None and owner.release.label != release.label
        return replacing or (recorded is not None and recorded.older_than(release))

    def _verify(self, update: Update, settled: Environment) -> None:
        verdict = update.verify(settled)
        self._note(verdict.environment)
        self._report(verdict)
        if verdict.state is not State.GOOD:
            raise UnverifiedError(verdict)

    def _report(self, verdict: Verdict) -> None:
        """Report a verdict, and what the health path answered."""
        report, answer = self._context.report, verdict.answer
        if answer is None or answer.well is not False:
            report.say(f"{verdict.text}, health {verdict.environment.health}")
        if answer is None:
            return
        self.outcome = replace(self.outcome, health_path=answer.text)
        if answer.well is None:
            report.warn(f"the health path was {answer.text}; the result does not depend on it")
        else:
            report.say(answer.text)
        for warning in answer.warnings:
            report.warn(warning)

    def _recover(self, failed: Release, found: Preflight, update: Update, verdict: Verdict) -> NoReturn:
        self._on_interruption = "a rollback to the previous version may be in progress: see `beanpod status`"
        recovery = Recovery(self._context, self._lock, found, failed, update, verdict)
        try:
            recovery.recover()
        except RolledBackError as error:
            self.outcome = replace(self.outcome, rolled_back=True)
            self._on_interruption = str(error)
            raise
        finally:
            self._note(recovery.environment, events=tuple(recovery.events))

    def _note(self, environment: Environment, **known: Any) -> None:
        url = current_url(self._context.target.url, environment.endpoint)
        self.outcome = replace(self.outcome, health=environment.health, url=url, **known)

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
            f"{deployed.committed:%Y-%m-%d %H:%M:%S}, and this commit is older, or was made by a clock that is behind: "
            "deploy it with --force, or go back with `beanpod rollback`"
        )


def upload(context: DeploymentContext, bundle: "Bundle", *, stored: frozenset[str] | None) -> None:
    """Upload the bundle, unless it is in the bucket.

    Args:
        context: With the bucket.
        bundle: The bundle.
        stored: The keys known to be in the bucket; None if unknown.

    Raises:
        UsageError: When another content has the bundle's key.
        BusyError: When another deployment uploads it at this moment.
    """
    bucket, report = context.target.bucket, context.report
    sha256 = base64.b64encode(hashlib.sha256(bundle.data).digest()).decode()
    if bundle.key not in (stored or ()) and context.aws.write(
        bucket, bundle.key, bundle.data, over=None, sha256=sha256
    ):
        report.say(f"uploaded {len(bundle.data):,} bytes to s3://{bucket}/{bundle.key}")
        return
    found = context.aws.checksum(bucket, bundle.key)
    if found is None:
        raise BusyError(f"another deployment is uploading s3://{bucket}/{bundle.key}: deploy again")
    # S3 has no checksum of what an old client uploaded; the key is made from the content all the same.
    if found not in (sha256, ""):
        raise UsageError(
            f"s3://{bucket}/{bundle.key} exists with other content than {bundle.label}: "
            "check who wrote it, delete it, and deploy again"
        )
    report.say(f"the bundle of {bundle.label} exists already: nothing uploaded")


def create_version(context: DeploymentContext, bundle: "Bundle") -> None:
    """Create the version, unless it exists with the same bundle. It names the commit, the CI run and the image.

    Raises:
        UsageError: When the label belongs to another bundle, or the account has no room for another version.
    """
    target, source = context.target, context.source
    description = " ".join((source.short_commit, source.run_url, source.actor and f"by {source.actor}")).split()
    tags = {"beanpod:commit": source.commit, "beanpod:run": source.run_url, "beanpod:image": bundle.image}
    try:
        context.aws.create_version(
            target.application,
            bundle.label,
            bucket=target.bucket,
            key=bundle.key,
            description=" ".join(description)[:_LONGEST_DESCRIPTION],
            tags={name: _NOT_IN_TAGS.sub("_", value)[:_LONGEST_TAG] for name, value in tags.items() if value},
        )
    except AwsError as error:
        if error.code.startswith("TooManyApplicationVersions"):
            raise UsageError(
                f"application {target.application} has as many versions as its account allows: delete old ones, "
                "or lower environment.max_versions in beanpod.toml and run `beanpod cdk deploy --all`"
            ) from error
        if "already exists" not in error.text:
            raise
        for version in context.aws.versions(target.application, bundle.label):
            stored = version.get("SourceBundle", {})
            bucket, key = stored.get("S3Bucket"), stored.get("S3Key")
            if (bucket, key) != (target.bucket, bundle.key):
                raise UsageError(
                    f"version {bundle.label} exists with another bundle, s3://{bucket}/{key}: "
                    "delete that version, and deploy again"
                ) from error
        context.report.say(f"version {bundle.label} exists already")
