"""The linters find no problem here, and find one in a bad file."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.engine import Engine, docker_engine
from tests.workflows.workflow import ACTION, DEPLOY, ROOT

__all__ = ["docker_engine"]
DOCKERFILE = ROOT / "service/Dockerfile"


def lint(*command: str | Path) -> tuple[int, str]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def zizmor(*paths: Path) -> tuple[int, str]:
    return lint(ROOT / ".venv/bin/zizmor", "--offline", "--no-progress", "--strict-collection", *paths)


def hadolint(path: Path) -> tuple[int, str]:
    return lint(ROOT / ".venv/bin/hadolint", path)


@pytest.mark.parametrize(
    "run",
    [
        lambda: zizmor(ROOT / ".github", ACTION),
        lambda: hadolint(DOCKERFILE),
    ],
    ids=["zizmor", "hadolint"],
)
def test_nothing_is_found(run: Callable[[], tuple[int, str]]) -> None:
    code, output = run()
    assert code == 0, output


def test_zizmor_finds_an_action_that_is_not_pinned(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(DEPLOY.read_text().replace("@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7"))
    code, output = zizmor(bad)
    assert code != 0
    assert "unpinned-uses" in output


def test_hadolint_finds_a_base_image_without_a_version(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text(DOCKERFILE.read_text().replace("FROM node:24-slim", "FROM node"))
    code, output = hadolint(bad)
    assert code != 0
    assert "DL3006" in output


@pytest.mark.parametrize(
    "files", [("compose.yaml",), ("compose.yaml", "compose.prod.yaml")], ids=["work", "production"]
)
def test_compose_reads_the_services_files_without_a_warning(docker_engine: Engine, files: tuple[str, ...]) -> None:
    chosen = [f"--file={ROOT / 'service' / name}" for name in files]
    assert lint("docker", "compose", *chosen, "config", "--quiet") == (0, "")
