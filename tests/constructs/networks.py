"""Helpers for the tests of ServiceNetwork."""

from typing import Any

from aws_cdk import App, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk.assertions import Template
from constructs import Construct

from beanpod.network import ServiceNetwork

RESTRICT_FLAG = "@aws-cdk/aws-ec2:restrictDefaultSecurityGroup"


def network(**options: Any) -> tuple[ServiceNetwork, Template]:
    stack = Stack(App(context={RESTRICT_FLAG: True}), "Dev")
    made = ServiceNetwork(stack, "Network", **options)
    return made, Template.from_stack(stack)


def imported_vpc(scope: Construct, **subnets: Any) -> ec2.IVpc:
    return ec2.Vpc.from_vpc_attributes(scope, "Imported", vpc_id="vpc-1", availability_zones=["a", "b"], **subnets)
