"""Stages: presets, the file and the stage over each other, defaults that follow, and stages that share an account."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from beanpod.cli.main import main
from beanpod.manifest import GenerateSecret, SsmReference, StageConfig
from tests.manifests import SERVICE, Reader


def stage_of(read: Reader, text: str) -> StageConfig:
    return read(SERVICE + text).stage()


def value_at(stage: StageConfig, path: str) -> Any:
    value: Any = stage
    for part in path.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize(
    ("path", "small", "production"),
    [
        ("environment.type", "SingleInstance", "LoadBalanced"),
        ("environment.min_size", 1, 2),
        ("environment.max_size", 1, 4),
        ("environment.private_instances", False, True),
        ("environment.deployment_policy", "AllAtOnce", "RollingWithAdditionalBatch"),
        ("environment.log_retention_days", 7, 90),
        ("environment.managed_updates.start", "Tue:09:00", "Thu:09:00"),
        ("network.nat_gateways", 0, 2),
        ("network.flow_logs", False, True),
        ("database.multi_az", False, True),
        ("database.deletion_protection", False, True),
        ("database.backup_retention_days", 7, 14),
        ("database.instance_type", "t4g.micro", "t4g.small"),
    ],
)
def test_presets(read: Reader, path: str, small: object, production: object) -> None:
    manifest = read(f'{SERVICE}[database]\nengine = "mysql"\n[stages.dev]\n[stages.prod]\npreset = "production"\n')
    assert value_at(manifest.stage("dev"), path) == small
    assert value_at(manifest.stage("prod"), path) == production


def test_preset_of_the_file_holds_for_its_stages(read: Reader) -> None:
    manifest = read(f'preset = "production"\n{SERVICE}[stages.prod]\n[stages.dev]\npreset = "small"\n')
    assert manifest.stage("prod").environment.type == "LoadBalanced"
    assert manifest.stage("dev").environment.type == "SingleInstance"


def test_tables_merge_and_everything_else_replaces(read: Reader) -> None:
    manifest = read(
        SERVICE
        + """
