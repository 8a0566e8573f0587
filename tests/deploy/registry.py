"""The registry of this machine, for tests: skipped where its programs are missing, and failed for that in CI."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator import registry
from emulator.registry import LocalRegistry, NoRegistryError
from tests.deploy.engine import absent

__all__ = ["LocalRegistry", "local_registry"]


@contextmanager
def local_registry(
    folder: Path, *, username: str = "", password: str = "", token_settings: dict[str, str] | None = None
) -> Iterator[LocalRegistry]:
    """As emulator.registry.local_registry; the engine forgets its images in the end."""
    try:
        programs = registry.local_registry(folder, username=username, password=password, token_settings=token_settings)
        with programs as running:
            yield running
            _forget_images(running.host)
    except NoRegistryError as error:
        absent(str(error))


def _forget_images(host: str) -> None:
    names = _docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    # What was pulled by digest alone has no tag; it goes when the engine is pruned.
    if here := [name for name in names if name.startswith(f"{host}/") and not name.endswith(":<none>")]:
        _docker("image", "rm", "--force", *here)


def _docker(*arguments: str) -> str:
    docker = shutil.which("docker")
    if docker is None:
        return ""
    return subprocess.run([docker, *arguments], capture_output=True, text=True, check=False).stdout
