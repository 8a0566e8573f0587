"""One deployment at a time, and the newest commit wins.

A deployment that finds the lock taken by an older commit waits for it; behind anything else it gives way. So two at
once end as one, and of ten quick pushes the newest is what stays, in whatever order they come.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from beanpod.deploy.errors import BusyError, DeployError
from beanpod.deploy.rollout.ledger import Holder, Ledger, Page, Release
from beanpod.deploy.rollout.process import Process
from beanpod.deploy.rollout.site import Site
from beanpod.deploy.source import Source

LEASE_SECONDS = 600.0
"""How long a lock outlives its holder. It is renewed when half of that has passed."""

_POLL_SECONDS = 10.0
_LOST = "another deployment has taken over the lock: this one was away for too long"


class Lock:
    """The lock on one environment, for one run."""

    def __init__(self, site: Site, *, source: Source, process: Process) -> None:
        self._environment = site.target.environment
        self._ledger = Ledger(site.target, site.aws)
        self._now_and_then = Ledger(site.target, site.aws.once())
        self._clock = site.clock
        self._report = site.report
        self._source = source
        self._process = process
        self._token = secrets.token_hex(8)
        self._page = Page()
        self._under_way: Release | None = None
        self.lost = False

    @contextmanager
    def held(self, release: Release, *, patience: float) -> Iterator[Page]:
        """Hold the lock inside the block; gives the page as it was before. patience: seconds, for each older holder.

        Raises BusyError behind a release that is not older, or when an older one takes too long.
        """
        try:
            yield self._take(release, patience)
        finally:
            self._give_back()

    def keep(self) -> None:
        """Renew the claim if it is half over. What goes wrong here goes better at the next call, or is `lost`."""
        holder = self._page.holder
        if holder is None or self.lost or (holder.until - self._clock.now()).total_seconds() > LEASE_SECONDS / 2:
            return
        try:
            self._write(replace(self._page, holder=self._renewed(holder)), self._now_and_then)
        except DeployError as error:
            self._report.warn(f"the deployment lock could not be renewed: {error}")
        if self.lost:
            self._report.warn(_LOST)

    def claim(self, release: Release) -> None:
        """Say what is being deployed, if that has changed. Raises BusyError when the lock is lost."""
        holder = self._page.holder
        if holder and holder.release != release:
            self._write(replace(self._page, holder=replace(self._renewed(holder), release=release)), self._ledger)
        if self.lost:
            raise BusyError(_LOST)
        self._under_way = release

    def page(self) -> Page:
        """What the lock says, without taking it."""
        return self._ledger.read()

    def succeeded(self, release: Release) -> None:
        """Note what is deployed now: the page will say so when the lock is given back."""
        self._page, self._under_way = replace(self._page, last=release, unfinished=()), None

    def undone(self) -> None:
        """Note that what was there before is there again."""
        self._under_way = None

    def _take(self, release: Release, patience: float) -> Page:
        behind, since, before = "", self._clock.monotonic(), Page()
        while True:
            page = self._ledger.read()
            if not self._is_mine(page):
                before = page
            holder = self._in_the_way(page)
            if holder is None:
                if self._claimed(page, release):
                    return before
                continue
            if holder.token != behind:
                behind, since = holder.token, self._clock.monotonic()
                self._refuse_unless_older(holder, release)
            if self._clock.monotonic() - since >= patience:
                raise BusyError(f"{self._taken(holder)}, and did not end within {patience:.0f} s: deploy again later")
            self._clock.sleep(min(_POLL_SECONDS, patience))

    def _in_the_way(self, page: Page) -> Holder | None:
        holder = page.holder_at(self._clock.now())
        if holder is None or self._is_mine(page):
            return None
        same_run = holder.run_url != "" and holder.run_url == self._source.run_url
        return None if self._process.outlived(holder.process, same_run=same_run) else holder

    def _claimed(self, page: Page, release: Release) -> bool:
        mine = Holder(
            token=self._token,
            actor=self._source.actor,
            run_url=self._source.run_url,
            process=self._process,
            since=self._clock.now(),
            until=self._clock.now() + timedelta(seconds=LEASE_SECONDS),
            release=release,
        )
        # Before the answer is known: an interruption from here on gives back what may be ours.
        left = page.unfinished if self._is_mine(page) else page.cut_off
        self._page = Page(mine, page.last, left)
        etag = self._ledger.write(self._page, over=page.etag)
        self._page = replace(self._page, holder=mine if etag else None, etag=etag)
        return etag is not None

    def _refuse_unless_older(self, holder: Holder, release: Release) -> None:
        if not holder.release.older_than(release):
            newer = ", a newer commit" if release.older_than(holder.release) else ""
            raise BusyError(f"{self._taken(holder)}{newer}: deploy again when it is done, if this is still needed")
        self._report.say(f"{self._taken(holder)}, an older commit: waiting for it")

    def _taken(self, holder: Holder) -> str:
        return (
            f"environment {self._environment} is locked by {holder} since {holder.since:%H:%M:%S}, until "
            f"{holder.until:%H:%M:%S} UTC at most, deploying {holder.release.label}"
        )

    def _renewed(self, holder: Holder) -> Holder:
        return replace(holder, until=self._clock.now() + timedelta(seconds=LEASE_SECONDS))

    def _give_back(self) -> None:
        if self._page.holder is None or self.lost:
            return
        until = self._page.holder.until
        try:
            left = self._page.cut_off if self._under_way else self._page.unfinished
            self._write(replace(self._page, holder=None, unfinished=left), self._ledger)
        except DeployError as error:
            self._report.warn(f"the deployment lock could not be given back, it ends at {until:%H:%M:%S} UTC: {error}")
        finally:
            self._page = Page()

    def _write(self, page: Page, ledger: Ledger) -> None:
        """Write over this run's own page; `lost` when it is not there any more."""
        etag = ledger.write(page, over=self._page.etag) if self._page.etag else None
        if etag is None:
            # The answer to an earlier write may have been lost: then the page is still this run's.
            now = ledger.read()
            etag = ledger.write(page, over=now.etag) if self._is_mine(now) else None
        self.lost = etag is None
        if etag:
            self._page = replace(page, etag=etag)

    def _is_mine(self, page: Page) -> bool:
        return page.holder is not None and page.holder.token == self._token
