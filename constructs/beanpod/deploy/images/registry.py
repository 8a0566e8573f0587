"""A registry, by way of the docker command: the login, what it holds, and who may pull from it."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from beanpod.deploy.errors import BuildError, UsageError
from beanpod.deploy.images import commands
from beanpod.deploy.images.docker import RATE_LIMIT, Docker, checked, failure
from beanpod.deploy.images.process import temporary_folder

USERNAME = "DOCKER_USERNAME"
PASSWORD = "DOCKER_PASSWORD"  # noqa: S105 - the name of the variable

# Logins in the form of config.json, which Docker's client prefers to that: docker/cli, cli/config/configfile/file.go.
_LOGINS = "DOCKER_AUTH_CONFIG"
_HUB = "docker.io"
# The key of Docker Hub's login in Docker's configuration.
HUB_KEY = "https://index.docker.io/v1/"
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3})(?::[0-9]+)?")
_LOGIN_REFUSED = re.compile(r"unauthorized|denied|incorrect username", re.IGNORECASE)
# What `docker manifest inspect` prints for an HTTP status 401, 403 or 404; a registry may answer with any of them
# for an image that is private and for one that does not exist.
_NO_ACCESS = re.compile(r"(?:^|: )(?:denied|unauthorized)\b|no basic auth credentials|no such manifest: ", re.MULTILINE)


@dataclass(frozen=True)
class Repository:
    """A repository such as "ada/guestbook" on Docker Hub or "localhost:5000/guestbook"."""

    name: str

    @classmethod
    def of_image(cls, image: str) -> "tuple[Repository, str]":
        """Return the repository of an image, and its digest, or else its tag, or else "latest"."""
        name, _, digest = image.partition("@")
        head, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        return cls(f"{head}{slash}{last}"), digest or tag or "latest"

    def __str__(self) -> str:
        return self.name

    @property
    def host(self) -> str:
        """The registry: "docker.io", or the part before the first slash if it has a dot or a port."""
        first, slash, _ = self.name.partition("/")
        return first if slash and ("." in first or ":" in first or first == "localhost") else _HUB

    @property
    def registry(self) -> str:
        """The registry's name in messages."""
        return self.login_host or "Docker Hub"

    @property
    def path(self) -> str:
        """The repository inside the registry, such as library/redis."""
        path = self.name.removeprefix(f"{self.host}/")
        return f"library/{path}" if self.host == _HUB and "/" not in path else path

    @property
    def is_official(self) -> bool:
        """Whether it is one of Docker's own images, which everybody may pull."""
        return self.host == _HUB and self.path.startswith("library/")

    @property
    def login_host(self) -> str | None:
        """The registry as `docker login` expects it: None for Docker Hub."""
        return None if self.host == _HUB else self.host

    @property
    def login_key(self) -> str:
        """The registry's key in Docker's configuration."""
        return self.login_host or HUB_KEY

    @property
    def is_local(self) -> bool:
        """Whether the registry runs on this machine, where Docker does without TLS."""
        return _LOOPBACK.fullmatch(self.host) is not None


@dataclass(frozen=True)
class Credentials:
    """A login."""

    username: str
    password: str = field(repr=False)


def given_credentials(environment: Mapping[str, str]) -> Credentials | None:
    """Return the login in DOCKER_USERNAME and DOCKER_PASSWORD; None without either. UsageError with only one."""
    # `docker login` removes a line break at the end of the password, too.
    username, password = (environment.get(name, "").rstrip("\r\n") for name in (USERNAME, PASSWORD))
    if username and password:
        return Credentials(username, password)
    if not username and not password:
        return None
    given, missing = (USERNAME, PASSWORD) if username else (PASSWORD, USERNAME)
    raise UsageError(f"{given} is set but {missing} is not: set both, or neither to use your own docker login")


def log_in(docker: Docker, repository: Repository, credentials: Credentials) -> None:
    """Run `docker login`. Raises UsageError if the registry refuses the login, BuildError if it does not answer."""
    aim = f"logging in to {repository.registry}"
    command = commands.login(credentials.username, repository.login_host)
    finished = docker.run(command, aim, stdin=credentials.password)
    if finished.code and _LOGIN_REFUSED.search("\n".join(finished.lines)):
        raise UsageError(
            f"{repository.registry} refuses the login of {credentials.username}: "
            "check DOCKER_USERNAME and DOCKER_PASSWORD"
        )
    checked(finished, aim)


