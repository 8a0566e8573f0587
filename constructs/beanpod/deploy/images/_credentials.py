"""The login to a registry: from the environment, else from the user's own Docker configuration."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beanpod.deploy.errors import UsageError
from beanpod.deploy.images._json import read_object
from beanpod.deploy.images._process import Runner, TimedOutError

USERNAME = "DOCKER_USERNAME"
PASSWORD = "DOCKER_PASSWORD"  # noqa: S105 - the name of the variable
_TOKEN_USER = "<token>"  # noqa: S105 - what stands for the user where the password is a refresh token
_HELPER_SECONDS = 30.0


@dataclass(frozen=True)
class Credentials:
    """A login. refresh_token: instead of a password, for registries that gave one out."""

    username: str
    password: str = field(repr=False, default="")
    refresh_token: str = field(repr=False, default="")


def given_credentials(environment: Mapping[str, str]) -> Credentials | None:
    """The login in DOCKER_USERNAME and DOCKER_PASSWORD, None without either. UsageError with only one."""
    # `docker login` takes a line break at the end for none of the password's, too.
    username, password = (environment.get(name, "").rstrip("\r\n") for name in (USERNAME, PASSWORD))
    if not username and not password:
        return None
    if not username or not password:
        given, missing = (USERNAME, PASSWORD) if username else (PASSWORD, USERNAME)
        raise UsageError(f"{given} is set but {missing} is not: set both, or neither to use your own docker login")
    return Credentials(username, password)


def own_credentials(environment: Mapping[str, str], key: str, runner: Runner) -> Credentials | None:
    """The login that `docker login` left for a registry; None without one.

    key: what the configuration calls the registry. Helpers: https://docs.docker.com/reference/cli/docker/login/
    """
    settings = read_settings(configuration_folder(environment))
    helper = settings.get("credHelpers", {}).get(key) or settings.get("credsStore")
    if helper:
        return _from_helper(helper, key, environment, runner)
    return _from_entry(settings.get("auths", {}).get(key, {}))


def configuration_folder(environment: Mapping[str, str]) -> Path:
    """Docker's folder of settings, such as ~/.docker."""
    given = environment.get("DOCKER_CONFIG")
    return Path(given) if given else Path(environment.get("HOME") or Path.home()) / ".docker"


def read_settings(folder: Path) -> dict[str, Any]:
    """Docker's settings; {} without a file. UsageError when the file is broken."""
    path = folder / "config.json"
    if not path.is_file():
        return {}
    settings = read_object(path.read_bytes())
    if not settings and path.read_bytes().strip() != b"{}":
        raise UsageError(f"{path} is no JSON object: mend it, or move it away and run `docker login` again")
    return settings


def _from_entry(entry: Mapping[str, str]) -> Credentials | None:
    try:
        username, _, password = base64.b64decode(entry.get("auth", "")).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    if entry.get("identitytoken"):
        return Credentials(username, refresh_token=entry["identitytoken"])
    return Credentials(username, password.rstrip("\0")) if username else None


def _from_helper(helper: str, key: str, environment: Mapping[str, str], runner: Runner) -> Credentials | None:
    command = [f"docker-credential-{helper}", "get"]
    try:
        finished = runner.run(command, environment=environment, timeout=_HELPER_SECONDS, stdin=key)
    except (OSError, TimedOutError):
        return None
    answer = read_object(finished.stdout) if finished.code == 0 else {}
    username, secret = answer.get("Username", ""), answer.get("Secret", "")
    if username == _TOKEN_USER:
        return Credentials(username, refresh_token=secret)
    return Credentials(username, secret) if username else None
