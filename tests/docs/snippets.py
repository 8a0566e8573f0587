"""Snippets of a manifest in the documentation, completed to whole manifests."""

import json
import tomllib
from pathlib import Path
from typing import Any

from tests.docs.pages import ROOT

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
    manifest.write_text("".join(f"{json.dumps(key)} = {_toml(value)}\n" for key, value in tables.items()))
    return manifest


def _laid_over(below: Tables, above: Tables) -> Tables:
    both = {
        key: _laid_over(below[key], above[key]) for key in below.keys() & above.keys() if _are_tables(below, above, key)
    }
    return {**below, **above, **both}


def _are_tables(below: Tables, above: Tables, key: str) -> bool:
    return isinstance(below[key], dict) and isinstance(above[key], dict)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
