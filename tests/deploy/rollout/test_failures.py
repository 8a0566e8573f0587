"""Releases that fail, each as users of other tools reported it."""

import itertools
from typing import Any

import pytest
from botocore.exceptions import ClientError

from beanpod.deploy.errors import BusyError, DeadlineError, DeployError, NotRolledBackError, RolledBackError
from beanpod.deploy.preflight import Settings, Target
from beanpod.deploy.report import Phase
from tests.deploy.rollout.sandbox import UPDATE_SECONDS, Sandbox, bundle, handling

GOOD, BAD = bundle("good"), bundle("bad")


def _failing_target(sandbox: Sandbox, fault: str, *, instances: int = 1, **details: Any) -> Target:
    """An environment that runs GOOD and will not take BAD."""
    target = sandbox.environment(instances=instances)
    sandbox.release(target, "good")
    sandbox.emulator.inject_fault(fault, version_label=BAD.label, environment=target.environment, **details)
    return target


def test_rolls_back_a_failed_update_and_reports_its_first_error(sandbox: Sandbox) -> None:
    target = _failing_target(sandbox, "error-event", instances=4)
    rollout, reporter = sandbox.rollout(target)
    with pytest.raises(RolledBackError, match=rf"^{BAD.label} failed on {target.environment}: .* do not run") as caught:
        rollout.release(BAD)
    assert f"rolled back, {GOOD.label} runs again" in str(caught.value)
    first, *instances = caught.value.causes[:5]
    assert first.startswith("Instance deployment failed.")
    assert [cause.partition(": ")[0][:2] for cause in instances] == ["i-"] * 4
    assert any("Application deployment failed" in cause for cause in caught.value.causes)
    assert sandbox.version_label(target) == GOOD.label
    outcome = rollout.outcome
    assert (outcome.rolled_back, outcome.changed, outcome.health) == (True, True, "Ok")
    assert outcome.events == tuple(reporter.events)
    assert (reporter.failed, reporter.phases[-1]) == ([Phase.VERIFY], Phase.ROLL_BACK)
    assert any("does not undo a migration" in warning for warning in reporter.warnings)


def test_a_rollback_waits_while_aws_does_not_answer(sandbox: Sandbox) -> None:
    rollout, reporter = sandbox.rollout(_failing_target(sandbox, "error-event"))

    def say(text: str) -> None:
        reporter.messages.append(text)
        if text.startswith("rolling back"):
            sandbox.emulator.inject_fault("throttles", action="DescribeEnvironments", times=6)

    reporter.say = say  # type: ignore[method-assign]
    with pytest.raises(RolledBackError, match=f"{GOOD.label} runs again"):
        rollout.release(BAD)
    assert sum("polling again" in text for text in reporter.messages) == 1


@pytest.mark.parametrize("seconds", [UPDATE_SECONDS, 28], ids=["event announces the end", "environment is Ready"])
def test_the_errors_are_reported_while_it_is_rolled_out(sandbox: Sandbox, seconds: float) -> None:
    sandbox.emulator.set_pace(update=seconds)
    rollout, reporter = sandbox.rollout(_failing_target(sandbox, "error-event"))
    with pytest.raises(RolledBackError):
        rollout.release(BAD)
    assert set(reporter.event_phases) == {Phase.ROLL_OUT, Phase.ROLL_BACK}


Failure = tuple[str, dict[str, Any], type[DeployError], str, str]
# A fault, its details, what is raised, and the first cause.
FAILURES: list[Failure] = [
    ("with-errors-silently", {"label": "previous"}, RolledBackError, f"it runs {GOOD.label}; rolled back", ""),
    ("error-event", {"label": "previous"}, RolledBackError, f"it runs {GOOD.label}; rolled back", ""),
    ("reverts", {}, RolledBackError, "Elastic Beanstalk reverted to it, and it is healthy", ""),
    ("instance-behind", {}, RolledBackError, f"1 of 2 instances does not run {BAD.label}", "Incorrect application ver"),
    ("unhealthy", {}, RolledBackError, "its health is Severe", "failing with HTTP 5xx"),
    ("terminated", {}, NotRolledBackError, "it is Terminating: it cannot be rolled back", ""),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda row: " ".join((row[0], *row[1].values())))
