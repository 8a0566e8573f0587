from __future__ import annotations

from pathlib import Path

import pytest

from beanpod.manifest import Manifest, ManifestError
from tests.manifests import Finder, Reader


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a Dockerfile and a compose file, which manifests may name."""
    (tmp_path / "Dockerfile").touch()
    (tmp_path / "compose.yaml").touch()
    return tmp_path


@pytest.fixture
def read(folder: Path) -> Reader:
    """Reads a manifest's text."""

    def read(text: str) -> Manifest:
        file = folder / "beanpod.toml"
        file.write_text(text, encoding="utf-8")
        return Manifest.read(file, build_files=True)

    return read


@pytest.fixture
def problems(read: Reader) -> Finder:
    """The problems of a manifest's text."""

    def problems(text: str) -> list[str]:
        with pytest.raises(ManifestError) as caught:
            read(text)
        return list(caught.value.problems)

    return problems
