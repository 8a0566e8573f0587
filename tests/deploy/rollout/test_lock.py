"""One deployment at a time, and the newest commit wins."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from beanpod.deploy.errors import BusyError, NotRolledBackError, RolledBackError, UsageError
from beanpod.deploy.report import Outcome
from beanpod.deploy.rollout import Settings, Target
from beanpod.deploy.rollout.ledger import Holder, Ledger, Page, Release
from beanpod.deploy.rollout.lock import LEASE_SECONDS
from beanpod.deploy.rollout.process import Process
from beanpod.deploy.source import Source
from tests.deploy.rollout.conductor import Conductor
from tests.deploy.rollout.ground import Ground, bundle, source

ELSEWHERE = Process("another machine", 1)
HELD = Release("guestbook-0000000000000000", "guestbook-1111111111111111")


def _page(ground: Ground, target: Target) -> Page:
    return Ledger(target, ground.aws(ground.clock())).read()


def _left_locked(
    ground: Ground, target: Target, by: Source, process: Process = ELSEWHERE, release: Release = HELD
) -> None:
    """A lock whose holder was killed."""
    ledger, now = Ledger(target, ground.aws(ground.clock())), ground.emulator.now()
    release = replace(release, commit=by.commit, committed=by.committed)
    until = now + timedelta(seconds=LEASE_SECONDS)
    page = ledger.read()
    holder = Holder("token", by.actor, by.run_url, process, now, until, release)
    assert ledger.write(Page(holder, page.last), over=page.etag)


def _pauses_between_locks(ground: Ground) -> list[float]:
    """Seconds between the times at which the lock was written."""
    times = [call.time for call in ground.emulator.calls() if call.action == "PutObject" and "locks/" in call.key]
    return [(after - before).total_seconds() for before, after in pairwise(times)]


def test_the_second_of_two_at_once_ends_and_names_the_first(ground: Ground) -> None:
    target, clock = ground.environment(), Conductor(ground.emulator)

    def deploying(text: str, actor: str) -> Callable[[], Outcome]:
        rollout, _ = ground.rollout(target, source=source(5, actor), clock=clock)
        return lambda: rollout.release(bundle(text))

    results = clock.play([deploying("a", "ann"), deploying("b", "bob")])
    (error,) = (result for result in results if isinstance(result, BusyError))
    (outcome,) = (result for result in results if isinstance(result, Outcome))
    winner = "ann" if outcome.version_label == bundle("a").label else "bob"
    assert re.match(
        rf"environment {target.environment} is locked by {winner} since \d\d:\d\d:\d\d, "
        rf"until \d\d:\d\d:\d\d UTC at most, deploying {outcome.version_label}: deploy again when it is done",
        str(error),
    )
    assert error.exit_code == 4
    assert ground.runs(target) == outcome.version_label


@pytest.mark.parametrize("apart", [0, 4], ids=["at once", "one after the other"])
def test_ten_quick_pushes_end_at_the_newest(ground: Ground, apart: int) -> None:
    target, clock = ground.environment(), Conductor(ground.emulator)

    def pushing(order: int, number: int) -> Callable[[], Outcome]:
        rollout, _ = ground.rollout(target, source=source(number), clock=clock)

        def push() -> Outcome:
            clock.sleep(order * apart)
            return rollout.release(bundle(f"push {number}, {apart} s apart"))

        return push

    numbers = (3, 1, 4, 10, 5, 9, 2, 6, 8, 7)
    results = clock.play([pushing(order, number) for order, number in enumerate(numbers)])
    assert ground.runs(target) == bundle(f"push 10, {apart} s apart").label
    assert isinstance(results[numbers.index(10)], Outcome)
    assert all(isinstance(result, Outcome | BusyError) for result in results)


def test_a_newer_commit_waits_for_an_older_one(ground: Ground) -> None:
    target = ground.environment()
    _left_locked(ground, target, source(1, "ann"))
    clock = ground.clock()
    rollout, witness = ground.rollout(target, source=source(2), clock=clock)
    assert rollout.release(bundle("waited")).changed
    assert any("locked by ann" in text and "an older commit: waiting for it" in text for text in witness.said)
    assert LEASE_SECONDS - 10 < sum(pause for pause in clock.slept if pause == 10.0) <= LEASE_SECONDS + 10


def test_waiting_for_an_older_commit_ends_too(ground: Ground) -> None:
    target = ground.environment()
    _left_locked(ground, target, source(1, "ann"))
    rollout, _ = ground.rollout(target, source=source(2), settings=Settings(ready_timeout=60))
    with pytest.raises(BusyError, match=r"locked by ann .*, and did not end within 60 s: deploy again later"):
        rollout.release(bundle("impatient"))


def test_an_older_commit_gives_way_to_a_newer_one_under_way(ground: Ground) -> None:
    target = ground.environment()
    _left_locked(ground, target, source(2, "ann"))
    with pytest.raises(BusyError, match=r"locked by ann .*, a newer commit: deploy again when it is done"):
        ground.rollout(target, source=source(1))[0].release(bundle("older"))


def test_an_older_commit_does_not_replace_a_newer_one(ground: Ground) -> None:
    target = ground.environment()
    ground.rollout(target, source=source(2))[0].release(bundle("newer"))
    older, _ = ground.rollout(target, source=source(1))
    with pytest.raises(BusyError, match=rf"^superseded: .* runs {bundle('newer').label}, of commit 0+ made 2026-11-01"):
        older.release(bundle("older"))
    assert older.release(bundle("older"), force=True).changed
    assert ground.runs(target) == bundle("older").label


def test_a_lock_whose_holder_was_killed_ends(ground: Ground) -> None:
    target = ground.environment()
    _left_locked(ground, target, source(1))
    ground.emulator.advance(LEASE_SECONDS + 1)
    assert ground.rollout(target, source=source(1))[0].release(bundle("after the lease")).changed
    assert _page(ground, target).holder is None


def test_a_process_that_is_gone_from_this_machine_holds_nothing(ground: Ground) -> None:
    target, here = ground.environment(), Process.this()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    _left_locked(ground, target, source(1), Process(here.machine, ended.pid))
    assert ground.rollout(target, source=source(1), process=here)[0].release(bundle("here")).changed


def test_a_process_that_lives_holds_its_lock() -> None:
    here = Process.this({})
    assert not Process("elsewhere", 1).outlived(here, same_run=False)
    assert not here.outlived(here, same_run=False)
    assert not here.outlived(Process(here.machine, 1), same_run=False)
    assert here.pid == os.getpid()


def test_the_next_attempt_of_a_github_run_follows_the_one_before(ground: Ground) -> None:
    target = ground.environment()
    run = Source(actor="ann", run_url="https://github.example/runs/7")
    _left_locked(ground, target, run, Process("runner 1", 1, attempt=1))
    with pytest.raises(BusyError, match=r"locked by ann, https://github.example/runs/7 since"):
        ground.rollout(target, source=run, process=Process("runner 2", 1, attempt=1))[0].release(bundle("again"))
    again = Process.this({"GITHUB_RUN_ATTEMPT": "2"})
    assert ground.rollout(target, source=run, process=again)[0].release(bundle("again")).changed


def test_a_long_release_keeps_its_lock(ground: Ground) -> None:
    target = ground.environment()
    ground.emulator.set_pace(update=1500)
    ground.forget()
    assert ground.rollout(target)[0].release(bundle("long")).changed
    pauses = _pauses_between_locks(ground)
    assert len(pauses) == 5
    assert max(pauses) < LEASE_SECONDS


def test_a_lock_that_cannot_be_renewed_is_tried_again(ground: Ground) -> None:
    target = ground.environment()
    ground.emulator.set_pace(update=400)
    # Spared are the bundle and the taking of the lock.
    ground.emulator.order("throttles", action="PutObject", after=2)
    rollout, witness = ground.rollout(target)
    assert rollout.release(bundle("renewed")).changed
    assert any(warning.startswith("the deployment lock could not be renewed") for warning in witness.warnings)
    assert _page(ground, target).holder is None


@pytest.mark.parametrize("write", [2, 3], ids=["renewed", "given back"])
def test_a_lock_whose_answer_is_lost_is_still_held(ground: Ground, write: int) -> None:
    target = ground.environment()
    ground.emulator.set_pace(update=400)
    ground.emulator.order("drops-connections", action="PutObject", after=write, when="after")
    rollout, witness = ground.rollout(target)
    assert rollout.release(bundle(f"lost answer {write}")).changed
    assert not any("taken over" in warning for warning in witness.warnings)
    assert _page(ground, target).holder is None


def test_a_lock_is_kept_while_a_busy_environment_is_waited_for(ground: Ground) -> None:
    target = ground.environment()
    ground.deployed(target, "busy")
    rollout, _ = ground.rollout(target, settings=Settings(ready_timeout=2000))
    rollout.look()
    ground.emulator.set_pace(update=1500)
    ground.beanstalk.update_environment(EnvironmentName=target.environment, VersionLabel=bundle("busy").label)
    ground.forget()
    assert rollout.release(bundle("after the busy one")).changed
    assert max(_pauses_between_locks(ground)) < LEASE_SECONDS


def test_a_lock_that_cannot_be_given_back_ends_by_itself(ground: Ground) -> None:
    target = ground.environment()
    ground.emulator.order("throttles", action="PutObject", after=2, times=6)
    rollout, witness = ground.rollout(target)
    assert rollout.release(bundle("kept")).changed
    assert re.search(r"could not be given back, it ends at \d\d:\d\d:\d\d UTC", witness.warnings[-1])


def test_who_lost_the_lock_rolls_nothing_back(ground: Ground) -> None:
    target = ground.environment()
    ground.deployed(target, "good")
    ground.emulator.set_pace(update=400)
    ground.emulator.order("error-event", version_label=bundle("lost").label)
    rollout, witness = ground.rollout(target)
    stolen = Stealing(ground, target)
    witness.event = stolen  # type: ignore[method-assign]
    with pytest.raises(NotRolledBackError, match="it is not rolled back, since another deployment has taken over"):
        rollout.release(bundle("lost"))
    assert any("another deployment has taken over the lock" in warning for warning in witness.warnings)
    holder = _page(ground, target).holder
    assert holder
    assert holder.actor == "eve"


class Stealing:
    """Writes over a lock at the first event, as somebody would who thinks that its time is over."""

    def __init__(self, ground: Ground, target: Target) -> None:
        self._ground, self._target, self._done = ground, target, False

    def __call__(self, event: object) -> None:
        if not self._done:
            self._done = True
            self._ground.s3.delete_object(Bucket=self._target.bucket, Key=f"locks/{self._target.environment}")
            _left_locked(self._ground, self._target, source(9, "eve"))


def test_a_release_that_was_cut_off_is_gone_on_with(ground: Ground) -> None:
    target, cut = ground.environment(), bundle("cut off")
    ground.deployed(target, "good")
    _left_locked(ground, target, source(1), Process("runner", 1), Release(cut.label, bundle("good").label))
    ground.s3.put_object(Bucket=target.bucket, Key=cut.key, Body=cut.data, ChecksumAlgorithm="SHA256")
    ground.make_version(cut.label, cut.key)
    ground.emulator.order("unhealthy", version_label=cut.label, times=2)
    ground.beanstalk.update_environment(EnvironmentName=target.environment, VersionLabel=cut.label)
    ground.emulator.advance(LEASE_SECONDS)
    # The version that was there before the kill is known, though the environment does not tell any more.
    with pytest.raises(RolledBackError, match=f"{bundle('good').label} serves again"):
        ground.rollout(target)[0].release(cut)


def test_a_rollback_does_not_stop_at_a_release_that_was_cut_off(ground: Ground) -> None:
    target, cut = ground.environment(), bundle("sick and cut off")
    ground.deployed(target, "good")
    _left_locked(ground, target, source(1), release=Release(cut.label, bundle("good").label))
    ground.s3.put_object(Bucket=target.bucket, Key=cut.key, Body=cut.data)
    ground.make_version(cut.label, cut.key)
    ground.emulator.order("unhealthy", version_label=cut.label)
    ground.emulator.order("error-event", version_label=bundle("next").label)
    ground.beanstalk.update_environment(EnvironmentName=target.environment, VersionLabel=cut.label)
    ground.emulator.advance(LEASE_SECONDS)
    with pytest.raises(RolledBackError, match=f"{bundle('good').label} serves again"):
        ground.rollout(target)[0].release(bundle("next"))


@pytest.mark.parametrize("content", ["not json", "[]", json.dumps({"holder": {"token": "x"}, "last": None})])
def test_an_object_that_is_no_lock_is_named(ground: Ground, content: str) -> None:
    target = ground.environment()
    ground.s3.put_object(Bucket=target.bucket, Key=f"locks/{target.environment}", Body=content.encode())
    with pytest.raises(UsageError, match=rf"s3://artifacts/locks/{target.environment} is not a lock of this script"):
        ground.rollout(target)[0].release(bundle("blocked"))
