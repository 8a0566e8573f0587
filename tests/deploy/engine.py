"""The Docker engine of this machine, for the tests that run real builds and pushes.

Without one they are skipped, with the reason; on a CI machine, which has one, they fail.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from beanpod.deploy.images import Platform
from beanpod_emulator.registry import forget_images

# From 23 on the client builds with BuildKit through buildx alone; before, it had BuildKit in itself.
_FIRST_WITHOUT_BUILDKIT = 23
_SECONDS = 300
# As beanpod.deploy.images knows them.
_IMAGE_REMOVED = re.compile(r'unable to find image "sha256:|unknown parent image ID', re.IGNORECASE)


@dataclass(frozen=True)
class Engine:
    """An engine that answers. platform: its own.

    buildkit: variables that make its clients build with BuildKit, None where none of them can.
    """

    platform: Platform
    buildkit: dict[str, str] | None

    def variables(self, home: Path) -> dict[str, str]:
        """What a docker command needs, with a home of its own: no login of the person who runs the tests."""
        passed = {name: value for name in ("DOCKER_HOST", "DOCKER_CONTEXT") if (value := os.environ.get(name))}
        return {"PATH": os.environ["PATH"], "HOME": str(home), "DOCKER_BUILDKIT": "0", **passed}

    def run(self, *arguments: str) -> str:
        """What a docker command prints."""
        return run_command("docker", *arguments).stdout

    def remove_images(self, host: str) -> None:
        """Remove the images that were made for a registry which is not one of local_registry, by their names."""
        forget_images(host)


@pytest.fixture(scope="session")
def docker_engine() -> Engine:
    """The engine; the test is skipped without one, and fails in CI."""
    platform = (
        run_command("docker", "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}") if _found("docker") else None
    )
    if platform is None or platform.returncode:
        absent("no Docker engine answers")
    return Engine("linux/arm64" if "arm64" in platform.stdout else "linux/amd64", _buildkit())


def absent(reason: str) -> NoReturn:
    """Skip the test for what this machine lacks; fail where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _buildkit() -> dict[str, str] | None:
    if run_command("docker", "buildx", "version").returncode == 0:
        return {"DOCKER_BUILDKIT": "1"}
    for folder in os.get_exec_path():
        client = Path(folder) / "docker"
        if client.is_file() and _has_buildkit(client):
            return {"DOCKER_BUILDKIT": "1", "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    return None


def _has_buildkit(client: Path) -> bool:
    version = re.match(r"\d+", run_command(str(client), "version", "--format", "{{.Client.Version}}").stdout)
    return version is not None and int(version[0]) < _FIRST_WITHOUT_BUILDKIT


def _found(program: str) -> bool:
    return shutil.which(program) is not None


def run_command(
    *command: str, environment: Mapping[str, str] | None = None, cwd: Path | None = None, stdin: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end; once more if Docker's classic builder failed because another test removed an image."""
    for _ in range(2):
        ended = subprocess.run(
            command,
            env=environment,
            cwd=cwd,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if not _IMAGE_REMOVED.search(ended.stdout + ended.stderr):
            break
    return ended
