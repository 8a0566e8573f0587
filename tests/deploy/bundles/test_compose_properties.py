"""Any Compose file becomes a bundle that Docker Compose accepts, or a list of problems."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from beanpod.deploy.bundles import plan_bundle
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


@settings(max_examples=8, deadline=None)
@given(base=documents.map(to_yaml) | st.text("{}[]:-&*!<'\"$ \nab\x85", max_size=40), above=documents)
def test_any_documents(base: str, above: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            pushed(plan_bundle(stage_with(Path(folder), base, to_yaml(above)), Path(folder)))
        except BuildError as error:
            problems = list(error.causes or [str(error)])
            assert problems
            assert len(set(problems)) == len(problems)
            assert all(problem.isprintable() and ": " in problem for problem in problems)


def stage_with(folder: Path, base: str, above: str) -> StageConfig:
    manifest = f'{COMPOSE}[variables]\nLEVEL = "info"\n[secrets]\nTOKEN = {{ generate = 32 }}\n{DATABASE}'
    return compose_stage(folder, base, manifest, compose__prod__yaml=above)


# Most keys that people write, in each of their forms.
PLAUSIBLE = """
services:
  app:
    build: .
    ports: ["8080:8080", "9229", {target: 80, published: "8081"}]
    volumes: [".:/app", /app/cache, "data:/data", "./logs:/app/logs", "./site.conf:/site.conf:ro"]
    environment: [RDS_HOSTNAME=db, "A=${A:-1}"]
    depends_on: [db, cache]
    networks: [inner]
    secrets: [token]
    configs: [site]
    env_file: .env
    restart: always
    command: serve --port ${PORT:-8080}
    healthcheck: {test: "true", interval: 5s}
    labels: [a=b, c]
    tmpfs: /run
    ulimits: {nofile: {soft: 10, hard: 20}, nproc: 5}
    extra_hosts: ["a:10.0.0.1"]
    develop: {watch: [{action: rebuild, path: .}]}
    container_name: own
  web:
    image: nginx:stable
    ports: ["127.0.0.1:3000:3000"]
    volumes: [{type: bind, source: ./site.conf, target: /b.conf, read_only: true}, {type: tmpfs, target: /tmp}]
    environment: {LEVEL: debug, B: 1.5, C: true, RDS_PORT: }
    depends_on: {cache: {condition: service_started}}
    networks: {inner: {aliases: [x]}, default: }
    secrets: [{source: token, target: other, mode: 256}]
    configs: [{source: site, target: /etc/site}]
    env_file: [{path: .env, required: false}]
    restart: "on-failure:3"
    command: [sh, -c, "echo $$HOME"]
    healthcheck: {disable: true}
    labels: {a: b, d: 1}
    logging: {driver: json-file, options: {max-size: 1m}}
    deploy: {resources: {limits: {cpus: "0.5", memory: 50M}}}
    tmpfs: [/run, /x]
    extra_hosts: {a: 10.0.0.1}
    init: true
  db: {image: "mysql:8.4", profiles: [], volumes: ["data:/var/lib/mysql"]}
  cache: {image: "redis:7"}
networks: {inner: }
volumes: {data: }
secrets: {token: {environment: TOKEN}}
configs: {site: {file: ./site.conf}}
"""


def test_a_plausible_project_becomes_a_bundle(tmp_path: Path) -> None:
    write(tmp_path, {"site.conf": "x"})
    above = 'services: {app: {ports: !override ["80:8080"]}}'
    bundle = pushed(plan_bundle(stage_with(tmp_path, PLAUSIBLE, above), tmp_path))
    assert "site.conf" in bundle.files
    assert ".env" not in bundle.files
    services = composed(bundle)["services"]
    assert services.keys() == {"app", "web", "cache"}
    assert services["app"]["ports"] == ["80:8080"]
    for name, service in services.items():
        assert not {"build", "develop"} & service.keys()
        assert "db" not in service.get("depends_on", {})
        assert any(f"${{EB_LOG_BASE_DIR}}/{name}" in str(volume) for volume in service["volumes"])
        assert not {"db", "debug"} & set(map(str, service.get("environment", {}).values()))
