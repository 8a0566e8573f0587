from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.deploy.engine import Engine, absent
from tests.deploy.images.fakes import Shop
from tests.deploy.registry import LocalRegistry, local_registry


@pytest.fixture(scope="session")
def private_registry(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRegistry]:
    """A registry that wants a login for everything."""
    folder = tmp_path_factory.mktemp("private")
    with local_registry(folder, username="ada", password=f"planted-{uuid4().hex}") as registry:
        yield registry


@pytest.fixture(scope="session")
def open_registry(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRegistry]:
    """A registry from which everybody may pull."""
    with local_registry(tmp_path_factory.mktemp("open")) as registry:
        yield registry


@pytest.fixture(params=["classic", "buildkit"])
def variables(request: pytest.FixtureRequest, docker_engine: Engine, tmp_path: Path) -> dict[str, str]:
    """What docker commands run with, for each builder of this machine."""
    plain = docker_engine.variables(tmp_path / "home")
    if request.param == "classic":
        return plain
    if docker_engine.buildkit is None:
        absent("no client of this machine has BuildKit")
    return plain | docker_engine.buildkit


@pytest.fixture
def shop(private_registry: LocalRegistry, docker_engine: Engine, variables: dict[str, str]) -> Shop:
    """With each builder in turn."""
    return Shop(private_registry, docker_engine, variables)


@pytest.fixture
def classic_shop(private_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path) -> Shop:
    """With the classic builder, where the builder makes no difference."""
    return Shop(private_registry, docker_engine, docker_engine.variables(tmp_path / "home"))


@pytest.fixture
def open_shop(open_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path) -> Shop:
    """With the classic builder and a registry from which everybody may pull."""
    return Shop(open_registry, docker_engine, docker_engine.variables(tmp_path / "home"))
