"""The two wheels in an environment of their own, in the folders of two apps."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import Block, blocks
from tests.project.apps import lay_out
from tests.wheels import ROOT, build, copy_sources, environment, installed_python, wheels

__all__ = ["installed_python", "wheels"]

HERE = version("beanpod")
HOLD_DATA = {"AWS::RDS::DBInstance", "AWS::S3::Bucket", "AWS::SecretsManager::Secret"}
# With a compose file, and with a Dockerfile. tests/project/test_discovery.py looks at the others, in this process.
APPS = ("django", "go")
AUTHOR = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


@dataclass(frozen=True)
class Installed:
    """An environment with the wheels.

    Attributes:
        python: Its Python.
    """

    python: Path

    @property
    def environ(self) -> dict[str, str]:
        """The variables of a terminal in which it is activated."""
        path = os.pathsep.join((str(self.python.parent), str(ROOT / ".venv/bin"), os.environ["PATH"]))
        return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": path}

    def run(self, folder: Path, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run a module, such as `beanpod`, in a folder."""
        command = [str(self.python), "-m", *map(str, arguments)]
        return subprocess.run(
            command, cwd=folder, env=self.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    def succeed(self, folder: Path, *arguments: str | Path) -> str:
        """Run a module, and return what it prints."""
        done = self.run(folder, *arguments)
        assert done.returncode == 0, f"{arguments} in {folder.name}: {done.stdout}{done.stderr}"
        return done.stdout

    def follow(self, folder: Path, *blocks: Block) -> str:
        """Type blocks of the documentation in a folder, and return what they print."""
        text = "\n".join(block.text for block in blocks)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text], cwd=folder, env=self.environ, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{text}{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def installed(installed_python: Path) -> Installed:
    return Installed(installed_python)


@pytest.fixture(scope="module")
def projects(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the two apps, each with a project."""
    folder = tmp_path_factory.mktemp("apps")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: make_project(installed, lay_out(name, folder)), APPS))
    return folder


def files(folder: Path) -> dict[str, str]:
    """Return the texts of a folder's files, without git's own."""
    paths = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(folder)): path.read_text() for path in paths}


def make_project(installed: Installed, folder: Path) -> None:
    before = files(folder)
    installed.succeed(folder, "beanpod", "init", "--image", "ada/shop")
    after = files(folder)
    assert before.items() <= after.items()
    assert {"beanpod.toml", "cdk.json", "stacks/__init__.py", "tests/test_stacks.py"} <= after.keys()
    assert len(after) - len(before) <= 12
    assert "no problems in dev, prod" in installed.succeed(folder, "beanpod", "check")


def synthesise(installed: Installed, folder: Path) -> dict[str, Any]:
    """Synthesise the first stage, and return its resources that hold data, by stack and logical id."""
    shutil.rmtree(folder / "cdk.out", ignore_errors=True)
    installed.succeed(folder, "beanpod", "cdk", "synth", "--quiet", "--no-notices")
    return holding_data((folder / "cdk.out").glob("*.template.json"))


def holding_data(templates: Iterable[Path]) -> dict[str, Any]:
    texts = {path.name.partition(".")[0]: json.loads(path.read_text()) for path in templates}
    assert texts
    resources = ((stack, name, one) for stack, text in texts.items() for name, one in text["Resources"].items())
    return {f"{stack} {name}": one for stack, name, one in resources if one["Type"] in HOLD_DATA}


def test_every_app_synthesises_and_passes_its_test(installed: Installed, projects: Path) -> None:
    # One process for all: their stacks are the same files.
    tests = [projects / name / "tests/test_stacks.py" for name in APPS]
    options = ("--import-mode=importlib", "--quiet", "-p", "no:cacheprovider", "-p", "no:xdist")
    printed = installed.succeed(projects / "go", "pytest", *options, *tests)
    assert f"{2 * len(APPS)} passed" in printed


def test_an_upgrade_replaces_nothing_that_holds_data(installed: Installed, projects: Path, tmp_path: Path) -> None:
    root = projects / "django"
    before = synthesise(installed, root)
    assert {one["Type"] for one in before.values()} == HOLD_DATA
    sources = copy_sources(tmp_path / "sources")
    (pyproject := sources / "pyproject.toml").write_text(pyproject.read_text().replace(HERE, "9.9.9"))
    newer = Installed(environment(tmp_path / "env", *build(sources, tmp_path / "dist", "--wheel")))
    assert synthesise(newer, root) == before
    refused = newer.run(root, "beanpod", "check")
    assert f"requirements-cdk.txt names {HERE} and .github/workflows/deploy.yaml names {HERE}" in refused.stderr
    for name in ("requirements-cdk.txt", ".github/workflows/deploy.yaml"):
        (root / name).write_text((root / name).read_text().replace(HERE, "9.9.9"))
    # What pip would download is installed.
    (newer.python.parent / "pip").symlink_to("/bin/true")
    upgrade, _ = section("Upgrade")
    printed = newer.follow(root, upgrade)
    assert printed.strip().endswith("no problems in dev, prod"), "and init --diff shows nothing"


MOVING = ROOT / "docs/coming-from/copied-repository.md"
# What a copy of this repository had at its root before there was something to install.
COPIED = (
    *(".ci/run", ".github/dependabot.yml", ".github/workflows/check.yaml", ".github/workflows/deploy.yaml"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.ko.md", "action.yml", "app.py", "cdk.json"),
    *("beanpod.schema.json", "benchmarks/__init__.py", "constructs/beanpod/__init__.py", "deploy/__init__.py"),
    *("docs/operations.md", "emulator/__init__.py", "manifest/__init__.py", "package-lock.json", "package.json"),
    *("pyproject.toml", "requirements-deploy.txt", "requirements-dev.txt", "requirements.txt", "stacks/__init__.py"),
    *("stacks/service.py", "tests/conftest.py"),
)


COPIED_MANIFEST = """\
#:schema ./beanpod.schema.json
[service]
name = "shop"
image = "ada/shop"
dockerfile = "Dockerfile"
port = 8080
health_path = "/health"

[database]
engine = "mysql"

[stages.small]
"""


def test_a_copied_repository_becomes_a_project(installed: Installed, tmp_path: Path) -> None:
    for name in COPIED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("# a copy\n")
    (tmp_path / "beanpod.toml").write_text(COPIED_MANIFEST)
    (tmp_path / "Dockerfile").write_text("FROM busybox:stable\n")
    for command in (("init", "-q"), ("add", "--all")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    subprocess.run(["git", *AUTHOR, "commit", "-qm", "A copy"], cwd=tmp_path, check=True)
    installed.follow(tmp_path, *(block for block in blocks(MOVING, "sh") if "pip install" not in block.text))
    assert files(tmp_path).keys() == {
        *("Dockerfile", "beanpod.toml", "app.py", "cdk.json", "stacks/__init__.py", "tests/test_stacks.py"),
        *("requirements.txt", ".gitignore", ".github/dependabot.yml"),
        *(".github/workflows/check.yaml", ".github/workflows/deploy.yaml"),
    }
    assert (tmp_path / "beanpod.toml").read_text() == COPIED_MANIFEST
    # Templates of that time, made from this manifest.
    deployed = holding_data((ROOT / "tests/stacks/deployed").glob("shop-small-*.json"))
    assert synthesise(installed, tmp_path).keys() == deployed.keys()


def section(heading: str) -> list[Block]:
    """Return the blocks of a section of the page about upgrades."""
    return [block for block in blocks(ROOT / "docs/installing.md", "sh") if block.heading.startswith(heading)]
