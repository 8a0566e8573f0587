import pytest

from tests.deploy.bundles.compose_command import Compose
from tests.deploy.engine import docker_engine

__all__ = ["docker_engine"]


@pytest.fixture(scope="session")
def compose() -> Compose:
    """`docker compose`; the test is skipped without it, and fails in CI."""
    return Compose()
