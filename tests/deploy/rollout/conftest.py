from collections.abc import Iterator

import pytest

from beanpod_emulator import EmbeddedAws
from tests.deploy.rollout.ground import UPDATE_SECONDS, Ground


@pytest.fixture(scope="session")
def running() -> Iterator[Ground]:
    with EmbeddedAws.start(virtual_clock=True) as emulator:
        ground = Ground(emulator)
        ground.prepare()
        yield ground


@pytest.fixture
def ground(running: Ground) -> Ground:
    """The same embedded AWS for all tests: without orders, at its usual pace, each test with its own environment."""
    running.emulator.cancel_faults()
    running.emulator.set_pace(update=UPDATE_SECONDS)
    running.emulator.set_limits(application_versions=1000)
    running.forget()
    return running
