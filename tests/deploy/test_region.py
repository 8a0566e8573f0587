"""Which region the script works in, as a process finds it: variables as GitHub and as people set them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.deployed_stage import ROOT

_SAY = "from beanpod.deploy.aws import connect; print(connect({}).region)"


def region(home: Path, argument: str, **variables: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environ = inherited | {"HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"} | variables
    done = subprocess.run(
        [sys.executable, "-c", _SAY.format(argument)],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("argument", "variables", "expected"),
    [
        ("'eu-west-1'", {"AWS_REGION": "us-east-2"}, "eu-west-1"),
        ("None", {"AWS_REGION": "us-east-2"}, "us-east-2"),
        ("None", {"AWS_DEFAULT_REGION": "us-west-1"}, "us-west-1"),
        ("None", {"AWS_REGION": "us-east-2", "AWS_DEFAULT_REGION": ""}, "us-east-2"),
    ],
    ids=["stage", "AWS_REGION", "AWS_DEFAULT_REGION", "empty variable of a workflow"],
)
def test_the_region_is_the_stages_or_that_of_the_variables(
    tmp_path: Path, argument: str, variables: dict[str, str], expected: str
) -> None:
    assert region(tmp_path, argument, **variables) == expected


@pytest.mark.parametrize("variables", [{}, {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}], ids=["unset", "empty"])
def test_a_missing_region_is_named(tmp_path: Path, variables: dict[str, str]) -> None:
    assert "no AWS region" in region(tmp_path, "None", **variables)
