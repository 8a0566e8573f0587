from collections.abc import Iterator

import pytest

from beanpod.deploy.preflight import Target
from beanpod_emulator import EmbeddedAws
from tests.deploy.rollout.sandbox import UPDATE_SECONDS, Sandbox


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with EmbeddedAws.start(virtual_clock=True) as emulator:
        sandbox = Sandbox(emulator)
        sandbox.prepare()
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """The same emulated AWS for all tests: without faults, at its usual pace, each test with its own environment."""
    running.emulator.clear_faults()
    running.emulator.set_pace(update=UPDATE_SECONDS)
    running.emulator.set_limits(application_versions=1000)
    running.clear_calls()
    return running


@pytest.fixture
def target(sandbox: Sandbox) -> Target:
    """An environment of one instance, Ready with Beanstalk's sample."""
    return sandbox.environment()
