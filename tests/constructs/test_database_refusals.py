"""Database and DatabaseEngine: what is refused."""

from typing import Any

import pytest
from aws_cdk import App, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_ec2 as ec2

from beanpod.database_engine import DatabaseEngine
from tests.constructs.databases import imported_vpc, made


def test_versions_that_rds_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^DatabaseEngine: 1 problem\n  - version must be a version of mysql on RDS"):
        DatabaseEngine.mysql("5.7")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"username": "rdsadmin"}, 'username must not be a word that mysql reserves, got "rdsadmin"'),
        ({"allocated_storage": Size.gibibytes(0)}, r"allocated_storage must be 20 to 65536 GiB \(gp3\), got 0"),
        ({"allocated_storage": Size.mebibytes(50_000)}, "allocated_storage must be whole GiB, got 48.8281"),
        ({"allocated_storage": Size.gibibytes(19)}, r"allocated_storage must be 20 to 65536 GiB \(gp3\), got 19"),
        ({"backup_retention": Duration.hours(12)}, "backup_retention must be whole days, got 0.5"),
        ({"instance_type": ec2.InstanceType("db.t3.micro")}, 'instance_type .* write "t3.micro"'),
        ({"instance_type": ec2.InstanceType("t2.micro")}, "instance_type must be a class that can encrypt"),
        ({"performance_insights": True}, 'performance_insights must be off on "t4g.micro" with mysql'),
        ({"removal_policy": RemovalPolicy.DESTROY}, "removal_policy must not be DESTROY while deletion_protection"),
        ({"preferred_backup_window": "3-4"}, r'preferred_backup_window must be like .* \(UTC\), got "3-4"'),
        ({"preferred_maintenance_window": "sun"}, 'preferred_maintenance_window must be like .* got "sun"'),
        ({"port": 80}, "port must be 1150 to 65535, got 80"),
        ({"parameters": {"require_secure_transport": "0"}}, "parameters must not set require_secure_transport"),
    ],
)
def test_what_rds_would_refuse_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**options)


def test_parameters_of_postgres_keep_tls() -> None:
    with pytest.raises(ValueError, match=r"parameters must not set rds\.force_ssl"):
        made(DatabaseEngine.postgres("17"), parameters={"rds.force_ssl": "0"})


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
        made(username="rdsadmin", allocated_storage=Size.gibibytes(1), port=1)
