"""Missing credentials, and the region; botocore takes both from wherever the AWS CLI does."""

from pathlib import Path

import pytest

from beanpod.deploy.aws import connect
from beanpod.deploy.errors import UsageError


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_missing_credentials_name_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(UsageError, match="there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_AC"):
        connect(None).identity()


def test_a_missing_profile_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UsageError, match=r"credentials could not be loaded: The config profile \(nobody\)"):
        connect(None)


def test_an_address_that_is_no_url_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:4566")
    with pytest.raises(
        UsageError, match="Invalid endpoint: localhost:4566: check AWS_ENDPOINT_URL, and endpoint_url in"
    ):
        connect("us-east-1")


_NO_FILE = r"^the AWS credentials could not be loaded: .*No such file or directory: '/no/such/"


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("credential_process = /no/such/program", _NO_FILE),
        ("credential_process = echo none", "^Expecting value: .*: check AWS_ENDPOINT_URL, .* credential_process$"),
        ("role_arn = arn:aws:iam::1:role/x\nweb_identity_token_file = /no/such/token", _NO_FILE),
        ("defaults_mode = fast", "^the AWS configuration is wrong: Client configured with invalid defaults mode"),
        ("s3 = moon", "^the AWS configuration is wrong: a setting of .* below `s3 =` \\('str' object has no attribute"),
    ],
    ids=["no program", "no JSON", "no token", "no such mode", "no table"],
)
def test_a_mistake_in_the_configuration_is_one_of_usage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: str, message: str
) -> None:
    config = tmp_path / "config"
    config.write_text(f"[default]\n{profile}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with pytest.raises(UsageError, match=message):
        connect("us-east-1").identity()


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