@contextmanager
def temporary_configuration(environment: Mapping[str, str], repository: Repository) -> Iterator[dict[str, str]]:
    """Copy Docker's configuration for a login that does not change the user's own, as docker/login-action does.

    The user's plugins, contexts, builders and other logins are found in the copy, too.

    Args:
        environment: The variables; DOCKER_CONFIG or HOME names Docker's configuration.
        repository: Its registry's login is kept in the copy's config.json, and in no credential store or variable.

    Yields:
        The variables for docker commands.
    """
    own, settings = read_configuration(environment)
    with temporary_folder("beanpod-docker-") as folder:
        for entry in own.iterdir() if own.is_dir() else ():
            if entry.name != "config.json":
                (folder / entry.name).symlink_to(entry.absolute())
        # No helper for a registry means: into this file, not into the store of credsStore or of the platform.
        helpers = {**(settings.get("credHelpers") or {}), repository.login_key: ""}
        _write_settings(folder, {**settings, "credHelpers": helpers})
        variables = {name: value for name, value in environment.items() if name not in (USERNAME, PASSWORD)}
        if logins := variables.get(_LOGINS):
            variables[_LOGINS] = _without(logins, repository.login_key)
        yield {**variables, "DOCKER_CONFIG": str(folder)}


def _without(logins: str, key: str) -> str:
    """Return DOCKER_AUTH_CONFIG without a registry's login; what Docker cannot read either stays as it is."""
    try:
        settings = json.loads(logins)
        auths = {name: login for name, login in settings["auths"].items() if name != key}
    except (ValueError, LookupError, TypeError, AttributeError):
        return logins
    return json.dumps({**settings, "auths": auths})


def read_configuration(environment: Mapping[str, str]) -> tuple[Path, dict[str, Any]]:
    """Return the folder of Docker's configuration, and its config.json. Raises UsageError if it cannot be read."""
    given = environment.get("DOCKER_CONFIG")
    folder = Path(given) if given else Path(environment.get("HOME") or Path.home()) / ".docker"
    path = folder / "config.json"
    try:
        settings = json.loads(path.read_bytes()) if path.is_file() else {}
    except OSError as error:
        remedy = f'run `sudo chown -R "$USER" {path.parent}`, or set HOME or DOCKER_CONFIG to a folder of yours'
        raise UsageError(f"{path} cannot be read: {error.strerror}: {remedy}") from error
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise UsageError(f"{path} is not a JSON object: correct it, or move it away and run `docker login` again")
    return folder, settings


def _write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    path = folder / "config.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(settings))


def published_digest(docker: Docker, image: str, image_id: str) -> str | None:
    """Return the digest under which an image is in its registry; None where it is not, or this cannot be found out.

    Args:
        docker: With a login that can read.
        image: Its name with a tag.
        image_id: The engine's id: the digest of the configuration, or of the manifest in the containerd image store.
    """
    repository, _ = Repository.of_image(image)
    finished = docker.retry(commands.manifest_inspect(image, insecure=repository.is_local), f"looking up {image}")
    try:
        found = json.loads(finished.stdout) if finished.code == 0 else {}
    except ValueError:
        found = {}
    # It is a list for an index.
    if not isinstance(found, dict):
        return None
    digest = found.get("Descriptor", {}).get("digest")
    manifest = found.get("SchemaV2Manifest") or found.get("OCIManifest") or {}
    return digest if image_id in (digest, manifest.get("config", {}).get("digest")) else None


def is_public(docker: Docker, image: str) -> bool:
    """Whether everybody may pull an image: `docker manifest inspect` without a login.

    Docker Hub counts it as a pull of each of the image's platforms.

    Args:
        docker: A login in its variables is not used.
        image: Its name, with a tag or a digest.

    Returns:
        False where the image is private or does not exist.

    Raises:
        BuildError: It cannot be found out.
    """
    repository, reference = Repository.of_image(image)
    name = f"{repository}{'@' if ':' in reference else ':'}{reference}"
    aim = f"looking up {name} without a login"
    with temporary_folder("beanpod-docker-") as folder:
        # Without any entry Docker would look into the platform's credential store.
        _write_settings(folder, {"auths": {repository.login_key: {}}})
        variables = {key: value for key, value in docker.environment.items() if not key.startswith("DOCKER_")}
        variables["DOCKER_CONFIG"] = str(folder)
        anonymous = replace(docker, environment=variables)
        # Without TLS too, as nothing secret is sent.
        finished = anonymous.retry(commands.manifest_inspect(name, insecure=True), aim)
    if finished.code and not _NO_ACCESS.search("\n".join(finished.lines)):
        error = failure(aim, finished)
        if RATE_LIMIT in str(error):
            # No login would change it: none is used.
            reason = "the registry's rate limit for this address is reached (429)"
            raise BuildError(f"{aim} failed: {reason}", causes=error.causes)
        raise error
    return finished.code == 0
