"""Whatever stands in the file: a manifest or a ManifestError, never anything else."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifest import Manifest, ManifestError, StageConfig
from manifest._explain import keys_at
from manifest._templates import has_stray_brace, placeholders, render

SECTIONS = sorted(StageConfig.model_fields)
KEYS = sorted({key for name in SECTIONS for key in keys_at((name,))} | {*SECTIONS, "stages", "dev", "vpc", "generate"})
WORDS = ["small", "production", "LoadBalanced", "SingleInstance", "mysql", "none", "ada/guestbook", "{database.host}"]

texts = st.sampled_from(WORDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.one_of(
    texts,
    st.integers(-1, 100_000),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.dates().filter(lambda day: day.year > 999),
)
keys = st.sampled_from(KEYS) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
tables = st.dictionaries(keys, values, max_size=5)
sections = st.fixed_dictionaries(
    {"service": st.just({"name": "guestbook", "image": "ada/guestbook"}) | values},
    optional={name: tables | values for name in (*SECTIONS, "stages") if name != "service"},
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "Dockerfile").touch()
        yield Path(name)


def toml(value: Any) -> str:
    """A value in TOML, all on one line."""
    match value:
        case dict():
            return f"{{{', '.join(f'{quoted(key)} = {toml(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case bool():
            return str(value).lower()
        case str():
            return quoted(value)
        case date():
            return value.isoformat()
        case _:
            return repr(value)


def quoted(text: str) -> str:
    return (
        json.dumps(text).replace("\x7f", "\\u007f")
        if text.isascii()
        else json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    )


def outcome(folder: Path, content: bytes) -> Manifest | ManifestError:
    file = folder / "beanpod.toml"
    file.write_bytes(content)
    try:
        return Manifest.read(file)
    except ManifestError as error:
        return error


@settings(max_examples=300, deadline=None)
@given(document=tables | sections)
def test_any_tables(folder: Path, document: dict[str, Any]) -> None:
    content = "".join(f"{quoted(key)} = {toml(value)}\n" for key, value in document.items())
    result = outcome(folder, content.encode())
    if isinstance(result, ManifestError):
        assert result.problems
        assert all(problem.isprintable() and len(problem) < 1000 for problem in result.problems)
        assert not any(problem.startswith("not TOML") for problem in result.problems), content
    else:
        assert all(result.stage(name).name == name for name in result.stages)


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes(folder: Path, content: bytes) -> None:
    result = outcome(folder, content)
    assert isinstance(result, ManifestError)
    assert all(problem for problem in result.problems)


@given(text=st.text("{}ab.\n", max_size=30))
def test_templates_are_rendered_or_refused(text: str) -> None:
    values = dict.fromkeys(placeholders(text), "x")
    if not has_stray_brace(text):
        assert render(text.replace("{", "{{").replace("}", "}}"), {}) == text
        render(text, values)
