"""Two compose files merged here and by compose itself, setting by setting."""

from typing import Any

import pytest

from beanpod.deploy.bundles.compose.findings import Findings
from beanpod.deploy.bundles.compose.loading import load
from beanpod.deploy.bundles.compose.production import plain_service
from beanpod.deploy.bundles.compose.writing import written
from tests.deploy.bundles.compose_command import Compose
from tests.deploy.bundles.projects import write

# A setting of compose.yaml, and what compose.prod.yaml says of it.
CASES = [
    ('ports: ["80:80", "81"]', 'ports: ["80:80", "82:82/udp"]'),
    ('ports: ["8080:80"]', 'ports: [{target: 80, published: "8080"}]'),
    ('ports: ["127.0.0.1:8080:80"]', 'ports: ["127.0.0.1:8080:80", "8080:80"]'),
    ('ports: ["3000-3002:3000-3002"]', 'ports: ["3001:3001"]'),
    ('ports: ["9000-9010:80"]', 'ports: [{target: 81, published: "9000-9001", protocol: udp, name: x}]'),
    ('ports: ["[::1]:80:80"]', "ports: [80]"),
    ("ports: [22:22]", 'ports: !override ["80:80"]'),
    ('volumes: ["one:/x", "./s:/s:ro"]', 'volumes: ["two:/x", {type: bind, source: ./t, target: /s}]'),
    ('volumes: ["/anonymous"]', "volumes: [{type: tmpfs, target: /anonymous, tmpfs: {size: 10}}]"),
    ('volumes: ["~/x:/y", "../z:/z"]', 'volumes: ["/q:/q:ro,z"]'),
    ('environment: {A: 1, B: "x", C: }', 'environment: ["A=2", "D", "E=a=b"]'),
    ("environment: {A: 1}", "environment: {A: !reset null, B: 2}"),
    ("environment: {A: 010, B: 1e3, C: 1.50, D: 0x1F, E: .5}", "environment: {F: 1_000}"),
    ("labels: [a=b, c]", 'labels: {a: z, d: ""}'),
    ("annotations: [a=b]", "annotations: {a: c}"),
    ("command: [a, b]", "command: c d"),
    ("entrypoint: x y", "entrypoint: !reset null"),
    ("healthcheck: {test: [CMD, a], interval: 5s}", "healthcheck: {test: b, retries: 3}"),
    ("logging: {driver: json-file, options: {a: b}}", "logging: {options: {c: d}}"),
    ("logging: {driver: json-file, options: {a: b}}", "logging: {driver: local, options: {c: d}}"),
    ("dns: 1.1.1.1", "dns: [8.8.8.8, 1.1.1.1]"),
    ("dns_search: a", "dns_search: b"),
    ("tmpfs: /a", "tmpfs: [/b, /a]"),
    ("depends_on: [other]", "depends_on: {other: {condition: service_healthy}}"),
    ("depends_on: {other: {condition: service_healthy, restart: true}}", "depends_on: [other]"),
    ("networks: [here]", "networks: {here: {aliases: [x]}, there: }"),
    ("networks: {here: {aliases: [y]}}", "networks: {here: {aliases: [x]}}"),
    ('extra_hosts: ["a:1.1.1.1"]', "extra_hosts: {b: 2.2.2.2, a: 1.1.1.1}"),
    ("ulimits: {nofile: 1, nproc: {soft: 1, hard: 2}}", "ulimits: {nofile: {soft: 3, hard: 4}, nproc: 5}"),
    ("cap_add: [A, B]", "cap_add: [B, C]"),
    ("cap_add: [A, B]", "cap_add: !override [C]"),
    ('expose: [80, "81"]', 'expose: ["80"]'),
    ("secrets: [one]", "secrets: [{source: two, target: /run/secrets/one}]"),
    ("configs: [one]", "configs: [{source: two, target: /one, mode: 0440}]"),
    ("env_file: a.env", "env_file: [{path: a.env, required: false}, b.env]"),
    ("sysctls: [net.a=1]", "sysctls: {net.a: 2, net.b: 3}"),
    ("deploy: {replicas: 2, labels: [a=b]}", "deploy: {labels: {a: c}, resources: {limits: {memory: 5m}}}"),
    ("build: .", "build: {args: [A=1, B=2], target: t}"),
    ("build: {args: {A: 1}, context: .}", "build: {args: [A=3], dockerfile: D}"),
    ('devices: ["/dev/a:/dev/b"]', 'devices: ["/dev/c:/dev/b:r"]'),
    ("profiles: [a]", "profiles: !reset []"),
    ("restart: always", 'restart: "no"'),
    ("cpus: 0.5", "mem_limit: 1g"),
    ("stop_grace_period: 1m", "stop_grace_period: "),
    ("links: [other]", 'links: [other, "other:x"]'),
    ("group_add: [a]", "group_add: [b]"),
    ("privileged: true", "privileged: false"),
    ("gpus: all", "gpus: [{count: 1}]"),
    ("post_start: [{command: a}]", "post_start: [{command: b}]"),
    ("init: true", "x-own: {a: 1}"),
    ("extends: other", 'ports: ["1:1"]'),
    ("extends: {service: other}", "command: z"),
    ('command: ["$$HOME", "${NONE:-a b}", "${NONE-$$x}"]', "working_dir: ${NONE:-/w}"),
    ("<<: {command: a, tty: true}", "tty: false"),
]
OTHERS = """
  other:
    image: other
    command: [run]
    environment: {A: 1}
    ports: ["7:7"]
    healthcheck: {test: x}
    volumes: [one:/one]
    labels: [a=b]
networks: {here: , there: {labels: [a=b]}}
volumes: {one: , two: {name: second}}
secrets: {one: {file: a.env}, two: {environment: HOME}}
configs: {one: {content: "text $$5"}, two: {file: a.env}}
"""


def service(place: int, setting: str) -> str:
    return f"  case{place}:\n    image: x\n    {setting}\n"


@pytest.fixture(scope="module")
def merged(compose: Compose, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """What compose makes of the two files, and of the one that we make of them."""
    folder = tmp_path_factory.mktemp("merged")
    base = "".join(service(place, below) for place, (below, _) in enumerate(CASES))
    above = "".join(f"  case{place}:\n    {setting}\n" for place, (_, setting) in enumerate(CASES))
    files = {"compose.yaml": f"services:\n{base}{OTHERS}", "compose.prod.yaml": f"services:\n{above}"}
    write(folder, {**files, "a.env": "", "b.env": ""})
    findings = Findings()
    tree = load(folder / "compose.yaml", {"HOME"}, findings).tree
    assert findings.problems == []
    services = {name: plain_service(keys) for name, keys in tree["services"].items()}
    write(folder, {"ours.yaml": written({**tree, "services": services})})
    return compose.config(folder, "compose.yaml", "compose.prod.yaml"), compose.config(folder, "ours.yaml")


@pytest.mark.parametrize("place", range(len(CASES)), ids=[f"{below} / {above}" for below, above in CASES])
def test_a_setting_is_merged_as_compose_does(merged: tuple[Any, Any], place: int) -> None:
    theirs, ours = merged
    assert ours["services"].get(f"case{place}") == theirs["services"].get(f"case{place}")


def test_everything_else_is_as_compose_has_it(merged: tuple[Any, Any]) -> None:
    theirs, ours = merged
    assert ours == theirs
    assert len(theirs["services"]) == len(CASES) + 1