def test_a_release_fails_by_the_state_of_its_environment(sandbox: Sandbox, failure: Failure) -> None:
    fault, details, kind, message, cause = failure
    target = _failing_target(sandbox, fault, instances=2, **details)
    rollout, reporter = sandbox.rollout(target, settings=Settings(recovery=60))
    with pytest.raises(kind, match=message) as caught:
        rollout.release(BAD)
    assert cause in "".join(caught.value.causes[:1])
    rolled_back = kind is RolledBackError
    assert (caught.value.exit_code, rollout.outcome.rolled_back) == (5 if rolled_back else 6, rolled_back)
    if rolled_back:
        assert sandbox.version_label(target) == GOOD.label
    assert (Phase.ROLL_BACK in reporter.phases) is (rolled_back and fault != "reverts")


def _without_causes(parsed: Any, **_: object) -> None:
    """Instances that do not say why: what the load balancer sees, the environment knows alone."""
    for item in parsed["InstanceHealthList"]:
        item["Causes"] = []


@pytest.mark.parametrize("denied", [False, True], ids=["granted", "denied"])
def test_the_causes_of_the_health_are_reported_and_not_required(sandbox: Sandbox, denied: bool) -> None:
    def deny(**_: object) -> None:
        if denied:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "DescribeEnvironmentHealth")

    aws = sandbox.aws()
    rollout, reporter = sandbox.rollout(_failing_target(sandbox, "unhealthy"), aws=aws)
    with (
        handling(aws, "after-call.*.DescribeInstancesHealth", _without_causes),
        handling(aws, "before-call.*.DescribeEnvironmentHealth", deny),
        pytest.raises(RolledBackError, match=f"its health is Severe; rolled back, {GOOD.label} runs again") as caught,
    ):
        rollout.release(BAD)
    assert caught.value.causes == (() if denied else ("100.0 % of the requests are failing with HTTP 5xx.",))
    unasked = [text for text in reporter.warnings if "permission elasticbeanstalk:DescribeEnvironmentHealth" in text]
    assert len(unasked) == denied


def test_the_last_cause_is_a_remedy(sandbox: Sandbox) -> None:
    def fail_to_pull(parsed: Any, **_: object) -> None:
        for event in parsed["Events"]:
            if event["Message"].startswith("Instance deployment failed. For details"):
                event["Message"] = "Instance deployment failed to download the Docker image. The deployment failed."

    def blame_clients(parsed: Any, **_: object) -> None:
        parsed["InstanceHealthList"][0]["Causes"] = ["30.0 % of the requests are erroring with HTTP 4xx."]

    expired, ignore = "the token in DOCKER_PASSWORD of [secrets] may have expired", "have Elastic Beanstalk ignore them"
    for fault, operation, handle, remedy in (
        ("error-event", "DescribeEvents", fail_to_pull, expired),
        ("unhealthy", "DescribeInstancesHealth", blame_clients, f"if clients cause the 4xx, {ignore}: "),
    ):
        aws = sandbox.aws()
        rollout, _ = sandbox.rollout(_failing_target(sandbox, fault), aws=aws)
        with handling(aws, f"after-call.*.{operation}", handle), pytest.raises(RolledBackError) as caught:
            rollout.release(BAD)
        assert remedy in caught.value.causes[-1]
        if fault == "error-event":
            assert "eb-engine.log in `beanpod logs` names the image" in caught.value.causes[-1]


