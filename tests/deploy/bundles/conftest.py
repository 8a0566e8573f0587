import pytest

from tests.deploy.bundles.compose_command import Compose


@pytest.fixture(scope="session")
def compose() -> Compose:
    """`docker compose`; the test is skipped without it, and fails in CI."""
    return Compose()
