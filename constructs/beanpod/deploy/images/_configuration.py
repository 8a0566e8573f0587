"""A temporary Docker configuration with another login than the user's own, and without a secret in it."""

import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from beanpod.deploy.images._credentials import PASSWORD, USERNAME, Credentials, configuration_folder, read_settings
from beanpod.deploy.images._repository import HUB_KEY
from beanpod.deploy.images._scratch import scratch

_HELPER = "beanpod"
# Docker Hub's login goes by several names, by version of the client.
_HUB_KEYS = (HUB_KEY, "index.docker.io", "docker.io", "registry-1.docker.io")


@contextmanager
def logged_in(environment: Mapping[str, str], credentials: Credentials, key: str) -> Iterator[dict[str, str]]:
    """The environment for docker commands with this login to one registry, until the end of the block.

    key: what Docker's configuration calls the registry. The user's plugins, contexts, builders and other logins stay.
    """
    own = configuration_folder(environment)
    keys = _HUB_KEYS if key == HUB_KEY else (key,)
    with scratch("beanpod-docker-") as temporary:
        _link_all_but_settings(own, temporary)
        settings = _with_helper(read_settings(own), keys)
        (temporary / "config.json").write_text(json.dumps(settings, indent=2))
        programs = _write_helper(temporary)
        yield {
            **environment,
            "DOCKER_CONFIG": str(temporary),
            "PATH": f"{programs}{os.pathsep}{environment.get('PATH', os.defpath)}",
            "BEANPOD_LOGIN_KEYS": " ".join(keys),
            "BEANPOD_DOCKER_CONFIG": str(own),
            USERNAME: credentials.username,
            PASSWORD: credentials.password,
        }


def _with_helper(own: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    # Logins that stand in the user's file in clear go through the helper too, rather than into a second file.
    entries = own.get("auths", {})
    in_clear = [key for key, entry in entries.items() if entry.get("auth") or entry.get("identitytoken")]
    helpers = dict.fromkeys(in_clear, _HELPER) | own.get("credHelpers", {}) | dict.fromkeys(keys, _HELPER)
    return {**own, "auths": {key: {} for key in entries}, "credHelpers": helpers}


def _link_all_but_settings(own: Path, temporary: Path) -> None:
    for entry in own.iterdir() if own.is_dir() else ():
        if entry.name != "config.json":
            (temporary / entry.name).symlink_to(entry.absolute())


def _write_helper(temporary: Path) -> Path:
    programs = temporary / "beanpod-bin"
    programs.mkdir()
    helper = programs / f"docker-credential-{_HELPER}"
    program = Path(__file__).with_name("_helper.py")
    # A line "#!" cannot name an interpreter whose path has a space or is long.
    helper.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -IS {shlex.quote(str(program))} "$@"\n')
    helper.chmod(0o700)
    return programs
