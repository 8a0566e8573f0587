"""CDK features beside the constructs: stages, pipelines, look-ups, grants, partitions, boundaries."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import (
    App,
    Environment,
    NestedStack,
    PermissionsBoundary,
    Stack,
    Stage,
    pipelines,
)
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template
from constructs import Construct

from beanpod import Database, DatabaseEngine, DockerService, EnvironmentType, LoadBalancerScheme, ServiceNetwork
from tests.constructs.environments import balanced_environment, new_environment, new_stack
from tests.constructs.imported import IRELAND
from tests.constructs.templates import ENVIRONMENT, options

SINGLE = EnvironmentType.SINGLE_INSTANCE


class Shop(Stage):
    """A stage with a service in one stack and its network in another."""

    def __init__(self, scope: Construct, construct_id: str, **settings: Any) -> None:
        super().__init__(scope, construct_id, **settings)
        network_stack, service_stack = Stack(self, "Network"), Stack(self, "Service")
        network = ServiceNetwork(network_stack, "Network", nat_gateways=1)
        self.environment = balanced_environment(service_stack, network)
        self.stacks = (network_stack, service_stack)


def test_a_pipeline_deploys_a_stage(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path))
    stack = Stack(app, "Pipeline", env=IRELAND)
    source = pipelines.CodePipelineSource.code_commit(
        codecommit.Repository.from_repository_name(stack, "Repository", "shop"), "main"
    )
    pipeline = pipelines.CodePipeline(
        stack, "Pipeline", synth=pipelines.ShellStep("Synth", input=source, commands=["cdk synth"])
    )
    pipeline.add_stage(Shop(app, "Prod", env=IRELAND))
    app.synth()
    Template.from_stack(stack).resource_count_is("AWS::CodePipeline::Pipeline", 1)


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_arns_are_of_the_regions_partition(region: str) -> None:
    stack = Stack(App(), "Shop", env=Environment(account="123456789012", region=region))
    DockerService(stack, "Service", database_engine=DatabaseEngine.postgres("17"))
    template = str(Template.from_stack(stack).to_json())
    assert "arn:aws:" not in template


def test_a_permissions_boundary_of_the_app_reaches_every_role() -> None:
    app = App()
    stack = Stack(app, "Shop", permissions_boundary=PermissionsBoundary.from_name("limits"))
    DockerService(stack, "Service")
    roles = Template.from_stack(stack).find_resources("AWS::IAM::Role")
    assert roles
    assert all("PermissionsBoundary" in body["Properties"] for body in roles.values())


def test_roles_may_be_made_elsewhere() -> None:
    stack = new_stack()
    iam.Role.customize_roles(stack)
    service = DockerService(stack, "Service", environment_name="shop", github_repository="ada/shop")
    service.artifacts.bucket.grant_read(service.environment)
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::IAM::Role", 0)
    template.resource_count_is(ENVIRONMENT, 1)


def test_a_service_works_in_a_nested_stack() -> None:
    stack = new_stack()
    nested = NestedStack(stack, "Nested")
    DockerService(nested, "Service", environment_type=SINGLE)
    Template.from_stack(nested).resource_count_is(ENVIRONMENT, 1)


def test_network_and_environment_may_be_in_nested_stacks() -> None:
    stack = new_stack()
    network = ServiceNetwork(NestedStack(stack, "Network"), "Network")
    nested = NestedStack(stack, "Service")
    balanced_environment(nested, network)
    Template.from_stack(nested).resource_count_is(ENVIRONMENT, 1)


def test_two_services_share_one_vpc() -> None:
    stack = new_stack()
    vpc = ec2.Vpc(stack, "Vpc", restrict_default_security_group=False)
    for name in ("Shop", "Blog"):
        DockerService(stack, name, vpc=vpc)
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::EC2::VPC", 1)
    template.resource_count_is(ENVIRONMENT, 2)


def test_a_looked_up_vpc_is_not_refused_before_the_look_up() -> None:
    stack = Stack(App(), "Shop", env=IRELAND)
    vpc = ec2.Vpc.from_lookup(stack, "Vpc", is_default=False)
    network = ServiceNetwork(stack, "Network", vpc=vpc, database_port=3306)
    assert network.database_subnets
    assert Database(stack, "Database", vpc=vpc, engine=DatabaseEngine.mysql("8.4")).instance
    role = iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::123456789012:role/mine")
    environment = new_environment(stack, vpc=vpc, instance_role=role)
    s3.Bucket(stack, "Uploads").grant_read(environment)
    assert options(Template.from_stack(stack))["ec2:vpc", "VPCId"] == "vpc-12345"


@pytest.mark.parametrize(
    "choose",
    [
        lambda _: ec2.SubnetSelection(subnet_group_name="App"),
        lambda _: ec2.SubnetSelection(subnet_filters=[ec2.SubnetFilter.by_ids(["subnet-1", "subnet-2"])]),
        lambda _: ec2.SubnetSelection(availability_zones=["eu-west-1a", "eu-west-1b"]),
        lambda vpc: ec2.SubnetSelection(subnets=vpc.isolated_subnets[1:]),
        lambda vpc: ec2.SubnetSelection(subnets=vpc.isolated_subnets[2:]),
    ],
    ids=["group", "ids", "zones", "the-last", "none-of-the-stand-in"],
)
def test_subnets_of_a_looked_up_vpc_are_not_refused_before_the_look_up(
    choose: Callable[[ec2.IVpc], ec2.SubnetSelection],
) -> None:
    stack = Stack(App(), "Shop", env=IRELAND)
    vpc = ec2.Vpc.from_lookup(stack, "Vpc", vpc_id="vpc-1")
    network, chosen = ServiceNetwork(stack, "Network", vpc=vpc), choose(vpc)
    Database(stack, "Database", vpc=vpc, engine=DatabaseEngine.mysql("8.4"), vpc_subnets=chosen)
    balanced_environment(
        stack,
        network,
        instance_subnets=chosen,
        load_balancer_subnets=chosen,
        load_balancer_scheme=LoadBalancerScheme.INTERNAL,
    )
    Template.from_stack(stack).resource_count_is(ENVIRONMENT, 1)
