"""What is installed: the wheels hold only their package, and the action's environment what a release needs."""

import os
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.wheels import ROOT, copy_sources, wheels
from tests.workflows.workflow import ACTION, WorkflowRunner, load, step_of

__all__ = ["wheels"]
_PROJECTS = ("pyproject.toml", "emulator/pyproject.toml")


def names(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_a_rehearsal_needs_the_emulator_of_the_same_version() -> None:
    ours, emulators = (tomllib.loads((ROOT / path).read_text())["project"] for path in _PROJECTS)
    assert ours["version"] == emulators["version"]
    assert f"beanpod-emulator=={ours['version']}" in ours["optional-dependencies"]["rehearse"]


def test_emulators_wheel_has_its_types_and_the_image_of_its_instances(wheels: dict[str, Path]) -> None:
    found = names(wheels["beanpod_emulator"])
    assert {name.split("/")[0] for name in found} == {"beanpod_emulator"}
    image = "emulator/beanpod_emulator/docker_runtime/instance_image"
    files = [path for path in (ROOT / image).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {str(path.relative_to(ROOT / "emulator")) for path in files} <= found
    assert "beanpod_emulator/py.typed" in found


def test_wheel_holds_beanpod_its_types_and_the_templates_of_a_project(wheels: dict[str, Path]) -> None:
    wheel = wheels["beanpod"]
    assert {name.split("/")[0] for name in names(wheel)} == {"beanpod"}
    assert "beanpod/py.typed" in names(wheel)
    # Links in this checkout; an sdist with links to nowhere would make a wheel without them.
    template = zipfile.ZipFile(wheel).read("beanpod/project/templates/stacks/__init__.py")
    assert template == (ROOT / "stacks/__init__.py").read_bytes()


@pytest.fixture(scope="module")
def action(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The environment that the action makes from its lock and its own commit, and how many bytes that adds to it."""
    folder = tmp_path_factory.mktemp("action")
    sources = copy_sources(folder / "sources")
    variables = {"PYTHON": sys.executable, "GITHUB_ACTION_PATH": str(sources)}
    ran = WorkflowRunner(folder, folder, variables).run(step_of(load(ACTION)["runs"]["steps"], "Install"))
    assert ran.code == 0, ran.printed
    files = [path for path in (folder / "beanpod").rglob("*") if path.is_file() and not path.is_symlink()]
    return folder / "beanpod/bin/python", sum(path.stat().st_size for path in files)


def test_a_plain_installation_is_small(action: tuple[Path, int]) -> None:
    assert action[1] < 80_000_000


def test_a_plain_installation_has_the_command(action: tuple[Path, int]) -> None:
    code = "import beanpod.cli.main, importlib.metadata as metadata; print(metadata.version('beanpod'))"
    assert _run(action[0], code) == (version("beanpod"), "")


def test_a_construct_without_the_cdk_names_the_extra(action: tuple[Path, int]) -> None:
    _, errors = _run(action[0], "from beanpod import DockerEnvironment")
    assert errors.splitlines()[-1] == "ImportError: aws-cdk-lib is not installed: run pip install 'beanpod[cdk]'"


def test_this_environment_has_what_the_action_installs() -> None:
    """What the tests run with is what runs beside the keys."""
    pins = [line.split() for line in (ROOT / "requirements-deploy.txt").read_text().splitlines() if "==" in line]
    locked = {name: pinned for name, _, pinned in (pin[0].partition("==") for pin in pins)}
    assert {name: version(name) for name in locked} == locked
    needed = [Requirement(text) for text in requires("beanpod") or () if "extra ==" not in text]
    assert {one.name.lower() for one in needed} <= locked.keys()


def test_every_public_name_can_be_imported() -> None:
    import beanpod

    public = vars(beanpod)["__all__"]
    assert "DockerService" in public
    assert set(public) <= set(dir(beanpod))
    for name in public:
        assert getattr(beanpod, name).__name__ == name


def _run(python: Path, code: str) -> tuple[str, str]:
    """Run a program by an environment, without the variable that leads to this checkout; return what it prints."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(python), "-c", code]
    done = subprocess.run(command, cwd=python.parent, env=environ, capture_output=True, text=True, check=False)
    return done.stdout.strip(), done.stderr.strip()
