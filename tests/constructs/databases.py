"""Helpers for the tests of Database."""

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template

from beanpod.database import Database
from beanpod.database_engine import DatabaseEngine
from beanpod.database_interface import IDatabase
from tests.constructs.imported import imported_vpc
from tests.stacks.conftest import validated_app

INSTANCE = "AWS::RDS::DBInstance"
STRICT = {"@aws-cdk/core:validateAgainstDefaultRules": True}


def made(engine: DatabaseEngine | None = None, **options: Any) -> tuple[Database, Template]:
    stack = Stack(validated_app(STRICT), "Dev")
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
