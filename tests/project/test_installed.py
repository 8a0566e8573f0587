"""The two wheels in an environment of their own, in the folders of ten apps."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.project.apps import APPS, lay_out
from tests.wheels import ROOT, build, copy_sources, environment


@dataclass(frozen=True)
class Installed:
    """An environment with the wheels.

    Attributes:
        python: Its Python.
        folder: Folder of the apps.
    """

    python: Path
    folder: Path

    def run(self, folder: Path, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run a module, such as `beanpod`, in a folder."""
        path = os.pathsep.join((str(self.python.parent), str(ROOT / ".venv/bin"), os.environ["PATH"]))
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": path}
        command = [str(self.python), "-m", *map(str, arguments)]
        return subprocess.run(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    def succeed(self, folder: Path, *arguments: str | Path) -> str:
        """Run a module, and return what it prints."""
        done = self.run(folder, *arguments)
        assert done.returncode == 0, f"{arguments} in {folder.name}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    sources = copy_sources(folder / "sources")
    wheels = [*build(sources, folder / "dist", "--wheel"), *build(sources / "emulator", folder / "emulator", "--wheel")]
    (folder / "apps").mkdir()
    return Installed(environment(folder / "env", *wheels), folder / "apps")


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def make_project(installed: Installed, name: str) -> None:
    """Make an app a project, check it, and synthesise its first stage."""
    folder = lay_out(name, installed.folder)
    before = files(folder)
    installed.succeed(folder, "beanpod", "init", "--image", "ada/shop")
    after = files(folder)
    assert before.items() <= after.items()
    assert {"beanpod.toml", "cdk.json", "stacks/__init__.py", "tests/test_stacks.py"} <= after.keys()
    assert len(after) - len(before) <= 12
    assert "no problems in dev, prod" in installed.succeed(folder, "beanpod", "check")
    installed.succeed(folder, "beanpod", "cdk", "synth", "--quiet", "--no-notices")
    service = name if len(name) > 1 else "app"
    assert (folder / f"cdk.out/{service}-dev-service.template.json").is_file()


def test_every_app_becomes_a_project(installed: Installed) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: make_project(installed, name), APPS))
    # One process for all: their stacks are the same files.
    tests = [installed.folder / name / "tests/test_stacks.py" for name in APPS]
    options = ("--import-mode=importlib", "--quiet", "-p", "no:cacheprovider", "-p", "no:xdist")
    printed = installed.succeed(
        installed.folder / "go", "pytest", *options, *(installed.folder / test for test in tests)
    )
    assert f"{2 * len(APPS)} passed" in printed
