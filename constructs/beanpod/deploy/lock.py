"""One deployment at a time to an environment, and the newest commit wins.

`locks/ENVIRONMENT` in the artifact bucket names the owner of the lock, the last good release, and the latest ones,
however they ended: an older commit replaces none of them. It is written with S3's conditional writes, so that of
several deployments exactly one gets it. The owner renews its lease by writing the object again; the lock of one that
was killed can be taken over when its lease has expired, by S3's time, whatever the clocks of the machines. The object
is never deleted: a rollback reads where to.

A deployment that finds the lock owned by an older commit waits; behind anything else it ends with BusyError.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AliasChoices, BaseModel, Field, ValidationError

from beanpod._bucket_keys import LOCKS
from beanpod.deploy.aws import Aws
from beanpod.deploy.clock import POLL_SECONDS
from beanpod.deploy.errors import BusyError, DeployError, UsageError
from beanpod.deploy.preflight import DeploymentContext, Target

LEASE_SECONDS = 300.0
"""How long a lock outlives its owner. The lease is renewed when half of it has passed."""

# Of those that an environment may run: after a rollback, a few releases back.
_REMEMBERED = 20

_LOST = "another deployment has taken over the deployment lock: its lease had expired"


@dataclass(frozen=True)
class Release:
    """A version that is rolled out.

    Attributes:
        label: Of the version.
        previous: The label that the environment had before; None on the first release.
        commit: The version was made from it; "" when unknown.
        committed: When the commit was made; None when unknown.
        ancestors: The commits before it, as far as they are known; not recorded.
    """

    label: str
    previous: str | None = None
    commit: str = ""
    committed: datetime | None = None
    ancestors: Annotated[frozenset[str], Field(exclude=True)] = field(default=frozenset(), compare=False, repr=False)

    def older_than(self, other: "Release") -> bool:
        """Whether it was made from an earlier commit: an ancestor of the other's, or else by the committers' clocks."""
        if other.commit.partition("-")[0] in self.ancestors:
            return False
        if self.commit.partition("-")[0] in other.ancestors:
            return True
        return bool(self.committed and other.committed and self.committed < other.committed)


@dataclass(frozen=True)
class LockOwner:
    """The deployment that has the lock.

    Attributes:
        token: Unique for each run.
        actor: Who deploys.
        run_url: Of the CI run; "" without one.
        since: When it got the lock, by its own clock.
        until: When its lease expires, unless renewed; by S3's time in a record that was read.
        release: What it deploys.
    """

    token: str
    actor: str
    run_url: str
    since: datetime
    until: datetime = field(compare=False)
    release: Release

    def __str__(self) -> str:
        return f"{self.actor}, {self.run_url}" if self.run_url else self.actor


@dataclass(frozen=True)
class LockRecord:
    """The content of the lock's object.

    Attributes:
        owner: The latest owner; None when it has released the lock.
        last_good: The last release that was verified.
        deployed: The latest releases, one a label, newest first, whether or not they ended well.
        etag: Of the object; None when there is none.
        expired: Whether the owner's lease had expired when it was read.
        answered: When S3 answered, by its time; None where there is none yet.
    """

    owner: LockOwner | None = None
    last_good: Release | None = None
    deployed: tuple[Release, ...] = ()
    etag: str | None = field(default=None, compare=False)
    expired: bool = field(default=False, compare=False)
    answered: datetime | None = field(default=None, compare=False)

    @property
    def current_owner(self) -> LockOwner | None:
        """Who had the lock when it was read; None when it was free, or the lease had expired."""
        return None if self.expired else self.owner

    def release_of(self, label: str) -> Release | None:
        """The release that brought a label to the environment, as far as it is known."""
        known = (self.owner.release if self.owner else None, *self.deployed, self.last_good)
        return next((release for release in known if release and release.label == label), None)

    def remembering(self, release: Release) -> "LockRecord":
        """The record with a release as the latest that was deployed."""
        others = (known for known in self.deployed if known.label != release.label)
        return replace(self, deployed=(release, *others)[:_REMEMBERED])

    def before(self, label: str) -> str | None:
        """Where a rollback from that label goes: to the last good release, or from that one to the one before it."""
        if self.last_good is None:
            return None
        return self.last_good.previous if self.last_good.label == label else self.last_good.label


class _Content(BaseModel):
    """The lock's object as JSON. Earlier versions wrote `last` for `last_good`, and no `deployed`."""

    owner: LockOwner | None = None
    last_good: Annotated[Release | None, Field(validation_alias=AliasChoices("last_good", "last"))]
    deployed: tuple[Release, ...] = ()


