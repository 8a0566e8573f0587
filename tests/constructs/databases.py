"""Helpers for the tests of Database."""

from typing import Any

from aws_cdk import App, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template

from beanpod.database import Database
from beanpod.database_engine import DatabaseEngine
from beanpod.database_interface import IDatabase
from tests.constructs.imported import imported_vpc

INSTANCE = "AWS::RDS::DBInstance"
TUNED: dict[str, Any] = {
    "engine": DatabaseEngine.postgres("17.9"),
    "instance_type": ec2.InstanceType("m7g.large"),
    "allocated_storage": Size.gibibytes(100),
    "max_allocated_storage": Size.gibibytes(500),
    "multi_az": True,
    "database_name": "shop",
    "username": "shopkeeper",
    "port": 6543,
    "backup_retention": Duration.days(35),
    "preferred_backup_window": "02:00-03:00",
    "preferred_maintenance_window": "Sun:04:30-Sun:05:30",
    "deletion_protection": False,
    "removal_policy": RemovalPolicy.RETAIN,
    "iam_authentication": False,
    "ca_certificate": rds.CaCertificate.RDS_CA_RSA4096_G1,
    "auto_minor_version_upgrade": False,
    "allow_major_version_upgrade": True,
    "parameters": {"log_min_duration_statement": "500"},
}


def made(engine: DatabaseEngine | None = None, app: App | None = None, **options: Any) -> tuple[Database, Template]:
    stack = Stack(app or App(), "Dev")
    options.setdefault("vpc", imported_vpc(stack, "isolated"))
    database = Database(stack, "Database", engine=engine or DatabaseEngine.mysql("8.4"), **options)
    return database, Template.from_stack(stack)


def existing_database(
    stack: Stack, resource_id: str | None = None, secret: secretsmanager.ISecret | None = None
) -> IDatabase:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"
    return Database.from_database_attributes(
        stack,
        "ExistingDatabase",
        database_host="db.example.com",
        database_port=5432,
        database_name="shop",
        database_username="keeper",
        secret=secret or secretsmanager.Secret.from_secret_complete_arn(stack, "DatabaseSecret", arn),
        security_group=ec2.SecurityGroup.from_security_group_id(stack, "DatabaseGroup", "sg-db"),
        resource_id=resource_id,
    )
