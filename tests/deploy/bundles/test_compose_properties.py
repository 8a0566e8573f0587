"""Any Compose file becomes a bundle that Docker Compose accepts, or a list of problems."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beanpod.deploy.bundles import Bundle, plan_bundle
from beanpod.deploy.bundles.compose.reading import to_yaml
from beanpod.deploy.errors import BuildError
from beanpod.manifest import StageConfig
from tests.deploy.bundles.projects import COMPOSE, DATABASE, compose_stage, composed, pushed, write

NAMES = ["app", "web", "db", "tool"]
KEYS = ["image", "build", "ports", "volumes", "environment", "env_file", "depends_on", "networks", "deploy", "x-own"]

texts = st.sampled_from([*KEYS, *NAMES, "80:80", "./src:/src", "data:/data", "$X", "${X:-y}", "$$", ".env", ""])
scalars = st.none() | st.booleans() | st.integers(-1, 70_000) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
service_values = st.dictionaries(st.sampled_from(KEYS), values, max_size=6)
documents = st.fixed_dictionaries(
    {"services": st.dictionaries(st.sampled_from(NAMES), service_values | values, max_size=3)},
    optional=dict.fromkeys(("networks", "volumes", "secrets", "configs", "include", "name"), values),
)


def entries(*choices: Any, most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(choices), max_size=most, unique_by=str)


# What people write who know compose: mostly right.
plausible_service: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "ports": entries("80:8080", "8080:8080", "127.0.0.1:3000:3000", "9229", {"target": 80, "published": "8081"}),
        "volumes": entries(
            ".:/app",
            "/app/cache",
            "data:/data",
            "./logs:/app/logs",
            "./site.conf:/site.conf:ro",
            {"type": "bind", "source": "./site.conf", "target": "/b.conf", "read_only": True},
            {"type": "tmpfs", "target": "/tmp"},
            most=4,
        ),
        "environment": st.sampled_from(
            [["RDS_HOSTNAME=db", "A=${A:-1}"], {"LEVEL": "debug", "B": 1.5, "C": True}, {"RDS_PORT": None}]
        ),
        "depends_on": st.sampled_from([["db"], {"db": {"condition": "service_healthy"}}, ["db", "cache"]]),
        "networks": st.sampled_from([["inner"], {"inner": {"aliases": ["x"]}, "default": None}]),
        "secrets": entries("token", {"source": "token", "target": "other", "mode": 256}),
        "configs": entries("site", {"source": "site", "target": "/etc/site"}),
        "env_file": st.sampled_from([".env", [".env"], [{"path": ".env", "required": False}]]),
        "restart": st.sampled_from(["always", "no", "on-failure:3"]),
        "command": st.sampled_from(["serve --port ${PORT:-8080}", ["sh", "-c", "echo $$HOME"]]),
        "healthcheck": st.sampled_from([{"test": "true", "interval": "5s"}, {"disable": True}]),
        "labels": st.sampled_from([["a=b", "c"], {"a": "b", "d": 1}]),
        "logging": st.just({"driver": "json-file", "options": {"max-size": "1m"}}),
        "deploy": st.just({"resources": {"limits": {"cpus": "0.5", "memory": "50M"}}}),
        "tmpfs": st.sampled_from(["/run", ["/run", "/x"]]),
        "ulimits": st.just({"nofile": {"soft": 10, "hard": 20}, "nproc": 5}),
        "extra_hosts": st.sampled_from([["a:10.0.0.1"], {"a": "10.0.0.1"}]),
        "develop": st.just({"watch": [{"action": "rebuild", "path": "."}]}),
        "container_name": st.just("own"),
        "init": st.booleans(),
    },
)
resources = {
    "networks": {"inner": None},
    "volumes": {"data": None},
    "secrets": {"token": {"environment": "TOKEN"}},
    "configs": {"site": {"file": "./site.conf"}},
}
images = {"app": {"build": "."}, "web": {"image": "nginx:stable"}, "tool": {"image": "x"}}
fixed = {
    "db": {"image": "mysql:8.4", "profiles": [], "volumes": ["data:/var/lib/mysql"]},
    "cache": {"image": "redis:7"},
}
# The app is always there, mostly at port 80; the database and the cache depend on nothing.
plausible = st.fixed_dictionaries(
    {"app": plausible_service}, optional={"web": plausible_service, "tool": plausible_service}
).map(
    lambda services: {"services": {name: images[name] | keys for name, keys in services.items()} | fixed, **resources}
)
plausible_above = st.fixed_dictionaries(
    {"services": st.fixed_dictionaries({"app": plausible_service.map(lambda keys: keys | {"ports": ["80:8080"]})})}
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), {"site.conf": "x"})
        yield Path(name)


def outcome(folder: Path, stage: StageConfig) -> Bundle | list[str]:
    try:
        return pushed(plan_bundle(stage, folder))
    except BuildError as error:
        return list(error.causes or [str(error)])


def stage_with(folder: Path, base: str, above: str) -> StageConfig:
    manifest = f'{COMPOSE}[variables]\nLEVEL = "info"\n[secrets]\nTOKEN = {{ generate = 32 }}\n{DATABASE}'
    return compose_stage(folder, base, manifest, compose__prod__yaml=above)


def assert_sound(result: Bundle | list[str]) -> None:
    if isinstance(result, list):
        assert result
        assert len(set(result)) == len(result)
        assert all(problem.isprintable() and ": " in problem for problem in result)


@settings(max_examples=8, deadline=None)
@given(base=documents.map(to_yaml) | st.text("{}[]:-&*!<'\"$ \nab\x85", max_size=40), above=documents)
def test_any_documents(folder: Path, base: str, above: dict[str, Any]) -> None:
    assert_sound(outcome(folder, stage_with(folder, base, to_yaml(above))))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(base=plausible, above=plausible_above)
def test_plausible_projects_become_bundles(folder: Path, base: dict[str, Any], above: dict[str, Any]) -> None:
    result = outcome(folder, stage_with(folder, to_yaml(base), to_yaml(above)))
    assert_sound(result)
    if isinstance(result, Bundle):
        assert_fit_for_beanstalk(result)


def assert_fit_for_beanstalk(bundle: Bundle) -> None:
    file = composed(bundle)
    published = [port for service in file["services"].values() for port in service.get("ports", ())]
    assert sum(str(port).startswith("80:") for port in published) == 1
    for name, service in file["services"].items():
        assert "build" not in service
        assert "db" not in service.get("depends_on", {})
        assert any(f"${{EB_LOG_BASE_DIR}}/{name}" in str(volume) for volume in service["volumes"])
        assert not {"db", "debug"} & set(map(str, service.get("environment", {}).values()))
        for volume in map(str, service["volumes"]):
            assert "./site.conf" not in volume or "site.conf" in bundle.files
    assert "db" not in file["services"]
    assert ".env" not in bundle.files
