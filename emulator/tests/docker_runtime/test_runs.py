"""Start and end of the server with Docker, and the removal of leftovers."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from beanpod_emulator.embedded_aws import ControlError
from emulator.tests.clients import Emulators
from tests.deploy.engine import Engine

ROOT = Path(__file__).parents[3]


@contextmanager
def start(folder: Path, **variables: str) -> "Iterator[subprocess.Popen[str]]":
    """A server whose files are in a folder; a test that fails does not wait for its end."""
    with subprocess.Popen(
        [sys.executable, "-m", "beanpod_emulator", "--port", "0", "--docker"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder), **variables},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as server:
        try:
            yield server
        finally:
            server.kill()


def exported(server: "subprocess.Popen[str]") -> dict[str, str]:
    """The variables that it prints, once it says that it is ready."""
    assert server.stdout
    variables: dict[str, str] = {}
    for line in server.stdout:
        if line.startswith("Ready on "):
            return variables
        if line.startswith("  export "):
            name, _, value = line.split()[1].partition("=")
            variables[name] = value
    raise AssertionError(server.communicate())


def create_database(variables: dict[str, str]) -> None:
    make: Any = boto3.client
    rds = make(
        "rds",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )
    rds.create_db_instance(
        DBInstanceIdentifier="brief",
        Engine="mysql",
        EngineVersion="8.4",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        MasterUsername="keeper",
        MasterUserPassword="brief-password",
    )


def left(engine: Engine, folder: Path) -> list[str]:
    """What there is of the runs whose files are in a folder."""
    found = [path.name for path in folder.glob("beanpod-emulator-*")]
    for kind in (("ps", "--all"), ("network", "ls"), ("volume", "ls")):
        labels = engine.run(*kind, "--filter", "label=beanpod.emulator", "--format", "{{.Labels}}")
        found += [line for line in labels.splitlines() if str(folder) in line]
    return found


def test_sigterm_removes_everything(docker_engine: Engine, tmp_path: Path) -> None:
    with start(tmp_path) as server:
        create_database(exported(server))
        assert left(docker_engine, tmp_path)
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=300)
    assert server.returncode == 0, errors
    assert left(docker_engine, tmp_path) == []


def test_removes_the_leftovers_of_dead_runs_only(docker_engine: Engine, tmp_path: Path) -> None:
    with start(tmp_path) as killed:
        exported(killed)
        # While it lives: once it is dead, any run on this engine may remove what is left of it.
        assert len(left(docker_engine, tmp_path)) == 2
        killed.kill()
    with start(tmp_path) as living, start(tmp_path) as last:
        exported(living)
        exported(last)
        assert len(left(docker_engine, tmp_path)) == 4
        for server in (living, last):
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=300)
    assert left(docker_engine, tmp_path) == []


def test_exits_without_an_engine(tmp_path: Path) -> None:
    with start(tmp_path, DOCKER_HOST="tcp://127.0.0.1:1") as server:
        _, errors = server.communicate(timeout=300)
    assert server.returncode == 2
    assert errors.startswith("emulator: Docker does not respond: start it first (")
    assert left_files(tmp_path) == []


def left_files(folder: Path) -> list[Path]:
    return list(folder.glob("beanpod-emulator-*"))


def test_has_no_addresses_without_docker(emulators: Emulators) -> None:
    with pytest.raises(ControlError, match="start the server with --docker"):
        emulators().environment_url("anything")
