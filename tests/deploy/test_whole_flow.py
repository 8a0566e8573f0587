"""The whole script as a process: real image, real registry, real stacks, and the deployer's own key."""

import io
import json
import signal
import time
import zipfile
from collections.abc import Callable, Iterator

import pytest
import yaml

from tests.deploy.deployed_stage import DeployedStage, client, deployed_stage
from tests.deploy.engine import docker_engine

__all__ = ["docker_engine"]
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
    with deployed_stage(tmp_path_factory.mktemp("flow"), preset="production", stage="prod") as made:
        yield made


def health(stage: DeployedStage) -> str:
    found = client("elasticbeanstalk", stage.aws).describe_environments(
        EnvironmentNames=[stage.outputs["EnvironmentName"]], IncludeDeleted=False
    )
    return str(found["Environments"][0]["HealthStatus"])


def files(stage: DeployedStage, label: str) -> dict[str, bytes]:
    """What a version's bundle holds."""
    versions = client("elasticbeanstalk", stage.aws).describe_application_versions(VersionLabels=[label])
    (version,) = versions["ApplicationVersions"]
    place = version["SourceBundle"]
    body = client("s3", stage.aws).get_object(Bucket=place["S3Bucket"], Key=place["S3Key"])["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_releases_and_rolls_back_a_service(stage: DeployedStage) -> None:
    assert health(stage) == "Severe"
    stage.project.greet("one")
    first = stage.deploy()
    assert (first["changed"], first["previous_version"], first["health"]) == (True, None, "Ok")
    assert first["version_label"] == stage.label()
    assert first["image"].endswith(first["digest"])
    pulled = json.loads(files(stage, first["version_label"])["Dockerrun.aws.json"])["Image"]["Name"]
    assert pulled == first["image"]

    again = stage.deploy()
    assert (again["changed"], again["version_label"]) == (False, first["version_label"])

    stage.project.greet("two")
    second = stage.deploy()
    assert second["previous_version"] == first["version_label"]

    back = json.loads(stage.run("rollback", "--json").stdout)
    assert (back["version_label"], stage.label()) == (first["version_label"], first["version_label"])


def test_a_release_that_fails_is_rolled_back(stage: DeployedStage) -> None:
    stage.project.greet("good")
    good = stage.deploy()["version_label"]
    stage.project.greet("broken")
    stage.aws.inject_fault("error-event")
    done = stage.run()
    assert done.returncode == 5, done.stdout
    assert stage.label() == good
    lines = done.stderr.splitlines()
    assert lines[0].startswith("beanpod: ")
    assert good in lines[0]


def test_an_interrupted_release_reports_the_state_and_releases_the_lock(stage: DeployedStage) -> None:
    for how in (signal.SIGINT, signal.SIGTERM):
        stage.project.greet(f"interrupted by {how.name}")
        # Never done: without the signal it would go on until its deadline.
        stage.aws.inject_fault("never-ready")
        stage.aws.clear_calls()
        with stage.start(REAL_CLOCK="yes") as process:
            wait_for(lambda: "UpdateEnvironment" in {call.action for call in stage.aws.calls()})
            process.send_signal(how)
            _, errors = process.communicate(timeout=300)
        assert process.returncode == 130, errors
        assert "Elastic Beanstalk may still be rolling out" in errors
        assert stage.lock() is None
        settle(stage)


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def settle(stage: DeployedStage) -> None:
    """End what an interrupted release left under way."""
    client("elasticbeanstalk", stage.aws).abort_environment_update(EnvironmentName=stage.outputs["EnvironmentName"])
    stage.aws.clear_faults()
    stage.aws.advance(1000)


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
