"""The linters find nothing."""

import subprocess
from pathlib import Path

import pytest

from tests.deploy.engine import Engine, docker_engine
from tests.workflows.workflow import ACTION, ROOT

__all__ = ["docker_engine"]


def lint(*command: str | Path) -> tuple[int, str]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("zizmor", "--offline", "--no-progress", "--strict-collection", ".github", ACTION),
        ("hadolint", "service/Dockerfile"),
    ],
    ids=["zizmor", "hadolint"],
)
def test_nothing_is_found(command: tuple[str | Path, ...]) -> None:
    code, output = lint(ROOT / ".venv/bin" / command[0], *command[1:])
    assert code == 0, output


@pytest.mark.parametrize(
    "files", [("compose.yaml",), ("compose.yaml", "compose.prod.yaml")], ids=["work", "production"]
)
def test_compose_reads_the_services_files_without_a_warning(docker_engine: Engine, files: tuple[str, ...]) -> None:
    chosen = [f"--file={ROOT / 'service' / name}" for name in files]
    assert lint("docker", "compose", *chosen, "config", "--quiet") == (0, "")
