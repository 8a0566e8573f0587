"""What the tests of Database share."""

from typing import Any

import jsii
from aws_cdk import App, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template
from constructs import Construct

from beanpod.database import Database, DatabaseEngine

INSTANCE = "AWS::RDS::DBInstance"
STRICT = {"@aws-cdk/core:validateAgainstDefaultRules": True}


@jsii.implements(ec2.IConnectable, iam.IGrantable)
class Service(Construct):
    """Stands for an environment: it has a role, and instances in a security group."""

    def __init__(self, scope: Construct, construct_id: str, group: ec2.ISecurityGroup) -> None:
        super().__init__(scope, construct_id)
        self._role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
        self._connections = ec2.Connections(security_groups=[group])

    @property
    def connections(self) -> ec2.Connections:
        return self._connections

    @property
    def grant_principal(self) -> iam.IPrincipal:
        return self._role


def imported_vpc(scope: Construct, kind: str = "isolated", zones: int = 2) -> ec2.IVpc:
    subnets: dict[str, Any] = {f"{kind}_subnet_ids": [f"subnet-{zone:017x}" for zone in range(zones)]}
    return ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=[f"zone-{zone}" for zone in range(zones)],
        **subnets,
    )


def made(engine: DatabaseEngine | None = None, **options: Any) -> tuple[Database, Template]:
    stack = Stack(App(context=STRICT), "Dev")
    options.setdefault("vpc", imported_vpc(stack))
    database = Database(stack, "Database", engine=engine or DatabaseEngine.mysql("8.4"), **options)
    return database, Template.from_stack(stack)