class LockStore:
    """Reads and writes the lock of one environment."""

    def __init__(self, target: Target, aws: Aws) -> None:
        self._bucket, self._key, self._aws = target.bucket, f"{LOCKS}{target.environment}", aws

    def read(self) -> LockRecord:
        """The record; an empty one when there is none. Raises UsageError for an object that is no lock."""
        stored = self._aws.read(self._bucket, self._key)
        if stored is None:
            return LockRecord()
        try:
            content = _Content.model_validate_json(stored.body)
        except ValidationError as error:
            raise UsageError(
                f"s3://{self._bucket}/{self._key} is not a deployment lock: delete it, and deploy again"
            ) from error
        until = stored.modified + timedelta(seconds=LEASE_SECONDS)
        owner = replace(content.owner, until=until) if content.owner else None
        expired = stored.answered >= until
        known = (content.last_good, content.deployed)
        return LockRecord(owner, *known, stored.etag, expired=expired, answered=stored.answered)

    def write(self, record: LockRecord, *, over: str | None) -> str | None:
        """Write a record in the place of the one with the ETag `over`. Returns the new ETag; None if it has changed."""
        content = _Content(owner=record.owner, last_good=record.last_good, deployed=record.deployed)
        return self._aws.write(self._bucket, self._key, content.model_dump_json(indent=1).encode(), over=over)


