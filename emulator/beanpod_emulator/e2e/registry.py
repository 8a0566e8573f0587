"""An image registry on this machine: Debian's `docker-registry serve`."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from beanpod_emulator.docker_runtime.docker import Docker, DockerError

_LISTENING = re.compile(r"listening on 127\.0\.0\.1:(\d+)")
_UPLOAD = re.compile(r'"(?:POST|PUT|PATCH) /v2/')
_READ = re.compile(r'"(?:GET|HEAD) /v2/')
_START_SECONDS = 60
_STOP_SECONDS = 60


class NoRegistryError(RuntimeError):
    """A required program is not installed; the message names it."""


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

    @property
    def log(self) -> str:
        """The log so far."""
        return (self.folder / "log").read_text()

    def uploads(self) -> int:
        """Return how many requests that write it has served."""
        return len(_UPLOAD.findall(self.log))

    def looks(self) -> int:
        """Return how many requests that read it has served."""
        return len(_READ.findall(self.log))

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
def local_registry(
    folder: Path, *, username: str = "", password: str = "", token_settings: dict[str, str] | None = None
) -> Iterator[LocalRegistry]:
    """Run a registry on a free port of localhost until the end of the block, then remove its images from the engine.

    Args:
        folder: Its storage.
        username: Login that it requires, with password. Default: none.
        token_settings: Its "auth.token" section, in the place of a login.

    Raises:
        NoRegistryError: docker-registry or htpasswd is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "registry.yml"
    configuration.write_text(_configuration(folder, _auth(folder, username, password, token_settings)))
    command = [_program("docker-registry"), "serve", str(configuration)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603
    try:
        host = f"localhost:{_port(folder / 'log', process)}"
        try:
            yield LocalRegistry(host, folder, username, password)
        finally:
            forget_images(host)
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)


def forget_images(host: str) -> None:
    """Remove the engine's images that have the registry's name."""
    docker, columns = Docker(), "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"
    with suppress(DockerError, OSError):
        listed = docker.run("images", "--digests", "--format", columns).split()
        names = sorted({name for name in listed if name.startswith(f"{host}/") and "<none>" not in name})
        if names:
            # Removing its last tag removes an image's digest too, which is then not found.
            docker.run("image", "rm", "--force", *names)


def _configuration(folder: Path, auth: str) -> str:
    return f"""version: 0.1
storage: {{filesystem: {{rootdirectory: "{folder / "data"}"}}}}
http: {{addr: "127.0.0.1:0", secret: "of this run"}}
{auth}"""


def _auth(folder: Path, username: str, password: str, token_settings: dict[str, str] | None) -> str:
    if token_settings:
        return f"auth: {{token: {json.dumps(token_settings)}}}\n"
    if not username:
        return ""
    users = folder / "users"
    command = [_program("htpasswd"), "-B", "-i", "-n", username]
    made = subprocess.run(command, input=password, capture_output=True, text=True, check=True)  # noqa: S603
    users.write_text(made.stdout)
    return f'auth: {{htpasswd: {{realm: "here", path: "{users}"}}}}\n'


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NoRegistryError(f"{name} is not installed: on Debian, install docker-registry and apache2-utils")
    return found


def _port(log: Path, process: "subprocess.Popen[bytes]") -> str:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if match := _LISTENING.search(log.read_text()):
            return match[1]
        time.sleep(0.02)
    raise RuntimeError(f"the registry did not start: {log.read_text()}")
