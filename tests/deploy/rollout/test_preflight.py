"""Where a stage is deployed to."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beanpod.deploy.errors import BusyError, UsageError
from beanpod.deploy.health_path import HealthPath
from beanpod.deploy.preflight import Target
from beanpod.manifest import Domain, changed_tables, table_digests
from tests.deploy.rollout.sandbox import Sandbox, handling, service_outputs


def test_the_stacks_outputs_name_the_target(sandbox: Sandbox, target: Target, tmp_path: Path) -> None:
    stage = sandbox.stage(target, tmp_path)
    sandbox.clear_calls()
    assert Target.find(stage, sandbox.aws()) == replace(target, health_path=HealthPath(f"{target.url}/health"))
    assert sandbox.actions() == ["DescribeStacks"] * 2


def test_credentials_of_another_account_are_refused(sandbox: Sandbox, target: Target, tmp_path: Path) -> None:
    stage = sandbox.stage(target, tmp_path)
    here = stage.model_copy(update={"account": sandbox.emulator.account})
    assert Target.find(here, sandbox.aws()).environment == target.environment
    elsewhere = stage.model_copy(update={"account": "210987654321"})
    with pytest.raises(UsageError, match=f"stage {stage.name} is in account 210987654321, and these credentials are"):
        Target.find(elsewhere, sandbox.aws())


def test_a_stage_that_is_not_deployed_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    stage = sandbox.stage(sandbox.environment(), tmp_path)
    name = f"guestbook-{stage.name}-delivery"
    sandbox.client("cloudformation").delete_stack(StackName=name)
    message = (
        f"^stage {stage.name} is not deployed: there is no stack {name} in us-east-1 of account 123456789012; run "
    )
    with pytest.raises(UsageError, match=message) as caught:
        Target.find(stage, sandbox.aws())
    assert caught.value.exit_code == 2
    sandbox.stack(name, {"Other": "x"})
    with pytest.raises(UsageError, match=f"{name} has no output BucketName: run `beanpod cdk"):
        Target.find(stage, sandbox.aws())


def test_the_stacks_of_another_project_with_the_same_name_are_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    target = sandbox.environment()
    stage, outputs = sandbox.stage(target, tmp_path), service_outputs(target)
    name, image = f"guestbook-{stage.name}-service", stage.service.image
    sandbox.stack(name, outputs | {"ServiceImage": "bob/api"})
    message = f"belong to another project: its image is bob/api, this one's is {image}: choose another service.name"
    with pytest.raises(UsageError, match=message + ".* -c moved-from=bob/api` first"):
        Target.find(stage, sandbox.aws())
    sandbox.stack(name, outputs | {"ServiceImage": image})
    assert Target.find(stage, sandbox.aws()).url == target.url


def test_what_has_changed_since_the_stacks_were_deployed_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    target = sandbox.environment()
    stage = sandbox.stage(target, tmp_path)
    name, outputs = (
        f"guestbook-{stage.name}-service",
        service_outputs(target) | {"ManifestTables": table_digests(stage)},
    )
    sandbox.stack(name, outputs)
    found = Target.find(stage, sandbox.aws())
    assert (found.outdated, found.missing_changes(stage)) == ((), None)
    # What only a release reads, such as the Dockerfile, takes effect with it.
    service = stage.service.model_copy(update={"health_check_path": "/up", "dockerfile": "app/Dockerfile"})
    changed = stage.model_copy(update={"service": service, "variables": {"GREETING": "hello"}})
    found = Target.find(changed, sandbox.aws())
    assert found.missing_changes(changed) == (
        f"the manifest has changed since the stacks of stage {stage.name} were deployed, in [service], [variables]: "
        f"run `beanpod cdk deploy --all -c stage={stage.name}`"
    )
    # With a Compose file, port 80 of the load balancer is closed.
    domain = stage.model_copy(update={"domain": Domain(name="shop.example.com")})
    composed = domain.model_copy(update={"service": service.model_copy(update={"compose": "compose.yaml"})})
    assert changed_tables(composed, table_digests(domain)) == ("domain", "service")
    # Stacks of earlier versions do not say what they were made of.
    sandbox.stack(name, service_outputs(target))
    assert Target.find(changed, sandbox.aws()).outdated == ()


def test_one_stack_may_have_all_outputs(sandbox: Sandbox, target: Target, tmp_path: Path) -> None:
    stage = sandbox.stage(target, tmp_path)
    stage = stage.model_copy(update={"delivery": stage.delivery.model_copy(update={"stack": "Shop"})})
    with pytest.raises(UsageError, match=r"there is no stack Shop in .*; run `beanpod cdk deploy Shop` first"):
        Target.find(stage, sandbox.aws())
    sandbox.stack("Shop", service_outputs(target))
    with pytest.raises(UsageError, match="stack Shop has no output BucketName: run `beanpod cdk deploy Shop` again; "):
        Target.find(stage, sandbox.aws())
    more = {"BucketName": target.bucket, "Image": "an output of the owner's"}
    sandbox.stack("Shop", service_outputs(target) | more)
    assert replace(Target.find(stage, sandbox.aws()), health_path=None) == target


def test_an_environment_that_does_not_exist_is_refused(sandbox: Sandbox, target: Target) -> None:
    sandbox.beanstalk.terminate_environment(EnvironmentName=target.environment)
    sandbox.emulator.advance(100)
    with pytest.raises(UsageError, match=r"of application guestbook does not exist in us-east-1: restore it in the"):
        sandbox.rollout(target)[0].preflight()


@pytest.mark.parametrize("health", ["NoData", "Severe"])
def test_an_environment_without_instances_is_refused(sandbox: Sandbox, target: Target, health: str) -> None:
    def scale_to_zero(parsed: Any, **_: object) -> None:
        if "InstanceHealthList" in parsed:
            parsed["InstanceHealthList"] = []
        for environment in parsed.get("Environments", ()):
            environment["HealthStatus"] = health

    sandbox.release(target, "day")
    aws = sandbox.aws()
    sandbox.clear_calls()
    with (
        handling(aws, "after-call.*", scale_to_zero),
        pytest.raises(BusyError, match=f"environment {target.environment} has no instance, .*: scale up, then deploy"),
    ):
        sandbox.rollout(target, aws=aws)[0].preflight()
    assert "UpdateEnvironment" not in sandbox.actions()


def test_two_environments_of_one_name_are_refused(sandbox: Sandbox, target: Target) -> None:
    def add_one_that_ends(parsed: Any, **_: object) -> None:
        # No API makes one on purpose.
        parsed["Environments"].append(parsed["Environments"][0] | {"Status": "Terminating"})

    aws = sandbox.aws()
    message = rf"^2 environments are called {target.environment} \(Ready, Terminating\): wait until one is left, or"
    with (
        handling(aws, "after-call.*.DescribeEnvironments", add_one_that_ends),
        pytest.raises(UsageError, match=message) as caught,
    ):
        sandbox.rollout(target, aws=aws)[0].preflight()
    assert caught.value.exit_code == 2
