"""Database and DatabaseEngine: what is refused."""

import re
from typing import Any

import pytest
from aws_cdk import App, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2

from beanpod.database_engine import DatabaseEngine
from tests.constructs.databases import imported_vpc, made


@pytest.mark.parametrize(
    ("make", "version", "message"),
    [
        (DatabaseEngine.mysql, "8", 'mysql version must be like "8.4" or "8.4.9", got "8"'),
        (DatabaseEngine.mysql, "latest", 'mysql version must be like "8.4" or "8.4.9", got "latest"'),
        (DatabaseEngine.mysql, "5.7", 'mysql version must be 8.0 or newer, got "5.7"'),
        (DatabaseEngine.mariadb, "10.5", 'mariadb version must be 10.6 or newer, got "10.5"'),
        (DatabaseEngine.mariadb, "", 'mariadb version must be like "11.4" or "11.4.9", got ""'),
        (DatabaseEngine.postgres, "17.4.1", 'postgres version must be like "17" or "17.9", got "17.4.1"'),
        (DatabaseEngine.postgres, "12.22", 'postgres version must be 13 or newer, got "12.22"'),
    ],
)
def test_versions_that_rds_does_not_have_are_refused(make: Any, version: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^DatabaseEngine: 1 problem\n  - {re.escape(message)}"):
        make(version)


def test_a_version_between_lifecycle_dates_may_carry_a_suffix() -> None:
    assert DatabaseEngine.mysql("8.0.46-rds.20260624").version == "8.0.46-rds.20260624"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"database_name": "1st"}, 'database_name must be a letter and up to 63 letters, .* got "1st"'),
        ({"database_name": "a" * 65}, "database_name must be a letter and up to 63 letters"),
        ({"database_name": "MySQL"}, 'database_name must not be a word that mysql reserves, got "MySQL"'),
        ({"username": "a-b"}, 'username must be a letter and up to 15 letters, .* got "a-b"'),
        ({"username": "a" * 17}, "username must be a letter and up to 15 letters"),
        ({"username": "rdsadmin"}, 'username must not be a word that mysql reserves, .* write e.g. "admin"'),
        ({"allocated_storage": 19}, r"allocated_storage must be between 20 and 65536 GiB \(gp3\), got 19"),
        ({"allocated_storage": 65537}, "allocated_storage must be between 20 and 65536"),
        ({"max_allocated_storage": 21}, r"at least a tenth above allocated_storage \(20 GiB\), got 21"),
        ({"max_allocated_storage": 70000}, "max_allocated_storage must be at most 65536 GiB, got 70000"),
        ({"instance_type": ec2.InstanceType("db.t3.micro")}, 'instance_type .* write "t3.micro"'),
        ({"instance_type": ec2.InstanceType("t2.micro")}, "instance_type must be a class that can encrypt"),
        ({"performance_insights": True}, 'performance_insights must be off on "t4g.micro" with mysql'),
        ({"backup_retention": Duration.days(36)}, r"backup_retention must be between 0 .* and 35 days, got 36"),
        ({"removal_policy": RemovalPolicy.DESTROY}, "removal_policy must not be DESTROY while deletion_protection"),
        ({"preferred_backup_window": "3-4"}, r'preferred_backup_window must be like .* \(UTC\), got "3-4"'),
        ({"preferred_maintenance_window": "sun"}, 'preferred_maintenance_window must be like .* got "sun"'),
        ({"port": 80}, "port must be between 1150 and 65535, got 80"),
        ({"parameters": {"require_secure_transport": "0"}}, "parameters must not set require_secure_transport"),
    ],
)
def test_what_rds_would_refuse_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"username": "admin"}, 'username must not be a word that postgres reserves, got "admin"'),
        ({"username": "pg_boss"}, 'username must not start with pg_, got "pg_boss"'),
        ({"database_name": "db"}, 'database_name must not be a word that postgres reserves, got "db"'),
        ({"parameters": {"rds.force_ssl": "0"}}, "parameters must not set rds.force_ssl"),
    ],
)
def test_what_postgres_keeps_for_itself_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(DatabaseEngine.postgres("17"), **options)


def test_database_refuses_public_subnets() -> None:
    stack = Stack(App(), "Dev")
    vpc = imported_vpc(stack, "public")
    with pytest.raises(ValueError, match="vpc must have isolated or private subnets, got none"):
        made(vpc=vpc)
    with pytest.raises(ValueError, match="vpc_subnets must be isolated or private, got public ones"):
        made(vpc=vpc, vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC))


def test_database_refuses_a_single_zone() -> None:
    with pytest.raises(ValueError, match="vpc_subnets must cover two zones, got 1"):
        made(vpc=imported_vpc(Stack(App(), "Dev"), zones=1), multi_az=True)


def test_all_problems_are_listed_at_once() -> None:
    with pytest.raises(ValueError, match=r"^Dev/Database: 3 problems\n.*username.*\n.*allocated_storage.*\n.*port"):
        made(username="rdsadmin", allocated_storage=1, port=1)