@pytest.mark.parametrize(
    "words",
    [
        'psycopg.OperationalError: FATAL:  no pg_hba.conf entry for host "10.0.1.2", user "app", no encryption',
        "line: '544', |   routine: 'ClientAuthentication' | } |  | Node.js v24.1.0",
        "Connections using insecure transport are prohibited while --require_secure_transport=ON.",
        "SqlError: (conn:3, no: 1045, SQLState: 28000) Access denied for user 'app'@'10.0.1.2' (using password: YES)",
        "OpenSSL Error messages: error:0A000086:SSL routines::certificate verify failed",
        "Error: self-signed certificate in certificate chain",
    ],
)
def test_a_connection_that_tls_fails_has_one_remedy(words: str, sandbox: Sandbox) -> None:
    def quote_the_log(parsed: Any, **_: object) -> None:
        parsed["InstanceHealthList"][0]["Causes"] = [f"service web has failed. Exit code 1. Its last lines: {words}"]

    aws = sandbox.aws()
    rollout, _ = sandbox.rollout(_failing_target(sandbox, "unhealthy"), aws=aws)
    with handling(aws, "after-call.*.DescribeInstancesHealth", quote_the_log), pytest.raises(RolledBackError) as caught:
        rollout.release(BAD)
    assert [cause for cause in caught.value.causes if "TLS" in cause] == [caught.value.causes[-1]]


def test_succeeds_when_the_health_recovers_in_time(sandbox: Sandbox) -> None:
    target = _failing_target(sandbox, "slow-green", seconds=100)
    outcome = sandbox.rollout(target)[0].release(BAD)
    assert (outcome.health, outcome.changed) == ("Ok", True)


def test_an_update_that_cannot_be_aborted_ends_with_an_unknown_state(sandbox: Sandbox) -> None:
    target = _failing_target(sandbox, "never-ready")
    sandbox.emulator.inject_fault("throttles", action="AbortEnvironmentUpdate", times=None)
    rollout, reporter = sandbox.rollout(target, settings=Settings(wait_timeout=400, ready_timeout=100))
    with pytest.raises(DeadlineError, match=f"is still being updated to {BAD.label} after 400 s: see") as caught:
        rollout.release(BAD)
    assert caught.value.exit_code == 7
    assert any("could not be aborted" in warning for warning in reporter.warnings)


def test_a_long_rollout_is_aborted_and_rolled_back(sandbox: Sandbox) -> None:
    target = sandbox.environment(instances=4, DeploymentPolicy="Rolling", BatchSizeType="Fixed", BatchSize="1")
    sandbox.release(target, "good")
    # The emulator's abort takes a third of it.
    sandbox.emulator.set_pace(update=7200)
    rollout, _ = sandbox.rollout(target, settings=Settings(wait_timeout=3600, ready_timeout=900))
    with pytest.raises(RolledBackError, match=r"was aborted.*: Elastic Beanstalk reverted to it, and it is healthy"):
        rollout.release(bundle("slow"))


def test_an_update_is_aborted_although_its_state_is_not_answered(sandbox: Sandbox) -> None:
    looks = itertools.count(1)

    def look_away(**_: object) -> None:
        """Throttle the look at the deadline, which follows the last poll."""
        if next(looks) == 3:
            message = "Rate exceeded"
            metadata = {"MaxAttemptsReached": True}
            raise ClientError(
                {"Error": {"Code": "Throttling", "Message": message}, "ResponseMetadata": metadata},  # type: ignore[typeddict-item]
                "DescribeEnvironments",
            )

    aws = sandbox.aws()
    rollout, reporter = sandbox.rollout(
        _failing_target(sandbox, "never-ready"), aws=aws, settings=Settings(wait_timeout=20)
    )
    with handling(aws, "before-call.*.DescribeEnvironments", look_away), pytest.raises(RolledBackError, match="abort"):
        rollout.release(BAD)
    assert any("aborting it" in warning for warning in reporter.warnings)


def test_a_version_of_another_deployer_is_not_rolled_back(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "theirs", "good")
    sandbox.emulator.inject_fault("overtaken", version_label=BAD.label, label=bundle("theirs").label)
    with pytest.raises(BusyError, match=f"{BAD.label} was superseded: .* runs {bundle('theirs').label} now"):
        sandbox.rollout(target)[0].release(BAD)
    assert sandbox.version_label(target) == bundle("theirs").label


