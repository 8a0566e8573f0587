from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients, Emulators


@pytest.fixture(scope="session")
def emulators() -> Iterator[Emulators]:
    """Return an empty emulator with these options, as EmbeddedAws.start() does, but start each kind only once."""
    with ExitStack() as running:
        started: dict[frozenset[tuple[str, Any]], EmbeddedAws] = {}

        def start(**options: Any) -> EmbeddedAws:
            kind = frozenset(options.items())
            if kind in started:
                started[kind].reset()
            else:
                started[kind] = running.enter_context(EmbeddedAws.start(**options))
            return started[kind]

        yield start


@pytest.fixture(scope="module")
def aws(emulators: Emulators) -> EmbeddedAws:
    return emulators()


@pytest.fixture(scope="module")
def clients(aws: EmbeddedAws) -> Clients:
    return Clients(aws)
