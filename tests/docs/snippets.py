"""Snippets of a manifest in the documentation, completed to whole manifests."""

import tomllib
from pathlib import Path
from typing import Any

from tests.docs.pages import ROOT
from tests.manifests import toml

Tables = dict[str, Any]


def write_manifest(text: str, folder: Path) -> Path:
    """A manifest of the snippet, laid over this repository's own where it has no [service]; its files are there."""
    tables = tomllib.loads(text)
    if "service" not in tables:
        tables = _laid_over(tomllib.loads((ROOT / "beanpod.toml").read_text()), tables)
    for key in ("dockerfile", "compose"):
        if name := tables["service"].get(key):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
    (folder / "Dockerfile").touch()
    manifest = folder / "beanpod.toml"
    manifest.write_text(toml(tables))
    return manifest


def _laid_over(below: Tables, above: Tables) -> Tables:
    both = {
        key: _laid_over(below[key], above[key]) for key in below.keys() & above.keys() if _are_tables(below, above, key)
    }
    return {**below, **above, **both}


def _are_tables(below: Tables, above: Tables, key: str) -> bool:
    return isinstance(below[key], dict) and isinstance(above[key], dict)
