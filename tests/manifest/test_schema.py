from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from beanpod.manifest import Manifest
from tools.schema import SCHEMA, schema, text

EXAMPLE = Path(__file__).parents[2] / "beanpod.toml"
MADE = schema()


def valid(document: str) -> bool:
    return bool(jsonschema.Draft7Validator(MADE).is_valid(tomllib.loads(document)))


def described(section: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The keys of a table, with the description of the table they refer to if they have none."""
    for key, value in section.get("properties", {}).items():
        definition = MADE["$defs"][value["$ref"].rpartition("/")[2]] if "$ref" in value else {}
        yield key, {**definition, **value}


def test_committed_schema_is_current() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == text(), "run: make schema"


def test_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(MADE)


def test_every_key_is_described() -> None:
    sections = {"": MADE, **MADE["$defs"]}
    bare = [
        f"{name}.{key}"
        for name, section in sections.items()
        for key, value in described(section)
        if not value["description"].endswith(".")
    ]
    assert bare == []


def test_example_is_valid_and_names_its_schema() -> None:
    content = EXAMPLE.read_text(encoding="utf-8")
    assert valid(content)
    assert content.startswith("#:schema ./beanpod.schema.json\n")
    assert Manifest.read(EXAMPLE).stages == ("dev", "prod")


@pytest.mark.parametrize(
    "document",
    [
        "[stages.dev.environment]\nmin_size = 2\n",
        '[database]\nengine = "none"\nmax_storage_gb = 0\n',
        '[environment.managed_updates]\nlevel = "none"\n',
        '[secrets]\nA = { ssm = "/a" }\nB = { generate = 32 }\n',
        '[variables]\nMAP_TOKEN = { plaintext = "pk.abc" }\nA = "b"\n',
    ],
)
def test_layers_may_be_partial_in_the_schema(document: str) -> None:
    assert valid(document)


@pytest.mark.parametrize(
    "document",
    [
        "[environment]\nmin_sise = 2\n",
        '[environment]\nmin_size = "2"\n',
        '[stages.dev.environment]\ntype = "single"\n',
        "[database]\nmax_storage_gb = 5\n",
        "[secrets]\nA = {}\n",
        "[variables]\nPORT = 8080\n",
        '[variables]\nA = { plain = "b" }\n',
        'name = "x"\n',
    ],
)
def test_schema_finds_what_the_manifest_refuses(document: str) -> None:
    assert not valid(document)


def test_schema_has_no_null() -> None:
    assert '"null"' not in json.dumps(MADE)
