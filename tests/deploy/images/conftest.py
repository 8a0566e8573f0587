from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import uuid4

import pytest

from beanpod.deploy.images import Docker, Registry
from tests.deploy.engine import Engine, absent, docker_engine
from tests.deploy.images.recorder import Recorder, StillClock
from tests.deploy.registry import LocalRegistry, local_registry

__all__ = ["docker_engine"]

Connect = Callable[..., AbstractContextManager[tuple[Docker, Registry]]]


@pytest.fixture(scope="session")
def private_registry(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRegistry]:
    """A registry that wants a login for everything, as Docker Hub does for a private repository."""
    folder = tmp_path_factory.mktemp("private")
    with local_registry(folder, username="ada", password=f"planted-{uuid4().hex}") as registry:
        yield registry


@pytest.fixture(scope="session")
def open_registry(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRegistry]:
    """A registry from which everybody may pull."""
    with local_registry(tmp_path_factory.mktemp("open")) as registry:
        yield registry


@pytest.fixture
def report() -> Recorder:
    return Recorder()


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture(params=["classic", "buildkit"])
def variables(request: pytest.FixtureRequest, docker_engine: Engine, tmp_path: Path) -> dict[str, str]:
    """What docker commands run with, for each builder of this machine."""
    plain = docker_engine.variables(tmp_path / "home")
    if request.param == "classic":
        return plain
    if docker_engine.buildkit is None:
        absent("no client of this machine has BuildKit")
    return plain | docker_engine.buildkit
