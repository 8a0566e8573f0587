"""AWS throttles, does not answer, or refuses expired credentials."""

import json

import pytest
from botocore.exceptions import ClientError

from beanpod.deploy.aws import UnansweredError
from beanpod.deploy.errors import BusyError, DeadlineError, RolledBackError, UsageError
from beanpod.deploy.preflight import Settings, Target
from tests.deploy.rollout.sandbox import Sandbox, bundle, handling

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
def test_a_call_without_an_answer_is_repeated(sandbox: Sandbox, target: Target, action: str, when: str) -> None:
    sandbox.emulator.inject_fault("drops-connections", action=action, when=when)
    outcome = sandbox.rollout(target)[0].release(bundle("new"))
    assert (sandbox.version_label(target), outcome.health) == (bundle("new").label, "Ok")
    assert sandbox.actions().count("UpdateEnvironment") == (2 if action == "UpdateEnvironment" else 1)


def test_the_answer_to_a_lock_may_be_lost(sandbox: Sandbox, target: Target) -> None:
    # The second object that is written is the lock.
    sandbox.emulator.inject_fault("drops-connections", action="PutObject", when="after", after=1)
    rollout, reporter = sandbox.rollout(target)
    rollout.release(bundle("new"))
    assert reporter.warnings == []


def test_a_poll_without_an_answer_is_skipped(sandbox: Sandbox, target: Target) -> None:
    sandbox.emulator.set_pace(update=150)
    # Spared are the four calls up to the update.
    sandbox.emulator.inject_fault("throttles", service="elasticbeanstalk", after=4, times=18)
    clock = sandbox.clock()
    rollout, reporter = sandbox.rollout(target, clock=clock)
    assert rollout.release(bundle("throttled")).changed
    assert sum("polling again" in text for text in reporter.messages) == 3
    assert clock.slept.count(5.0) == 30


def test_a_look_without_an_answer_is_repeated(sandbox: Sandbox, target: Target) -> None:
    sandbox.emulator.inject_fault("throttles", action="DescribeInstancesHealth", times=12)
    rollout, reporter = sandbox.rollout(target)
    assert rollout.release(bundle("new")).changed
    assert sum("polling again" in text for text in reporter.messages) == 2


def test_no_answers_until_the_verdict_leave_an_unknown_state(sandbox: Sandbox, target: Target) -> None:
    sandbox.emulator.inject_fault("throttles", action="DescribeInstancesHealth", times=None)
    rollout, _ = sandbox.rollout(target, settings=Settings(ready_timeout=20))
    words = r"has ended, and its health is not known, see `beanpod status`: AWS still refuses"
    with pytest.raises(DeadlineError, match=f"the update of environment {target.environment} to .* {words}"):
        rollout.release(bundle("new"))


def test_a_throttled_release_succeeds(sandbox: Sandbox, target: Target) -> None:
    sandbox.emulator.inject_fault("throttles", times=5)
    assert sandbox.rollout(target)[0].release(bundle("new")).changed


def test_permanent_throttling_is_reported_before_any_change(sandbox: Sandbox, target: Target) -> None:
    sandbox.emulator.inject_fault("throttles", action="GetCallerIdentity", times=None)
    sandbox.clear_calls()
    with pytest.raises(UnansweredError, match="AWS still refuses sts:GetCallerIdentity after several attempts"):
        sandbox.rollout(target)[0].preflight()
    assert sandbox.actions() == ["GetCallerIdentity"] * 6


def test_expired_credentials_are_reported_before_any_change(sandbox: Sandbox, target: Target) -> None:
    sandbox.emulator.inject_fault("expired-credentials", times=None)
    with pytest.raises(UsageError, match=r"credentials have expired .*: get new ones") as caught:
        sandbox.rollout(target)[0].preflight()
    assert caught.value.exit_code == 2


