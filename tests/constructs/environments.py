"""Helpers for the tests of DockerEnvironment."""

from typing import Any

from aws_cdk import App, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Match

from beanpod import DeploymentPolicy, DockerEnvironment, EnvironmentType, IDockerEnvironment, ServiceNetwork
from tests.constructs.imported import imported_vpc


def new_stack() -> Stack:
    return Stack(App(), "Test")


def new_environment(stack: Stack, construct_id: str = "Environment", **settings: Any) -> DockerEnvironment:
    """A single instance in an imported VPC: the least there is to synthesise."""
    defaults: dict[str, Any] = {
        "environment_type": EnvironmentType.SINGLE_INSTANCE,
        "vpc": imported_vpc(stack, "public", construct_id=f"{construct_id}Vpc"),
        "instance_security_group": ec2.SecurityGroup.from_security_group_id(stack, f"{construct_id}Group", "sg-1"),
    }
    return DockerEnvironment(stack, construct_id, **(defaults | settings))


def balanced_environment(
    stack: Stack, network: ServiceNetwork | None = None, construct_id: str = "Environment", **settings: Any
) -> DockerEnvironment:
    """Instances behind a load balancer, in a network with private subnets unless one is given."""
    network = network or ServiceNetwork(stack, "Network", nat_gateways=1)
    defaults: dict[str, Any] = {
        "vpc": network.vpc,
        "instance_security_group": network.instance_security_group,
        "load_balancer_security_group": network.load_balancer_security_group,
    }
    return DockerEnvironment(stack, construct_id, **(defaults | settings))


def option(name: str, value: Any, namespace: Any = None) -> Any:
    return Match.array_with(
        [Match.object_like({"OptionName": name, "Value": value} | ({"Namespace": namespace} if namespace else {}))]
    )


def existing_environment(stack: Stack, **attributes: Any) -> IDockerEnvironment:
    """An environment that was made elsewhere."""
    defaults: dict[str, Any] = {
        "environment_name": "shop-prod",
        "application_name": "shop",
        "environment_endpoint_url": "awseb-1.eu-west-1.elb.amazonaws.com",
        "instance_role": iam.Role.from_role_arn(stack, "Instances", "arn:aws:iam::123456789012:role/instances"),
        "security_groups": [ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-instances")],
        "deployment_policy": DeploymentPolicy.IMMUTABLE,
    }
    return DockerEnvironment.from_environment_attributes(stack, "Existing", **(defaults | attributes))
