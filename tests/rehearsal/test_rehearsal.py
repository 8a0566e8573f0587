"""A rehearsal that fails or is interrupted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from beanpod.manifest import Manifest
from beanpod_emulator import EmbeddedAws
from beanpod_emulator.e2e.fixture import E2EFixture, manifest_for
from beanpod_emulator.e2e.registry import LocalRegistry
from beanpod_emulator.github import Repository
from tests.deploy.engine import Engine, docker_engine
from tests.service.machine import ROOT

__all__ = ["docker_engine"]


def start(folder: Path, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    """The rehearsal, whose files are in a folder."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "beanpod_emulator.e2e.rehearsal", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder), **variables},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_rehearsal_leaves_nothing(docker_engine: Engine, tmp_path: Path, how: signal.Signals) -> None:
    with start(tmp_path) as rehearsal:
        assert rehearsal.stdout
        for line in rehearsal.stdout:
            if "cdk bootstrap" in line:
                break
        rehearsal.send_signal(how)
        said = rehearsal.stdout.read()
    assert rehearsal.returncode == 130, said
    assert said.endswith("interrupted: nothing is left running\n")
    assert list(tmp_path.glob("beanpod-*")) == []
    for kind in (("ps", "--all"), ("network", "ls"), ("volume", "ls")):
        assert str(tmp_path) not in docker_engine.run(*kind, "--format", "{{.Labels}}")


def test_without_an_engine_the_rehearsal_says_so(tmp_path: Path) -> None:
    with start(tmp_path, DOCKER_HOST="tcp://127.0.0.1:1") as rehearsal:
        said, _ = rehearsal.communicate(timeout=300)
    assert rehearsal.returncode == 2
    assert said.startswith("failed Docker does not respond: start it first (")


def test_the_examples_manifest_is_given_a_private_image_and_its_login(tmp_path: Path) -> None:
    text = (ROOT / "beanpod.toml").read_text()
    (tmp_path / "beanpod.toml").write_text(manifest_for(text, "localhost:5000/beanpod/guestbook"))
    (tmp_path / "service").mkdir()
    (tmp_path / "service/Dockerfile").touch()
    before, after = Manifest.read(ROOT / "beanpod.toml").stage(), Manifest.read(tmp_path / "beanpod.toml").stage()
    assert after.service.image == "localhost:5000/beanpod/guestbook"
    assert set(after.variables) - set(before.variables) == {"DOCKER_USERNAME"}
    assert set(after.secrets) - set(before.secrets) == {"DOCKER_PASSWORD"}


def test_what_stays_can_be_asked_with_the_lines_that_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = LocalRegistry("localhost:5001", tmp_path)
    with EmbeddedAws.start() as aws:
        E2EFixture(aws, registry, Repository(tmp_path), tmp_path).show()
        lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
        asked = f'{sys.executable} -c \'import boto3; print(boto3.client("s3").list_buckets()["Buckets"])\''
        control = 'curl -sf -H "Authorization: Bearer $BEANPOD_EMULATOR_TOKEN" "$AWS_ENDPOINT_URL/_emulator/now"'
        script = "\n".join(["set -e", "export AWS_PROFILE=work", *lines, asked, control])
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('[]\n{"now": ')
