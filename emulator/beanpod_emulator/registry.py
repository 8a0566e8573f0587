"""An image registry on this machine: Debian's `docker-registry`, or the image `registry:2`."""

import http.client
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt

from beanpod_emulator.docker_runtime.context import RunResources
from beanpod_emulator.docker_runtime.docker import Docker, DockerError

_LISTENING = re.compile(r"listening on 127\.0\.0\.1:(\d+)")
_START_SECONDS = 60
PROGRAM, IMAGE = "docker-registry", "registry:2"
_CONFIGURATION = "registry.yml"
_IMAGE_PORT = 5000
# It ends with the process that writes to its standard input, also where that is killed.
_GUARDED = 'exec 3<&0; "$@" & server=$!; { read -r _ <&3; kill "$server"; } & wait "$server"'


class NoRegistryError(RuntimeError):
    """There is neither the program nor the image; the message says what to install."""


def find_registry(docker: Docker) -> str:
    """Return which registry can be run: PROGRAM where it is installed, else IMAGE, which is pulled if necessary.

    Raises:
        NoRegistryError: There is none.
    """
    if shutil.which(PROGRAM):
        return PROGRAM
    try:
        if not docker.tries("image", "inspect", IMAGE):
            docker.run("pull", "--quiet", IMAGE)
    except DockerError as error:
        reason = str(error).splitlines()[-1]
        raise NoRegistryError(f"docker pull {IMAGE} failed ({reason}): or install Debian's {PROGRAM}") from error
    return IMAGE


@dataclass(frozen=True)
class LocalRegistry:
    """A running registry.

    Attributes:
        host: Such as localhost:41419.
        username: Of its login, with password; "" if it requires none.
    """

    host: str
    folder: Path
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def login(self) -> dict[str, str]:
        """The login as variables of the deploy command."""
        given = {"DOCKER_USERNAME": self.username, "DOCKER_PASSWORD": self.password}
        return given if self.username else {}

    def digest(self, path: str, tag: str) -> str:
        """Return the digest of a tag in the registry's storage."""
        return self._tag_folder(path).joinpath(tag, "current", "link").read_text()

    def tags(self, path: str) -> list[str]:
        """Return the tags of a repository, sorted."""
        folder = self._tag_folder(path)
        return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []

    def _tag_folder(self, path: str) -> Path:
        return self.folder / "data/docker/registry/v2/repositories" / path / "_manifests/tags"


@contextmanager
def local_registry(folder: Path, *, username: str = "", password: str = "") -> Iterator[LocalRegistry]:
    """Run a registry on a free port of localhost until the end of the block, then remove its images from the engine.

    Args:
        folder: Its files.
        username: Login that it requires, with password. Default: none.

    Raises:
        NoRegistryError: There is neither the program nor the image.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run, address = (_program, "127.0.0.1:0") if find_registry(Docker()) == PROGRAM else (_container, f":{_IMAGE_PORT}")
    (folder / _CONFIGURATION).write_text(_configuration(folder, address, username, password))
    with run(folder) as host:
        try:
            yield LocalRegistry(host, folder, username, password)
        finally:
            forget_images(host)


@contextmanager
def _program(folder: Path) -> Iterator[str]:
    """Run Debian's program, which logs to the file `log`; yield its host."""
    command = ["sh", "-c", _GUARDED, "sh", PROGRAM, "serve", str(folder / _CONFIGURATION)]
    with (
        (folder / "log").open("w") as log,
        # In a session of its own: a push that Ctrl-C interrupts ends before the registry does.
        subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        ) as process,
    ):
        yield f"localhost:{_port(folder / 'log', process)}"


@contextmanager
def _container(folder: Path) -> Iterator[str]:
    """Run the image; yield its host. Of a killed process, `remove_leftovers` removes the container."""
    docker, resources = Docker(), RunResources()
    name = f"beanpod-registry-{secrets.token_hex(4)}"
    try:
        docker.run(
            "run", "--detach", "--name", name, "--label", resources.label, "--user", f"{os.getuid()}:{os.getgid()}",
            "--publish", f"127.0.0.1::{_IMAGE_PORT}", "--volume", f"{folder}:{folder}",
            "--entrypoint", "registry", IMAGE, "serve", str(folder / _CONFIGURATION),
        )  # fmt: skip
        port = docker.run("port", name, str(_IMAGE_PORT)).splitlines()[0].rpartition(":")[2]
        _await_port(int(port))
        yield f"localhost:{port}"
    finally:
        with suppress(DockerError):
            resources.remove(docker)


def _await_port(port: int) -> None:
    """Wait until the registry answers: an open port may be Docker's, with nothing behind it."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_SECONDS)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/v2/")
            connection.getresponse()
            return
        time.sleep(0.1)
    raise RuntimeError(f"the registry did not answer on port {port} within {_START_SECONDS} s")


def forget_images(host: str) -> None:
    """Remove the engine's images that have the registry's name."""
    docker, columns = Docker(), "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"
    with suppress(DockerError, OSError):
        listed = docker.run("images", "--digests", "--format", columns).split()
        names = sorted({name for name in listed if name.startswith(f"{host}/") and "<none>" not in name})
        if names:
            # Removing its last tag removes an image's digest too, which is then not found.
            docker.run("image", "rm", "--force", *names)


def _configuration(folder: Path, address: str, username: str, password: str) -> str:
    auth = ""
    if username:
        # As htpasswd writes it.
        line = f"{username}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(5)).decode()}\n"
        (folder / "users").write_text(line)
        auth = f'auth: {{htpasswd: {{realm: "here", path: "{folder / "users"}"}}}}\n'
    return f"""version: 0.1
storage: {{filesystem: {{rootdirectory: "{folder / "data"}"}}}}
http: {{addr: "{address}", secret: "of this run"}}
{auth}"""


def _port(log: Path, process: "subprocess.Popen[bytes]") -> str:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if match := _LISTENING.search(log.read_text()):
            return match[1]
        time.sleep(0.02)
    raise RuntimeError(f"the registry did not start: {log.read_text()}")