def test_a_release_that_is_reverted_to_a_failed_one_is_rolled_back_to_the_last_good_one(sandbox: Sandbox) -> None:
    def is_unhealthy(parsed: Any, **_: object) -> None:
        for environment in parsed["Environments"]:
            if environment["VersionLabel"] == BAD.label:
                environment["HealthStatus"] = "Severe"

    target, aws, worse = _failing_target(sandbox, "unhealthy"), sandbox.aws(), bundle("worse")
    with pytest.raises(NotRolledBackError):
        sandbox.rollout(target, settings=Settings(roll_back=False))[0].release(BAD)
    sandbox.emulator.inject_fault("reverts", version_label=worse.label)
    with (
        handling(aws, "after-call.*.DescribeEnvironments", is_unhealthy),
        pytest.raises(RolledBackError, match=f"it runs {BAD.label}; rolled back, {GOOD.label} runs again"),
    ):
        sandbox.rollout(target, aws=aws)[0].release(worse)
    assert sandbox.version_label(target) == GOOD.label


def test_a_rollback_is_started_again_when_the_environment_is_not_ready_yet(sandbox: Sandbox) -> None:
    updates: list[object] = []

    def refuse_second(**call: object) -> None:
        updates.append(call)
        if len(updates) == 2:
            message = "Environment named guestbook is in an invalid state for this operation. Must be Ready."
            raise ClientError({"Error": {"Code": "InvalidParameterValue", "Message": message}}, "UpdateEnvironment")

    aws = sandbox.aws()
    rollout, _ = sandbox.rollout(_failing_target(sandbox, "error-event"), aws=aws)
    with (
        handling(aws, "before-call.*.UpdateEnvironment", refuse_second),
        pytest.raises(RolledBackError, match=f"rolled back, {GOOD.label} runs again"),
    ):
        rollout.release(BAD)


def test_a_rollback_leaves_alone_what_another_deployer_has_deployed_before_it(sandbox: Sandbox) -> None:
    target, theirs = _failing_target(sandbox, "error-event"), bundle("theirs")
    sandbox.release(target, "theirs", "good")
    sandbox.emulator.inject_fault("busy-before-update", label=theirs.label, after=1)
    with pytest.raises(NotRolledBackError, match=f"has replaced it by {theirs.label}, which is left alone"):
        sandbox.rollout(target)[0].release(BAD)
    assert sandbox.version_label(target) == theirs.label


def test_a_rollback_is_tried_once(sandbox: Sandbox) -> None:
    target = _failing_target(sandbox, "error-event")
    sandbox.emulator.inject_fault("error-event", version_label=GOOD.label)
    sandbox.clear_calls()
    with pytest.raises(NotRolledBackError, match=f"after the rollback to {GOOD.label}, its instance does not run"):
        sandbox.rollout(target)[0].release(BAD)
    assert sandbox.actions().count("UpdateEnvironment") == 2


def test_no_rollback_with_roll_back_disabled(sandbox: Sandbox) -> None:
    rollout, reporter = sandbox.rollout(_failing_target(sandbox, "error-event"), settings=Settings(roll_back=False))
    with pytest.raises(NotRolledBackError, match="it is not rolled back, because of --no-rollback"):
        rollout.release(BAD)
    assert Phase.ROLL_BACK not in reporter.phases


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("error-event", "this is the first release, there is nothing to roll back to"),
        ("reverts", "it runs Sample Application: this is the first release, there is none to roll back to"),
    ],
)
def test_a_first_release_is_not_rolled_back(sandbox: Sandbox, target: Target, fault: str, message: str) -> None:
    sandbox.emulator.inject_fault(fault, version_label=BAD.label)
    with pytest.raises(NotRolledBackError, match=message):
        sandbox.rollout(target)[0].release(BAD)


def test_no_rollback_to_a_version_whose_bundle_was_deleted(sandbox: Sandbox) -> None:
    target = _failing_target(sandbox, "error-event")
    sandbox.s3.delete_object(Bucket=target.bucket, Key=GOOD.key)
    rollout, reporter = sandbox.rollout(target)
    with pytest.raises(NotRolledBackError, match=f"cannot be rolled back, the bundle of {GOOD.label} no longer"):
        rollout.release(BAD)
    assert any(f"the bundle of {GOOD.label} no longer exists" in warning for warning in reporter.warnings)
