"""Releases that succeed."""

import base64
import hashlib
from dataclasses import replace

import pytest

from beanpod.deploy.errors import BusyError, UsageError
from beanpod.deploy.preflight import Settings, Target
from beanpod.deploy.report import Phase
from tests.deploy.rollout.sandbox import APPLICATION, Sandbox, bundle, source


def test_the_first_release_replaces_the_sample_whose_health_is_severe(sandbox: Sandbox, target: Target) -> None:
    rollout, reporter = sandbox.rollout(target)
    look = rollout.preflight()
    assert (look.previous, look.environment.health) == (None, "Severe")
    outcome = rollout.release(bundle("one"))
    assert (outcome.changed, outcome.previous_version, outcome.health) == (True, None, "Ok")
    assert sandbox.version_label(target) == outcome.version_label == bundle("one").label
    assert reporter.phases == [Phase.PREFLIGHT, Phase.UPLOAD, Phase.ROLL_OUT, Phase.VERIFY]
    assert reporter.failed == []


def test_a_release_reports_its_progress(sandbox: Sandbox) -> None:
    target = sandbox.environment(instances=2)
    sandbox.release(target, "old")
    rollout, reporter = sandbox.rollout(target)
    outcome = rollout.release(bundle("reported"))
    assert outcome.previous_version == bundle("old").label
    assert reporter.messages[0] == f"{target.environment} runs {bundle('old').label}, health Ok"
    assert reporter.messages[-1] == f"all 2 instances run {bundle('reported').label}, health Ok"
    messages = [event.message for event in reporter.events]
    assert messages[:2] == ["Environment update is starting.", "Deploying new version to instance(s)."]
    assert len(set(reporter.events)) == len(reporter.events)
    assert outcome.events == tuple(reporter.events)
    last = reporter.statuses[-1]
    assert (last.state, last.health, last.on_version, last.instances) == ("Ready", "Ok", 2, 2)


def test_what_runs_already_is_six_calls_and_is_deployed_again_with_force(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "same")
    sandbox.clear_calls()
    rollout, reporter = sandbox.rollout(target)
    outcome = rollout.release(bundle("same"))
    # Two more read the stacks' outputs. The last one reads the deployment lock.
    preflight = ["GetCallerIdentity", "DescribeEnvironments", "ListObjectsV2"]
    assert sandbox.actions() == [*preflight, "DescribeEnvironments", "DescribeInstancesHealth", "GetObject"]
    # It replaced nothing: a workflow that goes back to the previous version must not get the one that runs.
    assert (outcome.changed, outcome.version_label, outcome.previous_version) == (False, bundle("same").label, None)
    assert reporter.messages[-1] == f"its instance runs {bundle('same').label}, health Ok"

    assert sandbox.rollout(target)[0].release(bundle("same"), force=True).changed
    assert "UpdateEnvironment" in sandbox.actions()
    assert not _uploads(sandbox)


def _uploads(sandbox: Sandbox) -> list[str]:
    calls = sandbox.emulator.calls()
    return [call.key for call in calls if call.action == "PutObject" and call.key.startswith("bundles/")]


def test_deploys_a_version_again_that_runs_in_poor_health(sandbox: Sandbox, target: Target) -> None:
    sick = bundle("sick")
    sandbox.emulator.inject_fault("unhealthy", version_label=sick.label)
    with pytest.raises(Exception, match="its health is Severe"):
        sandbox.rollout(target)[0].release(sick)
    rollout, reporter = sandbox.rollout(target)
    assert rollout.release(sick).changed
    already = f"the environment has {sick.label} already, but its health is Severe: deploying it again"
    assert already in reporter.messages


def test_what_ran_at_the_preflight_is_looked_at_again(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "restarted")
    rollout, reporter = sandbox.rollout(target)
    rollout.preflight()
    # While the release is built.
    sandbox.beanstalk.restart_app_server(EnvironmentName=target.environment)
    assert not rollout.release(bundle("restarted")).changed
    assert f"environment {target.environment} is Updating: waiting until it is Ready" in reporter.messages


def test_a_release_that_is_refused_creates_no_version(sandbox: Sandbox, target: Target) -> None:
    sandbox.rollout(target, source=source(2))[0].release(bundle("newer"))
    with pytest.raises(BusyError, match="superseded: "):
        sandbox.rollout(target, source=source(1))[0].release(bundle("refused"))
    wanted = [bundle("refused").label]
    found = sandbox.beanstalk.describe_application_versions(ApplicationName=APPLICATION, VersionLabels=wanted)
    assert found["ApplicationVersions"] == []


def test_a_busy_environment_is_waited_for(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "old")
    sandbox.beanstalk.update_environment(EnvironmentName=target.environment, VersionLabel=bundle("old").label)
    rollout, reporter = sandbox.rollout(target)
    assert rollout.preflight(wait=False).environment.status == "Updating"
    assert rollout.preflight().environment.ready
    assert f"environment {target.environment} is Updating: waiting until it is Ready" in reporter.messages


