"""Waiting for what another process or thread does: for a condition, and never for a time."""

import errno
import socket
import time
from collections.abc import Callable

# Far more than anything takes on a busy machine.
SECONDS = 600


def wait_until(condition: Callable[[], object], state: Callable[[], object] = lambda: "") -> None:
    """Wait until a condition holds.

    Args:
        condition: It holds once this returns something true.
        state: Returns what a failure shows.

    Raises:
        AssertionError: It does not hold after `SECONDS`.
    """
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, f"not after {SECONDS} s: {state()}"
        time.sleep(0.02)


def nothing_listens_on(port: int) -> bool:
    """Whether a connection to a port of this machine is refused."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
