"""A mistake anywhere in a full manifest is one problem at its key, and causes no other."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.manifests import Finder, Reader, toml

FULL = """
region = "eu-central-1"
account = "123456789012"
[service]
name = "guestbook"
image = "ada/guestbook"
compose = "compose.yaml"
port = 3000
health_check_path = "/healthz"
[domain]
name = "shop.example.com"
aliases = ["www.shop.example.com", "example.com"]
hosted_zone = { name = "example.com", id = "Z0123456789ABC" }
certificate = "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b2c3d-0000-1111-2222-333344445555"
redirects_http = true
[variables]
JDBC_URL = "jdbc:mysql://{database.host}:{database.port}/{database.name}"
[secrets]
A = { generate = 32 }
B = { secretsmanager = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:b-AbCd12", field = "key" }
C = { ssm = "/guestbook/c" }
[network]
flow_logs = true
allow_from = ["203.0.113.0/24", "2001:db8::/32", "pl-0123456789abcdef0", "sg-01234567"]
[network.vpc]
vpc_id = "vpc-0a1b2c3d4e5f67890"
availability_zones = ["eu-central-1a", "eu-central-1b"]
public_subnet_ids = ["subnet-00000001", "subnet-00000002"]
private_subnet_ids = ["subnet-00000003", "subnet-00000004"]
isolated_subnet_ids = ["subnet-00000005", "subnet-00000006"]
[environment]
type = "LoadBalanced"
instance_types = ["t4g.small", "t4g.medium"]
min_size = 3
max_size = 6
private_instances = true
deployment_policy = "TrafficSplitting"
batch_size_type = "Fixed"
batch_size = 2
traffic_split_percent = 20
evaluation_minutes = 10
platform = "latest"
log_retention_days = 30
root_volume_size = 40
max_versions = 10
[environment.load_balancer]
scheme = "internal"
idle_timeout_seconds = 300
stickiness_cookie_duration_seconds = 3600
access_logs_bucket = "my-logs"
access_logs_prefix = "shop/prod"
[environment.health_check]
interval_seconds = 30
timeout_seconds = 10
healthy_threshold_count = 2
unhealthy_threshold_count = 4
healthy_http_codes = "200-299"
[environment.managed_updates]
level = "patch"
start = "Sun:03:00"
[environment.scaling]
measure = "RequestCount"
statistic = "Sum"
lower_threshold = 100
upper_threshold = 1000
period_minutes = 1
breach_duration_minutes = 3
[[environment.options]]
namespace = "aws:elasticbeanstalk:command"
name = "Timeout"
value = "900"
[database]
engine = "mysql"
version = "8.4.9"
instance_type = "t4g.large"
allocated_storage = 100
max_allocated_storage = 500
backup_retention_days = 30
multi_az = true
deletion_protection = true
name = "guests"
username = "keeper"
compose_service = "db"
[delivery]
user = true
access_key_serial = 2
[delivery.github]
repository = "ada/guestbook"
branch = "main"
provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
[alarms]
email = "ops@example.org"
[stages.prod]
preset = "production"
"""

Path_ = tuple[str | int, ...]


def leaves(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from leaves(inner, (*path, place))
    else:
        yield path


def tables(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    if isinstance(value, dict):
        yield path
        for key, inner in value.items():
            yield from tables(inner, (*path, key))


def with_change(path: Path_, change: Any) -> dict[str, Any]:
    document = tomllib.loads(FULL)
    place: Any = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = change
    return document


def named(path: Path_) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def test_full_manifest_is_valid(read: Reader) -> None:
    stage = read(FULL).stage("prod")
    assert stage.environment.architecture == "arm64"
    assert stage.network.nat_gateways == 0


LEAVES = list(leaves(tomllib.loads(FULL)))
TABLES = list(tables(tomllib.loads(FULL)))
OPEN = {("variables",), ("secrets",), ("stages",)}


@pytest.mark.parametrize(
    ("paths", "change", "problem"),
    [
        (LEAVES, {"wrong": "type"}, ": write "),
        (LEAVES, [[]], " = "),
        (TABLES[1:], 3, " = "),
        ([(*path, "zzz") for path in TABLES if path not in OPEN], True, " = true: unknown key: "),
    ],
    ids=["table", "list", "number", "unknown key"],
)
def test_one_mistake_is_one_problem_at_its_key(
    problems: Finder, paths: list[Path_], change: object, problem: str
) -> None:
    for path in paths:
        (found,) = problems(toml(with_change(path, change)))
        assert found.startswith(f"{named(path)}{problem}")
