"""The page of the bucket that tells who is deploying to an environment, and what was last deployed.

`locks/ENVIRONMENT` is written only if it is still what was read (S3's conditional writes): whoever writes first goes
ahead. It is never deleted, so that the next release knows what the last one was and where a rollback would go.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from beanpod.deploy.aws import Aws
from beanpod.deploy.errors import UsageError
from beanpod.deploy.rollout.process import Process
from beanpod.deploy.rollout.target import Target

_REMEMBERED = 20
"""Releases that never ended well, on a page: enough for a bad day, and the page stays small."""


@dataclass(frozen=True)
class Release:
    """A version on its way to the environment. previous: the label before, None on the first.

    commit, committed: what it was made from, "" and None when unknown.
    """

    label: str
    previous: str | None = None
    commit: str = ""
    committed: datetime | None = None

    def older_than(self, other: "Release") -> bool:
        """Whether it was certainly made from an earlier commit."""
        return bool(self.committed and other.committed and self.committed < other.committed)


@dataclass(frozen=True)
class Holder:
    """Who deploys. token: of this very run. since, until: when it began, and when its claim ends unless renewed."""

    token: str
    actor: str
    run_url: str
    process: Process
    since: datetime
    until: datetime
    release: Release

    def __str__(self) -> str:
        run = f", {self.run_url}" if self.run_url else ""
        return f"{self.actor}{run}"


@dataclass(frozen=True)
class Page:
    """What the bucket says. last: the release that ended well last. etag: of this page, None while there is none.

    unfinished: those since then that were interrupted, or left as they failed, newest first; the environment may run
    any of them, for the newest may have ended before it began.
    """

    holder: Holder | None = None
    last: Release | None = None
    unfinished: tuple[Release, ...] = ()
    etag: str | None = field(default=None, compare=False)

    def holder_at(self, now: datetime) -> Holder | None:
        """Who holds the lock at that moment: a claim that has run out holds nothing."""
        return self.holder if self.holder and now < self.holder.until else None

    def of(self, label: str) -> Release | None:
        """The release that brought a label, if it was the last one, or one that was cut off."""
        return next((release for release in (*self.cut_off, self.last) if release and release.label == label), None)

    def was_cut_off(self, label: str) -> bool:
        """Whether the release that brought a label never ended well, as far as is known."""
        return any(release.label == label for release in self.cut_off)

    def before(self, label: str) -> str | None:
        """What the environment ran before that label."""
        release = self.of(label)
        return release.previous if release else None

    @property
    def cut_off(self) -> tuple[Release, ...]:
        """What never ended well, the holder's among it, newest first: each label once, at most `_REMEMBERED`."""
        held = (self.holder.release,) if self.holder else ()
        newest: dict[str, Release] = {}
        for release in (*held, *self.unfinished):
            newest.setdefault(release.label, release)
        return tuple(newest.values())[:_REMEMBERED]


class Ledger:
    """Reads and writes one environment's page."""

    def __init__(self, target: Target, aws: Aws) -> None:
        self._bucket, self._key, self._aws = target.bucket, f"locks/{target.environment}", aws

    def read(self) -> Page:
        """The page; an empty one when there is none. Raises UsageError for one that makes no sense."""
        stored = self._aws.read(self._bucket, self._key)
        if stored is None:
            return Page()
        try:
            return _page(json.loads(stored.body), stored.etag)
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError(
                f"s3://{self._bucket}/{self._key} is not a lock of this script: delete it, and deploy again"
            ) from error

    def write(self, page: Page, *, over: str | None) -> str | None:
        """Write it where the page with the ETag `over` is, None for no page. Returns the new ETag, None if lost."""
        content = asdict(page)
        # What the page is known by is not on it.
        del content["etag"]
        body = json.dumps(content, default=datetime.isoformat, indent=1).encode()
        return self._aws.write(self._bucket, self._key, body, over=over)


def _page(content: dict[str, Any], etag: str) -> Page:
    holder, last = content["holder"], content["last"]
    # Pages of earlier versions of this script have none, or one.
    unfinished = content.get("unfinished") or []
    listed = [unfinished] if isinstance(unfinished, dict) else unfinished
    return Page(
        holder and _holder(**holder), last and _release(**last), tuple(_release(**each) for each in listed), etag=etag
    )


def _holder(since: str, until: str, release: dict[str, Any], process: dict[str, Any], **rest: str) -> Holder:
    return Holder(
        process=Process(**process),
        since=datetime.fromisoformat(since),
        until=datetime.fromisoformat(until),
        release=_release(**release),
        **rest,
    )


def _release(committed: str | None, **rest: Any) -> Release:
    return Release(committed=datetime.fromisoformat(committed) if committed else None, **rest)
