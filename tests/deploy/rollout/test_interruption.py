"""Ctrl-C and SIGTERM: what state is left, and that the lock is not."""

from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec, TypeVar

import pytest

from beanpod.deploy.aws.caller import Caller
from beanpod.deploy.clock import Clock
from beanpod.deploy.errors import InterruptionError, RolledBackError
from beanpod.deploy.rollout import Rollout, Target
from beanpod.deploy.rollout.ledger import Ledger
from tests.deploy.rollout.ground import Ground, bundle

P = ParamSpec("P")
T = TypeVar("T")
NOTHING = "interrupted: nothing was touched"
MADE = "interrupted: version .* is made, the environment was not touched"
UNDER_WAY = r"interrupted: Elastic Beanstalk may go on rolling out .*: see beanpod status"
GOING_BACK = r"interrupted: the previous version may be on its way back: see beanpod status"


class Interrupted(Caller):
    """A caller during whose n-th call of a kind Ctrl-C is pressed. when: before or after AWS has done its work."""

    def __init__(self, clock: Clock, action: str, number: int, when: str) -> None:
        super().__init__(clock)
        self._action, self._left, self._when = action, number, when

    def once(self) -> "Interrupted":
        return self

    def __call__(self, action: str, function: Callable[P, T], /, *args: P.args, **request: P.kwargs) -> T:
        if action != self._action:
            return super().__call__(action, function, *args, **request)
        self._left -= 1
        if self._left == 0 and self._when == "before":
            raise KeyboardInterrupt
        try:
            return super().__call__(action, function, *args, **request)
        finally:
            if self._left == 0:
                raise KeyboardInterrupt


def _interrupted(ground: Ground, target: Target, action: str, number: int, when: str) -> Rollout:
    clock = ground.clock()
    aws = replace(ground.aws(clock), call=Interrupted(clock, action, number, when))
    return ground.rollout(target, aws=aws, clock=clock)[0]


@pytest.mark.parametrize(
    ("action", "number", "when", "leaves"),
    [
        ("elasticbeanstalk:DescribeEnvironments", 1, "before", NOTHING),
        ("s3:PutObject", 1, "after", NOTHING),
        ("elasticbeanstalk:CreateApplicationVersion", 1, "after", NOTHING),
        ("s3:GetObject", 1, "after", MADE),
        ("s3:PutObject", 2, "before", MADE),
        ("s3:PutObject", 2, "after", MADE),
        ("elasticbeanstalk:DescribeEnvironments", 2, "after", MADE),
        ("elasticbeanstalk:UpdateEnvironment", 1, "before", UNDER_WAY),
        ("elasticbeanstalk:UpdateEnvironment", 1, "after", UNDER_WAY),
        ("elasticbeanstalk:DescribeEvents", 3, "before", UNDER_WAY),
        ("elasticbeanstalk:DescribeInstancesHealth", 1, "after", UNDER_WAY),
    ],
)
def test_an_interruption_says_what_it_leaves_and_holds_no_lock(
    ground: Ground, action: str, number: int, when: str, leaves: str
) -> None:
    target, new = ground.environment(), bundle(f"interrupted {action} {number} {when}")
    with pytest.raises(InterruptionError, match=f"^{leaves}") as caught:
        _interrupted(ground, target, action, number, when).release(new)
    assert caught.value.exit_code == 130
    assert Ledger(target, ground.aws(ground.clock())).read().holder is None
    # Run again, it always comes to the same end.
    ground.rollout(target)[0].release(new)
    assert ground.runs(target) == new.label


def test_what_ran_before_a_release_that_was_cut_off_is_not_forgotten(ground: Ground) -> None:
    target = ground.environment()
    ground.deployed(target, "one")
    with pytest.raises(InterruptionError):
        _interrupted(ground, target, "elasticbeanstalk:DescribeEvents", 3, "before").release(bundle("stopped"))
    ground.emulator.advance(1000)
    assert ground.runs(target) == bundle("stopped").label
    # Not even by a release that fails after it.
    ground.emulator.order("error-event", version_label=bundle("bad").label)
    with pytest.raises(RolledBackError, match=f"{bundle('stopped').label} serves again"):
        ground.rollout(target)[0].release(bundle("bad"))
    ground.rollout(target)[0].roll_back()
    assert ground.runs(target) == bundle("one").label


def test_a_release_that_never_began_hides_none_that_was_cut_off(ground: Ground) -> None:
    target = ground.environment()
    ground.deployed(target, "one")
    for text, action, number in (("cut", "DescribeEvents", 3), ("never began", "UpdateEnvironment", 1)):
        with pytest.raises(InterruptionError):
            _interrupted(ground, target, f"elasticbeanstalk:{action}", number, "before").release(bundle(text))
        ground.emulator.advance(1000)
    assert ground.runs(target) == bundle("cut").label
    ground.rollout(target)[0].roll_back()
    assert ground.runs(target) == bundle("one").label
    # What ended well clears the list.
    assert Ledger(target, ground.aws(ground.clock())).read().unfinished == ()


def test_an_interrupted_rollback_says_so(ground: Ground) -> None:
    target = ground.environment()
    ground.deployed(target, "good")
    ground.emulator.order("error-event", version_label=bundle("bad").label)
    with pytest.raises(InterruptionError, match=GOING_BACK):
        _interrupted(ground, target, "elasticbeanstalk:UpdateEnvironment", 2, "after").release(bundle("bad"))
    assert Ledger(target, ground.aws(ground.clock())).read().holder is None


def test_an_interrupted_look_touches_nothing(ground: Ground) -> None:
    target = ground.environment()
    with pytest.raises(InterruptionError, match=NOTHING):
        _interrupted(ground, target, "sts:GetCallerIdentity", 1, "before").look()
