"""Ctrl-C and SIGTERM: the state of the environment afterwards, and the released lock."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from beanpod.deploy.errors import InterruptionError, RolledBackError
from beanpod.deploy.lock import LockStore
from beanpod.deploy.preflight import Target
from beanpod.deploy.rollout import Rollout
from tests.deploy.rollout.sandbox import Sandbox, bundle, handling

NOTHING = "interrupted: nothing was changed"
UNDER_WAY = r"interrupted: Elastic Beanstalk may still be rolling out .*: see `beanpod status`"
DEPLOYED = r"interrupted: .* is deployed and healthy"
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
        ("GetCallerIdentity", 1, "before", NOTHING),
        ("DescribeEnvironments", 1, "before", NOTHING),
        ("PutObject", 1, "after", NOTHING),
        ("GetObject", 1, "after", NOTHING),
        ("PutObject", 2, "before", NOTHING),
        ("PutObject", 2, "after", NOTHING),
        ("DescribeEnvironments", 2, "after", NOTHING),
        ("CreateApplicationVersion", 1, "after", NOTHING),
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


def test_a_rollback_skips_interrupted_releases(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "one")
    for text, action, number in (("cut", "DescribeEvents", 2), ("never began", "UpdateEnvironment", 1)):
        with _interrupted(sandbox, target, action, number, "before") as rollout, pytest.raises(InterruptionError):
            rollout.release(bundle(text))
        sandbox.emulator.advance(1000)
    assert sandbox.version_label(target) == bundle("cut").label
    # Not even by a release that fails after them.
    sandbox.emulator.inject_fault("error-event", version_label=bundle("bad").label)
    with pytest.raises(RolledBackError, match=f"{bundle('cut').label} runs again"):
        sandbox.rollout(target)[0].release(bundle("bad"))
    sandbox.rollout(target)[0].roll_back()
    assert sandbox.version_label(target) == bundle("one").label


@pytest.mark.parametrize(
    ("action", "number", "leaves"),
    # The objects are the bundle, the lock, and the lock's release.
    [("UpdateEnvironment", 2, GOING_BACK), ("PutObject", 3, "^interrupted: {label} failed .*; rolled back, ")],
)
def test_an_interrupted_rollback_releases_the_lock(
    sandbox: Sandbox, target: Target, action: str, number: int, leaves: str
) -> None:
    bad = bundle(f"bad until {action}")
    sandbox.release(target, "good")
    sandbox.emulator.inject_fault("error-event", version_label=bad.label)
    with (
        _interrupted(sandbox, target, action, number, "after") as rollout,
        pytest.raises(InterruptionError, match=leaves.format(label=bad.label)),
    ):
        rollout.release(bad)
    assert rollout.outcome.rolled_back is (action == "PutObject")
    assert LockStore(target, sandbox.aws()).read().owner is None