def test_an_environment_that_stays_busy_ends_the_deployment_before_the_build(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "old")
    sandbox.emulator.inject_fault("never-ready", environment=target.environment)
    sandbox.beanstalk.update_environment(EnvironmentName=target.environment, VersionLabel=bundle("old").label)
    with pytest.raises(BusyError, match=r"is still Updating after 60 s: see `beanpod events`"):
        sandbox.rollout(target, settings=Settings(ready_timeout=60))[0].preflight()


def test_a_terminating_environment_is_refused(sandbox: Sandbox, target: Target) -> None:
    sandbox.beanstalk.terminate_environment(EnvironmentName=target.environment)
    with pytest.raises(BusyError, match="is Terminating: a version cannot be deployed to it"):
        sandbox.rollout(target)[0].preflight()


def test_the_version_has_description_tags_and_checksum(sandbox: Sandbox, target: Target) -> None:
    run = replace(source(1, "a\nb" * 100), run_url="https://ci.example/1?a=b")
    made = bundle("described")
    sandbox.rollout(target, source=run)[0].release(made)
    found = sandbox.beanstalk.describe_application_versions(ApplicationName=APPLICATION, VersionLabels=[made.label])
    version = found["ApplicationVersions"][0]
    description = f"{run.short_commit} {run.run_url} by a ba ba b"
    assert (version["Description"][: len(description)], len(version["Description"])) == (description, 200)
    tags = sandbox.beanstalk.list_tags_for_resource(ResourceArn=version["ApplicationVersionArn"])["ResourceTags"]
    given = {"beanpod:commit": run.commit, "beanpod:run": "https://ci.example/1_a=b"}
    assert {tag["Key"]: tag["Value"] for tag in tags} == given
    head = sandbox.s3.head_object(Bucket=target.bucket, Key=made.key, ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(made.data).digest()).decode()


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_uses_the_bundle_and_version_of_an_interrupted_run(sandbox: Sandbox, target: Target, when: str) -> None:
    left = bundle(f"left {when}")
    rollout, reporter = sandbox.rollout(target)
    if when == "meanwhile":
        rollout.preflight()
    sandbox.s3.put_object(Bucket=target.bucket, Key=left.key, Body=left.data, ChecksumAlgorithm="SHA256")
    sandbox.make_version(left.label, left.key)
    sandbox.clear_calls()
    assert rollout.release(left).changed
    assert (len(_uploads(sandbox)), "PutObject" in sandbox.actions()) == (when == "meanwhile", True)
    assert f"the bundle of {left.label} exists already: nothing uploaded" in reporter.messages
    assert f"version {left.label} exists already" in reporter.messages


def test_another_content_under_the_bundles_key_is_refused(sandbox: Sandbox, target: Target) -> None:
    mine = bundle("mine")
    sandbox.s3.put_object(Bucket=target.bucket, Key=mine.key, Body=b"tampered", ChecksumAlgorithm="SHA256")
    with pytest.raises(UsageError, match=f"s3://{target.bucket}/{mine.key} exists with other content than"):
        sandbox.rollout(target)[0].release(mine)


def test_a_label_of_another_bundle_is_refused(sandbox: Sandbox, target: Target) -> None:
    mine = bundle("two things")
    sandbox.s3.put_object(Bucket=target.bucket, Key="other.zip", Body=b"other")
    sandbox.make_version(mine.label, "other.zip")
    with pytest.raises(UsageError, match=f"version {mine.label} exists with another bundle, s3://.*/other.zip"):
        sandbox.rollout(target)[0].release(mine)
    assert sandbox.version_label(target) == "Sample Application"


def test_the_quota_of_versions_is_named_with_its_remedy(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "within the quota")
    sandbox.emulator.set_limits(application_versions=1)
    message = f"{APPLICATION} has as many versions as its account allows: delete old ones, or lower"
    with pytest.raises(UsageError, match=message):
        sandbox.rollout(target)[0].release(bundle("one too many"))
    assert sandbox.version_label(target) == bundle("within the quota").label


def test_rolling_batches_are_followed_to_the_last_instance(sandbox: Sandbox) -> None:
    target = sandbox.environment(instances=3, DeploymentPolicy="Rolling", BatchSizeType="Fixed", BatchSize="1")
    rollout, reporter = sandbox.rollout(target)
    rollout.release(bundle("batches"))
    assert sum("Completed application deployment" in event.message for event in reporter.events) == 3
    assert reporter.statuses[-1].on_version == 3


def test_can_roll_back_to_a_version_of_another_tool(sandbox: Sandbox, target: Target) -> None:
    sandbox.s3.put_object(Bucket=target.bucket, Key="foreign.zip", Body=b"foreign")
    sandbox.make_version("v7", "foreign.zip")
    sandbox.beanstalk.update_environment(EnvironmentName=target.environment, VersionLabel="v7")
    look = sandbox.rollout(target)[0].preflight()
    assert (look.previous, look.can_roll_back) == ("v7", True)
