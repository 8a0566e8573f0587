"""Ctrl-C and SIGTERM: the state of the environment afterwards, and the released lock."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from beanpod.deploy.errors import InterruptionError, RolledBackError
from beanpod.deploy.lock import LockStore
from beanpod.deploy.preflight import Target
from beanpod.deploy.release import Rollout
from tests.deploy.rollout.sandbox import Sandbox, bundle, handling

NOTHING = "interrupted: nothing was changed"
CREATED = "interrupted: version .* was created, the environment was not changed"
UNDER_WAY = r"interrupted: Elastic Beanstalk may still be rolling out .*: see `beanpod status`"
DEPLOYED = r"interrupted: .* is deployed, and runs well"
GOING_BACK = r"interrupted: a rollback to the previous version may be in progress: see `beanpod status`"


@contextmanager
def _interrupted(sandbox: Sandbox, target: Target, operation: str, number: int, when: str) -> Iterator[Rollout]:
    """A rollout that is interrupted with Ctrl-C at its n-th call of an operation, before or after AWS has done it."""
    aws, count = sandbox.aws(), itertools.count(1)

    def press_ctrl_c(**_: object) -> None:
        if next(count) == number:
            raise KeyboardInterrupt

    with handling(aws, f"{when}-call.*.{operation}", press_ctrl_c):
        yield sandbox.rollout(target, aws=aws)[0]


@pytest.mark.parametrize(
    ("action", "number", "when", "leaves"),
    [
        ("DescribeEnvironments", 1, "before", NOTHING),
        ("PutObject", 1, "after", NOTHING),
        ("CreateApplicationVersion", 1, "after", NOTHING),
        ("GetObject", 1, "after", CREATED),
        ("PutObject", 2, "before", CREATED),
        ("PutObject", 2, "after", CREATED),
        ("DescribeEnvironments", 2, "after", CREATED),
        ("UpdateEnvironment", 1, "before", UNDER_WAY),
        ("UpdateEnvironment", 1, "after", UNDER_WAY),
        ("DescribeEvents", 2, "before", UNDER_WAY),
        ("DescribeInstancesHealth", 1, "after", UNDER_WAY),
        ("PutObject", 3, "after", DEPLOYED),
    ],
)
def test_an_interruption_reports_the_state_and_releases_the_lock(
    sandbox: Sandbox, action: str, number: int, when: str, leaves: str
) -> None:
    target, new = sandbox.environment(), bundle(f"interrupted {action} {number} {when}")
    with (
        _interrupted(sandbox, target, action, number, when) as rollout,
        pytest.raises(InterruptionError, match=f"^{leaves}") as caught,
    ):
        rollout.release(new)
    assert caught.value.exit_code == 130
    assert LockStore(target, sandbox.aws()).read().owner is None
    # Run again, it always comes to the same end.
    sandbox.rollout(target)[0].release(new)
    assert sandbox.version_label(target) == new.label


def test_a_rollback_skips_an_interrupted_release(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "one")
    with _interrupted(sandbox, target, "DescribeEvents", 2, "before") as rollout, pytest.raises(InterruptionError):
        rollout.release(bundle("stopped"))
    sandbox.emulator.advance(1000)
    assert sandbox.version_label(target) == bundle("stopped").label
    # Not even by a release that fails after it.
    sandbox.emulator.inject_fault("error-event", version_label=bundle("bad").label)
    with pytest.raises(RolledBackError, match=f"{bundle('stopped').label} runs again"):
        sandbox.rollout(target)[0].release(bundle("bad"))
    sandbox.rollout(target)[0].roll_back()
    assert sandbox.version_label(target) == bundle("one").label


def test_a_rollback_skips_two_interrupted_releases(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "one")
    for text, action, number in (("cut", "DescribeEvents", 2), ("never began", "UpdateEnvironment", 1)):
        with _interrupted(sandbox, target, action, number, "before") as rollout, pytest.raises(InterruptionError):
            rollout.release(bundle(text))
        sandbox.emulator.advance(1000)
    assert sandbox.version_label(target) == bundle("cut").label
    sandbox.rollout(target)[0].roll_back()
    assert sandbox.version_label(target) == bundle("one").label


def test_an_interrupted_rollback_releases_the_lock(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "good")
    sandbox.emulator.inject_fault("error-event", version_label=bundle("bad").label)
    with (
        _interrupted(sandbox, target, "UpdateEnvironment", 2, "after") as rollout,
        pytest.raises(InterruptionError, match=GOING_BACK),
    ):
        rollout.release(bundle("bad"))
    assert LockStore(target, sandbox.aws()).read().owner is None


def test_an_interruption_after_a_rollback_says_how_it_ended(sandbox: Sandbox, target: Target) -> None:
    bad = bundle("bad until it is rolled back")
    sandbox.release(target, "good")
    sandbox.emulator.inject_fault("error-event", version_label=bad.label)
    # Of the bundle, the lock, and the lock's release.
    with (
        _interrupted(sandbox, target, "PutObject", 3, "after") as rollout,
        pytest.raises(InterruptionError, match=f"^interrupted: {bad.label} failed .*; rolled back, "),
    ):
        rollout.release(bad)
    assert rollout.outcome.rolled_back


def test_an_interrupted_preflight_changes_nothing(sandbox: Sandbox, target: Target) -> None:
    with (
        _interrupted(sandbox, target, "GetCallerIdentity", 1, "before") as rollout,
        pytest.raises(InterruptionError, match=NOTHING),
    ):
        rollout.preflight()
