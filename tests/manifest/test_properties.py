"""Any file is a manifest, or raises ManifestError and no other error."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beanpod.manifest import Manifest, ManifestError, StageConfig
from beanpod.manifest._problems import keys_at
from beanpod.manifest._types import has_stray_brace, placeholders, render
from tests.manifests import toml

SECTIONS = sorted(StageConfig.model_fields)
KEYS = sorted({key for name in SECTIONS for key in keys_at((name,))} | {*SECTIONS, "stages", "dev", "vpc", "generate"})
WORDS = ["small", "production", "LoadBalanced", "SingleInstance", "mysql", "none", "ada/guestbook", "{database.host}"]

# What people write who know the keys: mostly valid alone, often not together.
plausible: dict[str, Any] = {
    "preset": st.sampled_from(["small", "production"]),
    "environment": {
        "type": st.sampled_from(["SingleInstance", "LoadBalanced"]),
        "min_size": st.integers(1, 4),
        "max_size": st.integers(1, 4),
        "private_instances": st.booleans(),
        "deployment_policy": st.sampled_from(["AllAtOnce", "Rolling", "Immutable", "TrafficSplitting"]),
        "batch_size_type": st.sampled_from(["Percentage", "Fixed"]),
        "batch_size": st.sampled_from([1, 3, 50]),
        "platform": st.sampled_from(["latest", "4.13.7"]),
        "managed_updates": st.sampled_from([{"level": "none"}, {"start": "Sun:03:00"}]),
    },
    "network": {
        "nat_gateways": st.integers(0, 3),
        "vpc": st.just(
            {
                "vpc_id": "vpc-00000001",
                "availability_zones": ["eu-central-1a", "eu-central-1b"],
                "public_subnet_ids": ["subnet-00000001", "subnet-00000002"],
                "private_subnet_ids": ["subnet-00000003", "subnet-00000004"],
            }
        ),
    },
    "database": {
        "engine": st.sampled_from(["mysql", "mariadb", "postgres", "none"]),
        "storage_gb": st.integers(20, 70_000),
        "max_storage_gb": st.sampled_from([0, 20, 100, 60_000]),
    },
    "variables": {"URL": st.sampled_from(["{database.host}", "{{}}", "x" * 4000, "plain"])},
}


def layer() -> st.SearchStrategy[dict[str, Any]]:
    sections: dict[str, st.SearchStrategy[Any]] = {
        name: st.fixed_dictionaries({}, optional=keys) if isinstance(keys, dict) else keys
        for name, keys in plausible.items()
    }
    return st.fixed_dictionaries({}, optional=sections)


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


def outcome(folder: Path, content: bytes) -> Manifest | ManifestError:
    file = folder / "beanpod.toml"
    file.write_bytes(content)
    try:
        return Manifest.read(file)
    except ManifestError as error:
        return error


@settings(max_examples=150, deadline=None)
@given(document=tables | sections)
def test_any_tables(folder: Path, document: dict[str, Any]) -> None:
    content = toml(document)
    result = outcome(folder, content.encode())
    if isinstance(result, ManifestError):
        assert result.problems
        assert all(problem.isprintable() and len(problem) < 1000 for problem in result.problems)
        assert not any(problem.startswith("not TOML") for problem in result.problems), content
    else:
        assert all(result.stage(name).name == name for name in result.stages)


@settings(max_examples=300, deadline=None)
@given(base=layer(), stages=st.dictionaries(st.sampled_from(["dev", "qa", "prod"]), layer(), max_size=3))
def test_plausible_manifests(folder: Path, base: dict[str, Any], stages: dict[str, Any]) -> None:
    document = {**base, "service": {"name": "guestbook", "image": "ada/guestbook"}, "stages": stages}
    result = outcome(folder, toml(document).encode())
    if isinstance(result, ManifestError):
        assert len(set(result.problems)) == len(result.problems)
        assert all(re.search("must|write|lower|raise|leave|shorten", problem) for problem in result.problems)
        return
    for name in result.stages:
        assert_deployable(result.stage(name))


def assert_deployable(stage: StageConfig) -> None:
    environment, network, database = stage.environment, stage.network, stage.database
    assert environment.min_size <= environment.max_size
    if environment.type == "SingleInstance":
        assert environment.max_size == 1
        assert not environment.private_instances
        assert environment.deployment_policy in {"AllAtOnce", "Immutable"}
    assert (network.nat_gateways > 0) == (environment.private_instances and network.vpc is None)
    assert environment.platform == "latest" or environment.managed_updates is None
    if database and database.max_allocated_storage:
        assert database.max_allocated_storage * 10 >= database.allocated_storage * 11
    values = dict.fromkeys(("host", "port", "name", "username"), "x") if database else None
    assert "database." not in "".join(stage.render_variables(values).values())


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