[variables]
LOG_LEVEL = "info"
GREETING = "Hello"
[environment]
instance_types = ["t3.small", "t3a.small"]
root_volume_size = 20
[stages.dev]
[stages.prod.variables]
LOG_LEVEL = "warning"
[stages.prod.environment]
instance_types = ["m7i.large"]
[stages.prod.environment.managed_updates]
start = "Sun:03:00"
"""
    )
    dev, prod = manifest.stage("dev"), manifest.stage("prod")
    assert dict(prod.variables) == {"LOG_LEVEL": "warning", "GREETING": "Hello"}
    assert dict(dev.variables) == {"LOG_LEVEL": "info", "GREETING": "Hello"}
    assert prod.environment.instance_types == ("m7i.large",)
    assert prod.environment.root_volume_size == 20
    assert prod.environment.managed_updates
    assert (prod.environment.managed_updates.level, prod.environment.managed_updates.start) == ("minor", "Sun:03:00")


def test_a_stage_may_have_tables_that_the_file_lacks(read: Reader) -> None:
    manifest = read('[service]\nname = "guestbook"\n[stages.dev.service]\nimage = "ada/guestbook"\n')
    assert manifest.stage().service.image == "ada/guestbook"


def test_stage_may_do_without_the_database(read: Reader) -> None:
    manifest = read(f'{SERVICE}[database]\nengine = "mysql"\n[stages.dev.database]\nengine = "none"\n[stages.prod]\n')
    assert manifest.stage("dev").database is None
    assert manifest.stage("prod").database is not None


GITHUB = '[delivery.github]\nrepository = "ada/guestbook"\nbranch = "main"\n'
MYSQL = '[database]\nengine = "mysql"\n'
BALANCED = '[environment]\ntype = "LoadBalanced"\n'
SINGLE_PRODUCTION = '[stages.prod]\npreset = "production"\n[stages.prod.environment]\ntype = "SingleInstance"\n'
PUBLIC_PRODUCTION = '[stages.prod]\npreset = "production"\nenvironment = { private_instances = false }\n'
OWN_VPC = """[stages.prod]
preset = "production"
[stages.prod.network.vpc]
vpc_id = "vpc-0a1b2c3d4e5f67890"
availability_zones = ["eu-central-1a", "eu-central-1b"]
public_subnet_ids = ["subnet-00000001", "subnet-00000002"]
private_subnet_ids = ["subnet-00000003", "subnet-00000004"]
"""
COUNTED = """[environment.scaling]
lower_threshold = 1000
upper_threshold = 5000
measure = "RequestCount"
statistic = "Sum"
"""


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        (MYSQL, "database.version", "8.4"),
        (MYSQL, "database.name", "guestbook"),
        (MYSQL, "database.username", "app"),
        ('[database]\nengine = "mariadb"\n', "database.version", "11.4"),
        ('[database]\nengine = "postgres"\n', "database.version", "17"),
        (f'{MYSQL}[stages.dev.service]\nname = "guest-book"\n', "database.name", "guest_book"),
        (f'{MYSQL}[stages.dev.service]\nname = "mysql"\n', "database.name", "mysql_db"),
        (f'{MYSQL}[stages.dev.service]\nname = "order"\n', "database.name", "order_db"),
        (MYSQL, "database.max_allocated_storage", 50),
        (f"{MYSQL}storage_gb = 25\n", "database.max_allocated_storage", 50),
        (f"{MYSQL}storage_gb = 100\n", "database.max_allocated_storage", 200),
        (f"{MYSQL}storage_gb = 40000\n", "database.max_allocated_storage", None),
        (f"{MYSQL}max_storage_gb = 0\n", "database.max_allocated_storage", None),
        (f"{MYSQL}storage_gb = 100\nmax_storage_gb = 110\n", "database.max_allocated_storage", 110),
        (f'{MYSQL}instance_class = "db.m7g.large"\n', "database.instance_type", "m7g.large"),
        (f'{MYSQL}instance_type = "db.m7g.large"\n', "database.instance_type", "m7g.large"),
        ("[environment.scaling]\nbreach_minutes = 15\n", "environment.scaling.breach_duration_minutes", 15),
        (SINGLE_PRODUCTION, "environment.min_size", 1),
        (SINGLE_PRODUCTION, "environment.max_size", 1),
        (SINGLE_PRODUCTION, "environment.deployment_policy", "AllAtOnce"),
        (SINGLE_PRODUCTION, "environment.private_instances", False),
        (SINGLE_PRODUCTION, "network.nat_gateways", 0),
        (BALANCED, "environment.min_size", 1),
        (BALANCED, "environment.max_size", 2),
        (BALANCED, "environment.deployment_policy", "RollingWithAdditionalBatch"),
        (PUBLIC_PRODUCTION, "network.nat_gateways", 0),
        (OWN_VPC, "network.nat_gateways", 0),
        (OWN_VPC, "network.vpc.isolated_subnet_ids", ()),
        ('[environment.managed_updates]\nlevel = "none"\n', "environment.managed_updates", None),
        ('[environment]\nplatform = "4.13.7"\n', "environment.managed_updates", None),
        ('[environment]\nbatch_size_type = "Fixed"\n', "environment.batch_size", 1),
        ("", "delivery.user", True),
        (GITHUB, "delivery.user", False),
        (f"[delivery]\nuser = true\n{GITHUB}", "delivery.user", True),
        ('compose = "compose.yaml"\n', "service.dockerfile", None),
        ('[environment]\ninstance_types = ["t3.small"]\n', "environment.architecture", "x86_64"),
        ('[environment]\ninstance_types = ["t4g.small"]\n', "environment.architecture", "arm64"),
        (COUNTED, "environment.scaling.unit", "Count"),
    ],
)
def test_defaults_follow_from_other_settings(read: Reader, text: str, path: str, value: object) -> None:
    assert value_at(stage_of(read, text), path) == value


def test_configuration_cannot_be_changed(read: Reader) -> None:
    stage = stage_of(read, '[variables]\nA = "b"\n[secrets]\nKEY = { generate = 32 }\n')
    with pytest.raises(ValidationError, match="frozen"):
        stage.environment.min_size = 2
    with pytest.raises(TypeError, match="does not support item assignment"):
        stage.variables["A"] = "c"  # type: ignore[index]
    with pytest.raises(TypeError, match="does not support item assignment"):
        read(SERVICE).configurations["dev"] = stage  # type: ignore[index]
    assert stage.secrets["KEY"] == GenerateSecret(generate=32)
    assert stage.model_dump()["variables"] == {"A": "b"}


def test_stage_replaces_a_secret_as_a_whole(read: Reader) -> None:
    stage = stage_of(read, '[secrets]\nKEY = { generate = 32 }\n[stages.prod.secrets]\nKEY = { ssm = "/key" }\n')
    assert stage.secrets["KEY"] == SsmReference(ssm="/key")


def test_stage_replaces_a_vpc_as_a_whole(read: Reader) -> None:
    vpc = 'vpc_id = "vpc-00000001"\navailability_zones = ["eu-central-1a"]\npublic_subnet_ids = ["subnet-00000001"]\n'
    isolated = 'isolated_subnet_ids = ["subnet-00000002"]\n'
    stage = stage_of(read, f"[network.vpc]\n{vpc}{isolated}[stages.prod.network.vpc]\n{vpc}")
    assert stage.network.vpc
    assert stage.network.vpc.isolated_subnet_ids == ()


def test_stage_may_choose_the_other_of_two_alternatives(read: Reader) -> None:
    stage = read(
        f'{SERVICE}dockerfile = "Dockerfile"\n{GITHUB}[stages.prod.service]\ncompose = "compose.yaml"\n'
        '[stages.prod.delivery.github]\nenvironment = "production"\n'
    ).stage()
    assert stage.delivery.github
    assert (stage.delivery.github.branch, stage.delivery.github.environment) == (None, "production")
    assert (stage.service.dockerfile, stage.service.compose) == (None, "compose.yaml")


ONE, TWO = "1" * 12, "2" * 12


def in_accounts(**places: dict[str, str]) -> str:
    tables = (
        f"[stages.{name}]\n" + "".join(f'{key} = "{value}"\n' for key, value in place.items())
        for name, place in places.items()
    )
    return SERVICE + "".join(tables)


def test_one_stage_shares_nothing(read: Reader) -> None:
    assert read(SERVICE).sharing("dev") is None


@pytest.mark.parametrize("prod", [{"account": TWO}, {"account": ONE, "region": "eu-west-1"}, {"region": "eu-west-1"}])
def test_stages_in_different_accounts_or_regions_share_nothing(read: Reader, prod: dict[str, str]) -> None:
    dev = {"account": ONE, "region": "eu-central-1"}
    assert read(in_accounts(dev=dev, prod=prod)).sharing("dev") is None


def test_stages_that_share_both_are_warned_of(read: Reader) -> None:
    place = {"account": ONE, "region": "eu-central-1"}
    warning = read(in_accounts(dev=place, test=place, prod=place)).sharing("test")
    assert warning is not None
    assert warning.startswith(f"stage test shares account {ONE} in eu-central-1 with dev and prod: the deploy user")
    assert 'give each an account of its own, such as account = "111111111111" in [stages.test]' in warning
    assert "\n" not in warning


def test_the_warning_names_few_of_many_stages(read: Reader) -> None:
    warning = read(in_accounts(dev={}, **{f"dev{number}": {} for number in range(2, 17)})).sharing("dev")
    assert warning is not None
    assert "as dev2, dev3, dev4 and 12 more, unless with other credentials" in warning


@pytest.mark.parametrize("prod", [{}, {"account": ONE}, {"region": "eu-central-1"}])
def test_stages_without_an_account_or_a_region_may_share(read: Reader, prod: dict[str, str]) -> None:
    warning = read(in_accounts(dev={"region": "eu-central-1"}, prod=prod)).sharing("dev")
    assert warning is not None
    words = "stage dev is deployed to the same account and region as prod, unless with other credentials"
    assert warning.startswith(words)


def test_an_account_for_each_stage_ends_the_warning(read: Reader) -> None:
    manifest = read(in_accounts(dev={"account": ONE}, prod={"account": TWO}))
    assert [manifest.sharing(name) for name in manifest.stages] == [None, None]


def test_the_check_warns_once_and_succeeds(folder: Path, read: Reader) -> None:
    read(in_accounts(dev={}, prod={}))
    (folder / "Dockerfile").write_text("FROM busybox:stable\n")
    out = io.StringIO()
    assert main(["check", "--manifest", str(folder / "beanpod.toml")], environ={}, stdout=out, stderr=out) == 0
    assert out.getvalue().count("stage dev is deployed to the same account and region as prod") == 1
    assert "stage prod is deployed" not in out.getvalue()
