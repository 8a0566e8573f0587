"""Runs docker commands, and ends them with the run they belong to."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from threading import Lock

_SECONDS = 600


class DockerError(Exception):
    """A command failed; the message is what it said."""


class Docker:
    """Docker's command line. environment: its variables. Default: this process's."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = Lock()
        self._closed = False

    def run(self, *arguments: str, **variables: str) -> str:
        """What `docker ARGUMENTS` prints; DockerError when it fails. variables: besides the own ones."""
        return self.command(("docker", *arguments), self._environment | variables)

    def tries(self, *arguments: str) -> bool:
        """Whether `docker ARGUMENTS` succeeds: for what may be gone already."""
        with suppress(DockerError):
            self.run(*arguments)
            return True
        return False

    def send(self, data: bytes, *arguments: str) -> str:
        """The same as run(), with something to read on its standard input."""
        return self.command(("docker", *arguments), self._environment, data)

    def command(self, command: tuple[str, ...], environment: Mapping[str, str], data: bytes | None = None) -> str:
        """The same for any command; both of its streams are what it said when it fails. data: what it reads."""
        process = self._start(command, environment, subprocess.DEVNULL if data is None else subprocess.PIPE)
        try:
            printed, errors = (text.decode(errors="replace") for text in process.communicate(data, _SECONDS))
        except subprocess.TimeoutExpired:
            _kill(process)
            process.communicate()
            raise DockerError(f"{command[0]} did not end within {_SECONDS} s") from None
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode:
            raise DockerError((errors.strip() or printed.strip()) or f"{command[0]} ended with {process.returncode}")
        return printed.strip()

    @cached_property
    def host(self) -> str:
        """Where the engine listens that these commands reach, whatever the user's context is called."""
        return self._environment.get("DOCKER_HOST") or self.run(
            "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"
        )

    def close(self) -> None:
        """Kill what runs, and start nothing more."""
        with self._lock:
            self._closed = True
            running = set(self._running)
        for process in running:
            _kill(process)
            process.wait()

    def _start(self, command: tuple[str, ...], environment: Mapping[str, str], stdin: int) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._closed:
                raise DockerError("the embedded AWS is being stopped")
            process = subprocess.Popen(  # noqa: S603
                command,
                env=environment,
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
    """There is none."""


def find_engine() -> Docker:
    """Docker's command line, if an engine answers it. Raises NoEngineError if not."""
    docker = Docker()
    try:
        docker.run("version", "--format", "{{.Server.Version}}")
    except (DockerError, OSError) as error:
        said = " ".join(str(error).split())
        raise NoEngineError(f"machines need Docker, and it does not answer: start it first ({said})") from error
    return docker


_FOLDER = Path(__file__).parent / "instance_image"
_LABEL = "beanpod.instance-image"
_NAME = "beanpod-instance"
_LOCK = Lock()


def instance_image(docker: Docker) -> str:
    """The image's name, built if it is not there yet. Raises DockerError when that fails.

    Earlier versions of it go then. It needs Docker Hub's debian:bookworm-slim, Debian's packages and PyPI.
    """
    with _LOCK:
        name = f"{_NAME}:{_hash()}"
        if not docker.tries("image", "inspect", name):
            _build(docker, name)
        return name


def _build(docker: Docker, name: str) -> None:
    print(f"emulator: building {name}, once: it takes a minute or two", file=sys.stderr, flush=True)  # noqa: T201
    try:
        docker.run("build", "--quiet", "--label", f"{_LABEL}=1", "--tag", name, str(_FOLDER))
    except DockerError as error:
        lines = str(error).splitlines()[-3:]
        raise DockerError(f"the image of the instances cannot be built on {_FOLDER}: {' '.join(lines)}") from error
    form = "{{.Repository}}:{{.Tag}}"
    for other in docker.run("images", "--filter", f"label={_LABEL}", "--format", form).split():
        if other != name:
            docker.tries("image", "rm", other)


def _hash() -> str:
    """Of everything it is built from."""
    files = sorted(path for path in _FOLDER.rglob("*") if path.is_file())
    parts = (str(path.relative_to(_FOLDER)).encode() + b"\0" + path.read_bytes() for path in files)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