def test_credentials_that_expire_while_the_environment_changes_leave_an_unknown_state(
    sandbox: Sandbox, target: Target
) -> None:
    sandbox.emulator.inject_fault("expired-credentials", action="DescribeEvents", after=1, times=None)
    with pytest.raises(DeadlineError, match="its state cannot be read, see `beanpod status`: the AWS credentials"):
        sandbox.rollout(target)[0].release(bundle("new"))


def test_no_answers_until_the_timeout_leave_an_unknown_state(sandbox: Sandbox, target: Target) -> None:
    for action, after in (("DescribeEvents", 1), ("DescribeEnvironments", 2)):
        sandbox.emulator.inject_fault("drops-connections", action=action, after=after, times=None)
    rollout, _ = sandbox.rollout(target, settings=Settings(wait_timeout=100, ready_timeout=50))
    with pytest.raises(DeadlineError, match="state cannot be read, see `beanpod status`: AWS does not answer"):
        rollout.release(bundle("new"))


def test_an_update_that_was_never_confirmed_leaves_an_unknown_state(sandbox: Sandbox, target: Target) -> None:
    sandbox.emulator.inject_fault("drops-connections", action="UpdateEnvironment", when="before", times=None)
    unknown = f"AWS did not confirm the update of environment {target.environment} to "
    with pytest.raises(DeadlineError, match=unknown):
        sandbox.rollout(target)[0].release(bundle("new"))


def test_credentials_that_cannot_be_read_again_leave_an_unknown_state(sandbox: Sandbox, target: Target) -> None:
    polls: list[object] = []

    def print_no_json(**call: object) -> None:
        """As botocore does, when the program of a profile prints a proxy's page."""
        polls.append(call)
        if len(polls) == 2:
            json.loads("<html>")

    aws = sandbox.aws()
    with (
        handling(aws, "before-call.*.DescribeEvents", print_no_json),
        pytest.raises(DeadlineError, match=r"its state cannot be read, .*: the AWS credentials could not be loaded: "),
    ):
        sandbox.rollout(target, aws=aws)[0].release(bundle("new"))


def test_a_hanging_call_times_out_and_is_repeated(sandbox: Sandbox, target: Target) -> None:
    sandbox.emulator.inject_fault("hangs", action="ListObjectsV2", when="before")
    rollout, _ = sandbox.rollout(target, aws=sandbox.aws(read_seconds=0.3))
    assert rollout.preflight().previous is None


def test_an_environment_that_gets_busy_before_the_update_is_waited_for(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "old", "theirs")
    sandbox.release(target, "old")
    sandbox.emulator.inject_fault("busy-before-update", label=bundle("theirs").label)
    sandbox.emulator.inject_fault("error-event", version_label=bundle("new").label)
    rollout, _ = sandbox.rollout(target)
    with pytest.raises(RolledBackError, match=f"{bundle('theirs').label} runs again"):
        rollout.release(bundle("new"))
    assert rollout.outcome.previous_version == bundle("theirs").label


def test_an_environment_that_is_updated_again_and_again_is_busy(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "old")
    fault = {"label": bundle("old").label, "environment": target.environment, "times": None}
    sandbox.emulator.inject_fault("busy-before-update", **fault)
    with pytest.raises(BusyError, match=f"environment {target.environment} keeps being updated"):
        sandbox.rollout(target, settings=Settings(ready_timeout=60))[0].release(bundle("new"))


def test_an_update_is_tried_again_at_each_poll(sandbox: Sandbox, target: Target) -> None:
    tries: list[object] = []

    def refuse(**call: object) -> None:
        """Refuse every update, although the environment is Ready: two replicas of the API differ."""
        tries.append(call)
        message = "Environment named guestbook is in an invalid state for this operation. Must be Ready."
        raise ClientError({"Error": {"Code": "InvalidParameterValue", "Message": message}}, "UpdateEnvironment")

    aws = sandbox.aws()
    rollout, _ = sandbox.rollout(target, aws=aws, settings=Settings(ready_timeout=20))
    with (
        handling(aws, "before-call.*.UpdateEnvironment", refuse),
        pytest.raises(BusyError, match="keeps being updated"),
    ):
        rollout.release(bundle("new"))
    assert len(tries) == 5
