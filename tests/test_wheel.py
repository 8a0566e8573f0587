"""The wheel a platform engineer installs: only beanpod, typed, and enough to synthesise."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
APP = """
import beanpod
from aws_cdk import App, Stack
app = App()
beanpod.DockerService(Stack(app, "Tiny"), "Service", environment_type=beanpod.EnvironmentType.SINGLE_INSTANCE)
app.synth()
print(beanpod.__file__)
"""


def build(source: Path, out: Path) -> Path:
    """The wheel of a distribution."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


def test_the_emulators_wheel_has_its_types_and_the_image_of_its_instances(tmp_path: Path) -> None:
    names = zipfile.ZipFile(build(ROOT / "emulator", tmp_path)).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"beanpod_emulator"}
    image = "emulator/beanpod_emulator/docker_runtime/instance_image"
    files = [path for path in (ROOT / image).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {str(path.relative_to(ROOT / "emulator")) for path in files} <= set(names)
    assert "beanpod_emulator/py.typed" in names


def test_the_wheel_holds_beanpod_its_types_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"beanpod"}
    assert "beanpod/py.typed" in names


def test_an_installed_wheel_imports_only_beanpod_and_synthesises(wheel: Path, tmp_path: Path) -> None:
    # An environment of its own, which borrows the pinned dependencies instead of fetching half a gigabyte again.
    target = tmp_path / "env"
    venv.create(target, with_pip=False)
    (site,) = target.glob("lib/python*/site-packages")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    installed = {path.name.split("-")[0] for path in site.iterdir()}
    borrowed = [entry for entry in sys.path if entry.endswith("site-packages")]
    (site / "borrowed.pth").write_text("\n".join(borrowed))
    run = subprocess.run([target / "bin/python", "-c", APP], cwd=tmp_path, capture_output=True, text=True)
    assert installed == {"beanpod", "bin"}
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(site / "beanpod/__init__.py")


def test_public_names_are_exactly_those_listed() -> None:
    import beanpod

    assert sorted(beanpod._MODULES) == sorted(beanpod.__all__)
    assert set(beanpod.__all__) <= set(dir(beanpod))
    for name in beanpod.__all__:
        assert getattr(beanpod, name).__name__ == name


def test_a_release_needs_no_cdk(tmp_path: Path) -> None:
    code = "import sys, beanpod.cli.main, beanpod.deploy.pipeline, beanpod.manifest; print('aws_cdk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
