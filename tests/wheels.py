"""The two wheels, built from a copy of this checkout, and environments that have them."""

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_SOURCES = (
    "constructs",
    "emulator",
    "stacks",
    ".github",
    "app.py",
    "cdk.json",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)


def copy_sources(folder: Path) -> Path:
    """Copy what wheels are built from, with its symbolic links, and return the copy: a build writes into its source."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    for name in (*_SOURCES, "requirements-deploy.txt", "tests/test_stacks.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def build(source: Path, out: Path, *formats: str) -> list[Path]:
    """Build a distribution: a wheel from its sdist, as a release does, unless `formats` says otherwise."""
    command = [sys.executable, "-m", "build", *formats, "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return sorted(out.iterdir())


def environment(folder: Path, *wheels: Path) -> Path:
    """Make a virtual environment with wheels, and return its Python.

    It borrows this environment's packages in place of fetching half a gigabyte again, but not this checkout.
    """
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    install = [sys.executable, "-m", "pip", "--python", str(folder), "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*install, *map(str, wheels)], check=True, capture_output=True)
    # Their .pth files are not read, so that what is installed from this checkout is not found.
    (site / "borrowed.pth").write_text("\n".join(entry for entry in sys.path if entry.endswith("site-packages")))
    return folder / "bin/python"


def link_packages(folder: Path) -> Path:
    """Link this environment's packages into a folder, but for this checkout and pip, and return it.

    In PYTHONPATH, pip finds them installed: unpacking aws-cdk-lib takes most of a minute.
    """
    folder.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(("beanpod", "__editable__", "pip", "__pycache__")):
            (folder / path.name).symlink_to(path)
    return folder


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that all workers of this run of pytest share; the first that needs it makes its content."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, made = shared / name, shared / f"{name}.made"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of `beanpod`, made from its sdist as a release does, and of `beanpod_emulator`, by these names."""

    def make(folder: Path) -> None:
        sources = copy_sources(folder / "sources")
        build(sources, folder)
        build(sources / "emulator", folder, "--wheel")

    folder = once(tmp_path_factory, "wheels", make)
    return {wheel.name.partition("-")[0]: wheel for wheel in folder.glob("*.whl")}


@pytest.fixture(scope="session")
def installed_python(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has both wheels, in place of this checkout."""
    folder = once(tmp_path_factory, "installed", lambda folder: environment(folder, *wheels.values()))
    return folder / "bin/python"
