"""One deployment at a time, and the newest commit wins."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from beanpod.deploy.clock import POLL_SECONDS
from beanpod.deploy.errors import (
    BusyError,
    DeployError,
    InterruptionError,
    NotRolledBackError,
    RolledBackError,
    UsageError,
)
from beanpod.deploy.lock import LEASE_SECONDS, LockOwner, LockRecord, LockStore, Release
from beanpod.deploy.preflight import Settings, Target
from beanpod.deploy.report import Outcome
from beanpod.deploy.source import Source
from tests.deploy.clocks import ConcurrentClock, VirtualClock
from tests.deploy.rollout.sandbox import Sandbox, bundle, source

HELD = Release("guestbook-0000000000000000", "guestbook-1111111111111111")


def _record(sandbox: Sandbox, target: Target) -> LockRecord:
    return LockStore(target, sandbox.aws()).read()


def _leave_locked(sandbox: Sandbox, target: Target, by: Source, release: Release = HELD) -> None:
    """Leave the lock of a deployment that was killed."""
    store, now = LockStore(target, sandbox.aws()), sandbox.emulator.now()
    release = replace(release, commit=by.commit, committed=by.committed)
    until = now + timedelta(seconds=LEASE_SECONDS)
    record = store.read()
    owner = LockOwner("token", by.actor, by.run_url, now, until, release)
    assert store.write(LockRecord(owner, record.last_good), over=record.etag)


def _pauses_between_locks(sandbox: Sandbox) -> list[float]:
    """Seconds between the times at which the lock was written."""
    times = [call.time for call in sandbox.emulator.calls() if call.action == "PutObject" and "locks/" in call.key]
    return [(after - before).total_seconds() for before, after in pairwise(times)]


def test_of_two_at_once_one_ends_and_names_the_other(sandbox: Sandbox, target: Target) -> None:
    clock = ConcurrentClock(sandbox.emulator)

    def deploying(text: str, actor: str) -> Callable[[], Outcome]:
        rollout, _ = sandbox.rollout(target, source=source(5, actor), clock=clock)
        return lambda: rollout.release(bundle(text))

    results = clock.run([deploying("a", "ann"), deploying("b", "bob")])
    (error,) = (result for result in results if isinstance(result, BusyError))
    (outcome,) = (result for result in results if isinstance(result, Outcome))
    winner = "ann" if outcome.version_label == bundle("a").label else "bob"
    locked = rf"environment {target.environment} is locked by {winner} since \d\d:\d\d:\d\d UTC"
    what = f"deploying {outcome.version_label} of commit 0+: deploy again when that deployment has ended"
    assert re.match(rf"{locked}, {what}; if it was killed, after \d\d:\d\d:\d\d UTC$", str(error))
    assert error.exit_code == 4
    assert sandbox.version_label(target) == outcome.version_label


@pytest.mark.parametrize("apart", [0, 4], ids=["at once", "one after the other"])
def test_ten_quick_pushes_end_at_the_newest(sandbox: Sandbox, target: Target, apart: int) -> None:
    clock = ConcurrentClock(sandbox.emulator)

    def pushing(order: int, number: int) -> Callable[[], Outcome]:
        rollout, _ = sandbox.rollout(target, source=source(number), clock=clock)

        def push() -> Outcome:
            clock.sleep(order * apart)
            return rollout.release(bundle(f"push {number}, {apart} s apart"))

        return push

    numbers = (3, 1, 4, 10, 5, 9, 2, 6, 8, 7)
    results = clock.run([pushing(order, number) for order, number in enumerate(numbers)])
    assert sandbox.version_label(target) == bundle(f"push 10, {apart} s apart").label
    assert isinstance(results[numbers.index(10)], Outcome)
    assert all(isinstance(result, Outcome | BusyError) for result in results)


def test_a_newer_commit_waits_for_an_older_one(sandbox: Sandbox, target: Target) -> None:
    _leave_locked(sandbox, target, source(1, "ann"))
    clock = sandbox.clock()
    rollout, reporter = sandbox.rollout(target, source=source(2), clock=clock)
    assert rollout.release(bundle("waited")).changed
    assert any("locked by ann" in text and "an older commit: waiting for it" in text for text in reporter.messages)
    # The update takes less than a minute of it.
    assert LEASE_SECONDS - 10 < sum(pause for pause in clock.slept if pause == POLL_SECONDS) < LEASE_SECONDS + 60


def test_waiting_for_an_older_commit_has_a_timeout(sandbox: Sandbox, target: Target) -> None:
    _leave_locked(sandbox, target, source(1, "ann"))
    rollout, _ = sandbox.rollout(target, source=source(2), settings=Settings(ready_timeout=60))
    with pytest.raises(BusyError, match=r"locked by ann .*, and was not released within 60 s: deploy again"):
        rollout.release(bundle("impatient"))


def test_an_older_commit_ends_behind_a_newer_one_under_way(sandbox: Sandbox, target: Target) -> None:
    _leave_locked(sandbox, target, source(2, "ann"))
    with pytest.raises(BusyError, match=r"locked by ann .*; it is a newer commit: deploy again when"):
        sandbox.rollout(target, source=source(1))[0].release(bundle("older"))


def test_an_older_commit_does_not_replace_a_newer_one(sandbox: Sandbox, target: Target) -> None:
    sandbox.rollout(target, source=source(2))[0].release(bundle("newer"))
    older, _ = sandbox.rollout(target, source=source(1))
    with pytest.raises(BusyError, match=rf"^superseded: .* runs {bundle('newer').label}, of commit 0+ made 2026-11-01"):
        older.release(bundle("older"))
    assert older.release(bundle("older"), force=True).changed
    assert sandbox.version_label(target) == bundle("older").label


def test_a_commit_whose_clock_was_behind_follows_its_parent(sandbox: Sandbox, target: Target) -> None:
    parent = source(30)
    sandbox.rollout(target, source=replace(parent, commit=f"{parent.commit}-dirty"))[0].release(bundle("parent"))
    child = replace(source(5), ancestors=frozenset({parent.commit}))
    with pytest.raises(BusyError, match=r"superseded: .* is older, or was made by a clock that is behind: deploy it"):
        sandbox.rollout(target, source=source(5))[0].release(bundle("another's child"))
    assert sandbox.rollout(target, source=child)[0].release(bundle("child")).changed
    _leave_locked(sandbox, target, parent)
    rollout, reporter = sandbox.rollout(target, source=child)
    assert rollout.release(bundle("child again")).changed
    assert any("an older commit: waiting for it" in text for text in reporter.messages)
    body = sandbox.s3.get_object(Bucket=target.bucket, Key=f"locks/{target.environment}")["Body"].read()
    assert b"ancestors" not in body


@pytest.mark.parametrize("first", [True, False], ids=["the first release", "a later release"])
def test_a_commit_of_the_future_is_older_than_those_that_follow_it(
    sandbox: Sandbox, target: Target, first: bool
) -> None:
    if not first:
        sandbox.rollout(target, source=source(1))[0].release(bundle("before"))
    future = replace(source(2), committed=sandbox.emulator.now() + timedelta(hours=2))
    sandbox.rollout(target, source=future)[0].release(bundle("by a wrong clock"))
    following = replace(source(3), committed=sandbox.emulator.now())
    assert sandbox.rollout(target, source=following)[0].release(bundle("following")).changed


def test_rolls_back_to_a_version_that_was_deployed_after_the_preflight(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "old")
    rollout, _ = sandbox.rollout(target, source=source(2))
    rollout.preflight()
    # While the newer commit is built.
    sandbox.rollout(target, source=source(1))[0].release(bundle("meanwhile"))
    sandbox.emulator.inject_fault("error-event", version_label=bundle("broken").label)
    with pytest.raises(RolledBackError, match=f"{bundle('meanwhile').label} runs again"):
        rollout.release(bundle("broken"))


def test_an_older_commit_does_not_replace_a_newer_one_of_the_same_content(sandbox: Sandbox, target: Target) -> None:
    sandbox.rollout(target, source=source(1))[0].release(bundle("good"))
    sandbox.clear_calls()
    # Commit 3 reverts commit 2, whose deployment is slower.
    assert not sandbox.rollout(target, source=source(3))[0].release(bundle("good")).changed
    assert "UpdateEnvironment" not in sandbox.actions()
    with pytest.raises(BusyError, match="superseded: "):
        sandbox.rollout(target, source=source(2))[0].release(bundle("bad"))
    assert sandbox.version_label(target) == bundle("good").label
    sandbox.rollout(target, source=source(4))[0].release(bundle("better"))
    sandbox.rollout(target)[0].roll_back()
    assert sandbox.version_label(target) == bundle("good").label


def test_an_older_commit_never_replaces_a_newer_one_whose_deployment_was_killed(
    sandbox: Sandbox, target: Target
) -> None:
    for minute, text in ((1, "good"), (3, "newer")):
        sandbox.rollout(target, source=source(minute))[0].release(bundle(text))
    store, record = LockStore(target, sandbox.aws()), _record(sandbox, target)
    assert store.write(replace(record, last_good=Release(bundle("good").label)), over=record.etag)
    _leave_locked(sandbox, target, source(3), Release(bundle("newer").label, bundle("good").label))
    sandbox.emulator.advance(LEASE_SECONDS)
    for _ in range(2):
        with pytest.raises(BusyError, match="superseded: "):
            sandbox.rollout(target, source=source(2))[0].release(bundle("older"))
    assert sandbox.version_label(target) == bundle("newer").label


def test_an_older_commit_never_replaces_a_newer_one_that_was_killed_after_its_own_preflight(
    sandbox: Sandbox, target: Target
) -> None:
    sandbox.rollout(target, source=source(1))[0].release(bundle("good"))
    older, _ = sandbox.rollout(target, source=source(2))
    older.preflight()
    # While the older commit is built.
    sandbox.rollout(target, source=source(3))[0].release(bundle("newer"))
    store, record = LockStore(target, sandbox.aws()), _record(sandbox, target)
    assert store.write(LockRecord(last_good=Release(bundle("good").label)), over=record.etag)
    _leave_locked(sandbox, target, source(3), Release(bundle("newer").label, bundle("good").label))
    sandbox.emulator.advance(LEASE_SECONDS)
    for rollout in (older, sandbox.rollout(target, source=source(2))[0]):
        with pytest.raises(BusyError, match="superseded: "):
            rollout.release(bundle("older"))
    assert sandbox.version_label(target) == bundle("newer").label


@pytest.mark.parametrize("end", ["cancelled", "failed", "rolled back to"])
def test_an_older_commit_does_not_replace_a_newer_one_that_was(sandbox: Sandbox, target: Target, end: str) -> None:
    newer = bundle(f"newer, {end}")
    sandbox.rollout(target, source=source(1))[0].release(bundle("good"))
    rollout, reporter = sandbox.rollout(target, source=source(3), settings=Settings(roll_back=False))
    if end == "cancelled":

        def cancel(event: object) -> None:
            raise KeyboardInterrupt

        reporter.event = cancel  # type: ignore[method-assign]
        with pytest.raises(InterruptionError):
            rollout.release(newer)
        sandbox.emulator.advance(1000)
    elif end == "failed":
        sandbox.emulator.inject_fault("error-event", version_label=newer.label)
        with pytest.raises(NotRolledBackError):
            rollout.release(newer)
    else:
        rollout.release(newer)
        sandbox.rollout(target, source=source(4))[0].release(bundle("newest"))
        sandbox.rollout(target)[0].roll_back()
    with pytest.raises(BusyError, match="superseded: "):
        sandbox.rollout(target, source=source(2))[0].release(bundle("older"))
    assert sandbox.version_label(target) == newer.label
    assert sandbox.rollout(target, source=source(5))[0].release(bundle("following")).changed


def test_a_killed_deployment_of_what_runs_already_is_not_waited_for(sandbox: Sandbox, target: Target) -> None:
    sandbox.rollout(target, source=source(1))[0].release(bundle("good"))
    _leave_locked(sandbox, target, source(1), Release(bundle("good").label))
    assert not sandbox.rollout(target, source=source(1))[0].release(bundle("good")).changed


def test_what_runs_already_is_deployed_after_an_older_commit_under_way(sandbox: Sandbox, target: Target) -> None:
    sandbox.rollout(target, source=source(1))[0].release(bundle("good"))
    _leave_locked(sandbox, target, source(2, "ann"))
    rollout, reporter = sandbox.rollout(target, source=source(3))
    rollout.release(bundle("good"))
    assert any("an older commit: waiting for it" in text for text in reporter.messages)


def test_the_lock_of_a_killed_deployment_is_taken_over_after_its_lease(sandbox: Sandbox, target: Target) -> None:
    run = Source(actor="ann", run_url="https://github.example/runs/7")
    _leave_locked(sandbox, target, run)
    with pytest.raises(BusyError, match=r"locked by ann, https://github.example/runs/7 since .*; if it was killed"):
        sandbox.rollout(target, source=run)[0].release(bundle("after the lease"))
    sandbox.emulator.advance(LEASE_SECONDS + 1)
    assert sandbox.rollout(target, source=run)[0].release(bundle("after the lease")).changed
    assert _record(sandbox, target).owner is None


class _WrongClock(VirtualClock):
    """The clock of a machine that is four minutes ahead."""

    def now(self) -> datetime:
        return super().now() + timedelta(minutes=4)


@pytest.mark.parametrize("wrong", ["the owner's clock", "this clock"])
def test_a_lease_is_judged_by_the_time_of_s3(sandbox: Sandbox, target: Target, wrong: str) -> None:
    since = sandbox.emulator.now()
    written = since - timedelta(minutes=4) if wrong == "the owner's clock" else since
    owner = LockOwner("token", "ann", "", written, written + timedelta(seconds=LEASE_SECONDS), HELD)
    assert LockStore(target, sandbox.aws()).write(LockRecord(owner), over=None)
    sandbox.emulator.advance(LEASE_SECONDS - 60)
    clock = _WrongClock(sandbox.emulator) if wrong == "this clock" else sandbox.clock()
    rollout, _ = sandbox.rollout(target, clock=clock)
    until = since + timedelta(seconds=LEASE_SECONDS)
    with pytest.raises(BusyError, match=f"locked by ann .*; if it was killed, after {until:%H:%M:%S} UTC"):
        rollout.release(bundle("by a wrong clock"))
    sandbox.emulator.advance(60)
    assert rollout.release(bundle("by a wrong clock")).changed


def test_a_long_release_renews_its_lease(sandbox: Sandbox, target: Target) -> None:
    sandbox.emulator.set_pace(update=500)
    sandbox.clear_calls()
    assert sandbox.rollout(target)[0].release(bundle("long")).changed
    pauses = _pauses_between_locks(sandbox)
    assert len(pauses) == 4
    assert max(pauses) < LEASE_SECONDS


def test_a_lease_is_renewed_although_the_clock_is_set_back(sandbox: Sandbox, target: Target) -> None:
    set_back = sandbox.emulator.now() + timedelta(seconds=60)

    class SetBack(VirtualClock):
        def now(self) -> datetime:
            return super().now() + timedelta(minutes=0 if super().now() > set_back else 4)

    sandbox.emulator.set_pace(update=500)
    sandbox.clear_calls()
    assert sandbox.rollout(target, clock=SetBack(sandbox.emulator))[0].release(bundle("set back")).changed
    assert max(_pauses_between_locks(sandbox)) < LEASE_SECONDS


def test_a_lease_that_cannot_be_renewed_is_tried_again(sandbox: Sandbox, target: Target) -> None:
    sandbox.emulator.set_pace(update=400)
    # Spared are the bundle and the acquiring of the lock.
    sandbox.emulator.inject_fault("throttles", action="PutObject", after=2, times=6)
    rollout, reporter = sandbox.rollout(target)
    assert rollout.release(bundle("renewed")).changed
    assert any(warning.startswith("the deployment lock could not be renewed") for warning in reporter.warnings)
    assert _record(sandbox, target).owner is None


def test_no_update_is_started_after_a_lease_that_could_not_be_renewed(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "old")
    sandbox.emulator.set_pace(update=400)
    sandbox.emulator.inject_fault("busy-before-update", label=bundle("old").label)
    # Spared are the bundle and the acquiring of the lock.
    sandbox.emulator.inject_fault("throttles", action="PutObject", after=2, times=None)
    with pytest.raises(DeployError, match="AWS still refuses s3:PutObject"):
        sandbox.rollout(target)[0].release(bundle("new"))
    assert sandbox.version_label(target) == bundle("old").label


@pytest.mark.parametrize("write", [2, 4], ids=["renewed", "released"])
def test_a_lock_is_kept_when_the_answer_to_its_write_is_lost(sandbox: Sandbox, target: Target, write: int) -> None:
    sandbox.emulator.set_pace(update=400)
    sandbox.emulator.inject_fault("drops-connections", action="PutObject", after=write, when="after")
    rollout, reporter = sandbox.rollout(target)
    assert rollout.release(bundle(f"lost answer {write}")).changed
    assert not any("taken over" in warning for warning in reporter.warnings)
    assert _record(sandbox, target).owner is None


def test_a_lease_is_renewed_while_a_busy_environment_is_waited_for(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "busy")
    rollout, _ = sandbox.rollout(target, settings=Settings(ready_timeout=600))
    rollout.preflight()
    sandbox.emulator.set_pace(update=400)
    sandbox.beanstalk.update_environment(EnvironmentName=target.environment, VersionLabel=bundle("busy").label)
    sandbox.clear_calls()
    assert rollout.release(bundle("after the busy one")).changed
    assert max(_pauses_between_locks(sandbox)) < LEASE_SECONDS


def test_a_lock_that_cannot_be_released_expires(sandbox: Sandbox, target: Target) -> None:
    sandbox.emulator.inject_fault("throttles", action="PutObject", after=2, times=6)
    rollout, reporter = sandbox.rollout(target)
    assert rollout.release(bundle("kept")).changed
    assert re.search(r"could not be released; it expires at \d\d:\d\d:\d\d UTC", reporter.warnings[-1])


def test_a_deployment_that_lost_its_lock_does_not_roll_back(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "good")
    sandbox.emulator.set_pace(update=400)
    sandbox.emulator.inject_fault("error-event", version_label=bundle("lost").label)
    rollout, reporter = sandbox.rollout(target)
    events: list[object] = []

    def take_over(event: object) -> None:
        """At the first event, as another deployment does when the lease has expired."""
        if not events:
            sandbox.s3.delete_object(Bucket=target.bucket, Key=f"locks/{target.environment}")
            _leave_locked(sandbox, target, source(9, "eve"))
        events.append(event)

    reporter.event = take_over  # type: ignore[method-assign]
    with pytest.raises(
        NotRolledBackError, match="it is not rolled back, because another deployment has taken the lock over"
    ):
        rollout.release(bundle("lost"))
    assert any("another deployment has taken over the deployment lock" in warning for warning in reporter.warnings)
    owner = _record(sandbox, target).owner
    assert owner
    assert owner.actor == "eve"


def test_of_two_that_take_an_expired_lock_over_one_gets_it(sandbox: Sandbox, target: Target) -> None:
    clock = sandbox.clock()
    _leave_locked(sandbox, target, source(1))
    store = LockStore(target, sandbox.aws())
    both_read = store.read()
    owners = [LockOwner(name, name, "", clock.now(), clock.now(), HELD) for name in ("ann", "bob")]
    assert store.write(LockRecord(owners[0]), over=both_read.etag)
    assert store.write(LockRecord(owners[1]), over=both_read.etag) is None
    assert store.read().owner == owners[0]


def _kill_during(sandbox: Sandbox, target: Target, text: str, *, sick: int) -> None:
    """Leave an update and the lock as a killed deployment does. sick: how many updates to it are unwell."""
    cut = bundle(text)
    sandbox.release(target, "good")
    _leave_locked(sandbox, target, source(1), Release(cut.label, bundle("good").label))
    sandbox.s3.put_object(Bucket=target.bucket, Key=cut.key, Body=cut.data, ChecksumAlgorithm="SHA256")
    sandbox.make_version(cut.label, cut.key)
    sandbox.emulator.inject_fault("unhealthy", version_label=cut.label, times=sick)
    sandbox.beanstalk.update_environment(EnvironmentName=target.environment, VersionLabel=cut.label)
    sandbox.emulator.advance(LEASE_SECONDS)


@pytest.mark.parametrize(
    ("text", "sick", "then"), [("cut off", 2, "cut off"), ("sick and cut off", 1, "next")], ids=["again", "another"]
)
def test_a_release_after_a_killed_one_rolls_back_to_the_last_good_one(
    sandbox: Sandbox, target: Target, text: str, sick: int, then: str
) -> None:
    _kill_during(sandbox, target, text, sick=sick)
    if then != text:
        sandbox.emulator.inject_fault("error-event", version_label=bundle(then).label)
    with pytest.raises(RolledBackError, match=f"{bundle('good').label} runs again"):
        sandbox.rollout(target)[0].release(bundle(then))


@pytest.mark.parametrize("content", ["not json", "[]", json.dumps({"owner": {"token": "x"}, "last_good": None})])
def test_an_object_that_is_no_lock_is_named(sandbox: Sandbox, target: Target, content: str) -> None:
    sandbox.s3.put_object(Bucket=target.bucket, Key=f"locks/{target.environment}", Body=content.encode())
    with pytest.raises(UsageError, match=rf"s3://artifacts/locks/{target.environment} is not a deployment lock"):
        sandbox.rollout(target)[0].release(bundle("blocked"))
