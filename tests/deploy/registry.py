"""The registry of this machine, for tests: skipped where its programs are missing, and failed for that in CI."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from beanpod_emulator import registry
from beanpod_emulator.registry import LocalRegistry, NoRegistryError
from tests.deploy.engine import absent
from tests.wheels import ROOT, once

__all__ = ["LocalRegistry", "local_registry"]
_MOST_BYTES = 1_000_000_000


@contextmanager
def local_registry(folder: Path, *, username: str = "", password: str = "") -> Iterator[LocalRegistry]:
    """As beanpod_emulator.registry.local_registry."""
    try:
        with registry.local_registry(folder, username=username, password=password) as running:
            yield running
    except NoRegistryError as error:
        absent(str(error))


@pytest.fixture(scope="session")
def pushed_layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that keeps what Docker has pushed: to compress the layers of a base image takes it 10 to 30 s."""
    kept = ROOT / "build/pushed-layers"

    def tidy(_: Path) -> None:
        if sum(blob.stat().st_size for blob in kept.glob("blobs/**/data")) > _MOST_BYTES:
            shutil.rmtree(kept)
        (kept / "blobs").mkdir(parents=True, exist_ok=True)

    once(tmp_path_factory, "pushed-layers", tidy)
    return kept


def share_layers(storage: Path, pushed_layers: Path, repository: str) -> Path:
    """Make a registry's storage in which a repository has the layers of others already, and return it."""
    root = storage / "docker/registry/v2"
    (root / "repositories" / repository).mkdir(parents=True)
    (root / "blobs").symlink_to(pushed_layers / "blobs")
    (root / "repositories" / repository / "_layers").symlink_to(pushed_layers)
    return storage
