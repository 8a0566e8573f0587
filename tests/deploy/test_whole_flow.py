"""The whole script as a process: real image, real registry, real stacks, and the deployer's own key."""

import io
import json
import signal
import time
import zipfile
from collections.abc import Callable, Iterator

import pytest
import yaml

from tests.deploy.deployed_stage import client
from tests.deploy.engine import docker_engine
from tests.deploy.workshop import Workshop, workshop

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
def shop(docker_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with workshop(tmp_path_factory.mktemp("flow"), preset="production", stage="prod") as made:
        yield made


def health(shop: Workshop) -> str:
    found = client("elasticbeanstalk", shop.aws).describe_environments(
        EnvironmentNames=[shop.outputs["EnvironmentName"]], IncludeDeleted=False
    )
    return str(found["Environments"][0]["HealthStatus"])


def files(shop: Workshop, label: str) -> dict[str, bytes]:
    """What a version's bundle holds."""
    versions = client("elasticbeanstalk", shop.aws).describe_application_versions(VersionLabels=[label])
    (version,) = versions["ApplicationVersions"]
    place = version["SourceBundle"]
    body = client("s3", shop.aws).get_object(Bucket=place["S3Bucket"], Key=place["S3Key"])["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_service_from_its_first_release_on(shop: Workshop) -> None:
    assert health(shop) == "Severe"
    shop.project.greet("one")
    first = shop.deploy()
    assert (first["changed"], first["previous_version"], first["health"]) == (True, None, "Ok")
    assert first["version_label"] == shop.label()
    assert first["image"].endswith(first["digest"])
    pulled = json.loads(files(shop, first["version_label"])["Dockerrun.aws.json"])["Image"]["Name"]
    assert pulled == first["image"]

    again = shop.deploy()
    assert (again["changed"], again["version_label"]) == (False, first["version_label"])

    shop.project.greet("two")
    second = shop.deploy()
    assert second["previous_version"] == first["version_label"]

    back = json.loads(shop.run("rollback", "--json").stdout)
    assert (back["version_label"], shop.label()) == (first["version_label"], first["version_label"])


def test_a_release_that_fails_is_rolled_back(shop: Workshop) -> None:
    shop.project.greet("good")
    good = shop.deploy()["version_label"]
    shop.project.greet("broken")
    shop.aws.order("error-event")
    done = shop.run()
    assert done.returncode == 5, done.stdout
    assert shop.label() == good
    told = done.stderr.splitlines()
    assert told[0].startswith("beanpod: ")
    assert good in told[0]


def test_an_interrupted_release_says_what_it_leaves_and_gives_the_lock_back(shop: Workshop) -> None:
    for how in (signal.SIGINT, signal.SIGTERM):
        shop.project.greet(f"interrupted by {how.name}")
        # Never done: without the signal it would go on until its deadline.
        shop.aws.order("never-ready")
        shop.aws.forget_calls()
        with shop.start(REAL_CLOCK="yes") as process:
            wait_for(lambda: "UpdateEnvironment" in {call.action for call in shop.aws.calls()})
            process.send_signal(how)
            _, errors = process.communicate(timeout=300)
        assert process.returncode == 130, errors
        assert "Elastic Beanstalk may go on rolling out" in errors
        assert shop.lock() is None
        settle(shop)


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def settle(shop: Workshop) -> None:
    """End what an interrupted release left under way."""
    client("elasticbeanstalk", shop.aws).abort_environment_update(EnvironmentName=shop.outputs["EnvironmentName"])
    shop.aws.cancel_faults()
    shop.aws.advance(1000)


def test_every_service_with_a_build_is_pushed_and_the_database_goes(shop: Workshop) -> None:
    manifest = shop.project.folder / "beanpod.toml"
    original = manifest.read_text()
    (shop.project.folder / "compose.yaml").write_text(_COMPOSE)
    manifest.write_text(
        original.replace("health_path", 'compose = "compose.yaml"\nhealth_path').replace(
            'engine = "mysql"', 'engine = "mysql"\ncompose_service = "db"'
        )
    )
    try:
        label = shop.deploy()["version_label"]
    finally:
        manifest.write_text(original)
    released = yaml.safe_load(files(shop, label)["docker-compose.yml"])["services"]
    assert set(released) == {"web", "worker"}
    for name, service in released.items():
        assert f"/beanpod/guestbook:{name}-" in service["image"]
        assert "@sha256:" in service["image"]
        assert "build" not in service
    assert "80:8080" in str(released["web"]["ports"]) or "'published': '80'" in str(released["web"]["ports"])
    assert "RDS_HOSTNAME" not in released["web"].get("environment", {})
