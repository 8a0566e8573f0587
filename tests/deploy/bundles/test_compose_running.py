"""A bundle unpacked and run by the real compose, with the `.env` that Beanstalk writes."""

import io
import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from beanpod.deploy.bundles import plan_bundle
from tests.deploy.bundles.compose_command import Compose
from tests.deploy.bundles.projects import COMPOSE, DATABASE, compose_stage
from tests.deploy.engine import Engine

PROJECT = """
services:
  app:
    build: .
    ports: ["3000:8080"]
    environment: {RDS_HOSTNAME: db, RDS_PASSWORD: development, PRICE: "$$5"}
    depends_on: [db]
    volumes: [".:/app", "/app/node_modules"]
    secrets: [token]
  worker:
    image: busybox:stable
    environment: [RDS_PASSWORD]
    volumes: ["./settings.json:/settings.json:ro"]
  db: {image: "mysql:8.4"}
secrets: {token: {environment: TOKEN}}
"""
MANIFEST = f"{COMPOSE}[secrets]\nTOKEN = {{ generate = 32 }}\n{DATABASE}"
# Beanstalk doubles the dollar of a value.
WRITTEN = "RDS_HOSTNAME=real.example.org\nRDS_PASSWORD=pa$$ss=w#rd\nTOKEN=to$$ken\n"


@pytest.fixture(scope="module")
def instance(
    docker_engine: Engine, compose: Compose, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Compose, Path]]:
    """A folder like /var/app/current."""
    project = tmp_path_factory.mktemp("project")
    stage = compose_stage(project, PROJECT, MANIFEST, settings__json="{}")
    bundle = plan_bundle(stage, project).bundle({"app": "busybox:stable"}, application="a", login_hooks=False)
    folder = tmp_path_factory.mktemp(f"current-{token_hex(4)}")
    with zipfile.ZipFile(io.BytesIO(bundle.data)) as archive:
        archive.extractall(folder)
    (folder / ".env").write_text(WRITTEN)
    lay_stamp(folder)
    yield compose, folder
    compose.run(folder, "down", "--volumes", "--timeout", "1")


def lay_stamp(folder: Path) -> None:
    """Run the hook; /var/lib of this machine is not a test's to write to."""
    hook = folder / ".platform/hooks/prebuild/01_beanpod_release.sh"
    for file in (folder / "docker-compose.yml", hook):
        file.write_text(file.read_text().replace("/var/lib/beanpod", str(folder / "state")))
    subprocess.run(["/bin/sh", hook], check=True, capture_output=True)


def output(instance: tuple[Compose, Path], service: str, *command: str) -> str:
    compose, folder = instance
    return compose.run(folder, "run", "--rm", "--no-deps", "--no-TTY", service, *command)


def test_the_app_has_its_variables_secrets_metadata_and_logs(instance: tuple[Compose, Path]) -> None:
    script = "env; cat /run/secrets/token; echo; cat /run/beanpod/release.json; echo said > /var/log/app/own.log; "
    lines = output(
        instance, "app", "sh", "-c", script + "touch /run/beanpod/x 2>/dev/null || echo refused"
    ).splitlines()
    assert {"RDS_HOSTNAME=real.example.org", "RDS_PASSWORD=pa$ss=w#rd", "PRICE=$5", "to$ken"} <= set(lines)
    assert json.loads(lines[-2])["version"].startswith("guestbook-")
    assert lines[-1] == "refused"
    assert (instance[1] / "logs" / "app" / "own.log").read_text() == "said\n"


def test_another_service_has_the_variables_and_files_that_it_names(instance: tuple[Compose, Path]) -> None:
    lines = output(instance, "worker", "sh", "-c", "env; cat /settings.json").splitlines()
    assert "RDS_PASSWORD=pa$ss=w#rd" in lines
    assert not [line for line in lines if line.startswith(("RDS_HOSTNAME", "TOKEN"))]
    assert lines[-1] == "{}"
