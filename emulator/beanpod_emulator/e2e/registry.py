"""A real image registry on this machine: Debian's `docker-registry serve`, which knows logins and digests."""

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
    """A program that it takes is not here; the message names it."""


@dataclass(frozen=True)
class LocalRegistry:
    """A running registry. host: such as localhost:41419. username, password: its login, "" where it is open."""

    host: str
    folder: Path
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def login(self) -> dict[str, str]:
        """The variables with which the deploy script logs in."""
        given = {"DOCKER_USERNAME": self.username, "DOCKER_PASSWORD": self.password}
        return given if self.username else {}

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return (self.folder / "log").read_text()

    def uploads(self) -> int:
        """How many requests that send something it has served."""
        return len(_UPLOAD.findall(self.log))

    def looks(self) -> int:
        """How many requests that only read it has served."""
        return len(_READ.findall(self.log))

    def digest(self, path: str, tag: str) -> str:
        """The digest a tag has in the registry's own storage."""
        return self._tag_folder(path).joinpath(tag, "current", "link").read_text()

    def tags(self, path: str) -> list[str]:
        """The tags of a repository, sorted."""
        folder = self._tag_folder(path)
        return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []

    def _tag_folder(self, path: str) -> Path:
        return self.folder / "data/docker/registry/v2/repositories" / path / "_manifests/tags"


@contextmanager
def local_registry(
    folder: Path, *, username: str = "", password: str = "", token_settings: dict[str, str] | None = None
) -> Iterator[LocalRegistry]:
    """A registry on a free port of localhost, with its storage in `folder`, until the end of the block.

    The engine, if there is one, forgets its images then.
    username, password: whom it lets in. Default: everybody. token_settings: its "auth.token" section, instead.
    Raises NoRegistryError without the programs.
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
    """Have the engine forget the images of a registry, by their names: what others call by another stays."""
    docker, columns = Docker(), "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"
    with suppress(DockerError, OSError):
        listed = docker.run("images", "--digests", "--format", columns).split()
        names = sorted({name for name in listed if name.startswith(f"{host}/") and "<none>" not in name})
        if names:
            # With its last tag an image's digest goes, too, and is then missed: no reason to complain.
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
        raise NoRegistryError(f"there is no program {name}: on Debian, install docker-registry and apache2-utils")
    return found


def _port(log: Path, process: "subprocess.Popen[bytes]") -> str:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if match := _LISTENING.search(log.read_text()):
            return match[1]
        time.sleep(0.02)
    raise RuntimeError(f"the registry did not start: {log.read_text()}")
