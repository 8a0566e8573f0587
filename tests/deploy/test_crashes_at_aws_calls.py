"""Killed at each AWS call, then run again: it always converges."""

import pytest

from tests.deploy.crash_injection import CHANGES, check_convergence, kill_at_each_call, stage
from tests.deploy.deployed_stage import DeployedStage
from tests.deploy.engine import docker_engine

__all__ = ["docker_engine", "stage"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_deployment_killed_at_any_aws_call_converges(stage: DeployedStage, moment: str) -> None:
    killed = set()
    for call in kill_at_each_call(stage, moment):
        killed.add(call.split(" ")[0])
        check_convergence(stage, f"{moment} {call}")
    assert set(CHANGES) <= killed
