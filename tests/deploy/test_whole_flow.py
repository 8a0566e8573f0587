"""The whole flow on real stacks, with a real registry and the deploy user's own key, while AWS enforces its policy."""

import io
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.deployed_stage import PASSWORD, DeployedStage, client, deployed_stage

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
_RECORDING_DOCKER = '#!/bin/sh\nprintf "%s\\n" "$@" >> {log}\nexec {docker} "$@"\n'
_COMPOSE = """\
services:
  web:
    build: .
    ports: ["8080:8080"]
    volumes: [".:/app", "/app/node_modules"]
    environment: {RDS_HOSTNAME: db}
    depends_on: [worker, db]
  worker:
    build: {context: ., args: {KIND: worker}}
    depends_on: [db]
  db:
    image: mysql:8.4
    environment: {MYSQL_ROOT_PASSWORD: only-here}
"""


@pytest.fixture(scope="module")
def stage(docker_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStage]:
    with deployed_stage(tmp_path_factory.mktemp("flow")) as made:
        made.project.greet("first")
        made.deploy()
        yield made


def files(stage: DeployedStage, label: str) -> dict[str, bytes]:
    """What a version's bundle holds."""
    versions = client("elasticbeanstalk", stage.aws).describe_application_versions(VersionLabels=[label])
    (version,) = versions["ApplicationVersions"]
    place = version["SourceBundle"]
    body = client("s3", stage.aws).get_object(Bucket=place["S3Bucket"], Key=place["S3Key"])["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_releases_and_rolls_back_a_service(stage: DeployedStage) -> None:
    stage.project.greet("one")
    first = stage.deploy()
    assert (first["changed"], first["health"]) == (True, "Ok")
    assert first["version_label"] == stage.label()
    assert first["image"].endswith(first["digest"])
    pulled = json.loads(files(stage, first["version_label"])["Dockerrun.aws.json"])["Image"]["Name"]
    assert pulled == first["image"]

    again = stage.deploy()
    assert (again["changed"], again["version_label"]) == (False, first["version_label"])

    stage.project.greet("two")
    second = stage.deploy()
    assert second["previous_version"] == first["version_label"]

    back = stage.run("rollback", "--json").document
    assert (back["version_label"], stage.label()) == (first["version_label"], first["version_label"])


def test_each_compose_service_with_a_build_is_pushed_without_the_database(stage: DeployedStage) -> None:
    manifest = stage.project.folder / "beanpod.toml"
    original = manifest.read_text()
    (stage.project.folder / "compose.yaml").write_text(_COMPOSE)
    manifest.write_text(
        original.replace("health_path", 'compose = "compose.yaml"\nhealth_path').replace(
            'engine = "mysql"', 'engine = "mysql"\ncompose_service = "db"'
        )
    )
    try:
        label = stage.deploy()["version_label"]
    finally:
        manifest.write_text(original)
    released = yaml.safe_load(files(stage, label)["docker-compose.yml"])["services"]
    assert set(released) == {"web", "worker"}
    for name, service in released.items():
        assert f"/beanpod/guestbook:{name}-" in service["image"]
        assert "@sha256:" in service["image"]
        assert "build" not in service
    assert "80:8080" in str(released["web"]["ports"]) or "'published': '80'" in str(released["web"]["ports"])
    assert "RDS_HOSTNAME" not in released["web"].get("environment", {})


def test_a_release_needs_exactly_these_actions(stage: DeployedStage) -> None:
    stage.project.greet("with its own key")
    stage.aws.clear_calls()
    assert stage.deploy()["changed"]
    calls = stage.aws.calls()
    assert {call.principal.rpartition("/")[0] for call in calls} == {f"arn:aws:iam::{stage.aws.account}:user"}
    called = {f"{call.service}:{call.action}" for call in calls} - _FREE
    assert {_NAMES.get(name, name) for name in called} | {"elasticbeanstalk:AddTags"} == set(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_missing_action_is_named(stage: DeployedStage, action: str) -> None:
    stage.project.greet(f"without {action}")
    with _without(stage, action):
        done = stage.run()
    assert done.code not in (0, 1), done.stdout
    assert action in done.stderr
    # Whatever state that left, the next one with all its actions goes through.
    assert stage.deploy()["version_label"] == stage.label()


def test_a_missing_permission_to_abort_is_named(stage: DeployedStage) -> None:
    stage.project.greet("never done")
    stage.aws.inject_fault("never-ready")
    with _without(stage, "elasticbeanstalk:AbortEnvironmentUpdate"):
        done = stage.run("deploy", "--wait-timeout", "200", "--ready-timeout", "60")
    client("elasticbeanstalk", stage.aws).abort_environment_update(EnvironmentName=stage.outputs["EnvironmentName"])
    stage.aws.advance(1000)
    assert done.code == 7, done.stderr
    assert "elasticbeanstalk:AbortEnvironmentUpdate" in done.stderr + done.stdout


def test_a_missing_permission_to_read_versions_is_named(stage: DeployedStage) -> None:
    texts = ("here before", "here since")
    for text in texts:
        stage.project.greet(text)
        label = stage.deploy()["version_label"]
    stage.project.greet(texts[0])
    with _without(stage, "elasticbeanstalk:DescribeApplicationVersions"):
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
    with _with(stage, action, resource):
        assert stage.deploy()["version_label"] == stage.label()
    stage.aws.clear_faults()


@pytest.mark.parametrize(
    ("command", "action"),
    [
        ("status", "elasticbeanstalk:DescribeEnvironmentHealth"),
        ("versions", "elasticbeanstalk:DescribeApplicationVersions"),
        ("rollback", "elasticbeanstalk:DescribeApplicationVersions"),
    ],
)
def test_a_missing_action_of_another_command_is_named(stage: DeployedStage, command: str, action: str) -> None:
    assert stage.run(command).code == 0
    with _without(stage, action):
        done = stage.run(command)
    assert done.code == 2
    assert f"lack the permission {action}" in done.stderr


def test_no_secret_shows_anywhere(stage: DeployedStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = _secrets(stage)
    scratch, home = tmp_path / "tmp", tmp_path / "home"
    scratch.mkdir()
    home.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    printed: list[str] = []
    for kind in ("lines", "github"):
        stage.project.greet(f"secrets in {kind}")
        done = stage.run(
            "deploy",
            "--verbose",
            f"--output={kind}",
            HOME=str(home),
            PATH=f"{_recording_docker(tmp_path)}:{stage.environ['PATH']}",
            GITHUB_OUTPUT=str(tmp_path / "output"),
            GITHUB_STEP_SUMMARY=str(tmp_path / "summary"),
        )
        assert done.code == 0, done.stderr
        printed += [done.stdout, done.stderr]
    places = {"output": "\n".join(printed), **_files(tmp_path), **_files(stage.project.folder), **_on_aws(stage)}
    assert "docker.log" in " ".join(places)
    found = [(name, place) for name, value in secrets.items() for place, text in places.items() if value in text]
    # A workflow gets the values to mask: that line is the one place GitHub itself never shows.
    shown = [(name, place) for name, place in found if place != "output" or _beyond_masks(secrets[name], printed)]
    assert shown == []


def _beyond_masks(value: str, printed: list[str]) -> bool:
    lines = "\n".join(printed).splitlines()
    return any(value in line and not line.startswith("::add-mask::") for line in lines)


def _secrets(stage: DeployedStage) -> dict[str, str]:
    manager = client("secretsmanager", stage.aws)
    names = [item["Name"] for item in manager.list_secrets()["SecretList"]]
    (database,) = [name for name in names if "database" in name]
    password = json.loads(manager.get_secret_value(SecretId=database)["SecretString"])["password"]
    return {"docker": PASSWORD, "aws": stage.environ["AWS_SECRET_ACCESS_KEY"], "database": password}


def _recording_docker(folder: Path) -> Path:
    docker = shutil.which("docker")
    shim = folder / "bin" / "docker"
    shim.parent.mkdir(exist_ok=True)
    shim.write_text(_RECORDING_DOCKER.format(log=folder / "docker.log", docker=docker))
    shim.chmod(0o755)
    return shim.parent


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


@contextmanager
def _with(stage: DeployedStage, action: str, resource: str) -> Iterator[None]:
    """The deploy user with one more statement, until the end of the block."""
    iam = client("iam", stage.aws)
    (user,) = iam.list_users()["Users"]
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=user["UserName"], PolicyName="Extra", PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_user_policy(UserName=user["UserName"], PolicyName="Extra")


@contextmanager
def _without(stage: DeployedStage, action: str) -> Iterator[None]:
    """The deploy user's policies without one action, until the end of the block."""
    iam = client("iam", stage.aws)
    (user,) = iam.list_users()["Users"]
    policies = [
        item["PolicyArn"] for item in iam.list_attached_user_policies(UserName=user["UserName"])["AttachedPolicies"]
    ]
    changed = [pair for arn in policies if (pair := _narrowed(iam, arn, action))]
    assert changed, f"no policy allows {action}"
    try:
        yield
    finally:
        for arn, former in changed:
            current = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            iam.set_default_policy_version(PolicyArn=arn, VersionId=former)
            iam.delete_policy_version(PolicyArn=arn, VersionId=current)


def _narrowed(iam: Any, arn: str, action: str) -> tuple[str, str] | None:
    former = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=former)["PolicyVersion"]["Document"]
    kept = [narrow for statement in document["Statement"] if (narrow := _statement(statement, action))]
    if kept == document["Statement"]:
        return None
    body = json.dumps(document | {"Statement": kept})
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=body, SetAsDefault=True)
    return arn, former


def _statement(statement: dict[str, Any], action: str) -> dict[str, Any] | None:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    kept = [name for name in actions if name != action]
    if kept == actions:
        return statement
    return statement | {"Action": kept} if kept else None
