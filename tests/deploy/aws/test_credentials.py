"""Credentials and region from wherever the AWS CLI takes them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from beanpod.deploy.aws import CredentialsError, connect
from beanpod.deploy.errors import UsageError
from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients, client, key_arguments

_GITHUB = "token.actions.githubusercontent.com"
_SUBJECT = "repo:me/app:ref:refs/heads/main"


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws.start() as running:
        yield running


@pytest.fixture(scope="module")
def role(aws: EmbeddedAws) -> str:
    iam = client(aws, "iam")
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


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def endpoint(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that lead to the embedded AWS, without a key."""
    for name, value in aws.environment.items():
        if name not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("endpoint")
def test_the_key_of_a_user_works(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for argument, value in Clients(aws).user("ci").items():
        monkeypatch.setenv(argument.upper(), value)
    assert connect(None).identity() == "arn:aws:iam::123456789012:user/ci"


@pytest.mark.usefixtures("endpoint")
def test_the_session_of_a_role_works(aws: EmbeddedAws, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    session = client(aws, "sts").assume_role(RoleArn=role, RoleSessionName="ci")["Credentials"]
    for argument, value in key_arguments(session).items():
        monkeypatch.setenv(argument.upper(), value)
    assert connect(None).identity() == "arn:aws:sts::123456789012:assumed-role/deployer/ci"


@pytest.mark.usefixtures("endpoint")
def test_a_web_identity_is_exchanged_for_a_role(
    aws: EmbeddedAws, role: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(aws.web_identity_token(_SUBJECT))
    monkeypatch.setenv("AWS_ROLE_ARN", role)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "run-7")
    assert connect(None).identity() == "arn:aws:sts::123456789012:assumed-role/deployer/run-7"


@pytest.mark.usefixtures("endpoint")
def test_missing_credentials_name_the_variables() -> None:
    with pytest.raises(CredentialsError, match="there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_AC"):
        connect(None).identity()


def test_a_missing_profile_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(CredentialsError, match=r"credentials could not be loaded: The config profile \(nobody\)"):
        connect(None)


@pytest.mark.parametrize(
    ("region", "variables", "expected"),
    [
        ("eu-west-1", {"AWS_REGION": "us-east-2"}, "eu-west-1"),
        (None, {"AWS_REGION": "us-east-2"}, "us-east-2"),
        (None, {"AWS_DEFAULT_REGION": "us-west-1"}, "us-west-1"),
        (None, {"AWS_REGION": "us-east-2", "AWS_DEFAULT_REGION": ""}, "us-east-2"),
        (None, {}, None),
        (None, {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, None),
    ],
    ids=["stage", "AWS_REGION", "AWS_DEFAULT_REGION", "empty variable of a workflow", "unset", "empty"],
)
def test_the_region_is_the_stages_or_that_of_the_variables(
    monkeypatch: pytest.MonkeyPatch, region: str | None, variables: dict[str, str], expected: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if expected:
        assert connect(region).region == expected
    else:
        with pytest.raises(UsageError, match="no AWS region"):
            connect(region)
