"""A deployment that is killed after any docker command succeeds when it is run again."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beanpod_emulator import EmbeddedAws
from tests.cli.commands.sandbox_stage import SandboxStage
from tests.deploy.deployed_stage import PASSWORD, ROOT, USERNAME, Project
from tests.deploy.engine import Engine
from tests.deploy.registry import LocalRegistry, local_registry

_SHIM = """\
#!/bin/sh
# docker, with a log of its commands. KILL_AFTER=push kills its caller after `docker push`.
{docker} "$@"
code=$?
echo "$1" >> {folder}/commands
[ "$KILL_AFTER" = "$1" ] && kill -9 $PPID
exit $code
"""
# Commands that change something, in the engine, in the registry or in the home folder.
_CHANGES = ("login", "build", "tag", "push")


@pytest.fixture
def registry(docker_engine: Engine, tmp_path: Path) -> Iterator[LocalRegistry]:
    with local_registry(tmp_path / "registry", username=USERNAME, password=PASSWORD) as running:
        yield running


def test_a_release_killed_after_any_docker_command_converges(registry: LocalRegistry, tmp_path: Path) -> None:
    docker, shim, home = shutil.which("docker"), tmp_path / "bin" / "docker", tmp_path / "home"
    assert docker
    for folder in (shim.parent, home, tmp_path / "project"):
        folder.mkdir()
    shim.write_text(_SHIM.format(folder=tmp_path, docker=docker))
    shim.chmod(0o755)
    project = Project.make(tmp_path / "project", image=f"{registry.host}/beanpod/guestbook")
    environ = {"PATH": f"{shim.parent}:{os.environ['PATH']}", "HOME": str(home), **registry.login}
    with EmbeddedAws.start(virtual_clock=True) as aws:
        stage = SandboxStage.make(project, aws)
        aws.set_pace(update=20)
        for command in _CHANGES:
            project.greet(f"killed after docker {command}")
            killed = subprocess.run(
                [sys.executable, "-m", "beanpod", "deploy"],
                cwd=project.folder,
                env={
                    **environ,
                    **aws.environment,
                    "PYTHONPATH": str(ROOT),
                    "TMPDIR": str(tmp_path),
                    "KILL_AFTER": command,
                },
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
            assert killed.returncode == -signal.SIGKILL, f"{command}: {killed.stderr}"
            again = stage.run("deploy", "--json", environ=environ)
            assert again.code == 0, f"{command}: {again.stderr}"
            found = stage.sandbox.client("elasticbeanstalk").describe_environments(
                EnvironmentNames=[stage.target.environment]
            )
            assert found["Environments"][0]["VersionLabel"] == again.document["version_label"], command
            assert again.document["changed"], command
    run = set((tmp_path / "commands").read_text().split())
    # These only read. A new command that changes something is to be added above.
    assert run - set(_CHANGES) == {"version", "buildx", "image", "manifest"}
