"""What a rehearsal needs is listed before anything is started."""

from pathlib import Path

import pytest

from beanpod.cli.rehearsal.machine import Machine, check_machine, check_packages
from beanpod.deploy.errors import UsageError
from beanpod.manifest import Manifest, StageConfig
from tests.service.machine import ROOT

DOCKER = """#!/bin/sh
case "$*" in
  "version --format {{.Server.Version}} {{.Server.Arch}}") echo 28.1.0 arm64 ;;
  "compose version --short") echo 2.40.3 ;;
  "image inspect registry:2") exit 1 ;;
  "pull --quiet registry:2") echo "no route to host" >&2; exit 1 ;;
esac
"""


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def compose() -> StageConfig:
    stage = Manifest.read(ROOT / "beanpod.toml").stage()
    service = stage.service.model_copy(update={"compose": "compose.yaml", "dockerfile": None})
    return stage.model_copy(update={"service": service})


def missing(stage: StageConfig) -> tuple[str, ...]:
    with pytest.raises(UsageError, match="needs more on this machine") as caught:
        check_machine(stage)
    return caught.value.causes


def test_docker_is_not_installed(folder: Path, compose: StageConfig) -> None:
    (line,) = missing(compose)
    assert line.startswith("Docker: docker is not installed: see https://docs.docker.com/")


def test_everything_that_is_missing_is_listed(folder: Path, compose: StageConfig) -> None:
    program(folder, "docker", DOCKER.replace("echo 2.40.3", "exit 1"))
    first, second = missing(compose)
    assert first.startswith(
        "Docker Compose: docker compose is not installed, and the manifest has a compose file: see "
    )
    assert second == (
        "a registry: docker pull registry:2 failed (no route to host): or install Debian's docker-registry"
    )


def test_the_engine_does_not_answer(folder: Path) -> None:
    program(folder, "docker", "#!/bin/sh\necho 'Cannot connect' >&2; exit 1\n")
    (line,) = missing(Manifest.read(ROOT / "beanpod.toml").stage())
    assert line == "Docker: cannot connect to the Docker daemon: start Docker (Cannot connect)"


def test_a_machine_that_has_everything(folder: Path, compose: StageConfig) -> None:
    program(folder, "docker", DOCKER)
    program(folder, "docker-registry", "#!/bin/sh\n")
    machine = check_machine(compose)
    assert machine == Machine("28.1.0", "arm64", "2.40.3", "docker-registry")
    assert str(machine) == "Docker 28.1.0, Docker Compose 2.40.3, registry docker-registry"


def test_the_image_of_the_registry_will_do(folder: Path, compose: StageConfig) -> None:
    program(folder, "docker", DOCKER.replace('"image inspect registry:2") exit 1 ;;', ""))
    assert check_machine(compose).registry == "registry:2"


def test_a_folder_without_a_cdk_app_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cdk\.json: no such file: write the project with `beanpod init`"):
        check_packages(tmp_path)
