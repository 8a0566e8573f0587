"""The real `docker compose`, which judges the compose files that the deploy script makes."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.engine import absent

# `docker` starts the plugin twice, the first time for its metadata, and each bundle asks for the version.
_DIRECT = """#!/bin/sh
[ "$1" = compose ] || exec {docker} "$@"
[ "$*" != "compose version --short" ] || {{ echo {version}; exit; }}
shift
exec {compose} "$@"
"""


@pytest.fixture(scope="session", autouse=True)
def direct_compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`docker compose` starts Compose directly, which halves the time of tests that make bundles."""
    docker, command = shutil.which("docker"), ["docker", "info", "--format", "{{json .ClientInfo.Plugins}}"]
    listed = subprocess.run(command, capture_output=True, check=False).stdout if docker else b""
    with pytest.MonkeyPatch.context() as patch:
        for plugin in json.loads(listed.strip() or "null") or ():
            if plugin["Name"] == "compose":
                shim = tmp_path_factory.mktemp("bin") / "docker"
                shim.write_text(_DIRECT.format(docker=docker, compose=plugin["Path"], version=plugin["Version"]))
                shim.chmod(0o755)
                patch.setenv("PATH", str(shim.parent), prepend=os.pathsep)
        yield


def require_compose() -> None:
    """Skip the test without `docker compose`, which reads compose files for bundles; fail in CI."""
    if not _is_installed():
        absent("there is no docker compose")


@cache
def _is_installed() -> bool:
    program = shutil.which("docker")
    return program is not None and subprocess.run([program, "compose", "version"], capture_output=True).returncode == 0


class Compose:
    """Runs `docker compose` in a folder; it needs no engine to read files."""

    def __init__(self) -> None:
        require_compose()
        self._command = [shutil.which("docker") or "", "compose"]
        # The plugin may lie in the home of whoever runs the tests.
        self._variables = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}

    def config(self, folder: Path, *files: str) -> Any:
        """The project that the files of the folder say, in order."""
        options = [option for file in files for option in ("--file", file)]
        done = self._run(folder, *options, "config", "--format", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def run(self, folder: Path, *arguments: str) -> str:
        """What a command of compose prints."""
        done = self._run(folder, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _run(self, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        # On the instance Beanstalk sets it.
        variables = self._variables | {"EB_LOG_BASE_DIR": str(folder / "logs")}
        return subprocess.run(
            [*self._command, *arguments],
            cwd=folder,
            env=variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
