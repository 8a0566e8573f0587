"""The whole flow on real stacks, with a real registry and the deploy user's own key, while AWS enforces its policy."""

import io
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.deploy.bundles.projects import write
from tests.deploy.deployed_stage import PASSWORD, DeployedStage, Project, client, deployed_stage

ACTIONS = (
    "cloudformation:DescribeStacks",
    "elasticbeanstalk:AddTags",
    "elasticbeanstalk:CreateApplicationVersion",
    "elasticbeanstalk:DescribeEnvironments",
    "elasticbeanstalk:DescribeEvents",
    "elasticbeanstalk:DescribeInstancesHealth",
    "elasticbeanstalk:UpdateEnvironment",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutObject",
)
# What anybody may call, and calls whose action has another name or another one besides.
_FREE = {"sts:GetCallerIdentity"}
_NAMES = {"s3:ListObjectsV2": "s3:ListBucket"}
_PULLED = """\
services:
  web:
    image: nginx:stable
    ports: ["80:80"]
    volumes: ["./greeting:/greeting:ro"]
"""
_RECORDING_DOCKER = '#!/bin/sh\nprintf "%s\\n" "$@" >> {log}\nexec {docker} "$@"\n'


@pytest.fixture(scope="module")
def built(docker_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStage]:
    with deployed_stage(tmp_path_factory.mktemp("flow")) as made:
        made.project.greet("first")
        made.deploy()
        yield made


@pytest.fixture(scope="module")
def stage(built: DeployedStage, tmp_path_factory: pytest.TempPathFactory) -> DeployedStage:
    """The same with an app that is not built: no action on AWS depends on that."""
    project = Project(tmp_path_factory.mktemp("pulled"), built.project.stage)
    manifest = (built.project.folder / "beanpod.toml").read_text()
    manifest = manifest.replace("[service]", '[service]\ncompose = "compose.yaml"')
    write(project.folder, {"beanpod.toml": manifest, "compose.yaml": _PULLED})
    environ = {name: value for name, value in built.environ.items() if name not in built.registry.login}
    return replace(built, project=project, environ={**environ, "DOCKER_HOST": "tcp://127.0.0.1:1", "PATH": "/nowhere"})


