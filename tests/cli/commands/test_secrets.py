"""`gh` is a script here that records how it was called: GitHub itself cannot be reached from a test."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from beanpod.cli.commands.secrets import Destination
from beanpod.deploy.errors import UsageError
from tests.cli.commands.in_process import Result
from tests.cli.commands.sandbox_stage import SandboxStage
from tests.deploy.deployed_stage import deployers_key

LOGIN = {"DOCKER_USERNAME": "me", "DOCKER_PASSWORD": "hunter22"}
_GH = """\
#!/bin/sh
# What it was called with, what came on standard input, and which variables it saw.
printf '%s\\n' "$*" >> {folder}/calls
cat > "{folder}/value-$3"
env > {folder}/variables
{then}
"""


class GitHub:
    """A recording `gh` at the front of PATH."""

    def __init__(self, folder: Path, then: str = "") -> None:
        self.folder = folder
        self.path = f"{folder}:{os.environ['PATH']}"
        program = folder / "gh"
        program.write_text(_GH.format(folder=folder, then=then))
        program.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        recorded = self.folder / "calls"
        return recorded.read_text().splitlines() if recorded.exists() else []

    def value(self, name: str) -> str:
        return (self.folder / f"value-{name}").read_text()


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    return GitHub(tmp_path)


@pytest.fixture
def key(stage: SandboxStage) -> Mapping[str, str]:
    return deployers_key({"DeployerSecretArn": stage.deployer_secret}, stage.emulator)


def _run(stage: SandboxStage, github: GitHub, *arguments: str, **variables: str) -> Result:
    return stage.run("secrets", *arguments, environ={"PATH": github.path, **variables})


def test_secrets_are_passed_on_standard_input_only(stage: SandboxStage, github: GitHub, key: Mapping[str, str]) -> None:
    result = _run(stage, github, "--repo", "me/app", AWS_SECRET_ACCESS_KEY="admins", **LOGIN)
    assert (result.code, result.stderr) == (0, "")
    names = ("AWS_ACCESS_KEY", "AWS_SECRET_KEY", "DOCKER_USERNAME", "DOCKER_PASSWORD")
    assert github.calls == [f"secret set {name} --repo me/app" for name in names]
    values = (key["AWS_ACCESS_KEY_ID"], key["AWS_SECRET_ACCESS_KEY"], "me", "hunter22")
    assert tuple(github.value(name) for name in names) == values
    assert all(f"{name} is set in me/app" in result.stdout for name in names)
    seen = result.stdout + (github.folder / "variables").read_text()
    assert not [secret for secret in (key["AWS_SECRET_ACCESS_KEY"], "hunter22", "admins") if secret in seen]


def test_secrets_can_be_set_in_a_github_environment(stage: SandboxStage, github: GitHub) -> None:
    result = _run(stage, github, "--repo", "me/app", "--env", "prod", "--json", **LOGIN)
    assert github.calls[0] == "secret set AWS_ACCESS_KEY --repo me/app --env prod"
    assert result.document == {
        "repository": "me/app",
        "environment": "prod",
        "secrets": ["AWS_ACCESS_KEY", "AWS_SECRET_KEY", "DOCKER_USERNAME", "DOCKER_PASSWORD"],
    }


def test_default_repository_is_the_checkouts(stage: SandboxStage, github: GitHub) -> None:
    result = _run(stage, github, **LOGIN)
    assert github.calls[0] == "secret set AWS_ACCESS_KEY"
    assert "AWS_ACCESS_KEY is set in this checkout's repository" in result.stdout


def test_the_repository_of_the_manifest_is_named_as_gh_knows_it(stage: SandboxStage, github: GitHub) -> None:
    # The ids are of the tokens' subject only.
    text = (stage.project.folder / "beanpod.toml").read_text()
    path = stage.project.folder / "github.toml"
    path.write_text(f'{text}\n[delivery.github]\nrepository = "ada@123/shop@456"\nbranch = "main"\n')
    result = _run(stage, github, "--manifest", str(path), "--json", **LOGIN)
    assert github.calls[0].endswith(" --repo ada/shop")
    assert result.document["repository"] == "ada/shop"


@pytest.mark.parametrize(
    ("login", "missing"),
    [
        ({}, "DOCKER_USERNAME and DOCKER_PASSWORD are not set"),
        ({"DOCKER_USERNAME": "me"}, "DOCKER_PASSWORD is not set"),
    ],
)
def test_incomplete_docker_login_is_refused(
    stage: SandboxStage, github: GitHub, login: dict[str, str], missing: str
) -> None:
    result = _run(stage, github, **login)
    assert result.code == 2
    assert result.stderr == f"beanpod: {missing}: set the login that CI pushes with, or use --print\n"
    assert github.calls == []


def test_printed_commands_read_the_values_from_aws(
    stage: SandboxStage, github: GitHub, key: Mapping[str, str], tmp_path: Path
) -> None:
    result = _run(stage, github, "--print", "--repo", "me/app", **LOGIN)
    assert result.code == 0
    assert github.calls == []
    assert not [secret for secret in (*key.values(), "hunter22") if secret in result.stdout]
    fetching = result.stdout.splitlines()[:2]
    environment = stage.emulator.whole_environment() | {"PATH": github.path}
    for command in fetching:
        subprocess.run(["sh", "-c", command], env=environment, check=True, cwd=tmp_path)
    assert github.value("AWS_SECRET_KEY") == f"{key['AWS_SECRET_ACCESS_KEY']}\n"
    assert github.calls == ["secret set AWS_ACCESS_KEY --repo me/app", "secret set AWS_SECRET_KEY --repo me/app"]
    assert result.stdout.splitlines()[2:] == [
        "gh secret set DOCKER_USERNAME --repo me/app",
        "gh secret set DOCKER_PASSWORD --repo me/app",
    ]


def test_commands_are_printed_without_gh(stage: SandboxStage, tmp_path: Path) -> None:
    result = stage.run("secrets", environ={"PATH": str(tmp_path)})
    assert result.code == 2
    assert len(result.stdout.splitlines()) == 4
    assert result.stderr.startswith("beanpod: gh is not on PATH: install it")
    # One document.
    assert (
        "`beanpod secrets --print`" in stage.run("secrets", "--json", environ={"PATH": str(tmp_path)}).document["error"]
    )


def test_error_of_gh_is_reported_with_the_secrets_name(stage: SandboxStage, tmp_path: Path) -> None:
    github = GitHub(tmp_path, then="echo 'HTTP 404: Not Found' >&2; exit 1")
    result = _run(stage, github, "--repo", "me/gone", **LOGIN)
    assert result.code == 2
    assert result.stderr == (
        "beanpod: gh could not set AWS_ACCESS_KEY in me/gone: "
        "log in with gh auth login, or name another repository with --repo\n"
        "  HTTP 404: Not Found\n"
    )
    assert len(github.calls) == 1


def test_gh_that_cannot_be_run_is_reported(stage: SandboxStage, tmp_path: Path) -> None:
    github = GitHub(tmp_path)
    (tmp_path / "gh").write_text("no program")
    result = _run(stage, github, **LOGIN)
    assert result.code == 2
    assert result.stderr == "beanpod: gh could not be run to set AWS_ACCESS_KEY: Exec format error\n"


def test_timeout_of_gh_is_reported(tmp_path: Path) -> None:
    github = GitHub(tmp_path, then="exec sleep 20")
    environ = {"PATH": github.path}
    with pytest.raises(UsageError, match=r"gh could not be run to set KEY: no answer within 0.2 s; check the network"):
        Destination().set_secret("KEY", "hunter22", folder=tmp_path, environ=environ, timeout=0.2)


def test_stage_without_a_deploy_user_sets_only_the_docker_login(stage: SandboxStage, github: GitHub) -> None:
    outputs = {"DeployRoleArn": "arn:aws:iam::123456789012:role/ci", "BucketName": "artifacts"}
    stage.sandbox.stack("guestbook-keyless-delivery", outputs)
    text = (stage.project.folder / "beanpod.toml").read_text().replace("stages.dev", "stages.keyless")
    delivery = '[delivery.github]\nrepository = "me/keyless"\nbranch = "main"\n'
    manifest = stage.project.folder / "keyless.toml"
    manifest.write_text(f"{text}\n{delivery}")
    result = _run(stage, github, "--manifest", str(manifest), **LOGIN)
    assert (result.code, result.stderr) == (0, "")
    assert "no deploy user: CI assumes the role arn:aws:iam::123456789012:role/ci" in result.stdout
    assert github.calls == [f"secret set {name} --repo me/keyless" for name in LOGIN]


def test_secret_without_a_key_is_refused(stage: SandboxStage, github: GitHub) -> None:
    secrets, arn = stage.sandbox.client("secretsmanager"), stage.deployer_secret
    before = secrets.get_secret_value(SecretId=arn)["SecretString"]
    secrets.put_secret_value(SecretId=arn, SecretString=json.dumps({"AWS_ACCESS_KEY": "AKIA"}))
    try:
        result = _run(stage, github, **LOGIN)
    finally:
        secrets.put_secret_value(SecretId=arn, SecretString=before)
    assert result.code == 2
    assert "does not hold AWS_ACCESS_KEY and AWS_SECRET_KEY: run `beanpod cdk deploy --all`" in result.stderr
    assert github.calls == []
