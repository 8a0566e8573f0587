"""Killed at each docker command, then run again: it always converges."""

import shutil
from pathlib import Path

from tests.deploy.crash_injection import check_convergence, docker_shim, stage
from tests.deploy.deployed_stage import DeployedStage
from tests.deploy.engine import docker_engine

__all__ = ["docker_engine", "stage"]


def test_a_deployment_killed_at_any_docker_command_converges(stage: DeployedStage, tmp_path: Path) -> None:
    docker = shutil.which("docker")
    assert docker
    shim = docker_shim(tmp_path / "bin", docker)
    path = f"{shim}:{stage.environ['PATH']}"
    stage.project.greet("undisturbed by docker")
    stage.deploy(PATH=path)
    commands = int((shim / "count").read_text())
    assert commands > 4
    for number in range(1, commands + 1):
        for moment in ("before", "after"):
            (shim / "count").unlink()
            stage.project.greet(f"killed {moment} command {number}")
            killed = stage.run(PATH=path, KILL_DOCKER=f"{moment} {number}")
            assert killed.returncode == -9, f"{moment} command {number}: {killed.stderr}"
            check_convergence(stage, f"{moment} docker command {number}")
