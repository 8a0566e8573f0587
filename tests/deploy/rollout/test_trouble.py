"""AWS does not answer as it should: throttled, silent, with credentials that end."""

import pytest

from beanpod.deploy.aws import AwsError, CredentialsError, UnansweredError
from beanpod.deploy.errors import BusyError, DeadlineError, RolledBackError
from beanpod.deploy.rollout import Settings
from tests.deploy.rollout.ground import Ground, bundle

# Every call of a release, in order, that is not only a poll.
CALLS = (
    ("GetCallerIdentity", "before"),
    ("DescribeEnvironments", "before"),
    ("ListObjectsV2", "before"),
    ("PutObject", "before"),
    ("PutObject", "after"),
    ("CreateApplicationVersion", "before"),
    ("CreateApplicationVersion", "after"),
    ("GetObject", "before"),
    ("DescribeEvents", "before"),
    ("UpdateEnvironment", "before"),
    ("UpdateEnvironment", "after"),
    ("DescribeInstancesHealth", "before"),
)


@pytest.mark.parametrize(("action", "when"), CALLS)
def test_a_call_without_an_answer_is_made_again(ground: Ground, action: str, when: str) -> None:
    target = ground.environment()
    ground.emulator.order("drops-connections", action=action, when=when)
    outcome = ground.rollout(target)[0].release(bundle("new"))
    assert (ground.runs(target), outcome.health) == (bundle("new").label, "Ok")
    assert ground.actions().count("UpdateEnvironment") == (2 if action == "UpdateEnvironment" else 1)


def test_the_answer_to_a_lock_may_be_lost(ground: Ground) -> None:
    target = ground.environment()
    # The second object that is written is the lock.
    ground.emulator.order("drops-connections", action="PutObject", when="after", after=1)
    rollout, witness = ground.rollout(target)
    rollout.release(bundle("new"))
    assert witness.warnings == []


def test_a_poll_without_an_answer_is_skipped(ground: Ground) -> None:
    target = ground.environment()
    ground.emulator.set_pace(update=150)
    # Spared are the four calls up to the update.
    ground.emulator.order("throttles", service="elasticbeanstalk", after=4, times=3)
    clock = ground.clock()
    rollout, witness = ground.rollout(target, clock=clock)
    assert rollout.release(bundle("throttled")).changed
    assert sum("polling again" in text for text in witness.said) == 3
    assert clock.slept.count(5.0) == 30


def test_a_throttled_release_comes_through(ground: Ground) -> None:
    target = ground.environment()
    ground.emulator.order("throttles", times=5)
    assert ground.rollout(target)[0].release(bundle("new")).changed


def test_aws_that_throttles_for_good_is_named_before_anything_is_touched(ground: Ground) -> None:
    target = ground.environment()
    ground.emulator.order("throttles", action="GetCallerIdentity", times=None)
    with pytest.raises(UnansweredError, match="AWS keeps refusing sts:GetCallerIdentity for now"):
        ground.rollout(target)[0].look()
    assert "PutObject" not in ground.actions()


def test_expired_credentials_are_named_before_anything_is_touched(ground: Ground) -> None:
    target = ground.environment()
    ground.emulator.order("expired-credentials", times=None)
    with pytest.raises(CredentialsError, match=r"credentials have expired .*: get new ones") as caught:
        ground.rollout(target)[0].look()
    assert caught.value.exit_code == 2


def test_credentials_that_expire_while_the_environment_changes_leave_an_unknown_state(ground: Ground) -> None:
    target = ground.environment()
    # One for the history, then the polls.
    ground.emulator.order("expired-credentials", action="DescribeEvents", after=2, times=None)
    with pytest.raises(DeadlineError, match="and its state cannot be read: the AWS credentials have expired"):
        ground.rollout(target)[0].release(bundle("new"))


def test_silence_until_the_deadline_leaves_an_unknown_state(ground: Ground) -> None:
    target = ground.environment()
    ground.emulator.order("drops-connections", service="elasticbeanstalk", action="DescribeEvents", after=1, times=None)
    ground.emulator.order(
        "drops-connections", service="elasticbeanstalk", action="DescribeEnvironments", after=3, times=None
    )
    rollout, _ = ground.rollout(target, settings=Settings(wait_timeout=100, ready_timeout=50))
    with pytest.raises(DeadlineError, match="state cannot be read: AWS does not answer"):
        rollout.release(bundle("new"))


def test_an_update_that_was_never_confirmed_leaves_an_unknown_state(ground: Ground) -> None:
    target = ground.environment()
    ground.emulator.order("drops-connections", action="UpdateEnvironment", when="before", times=None)
    with pytest.raises(
        DeadlineError, match=f"whether environment {target.environment} is being updated to .* not known"
    ):
        ground.rollout(target)[0].release(bundle("new"))


def test_an_answer_that_does_not_come_is_not_waited_for(ground: Ground) -> None:
    target = ground.environment()
    clock = ground.clock()
    ground.emulator.order("hangs", action="ListObjectsV2", when="before")
    rollout, _ = ground.rollout(target, clock=clock, aws=ground.aws(clock, read_seconds=0.3))
    assert rollout.look().previous is None


def test_an_environment_that_gets_busy_before_the_update_is_waited_for(ground: Ground) -> None:
    target = ground.environment()
    ground.deployed(target, "old", "theirs")
    ground.deployed(target, "old")
    ground.emulator.order("busy-before-update", label=bundle("theirs").label)
    ground.emulator.order("error-event", version_label=bundle("new").label)
    rollout, _ = ground.rollout(target)
    with pytest.raises(RolledBackError, match=f"{bundle('theirs').label} serves again"):
        rollout.release(bundle("new"))
    assert rollout.outcome.previous_version == bundle("theirs").label


def test_an_environment_that_gets_busy_again_and_again_is_left_alone(ground: Ground) -> None:
    target = ground.environment()
    ground.deployed(target, "old")
    ground.emulator.order("busy-before-update", label=bundle("old").label, environment=target.environment, times=None)
    with pytest.raises(BusyError, match=f"environment {target.environment} gets busy again and again"):
        ground.rollout(target, settings=Settings(ready_timeout=60))[0].release(bundle("new"))


def test_other_refusals_are_told_in_awss_words(ground: Ground) -> None:
    target = ground.environment()
    ground.beanstalk.delete_application_version(ApplicationName=target.application, VersionLabel="none")
    with pytest.raises(AwsError, match="AWS refused elasticbeanstalk:UpdateEnvironment: No Application Version named"):
        ground.aws(ground.clock()).update_environment(target.environment, "none")
