"""Dependencies that CloudFormation cannot see: the environment is created after its network, and deleted before it."""

from typing import Any

import pytest
from aws_cdk import App, NestedStack, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from beanpod import DockerService, EnvironmentType, ServiceNetwork
from tests.constructs.environments import balanced_environment, new_environment, new_stack
from tests.constructs.imported import IRELAND, imported_vpc
from tests.constructs.templates import ENVIRONMENT, only

WAYS_OUT = ("AWS::EC2::Route", "AWS::EC2::VPCGatewayAttachment", "AWS::EC2::NatGateway")


def _needed(value: Any) -> set[str]:
    """The logical ids that a part of a template refers to."""
    if isinstance(value, list):
        return {name for item in value for name in _needed(item)}
    if not isinstance(value, dict):
        return set()
    if "Ref" in value:
        return {value["Ref"]}
    if "Fn::GetAtt" in value:
        got = value["Fn::GetAtt"]
        return {got[0] if isinstance(got, list) else got.split(".")[0]}
    return {name for item in value.values() for name in _needed(item)}


def waited_for(template: dict[str, Any], kind: str = ENVIRONMENT) -> set[str]:
    """The types of all that is made before, and removed after, the resources of a type."""
    resources = template["Resources"]
    reached: set[str] = set()
    todo = [name for name, body in resources.items() if body["Type"] == kind]
    while todo:
        body = resources[todo.pop()]
        depends = body.get("DependsOn", [])
        names = _needed(body["Properties"]) | set([depends] if isinstance(depends, str) else depends)
        new = {name for name in names if name in resources} - reached
        reached |= new
        todo += new
    return reached


def unordered(template: dict[str, Any]) -> set[str]:
    """Routes and gateways that the environment does not wait for."""
    ways = {name for name, body in template["Resources"].items() if body["Type"] in WAYS_OUT}
    return ways - waited_for(template)


def _json(stack: Stack) -> dict[str, Any]:
    return dict(Template.from_stack(stack).to_json())


@pytest.mark.parametrize(
    "settings",
    [{}, {"nat_gateways": 0}, {"nat_gateways": 2}, {"environment_type": EnvironmentType.SINGLE_INSTANCE}],
)
def test_a_services_environment_waits_for_every_route_and_gateway(settings: dict[str, Any]) -> None:
    stack = new_stack()
    DockerService(stack, "Service", **settings)
    template = _json(stack)
    assert any(body["Type"] == "AWS::EC2::Route" for body in template["Resources"].values())
    assert unordered(template) == set()


def test_an_environment_waits_for_a_vpc_of_another_stack() -> None:
    app = App()
    earlier, later = Stack(app, "Earlier"), Stack(app, "Later")
    new_environment(later, vpc=ec2.Vpc(earlier, "Vpc", restrict_default_security_group=False))
    app.synth()
    assert earlier in later.dependencies


def test_an_environment_in_a_nested_stack_waits_for_it() -> None:
    stack = new_stack()
    vpc = ec2.Vpc(stack, "Vpc", restrict_default_security_group=False)
    nested = NestedStack(stack, "Nested")
    new_environment(nested, vpc=vpc)
    template = _json(stack)
    ways = {name for name, body in template["Resources"].items() if body["Type"] == "AWS::EC2::Route"}
    public = {name for name in ways if "Public" in name}
    assert public <= waited_for(template, "AWS::CloudFormation::Stack")


@pytest.mark.parametrize("looked_up", [False, True])
def test_an_imported_vpc_adds_no_dependencies(looked_up: bool) -> None:
    stack = Stack(App(), "Test", env=IRELAND)
    vpc = ec2.Vpc.from_lookup(stack, "Vpc", vpc_id="vpc-1") if looked_up else imported_vpc(stack, "public")
    new_environment(stack, vpc=vpc)
    depends = only(Template.from_stack(stack), ENVIRONMENT)["DependsOn"]
    assert [name for name in depends if "Role" not in name] == []


def test_instances_and_load_balancer_wait_for_their_own_subnets_only() -> None:
    stack = new_stack()
    network = ServiceNetwork(stack, "Network", nat_gateways=2)
    first = network.vpc.private_subnets[0]
    balanced_environment(stack, network, instance_subnets=ec2.SubnetSelection(subnets=[first]))
    template = _json(stack)
    assert {name for name in unordered(template) if "Private" not in name and "NAT" not in name} == set()
    assert not any("PrivateSubnet2" in name for name in waited_for(template))


def test_an_environment_waits_for_what_a_given_service_role_may_do() -> None:
    stack = new_stack()
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("elasticbeanstalk.amazonaws.com"))
    new_environment(stack, service_role=role)
    role.add_to_policy(iam.PolicyStatement(actions=["ec2:Describe*"], resources=["*"]))
    assert any(name.startswith("RoleDefaultPolicy") for name in waited_for(_json(stack)))


def test_isolated_instances_wait_for_the_endpoints_that_lead_out() -> None:
    stack = new_stack()
    network = ServiceNetwork(stack, "Network")
    isolated = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    balanced_environment(stack, network, instance_subnets=isolated)
    for service in ("ELASTIC_BEANSTALK", "ELASTIC_BEANSTALK_HEALTH"):
        network.vpc.add_interface_endpoint(service, service=getattr(ec2.InterfaceVpcEndpointAwsService, service))
    template = _json(stack)
    endpoints = {name for name, body in template["Resources"].items() if body["Type"] == "AWS::EC2::VPCEndpoint"}
    assert len(endpoints) == 2
    assert endpoints <= waited_for(template)
