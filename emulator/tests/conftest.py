from collections.abc import Iterator

import pytest

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws.start() as running:
        yield running


@pytest.fixture(scope="module")
def clients(aws: EmbeddedAws) -> Clients:
    return Clients(aws)