class Lock:
    """The deployment lock of one environment, for one run. lost: whether another deployment has taken it over."""

    def __init__(self, context: DeploymentContext) -> None:
        self._context = context
        self._store = LockStore(context.target, context.aws)
        self._token = secrets.token_hex(8)
        self._record = LockRecord()
        self._latest = datetime.max.replace(tzinfo=UTC)
        self._written = 0.0
        self.lost = False

    @contextmanager
    def held(self, release: Release) -> Iterator[LockRecord]:
        """Hold the lock inside the block. An owner that deploys an older commit has `ready_timeout` to release it.

        Args:
            release: What is to be deployed.

        Yields:
            The record as it was before.

        Raises:
            BusyError: Behind a release that is not older, or when an older one takes too long.
        """
        try:
            yield self._acquire(release)
        finally:
            self._release()

    def read(self) -> LockRecord:
        """Read the record without acquiring the lock."""
        return self._store.read()

    def renew(self) -> None:
        """Renew the lease if half of it has passed. What fails here is tried again at the next call."""
        owner = self._record.owner
        if owner is None or self.lost or not self._is_due(owner):
            return
        try:
            self._write(replace(self._record, owner=replace(owner, until=self._lease())))
        except DeployError as error:
            self._context.report.warn(f"the deployment lock could not be renewed: {error}")
        if self.lost:
            self._context.report.warn(_LOST)

    def claim(self, release: Release) -> None:
        """Record what is being deployed, if that has changed, before it is.

        Raises:
            DeployError: The lock is lost, or its lease could not be renewed.
        """
        owner, release = self._record.owner, self._recorded(release)
        # Written with the next change of the record; until then the owner's release is known.
        self._record = self._record.remembering(release)
        if owner and (owner.release != release or self._is_due(owner)):
            self._write(replace(self._record, owner=replace(owner, until=self._lease(), release=release)))
        if self.lost:
            raise BusyError(_LOST)

    def succeeded(self, release: Release) -> None:
        """Make this the last good release; written when the lock is released."""
        release = self._recorded(release)
        self._record = replace(self._record.remembering(release), last_good=release)

    def _acquire(self, release: Release) -> LockRecord:
        timeout = self._context.settings.ready_timeout
        clock, behind, since, before = self._context.clock, "", 0.0, LockRecord()
        while True:
            record = self._store.read()
            owner = record.current_owner
            mine = self._is_mine(record)
            before = before if mine else record
            if owner is None or mine:
                if self._acquired(record, release):
                    return before
                continue
            if owner.token != behind:
                behind, since = owner.token, clock.monotonic()
                self._refuse_unless_older(owner, release)
            if clock.monotonic() - since >= timeout:
                raise BusyError(f"{self._locked(owner)}, and was not released within {timeout:.0f} s: deploy again")
            clock.sleep(min(POLL_SECONDS, timeout))

    def _acquired(self, record: LockRecord, release: Release) -> bool:
        source, self._latest = self._context.source, record.answered or self._now()
        release = self._recorded(release)
        owner = LockOwner(self._token, source.actor, source.run_url, self._now(), self._lease(), release)
        self._written = self._context.clock.monotonic()
        # A killed owner may have deployed its release.
        known = record.remembering(record.owner.release) if record.owner else record
        # Before the answer is known: an interruption from here on releases what may be ours.
        self._record = LockRecord(owner, known.last_good, known.deployed)
        etag = self._store.write(self._record, over=record.etag)
        self._record = replace(self._record, owner=owner if etag else None, etag=etag)
        return etag is not None

    def _refuse_unless_older(self, owner: LockOwner, release: Release) -> None:
        if owner.release.older_than(release):
            self._context.report.say(f"{self._locked(owner)}; an older commit: waiting for it")
            return
        newer = "; it is a newer commit" if release.older_than(owner.release) else ""
        raise BusyError(
            f"{self._locked(owner)}{newer}: deploy again when that deployment has ended; if it was killed, "
            f"after {owner.until:%H:%M:%S} UTC"
        )

    def _locked(self, owner: LockOwner) -> str:
        commit = f" of commit {owner.release.commit[:12]}" if owner.release.commit else ""
        return (
            f"environment {self._context.target.environment} is locked by {owner} since {owner.since:%H:%M:%S} UTC, "
            f"deploying {owner.release.label}{commit}"
        )

    def _release(self) -> None:
        owner = self._record.owner
        if owner is None or self.lost:
            return
        try:
            self._write(replace(self._record, owner=None))
        except DeployError as error:
            self._context.report.warn(
                f"the deployment lock could not be released; it expires at {owner.until:%H:%M:%S} UTC: {error}"
            )
        finally:
            self._record = LockRecord()

    def _write(self, record: LockRecord) -> None:
        """Write over this run's own record; `lost` when another run's is there."""
        etag = self._store.write(record, over=self._record.etag) if self._record.etag else None
        if etag is None:
            # The answer to an earlier write may have been lost: then the record is still this run's.
            now = self._store.read()
            etag = self._store.write(record, over=now.etag) if self._is_mine(now) else None
        self.lost = etag is None
        if etag:
            self._record, self._written = replace(record, etag=etag), self._context.clock.monotonic()

    def _is_due(self, owner: LockOwner) -> bool:
        """Whether half of the lease has passed."""
        # The clock may be set back, and time.monotonic() may stand still while the machine is suspended.
        left, passed = owner.until - self._now(), self._context.clock.monotonic() - self._written
        return max(LEASE_SECONDS - left.total_seconds(), passed) >= LEASE_SECONDS / 2

    def _recorded(self, release: Release) -> Release:
        """Return a release without a commit of the future, as by a wrong clock: it would be newer than what follows."""
        return replace(release, committed=release.committed and min(release.committed, self._latest))

    def _is_mine(self, record: LockRecord) -> bool:
        return record.owner is not None and record.owner.token == self._token

    def _now(self) -> datetime:
        return self._context.clock.now()

    def _lease(self) -> datetime:
        return self._now() + timedelta(seconds=LEASE_SECONDS)
