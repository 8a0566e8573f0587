"""Credentials and region from wherever the AWS CLI takes them, as a new process finds them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from beanpod_emulator import EmbeddedAws
from tests.deploy.deployed_stage import ROOT

_IDENTITY = "from beanpod.deploy.aws import connect; print(connect(None).identity())"
_REGION = "from beanpod.deploy.aws import connect; print(connect({}).region)"
_GITHUB = "token.actions.githubusercontent.com"
_SUBJECT = "repo:me/app:ref:refs/heads/main"


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws.start() as running:
        yield running


@pytest.fixture(scope="module")
def role(aws: EmbeddedAws) -> str:
    iam: Any = boto3.client("iam", **aws.client_arguments)
    provider = iam.create_open_id_connect_provider(Url=f"https://{_GITHUB}", ClientIDList=["sts.amazonaws.com"])
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": provider["OpenIDConnectProviderArn"]},
        "Condition": {"StringEquals": {f"{_GITHUB}:sub": _SUBJECT}},
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn: str = iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    return arn


def _identity(aws: EmbeddedAws, home: Path, *without: str, **more: str) -> str:
    environ = aws.whole_environment() | more
    for name in without:
        del environ[name]
    return _printed(_IDENTITY, environ, home)


def _printed(code: str, environ: Mapping[str, str], home: Path) -> str:
    """What a new process prints, or the last line of its error."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**environ, "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_the_key_of_a_user_works(aws: EmbeddedAws, tmp_path: Path) -> None:
    iam: Any = boto3.client("iam", **aws.client_arguments)
    user = iam.create_user(UserName="ci")["User"]["Arn"]
    key = iam.create_access_key(UserName="ci")["AccessKey"]
    variables = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    assert _identity(aws, tmp_path, **variables) == user


def test_the_session_of_a_role_works(aws: EmbeddedAws, tmp_path: Path, role: str) -> None:
    sts: Any = boto3.client("sts", **aws.client_arguments)
    session = sts.assume_role(RoleArn=role, RoleSessionName="ci")["Credentials"]
    found = _identity(
        aws,
        tmp_path,
        AWS_ACCESS_KEY_ID=session["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=session["SecretAccessKey"],
        AWS_SESSION_TOKEN=session["SessionToken"],
    )
    assert found == "arn:aws:sts::123456789012:assumed-role/deployer/ci"


def test_a_web_identity_is_exchanged_for_a_role(aws: EmbeddedAws, tmp_path: Path, role: str) -> None:
    token = tmp_path / "token"
    token.write_text(aws.web_identity_token(_SUBJECT))
    found = _identity(
        aws,
        tmp_path,
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        AWS_ROLE_ARN=role,
        AWS_WEB_IDENTITY_TOKEN_FILE=str(token),
        AWS_ROLE_SESSION_NAME="run-7",
    )
    assert found == "arn:aws:sts::123456789012:assumed-role/deployer/run-7"


def test_missing_credentials_name_the_variables(aws: EmbeddedAws, tmp_path: Path) -> None:
    found = _identity(aws, tmp_path, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    assert "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in found


def test_a_missing_profile_is_named(aws: EmbeddedAws, tmp_path: Path) -> None:
    assert "the AWS credentials could not be loaded: The config profile (nobody)" in _identity(
        aws, tmp_path, AWS_PROFILE="nobody"
    )


def _region(home: Path, argument: str, variables: Mapping[str, str]) -> str:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return _printed(_REGION.format(argument), inherited | dict(variables), home)


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
    assert _region(tmp_path, argument, variables) == expected


@pytest.mark.parametrize("variables", [{}, {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}], ids=["unset", "empty"])
def test_a_missing_region_is_named(tmp_path: Path, variables: dict[str, str]) -> None:
    assert "no AWS region" in _region(tmp_path, "None", variables)
