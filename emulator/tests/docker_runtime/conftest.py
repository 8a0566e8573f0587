from collections.abc import Iterator

import pytest

from beanpod_emulator import EmbeddedAws
from emulator.tests.docker_runtime.shop import Shop
from tests.deploy.engine import Engine, docker_engine
from tests.deploy.registry import local_registry

__all__ = ["docker_engine"]


@pytest.fixture(scope="module")
def shop(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """An application in an embedded AWS with Docker, and versions of it in a registry."""
    folder = tmp_path_factory.mktemp("shop")
    with local_registry(folder / "registry") as registry, EmbeddedAws.start(docker=True) as aws:
        aws.set_pace(watch=3)
        yield Shop.open(aws, registry, docker_engine, folder)
