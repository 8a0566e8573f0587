"""Docker's command line, its engine's API, and the image of the instances."""

import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlencode, urlsplit

SECONDS = 600
_FOLDER = Path(__file__).parent / "instance_image"
_LABEL = "beanpod.instance-image"
_NAME = "beanpod-instance"
_LOCK = Lock()
_CLOSED = "the emulated AWS is being stopped"
_REMOVALS = (
    (("ps", "--all"), ("rm", "--force", "--volumes")),
    (("network", "ls"), ("network", "rm")),
    (("volume", "ls"), ("volume", "rm", "--force")),
)


class DockerError(Exception):
    """A command failed; the message is its output."""


@dataclass(frozen=True)
class Engine:
    """The engine at an endpoint such as `unix:///var/run/docker.sock` or `tcp://127.0.0.1:2375`."""

    address: str

    @cached_property
    def oldest_api(self) -> str:
        """The oldest version of the API that it supports."""
        return str(self.ask("GET", "/version")[1].get("MinAPIVersion", "1.24"))

    def connect(self) -> socket.socket:
        """Return a connection; OSError if the engine does not respond."""
        parts = urlsplit(self.address)
        if parts.scheme == "unix":
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(parts.path)
            return connection
        if parts.scheme in ("tcp", "http"):
            return socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 2375))
        raise OSError(f"instances need an engine on this machine, not {self.address}")

    def client(self) -> http.client.HTTPConnection:
        """Return a connection for one request."""
        client = http.client.HTTPConnection("docker")
        client.sock = self.connect()
        return client

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return the status and the JSON document of a response."""
        client = self.client()
        client.sock.settimeout(SECONDS)
        try:
            data = None if body is None else json.dumps(body)
            client.request(method, path, data, {"Content-Type": "application/json", "Connection": "close"})
            answer = client.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text.strip() else None
        finally:
            client.close()


class Docker:
    """Runs docker commands, until close()."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = Lock()
        self._closed = False

    def run(self, *arguments: str, **variables: str) -> str:
        """Return the output of `docker ARGUMENTS`, run with further variables; DockerError if it fails."""
        return self._run(("docker", *arguments), variables)

    def tries(self, *arguments: str) -> bool:
        """Return whether `docker ARGUMENTS` succeeds, such as the removal of what may not exist."""
        with suppress(DockerError):
            self.run(*arguments)
            return True
        return False

    def remove_labelled(self, *labels: str, volumes: bool = True) -> int:
        """Remove the containers, networks and volumes that have all of these labels; return how many there were."""
        filters = tuple(item for label in labels for item in ("--filter", f"label={label}"))
        count = 0
        for listing, removal in _REMOVALS if volumes else _REMOVALS[:2]:
            if found := self.run(*listing, "--quiet", *filters).split():
                self.tries(*removal, *found)
                count += len(found)
        return count

    def shell(self, script: str, *arguments: str) -> str:
        """As run(), for a shell script with arguments."""
        return self._run(("sh", "-c", script, "sh", *arguments), {})

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start `docker ARGUMENTS`, with pipes to its standard input and outputs, until end()."""
        return self._start(("docker", *arguments), {}, subprocess.PIPE)

    def end(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill a command."""
        with process:
            _kill(process)
        with self._lock:
            self._running.discard(process)

    def _run(self, command: tuple[str, ...], variables: Mapping[str, str]) -> str:
        process = self._start(command, variables, subprocess.DEVNULL)
        try:
            printed, errors = (text.decode(errors="replace") for text in process.communicate(timeout=SECONDS))
        except subprocess.TimeoutExpired:
            raise DockerError(f"{command[0]} did not end within {SECONDS} s") from None
        finally:
            self.end(process)
        if process.returncode:
            raise DockerError((errors.strip() or printed.strip()) or f"{command[0]} ended with {process.returncode}")
        return printed.strip()

    @cached_property
    def engine(self) -> Engine:
        """The engine that these commands use, from DOCKER_HOST or the current context."""
        return Engine(
            os.environ.get("DOCKER_HOST") or self.run("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
        )

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Return the response to a request of the Engine API. It takes a tenth of what a command takes.

        Raises:
            DockerError: It fails.
        """
        if self._closed:
            raise DockerError(_CLOSED)
        try:
            status, answer = self.engine.ask(method, f"{path}?{urlencode(query)}", body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DockerError(f"the engine does not answer: {error}") from error
        if status >= http.client.BAD_REQUEST:
            raise DockerError(str(answer["message"]))
        return answer

    def inspect(self, container: str) -> dict[str, Any]:
        """Return what `docker inspect` shows of a container; DockerError if it does not exist."""
        shown: dict[str, Any] = self.ask("GET", f"/containers/{container}/json")
        return shown

    def containers(self, *labels: str) -> list[dict[str, Any]]:
        """Return the containers that have all of these labels, ended ones included, as the Engine API lists them."""
        found: list[dict[str, Any]] = self.ask(
            "GET", "/containers/json", all="1", filters=json.dumps({"label": labels})
        )
        return found

    def close(self) -> None:
        """Kill running commands, and start no more."""
        with self._lock:
            self._closed = True
            running = set(self._running)
        for process in running:
            _kill(process)
            process.wait()

    def _start(self, command: tuple[str, ...], variables: Mapping[str, str], stdin: int) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._closed:
                raise DockerError(_CLOSED)
            process = subprocess.Popen(  # noqa: S603
                command,
                env={**os.environ, **variables},
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            self._running.add(process)
        return process


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


class NoEngineError(RuntimeError):
    """No Docker engine responds."""


def find_engine() -> Docker:
    """Return Docker's command line; NoEngineError if no engine responds."""
    docker = Docker()
    try:
        docker.run("version", "--format", "{{.Server.Version}}")
    except (DockerError, OSError) as error:
        reason = " ".join(str(error).split())
        raise NoEngineError(f"Docker does not respond: start it first ({reason})") from error
    return docker


def instance_image(docker: Docker) -> str:
    """Return the name of the instances' image, built if it does not exist; DockerError if that fails.

    Building removes its earlier versions. It needs Docker Hub's debian:bookworm-slim, Debian's packages and PyPI.
    """
    with _LOCK:
        name = f"{_NAME}:{_hash()}"
        if not docker.tries("image", "inspect", name):
            _build(docker, name)
        return name


def _build(docker: Docker, name: str) -> None:
    print(f"emulator: building {name}, once: it takes a minute or two", file=sys.stderr, flush=True)  # noqa: T201
    command = ("build", "--quiet", "--label", f"{_LABEL}=1", "--tag", name, str(_FOLDER))
    try:
        # Docker's classic builder fails while another process removes images from the engine.
        if not docker.tries(*command):
            docker.run(*command)
    except DockerError as error:
        lines = str(error).splitlines()[-3:]
        raise DockerError(f"the image of the instances cannot be built on {_FOLDER}: {' '.join(lines)}") from error
    form = "{{.Repository}}:{{.Tag}}"
    for other in docker.run("images", "--filter", f"label={_LABEL}", "--format", form).split():
        if other != name:
            docker.tries("image", "rm", other)


def _hash() -> str:
    """Return a hash of the image's build context."""
    files = sorted(path for path in _FOLDER.rglob("*") if path.is_file())
    parts = (str(path.relative_to(_FOLDER)).encode() + b"\0" + path.read_bytes() for path in files)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
