"""Killed at every docker command in turn, then run again: it always converges."""

import shutil
from pathlib import Path

from tests.deploy.convergence import converges, docker_engine, shop
from tests.deploy.killing import docker_shim
from tests.deploy.workshop import Workshop

__all__ = ["docker_engine", "shop"]


def test_killed_at_any_docker_command_it_converges(shop: Workshop, tmp_path: Path) -> None:
    docker = shutil.which("docker")
    assert docker
    shim = docker_shim(tmp_path / "bin", docker)
    path = f"{shim}:{shop.environ['PATH']}"
    shop.project.greet("undisturbed by docker")
    shop.deploy(PATH=path)
    commands = int((shim / "count").read_text())
    assert commands > 4
    for number in range(1, commands + 1):
        for moment in ("before", "after"):
            (shim / "count").unlink()
            shop.project.greet(f"killed {moment} command {number}")
            killed = shop.run(PATH=path, KILL_DOCKER=f"{moment} {number}")
            assert killed.returncode == -9, f"{moment} command {number}: {killed.stderr}"
            converges(shop, f"{moment} docker command {number}")