def test_a_release_needs_exactly_these_actions(built: DeployedStage) -> None:
    built.project.greet("with its own key")
    built.aws.clear_calls()
    outcome = built.deploy()
    assert (outcome["changed"], outcome["health"]) == (True, "Ok")
    assert outcome["image"].endswith(outcome["digest"])
    calls = built.aws.calls()
    assert {call.principal.rpartition("/")[0] for call in calls} == {f"arn:aws:iam::{built.aws.account}:user"}
    called = {f"{call.service}:{call.action}" for call in calls} - _FREE
    assert {_NAMES.get(name, name) for name in called} | {"elasticbeanstalk:AddTags"} == set(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_missing_action_is_named(stage: DeployedStage, action: str) -> None:
    stage.project.greet(f"without {action}")
    with denied(stage, action):
        done = stage.run()
    assert done.code not in (0, 1), done.stdout
    assert action in done.stderr
    # Whatever state that left, the next one with all its actions goes through.
    assert stage.deploy()["version_label"] == stage.label()


def test_a_missing_permission_to_abort_is_named(stage: DeployedStage) -> None:
    stage.project.greet("never done")
    stage.aws.inject_fault("never-ready")
    with denied(stage, "elasticbeanstalk:AbortEnvironmentUpdate"):
        done = stage.run("deploy", "--wait-timeout", "200", "--ready-timeout", "60")
    client("elasticbeanstalk", stage.aws).abort_environment_update(EnvironmentName=stage.outputs["EnvironmentName"])
    stage.aws.advance(1000)
    assert done.code == 7, done.stderr
    assert "elasticbeanstalk:AbortEnvironmentUpdate" in done.stderr + done.stdout


def test_a_missing_permission_to_read_versions_is_named(stage: DeployedStage) -> None:
    for text in ("here before", "here since"):
        stage.project.greet(text)
        label = stage.deploy()["version_label"]
    stage.project.greet("here before")
    with denied(stage, "elasticbeanstalk:DescribeApplicationVersions"):
        done = stage.run()
    assert (done.code, stage.label()) == (2, label)
    assert "lack the permission elasticbeanstalk:DescribeApplicationVersions" in done.stderr
    assert stage.deploy()["previous_version"] == label


def test_a_permission_that_aws_asks_for_is_reported_with_its_statement(stage: DeployedStage) -> None:
    stage.project.greet("asked for more")
    stage.aws.inject_fault("requires-permission", permission="cloudformation:UpdateStack", times=2)
    done = stage.run()
    assert done.code in (5, 6), done.stderr
    action, resource = re.findall(r"(cloudformation:UpdateStack) on (arn:\S+\*)", done.stderr)[0]
    assert "extra_statements" in done.stderr
    resource = resource.replace("REGION", stage.outputs["Region"]).replace("ACCOUNT", stage.aws.account)
    with policy(stage, {"Effect": "Allow", "Action": action, "Resource": resource}):
        assert stage.deploy()["version_label"] == stage.label()
    stage.aws.clear_faults()


def test_a_missing_action_of_another_command_is_named(stage: DeployedStage) -> None:
    # Two, so that there is one to go back to.
    for text in ("long here", "here lately"):
        stage.project.greet(text)
        label = stage.deploy()["version_label"]
    for command, action in (
        ("status", "elasticbeanstalk:DescribeEnvironmentHealth"),
        ("versions", "elasticbeanstalk:DescribeApplicationVersions"),
        ("rollback", "elasticbeanstalk:DescribeApplicationVersions"),
    ):
        assert stage.run(command).code == 0
        with denied(stage, action):
            done = stage.run(command)
        assert done.code == 2
        assert f"lack the permission {action}" in done.stderr
    assert stage.label() != label


def test_no_secret_shows_anywhere(built: DeployedStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tmp", "home", "bin"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    shim = tmp_path / "bin" / "docker"
    shim.write_text(_RECORDING_DOCKER.format(log=tmp_path / "docker.log", docker=shutil.which("docker")))
    shim.chmod(0o755)
    variables = {"HOME": str(tmp_path / "home"), "PATH": f"{shim.parent}:{built.environ['PATH']}"}
    variables |= {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    printed = ""
    for kind in ("lines", "github"):
        built.project.greet(f"secrets in {kind}")
        done = built.run("deploy", "--verbose", f"--output={kind}", **variables)
        assert done.code == 0, done.stderr
        printed += f"{done.stdout}\n{done.stderr}\n"
    # A workflow gets the values to mask: those lines are what GitHub itself never shows.
    shown = "\n".join(line for line in printed.splitlines() if not line.startswith("::add-mask::"))
    places = {"output": shown, **_files(tmp_path), **_files(built.project.folder), **_on_aws(built)}
    assert str(tmp_path / "docker.log") in places
    assert [(name, it) for name, value in _secrets(built).items() for it, text in places.items() if value in text] == []


@contextmanager
def policy(stage: DeployedStage, statement: dict[str, str]) -> Iterator[None]:
    """The deploy user with one more statement, until the end of the block."""
    iam = client("iam", stage.aws)
    (user,) = iam.list_users()["Users"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=user["UserName"], PolicyName="Extra", PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_user_policy(UserName=user["UserName"], PolicyName="Extra")


def denied(stage: DeployedStage, action: str) -> AbstractContextManager[None]:
    """The deploy user without one action, until the end of the block."""
    return policy(stage, {"Effect": "Deny", "Action": action, "Resource": "*"})


def _secrets(stage: DeployedStage) -> dict[str, str]:
    manager = client("secretsmanager", stage.aws)
    (database,) = [item["Name"] for item in manager.list_secrets()["SecretList"] if "database" in item["Name"]]
    password = json.loads(manager.get_secret_value(SecretId=database)["SecretString"])["password"]
    return {"docker": PASSWORD, "aws": stage.environ["AWS_SECRET_ACCESS_KEY"], "database": password}


def _files(folder: Path) -> dict[str, str]:
    return {str(path): path.read_bytes().decode(errors="replace") for path in folder.rglob("*") if path.is_file()}


def _on_aws(stage: DeployedStage) -> dict[str, str]:
    s3, beanstalk = client("s3", stage.aws), client("elasticbeanstalk", stage.aws)
    bucket = stage.outputs["BucketName"]
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    objects = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
    versions = beanstalk.describe_application_versions()["ApplicationVersions"]
    settings = beanstalk.describe_configuration_settings(
        ApplicationName=stage.outputs["ApplicationName"], EnvironmentName=stage.outputs["EnvironmentName"]
    )
    return {
        **{key: "\n".join(_unpacked(body)) for key, body in objects.items()},
        "versions": json.dumps(versions, default=str),
        "option settings": json.dumps(settings, default=str),
        "events": json.dumps(beanstalk.describe_events()["Events"], default=str),
    }


def _unpacked(body: bytes) -> Iterator[str]:
    yield body.decode(errors="replace")
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            yield from (archive.read(name).decode(errors="replace") for name in archive.namelist())
