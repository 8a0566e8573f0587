"""The registry of this machine, for tests: skipped where its programs are missing, and failed for that in CI."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beanpod_emulator import registry
from beanpod_emulator.registry import LocalRegistry, NoRegistryError
from tests.deploy.engine import absent

__all__ = ["LocalRegistry", "local_registry"]


@contextmanager
def local_registry(folder: Path, *, username: str = "", password: str = "") -> Iterator[LocalRegistry]:
    """As beanpod_emulator.registry.local_registry."""
    try:
        with registry.local_registry(folder, username=username, password=password) as running:
            yield running
    except NoRegistryError as error:
        absent(str(error))
