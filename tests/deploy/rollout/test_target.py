"""Where a stage is deployed to."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beanpod.deploy.errors import UsageError
from beanpod.deploy.rollout import Rollout, Target
from beanpod.deploy.rollout.health_path import HealthPath
from tests.deploy.rollout.ground import Ground, bundle
from tests.deploy.rollout.witness import Witness


def test_the_stacks_outputs_name_the_target(ground: Ground, tmp_path: Path) -> None:
    target = ground.environment()
    stage = ground.stage(target, tmp_path)
    assert Target.find(stage, ground.aws(ground.clock())) == replace(
        target, health_path=HealthPath(f"{target.url}/health")
    )


def test_nothing_to_do_is_six_calls_with_the_stacks(ground: Ground, tmp_path: Path) -> None:
    target = ground.environment()
    stage, clock = ground.stage(target, tmp_path), ground.clock()
    ground.deployed(target, "whole")
    ground.forget()
    aws = ground.aws(clock)
    Rollout(Target.find(stage, aws), aws, report=Witness(), clock=clock).release(bundle("whole"))
    assert len(ground.actions()) == 6
    assert "PutObject" not in ground.actions()


def test_a_stage_that_is_not_deployed_is_named(ground: Ground, tmp_path: Path) -> None:
    stage = ground.stage(ground.environment(), tmp_path)
    ground.client("cloudformation").delete_stack(StackName=f"guestbook-{stage.name}-delivery")
    said = (
        f"^stage {stage.name} is not deployed: there is no stack guestbook-{stage.name}-delivery in us-east-1; run npx"
    )
    with pytest.raises(UsageError, match=said) as caught:
        Target.find(stage, ground.aws(ground.clock()))
    assert caught.value.exit_code == 2


def test_a_stack_older_than_its_outputs_is_named(ground: Ground, tmp_path: Path) -> None:
    stage = ground.stage(ground.environment(), tmp_path)
    ground.client("cloudformation").delete_stack(StackName=f"guestbook-{stage.name}-delivery")
    ground.stack(f"guestbook-{stage.name}-delivery", {"Other": "x"})
    with pytest.raises(UsageError, match=f"guestbook-{stage.name}-delivery has no output BucketName: run npx cdk"):
        Target.find(stage, ground.aws(ground.clock()))


def test_a_stack_of_ones_own_holds_everything(ground: Ground, tmp_path: Path) -> None:
    target = ground.environment()
    stage = ground.stage(target, tmp_path)
    stage = stage.model_copy(update={"delivery": stage.delivery.model_copy(update={"stack": "Shop"})})
    with pytest.raises(UsageError, match="there is no stack Shop in us-east-1; run npx cdk deploy Shop first"):
        Target.find(stage, ground.aws(ground.clock()))
    outputs = {"ApplicationName": target.application, "EnvironmentName": target.environment}
    outputs |= {"Region": target.region, "Url": target.url}
    ground.stack("Shop", outputs)
    with pytest.raises(UsageError, match="stack Shop has no output BucketName: run npx cdk deploy Shop again; Docker"):
        Target.find(stage, ground.aws(ground.clock()))
    ground.client("cloudformation").delete_stack(StackName="Shop")
    ground.stack("Shop", outputs | {"BucketName": target.bucket})
    assert replace(Target.find(stage, ground.aws(ground.clock())), health_path=None) == target


def test_an_environment_that_is_gone_is_named(ground: Ground) -> None:
    target = ground.environment()
    ground.beanstalk.terminate_environment(EnvironmentName=target.environment)
    ground.emulator.advance(100)
    with pytest.raises(UsageError, match=rf"^environment {target.environment} of application guestbook does not exist"):
        ground.rollout(target)[0].look()


class Twins:
    """Beanstalk's client where every environment has a twin that is ending: no API makes one on purpose."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def describe_environments(self, **request: Any) -> Any:
        found = self._client.describe_environments(**request)
        ending = [environment | {"Status": "Terminating"} for environment in found["Environments"]]
        return found | {"Environments": [*found["Environments"], *ending]}


def test_two_environments_of_one_name_are_one_too_many(ground: Ground) -> None:
    target, clock = ground.environment(), ground.clock()
    twins: Any = Twins(ground.beanstalk)
    aws = replace(ground.aws(clock), beanstalk=twins)
    said = (
        rf"^2 environments are called {target.environment} \(Ready, Terminating\): wait until one is left, or end one$"
    )
    with pytest.raises(UsageError, match=said) as caught:
        ground.rollout(target, aws=aws, clock=clock)[0].look()
    assert caught.value.exit_code == 2
