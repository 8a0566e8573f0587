"""ServiceNetwork and ServiceSecurityGroups: what CloudFormation gets, and what is refused."""

from typing import Any

import pytest
from aws_cdk import App, Stack, Token
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Match, Template

from beanpod import LoadBalancerScheme
from beanpod._subnets import select
from beanpod.network import ServiceNetwork, ServiceSecurityGroups
from tests.constructs.environments import ENVIRONMENT, balanced_environment, option
from tests.constructs.networks import imported_vpc, network

WEB_RULES = [
    {"CidrIp": "0.0.0.0/0", "Description": "HTTP from the internet", "FromPort": 80, "ToPort": 80},
    {"CidrIp": "0.0.0.0/0", "Description": "HTTPS from the internet", "FromPort": 443, "ToPort": 443},
    {"CidrIpv6": "::/0", "Description": "HTTP from the internet", "FromPort": 80, "ToPort": 80},
    {"CidrIpv6": "::/0", "Description": "HTTPS from the internet", "FromPort": 443, "ToPort": 443},
]


def subnets(template: Template, kind: str) -> list[dict[str, Any]]:
    tag = {"Key": "aws-cdk:subnet-type", "Value": kind}
    found = template.find_resources("AWS::EC2::Subnet", {"Properties": {"Tags": Match.array_with([tag])}}).values()
    return [subnet["Properties"] for subnet in found]


@pytest.fixture(scope="module")
def production() -> Template:
    return network(nat_gateways=2, flow_logs=True, database_port=5432)[1]


@pytest.fixture(scope="module")
def small() -> Template:
    return network(load_balanced=False, database_port=3306)[1]


def test_each_kind_of_subnet_covers_two_zones(production: Template) -> None:
    for kind in ("Public", "Private", "Isolated"):
        zones = [subnet["AvailabilityZone"] for subnet in subnets(production, kind)]
        assert zones == [{"Fn::Select": [index, {"Fn::GetAZs": ""}]} for index in (0, 1)]
    production.resource_count_is("AWS::EC2::NatGateway", 2)


def test_without_nat_gateways_there_are_no_private_subnets(small: Template) -> None:
    assert len(subnets(small, "Public")) == len(subnets(small, "Isolated")) == 2
    assert not subnets(small, "Private")
    small.resource_count_is("AWS::EC2::NatGateway", 0)


def test_only_subnets_that_hold_public_instances_hand_out_public_addresses(
    small: Template, production: Template
) -> None:
    assert all(subnet["MapPublicIpOnLaunch"] for subnet in subnets(small, "Public"))
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in subnets(production, "Public"))


def test_isolated_subnets_have_no_route_out(production: Template) -> None:
    routes = production.find_resources("AWS::EC2::Route").values()
    tables = [route["Properties"]["RouteTableId"]["Ref"] for route in routes]
    assert len(tables) == 4
    assert not any("DatabaseSubnet" in table for table in tables)


def test_a_third_zone_and_nat_gateways_leave_the_other_subnets_alone(small: Template) -> None:
    _, grown = network(max_azs=3, nat_gateways=3)
    assert len(subnets(grown, "Public")) == 3
    for kind in ("Public", "Isolated"):
        before = [subnet["CidrBlock"] for subnet in subnets(small, kind)]
        assert [subnet["CidrBlock"] for subnet in subnets(grown, kind)][:2] == before


def test_addresses_can_be_chosen() -> None:
    _, template = network(ip_addresses=ec2.IpAddresses.cidr("10.9.0.0/20"), nat_gateways=1)
    template.has_resource_properties("AWS::EC2::VPC", {"CidrBlock": "10.9.0.0/20"})


def test_no_custom_resource_empties_the_default_group(production: Template) -> None:
    assert not [kind for kind in resource_types(production) if "Custom" in kind or "Lambda" in kind]


def resource_types(template: Template) -> set[str]:
    return {resource["Type"] for resource in template.to_json()["Resources"].values()}


def test_flow_logs_expire_and_outlive_the_stack(production: Template) -> None:
    production.has_resource(
        "AWS::Logs::LogGroup",
        {"Properties": {"RetentionInDays": 30}, "DeletionPolicy": "RetainExceptOnCreate"},
    )
    production.has_resource_properties(
        "AWS::EC2::FlowLog",
        {"TrafficType": "ALL", "ResourceType": "VPC", "ResourceId": {"Ref": Match.any_value()}},
    )


def test_flow_log_role_writes_to_its_log_group_only(production: Template) -> None:
    [role] = production.find_resources("AWS::IAM::Role").values()
    [policy] = role["Properties"]["Policies"]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    assert statement["Resource"]["Fn::GetAtt"][1] == "Arn"
    [trust] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_flow_logs_are_off_unless_asked_for(small: Template) -> None:
    small.resource_count_is("AWS::EC2::FlowLog", 0)


def test_the_network_names_the_subnets_of_each_part() -> None:
    balanced, _ = network(nat_gateways=1, database_port=3306)
    assert balanced.load_balancer_subnets
    assert balanced.database_subnets
    for selection, kind in (
        (balanced.load_balancer_subnets, balanced.vpc.public_subnets),
        (balanced.instance_subnets, balanced.vpc.private_subnets),
        (balanced.database_subnets, balanced.vpc.isolated_subnets),
    ):
        assert select(balanced.vpc, selection).subnet_ids == [subnet.subnet_id for subnet in kind]


def test_a_single_instance_is_in_a_public_subnet() -> None:
    stack = Stack(App(), "Dev")
    vpc = imported_vpc(stack, public_subnet_ids=["p1", "p2"], private_subnet_ids=["s1", "s2"])
    single = ServiceNetwork(stack, "Network", vpc=vpc, load_balanced=False)
    assert single.load_balancer_subnets is None
    assert select(vpc, single.instance_subnets).subnet_ids == ["p1", "p2"]


def test_a_vpc_of_ones_own_gets_only_groups_and_flow_logs() -> None:
    stack = Stack(App(), "Dev")
    vpc = imported_vpc(stack, public_subnet_ids=["p1", "p2"], private_subnet_ids=["s1", "s2"])
    made = ServiceNetwork(stack, "Network", vpc=vpc, flow_logs=True, database_port=3306)
    template = Template.from_stack(stack)
    assert made.vpc is vpc
    template.resource_count_is("AWS::EC2::VPC", 0)
    template.has_resource_properties("AWS::EC2::FlowLog", {"ResourceId": "vpc-1"})
    assert made.database_subnets
    assert select(vpc, made.database_subnets).subnet_ids == ["s1", "s2"]
    assert select(vpc, made.instance_subnets).subnet_ids == ["s1", "s2"]


def test_a_looked_up_vpc_is_not_refused_before_the_look_up() -> None:
    stack = Stack(App(), "Dev", env={"account": "123456789012", "region": "us-east-1"})
    vpc = ec2.Vpc.from_lookup(stack, "Vpc", is_default=False)
    made = ServiceNetwork(stack, "Network", vpc=vpc, database_port=3306)
    assert made.database_subnets


def test_retention_of_flow_logs_can_be_chosen() -> None:
    _, template = network(flow_logs=True, flow_log_retention=logs.RetentionDays.ONE_YEAR)
    template.has_resource_properties("AWS::Logs::LogGroup", {"RetentionInDays": 365})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nat_gateways": -1}, "nat_gateways must be 0 to 3 gateways, got -1"),
        ({"nat_gateways": 3}, r"nat_gateways must be at most max_azs \(2\), got 3"),
        ({"max_azs": 1}, "max_azs must be 2 to 3 zones, got 1"),
        ({"instance_port": 0}, "instance_port must be 1 to 65535, got 0"),
        ({"database_port": 80}, "database_port must be 1150 to 65535, got 80"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ServiceNetwork(Stack(App(), "Dev"), "Network", **options)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (
            ["public"],
            {"nat_gateways": 1},
            "nat_gateways and max_azs shape a new VPC: leave them out beside vpc",
        ),
        (["public"], {"max_azs": 3}, "nat_gateways and max_azs shape a new VPC: leave them out beside vpc"),
        (["private"], {}, "vpc must have public subnets"),
        (["public"], {"database_port": 3306}, "vpc must have isolated or private subnets, got none"),
    ],
)
def test_a_vpc_that_does_not_fit_is_refused(given: list[str], options: dict[str, Any], message: str) -> None:
    stack = Stack(App(), "Dev")
    vpc = imported_vpc(stack, **{f"{kind}_subnet_ids": [f"{kind}1", f"{kind}2"] for kind in given})
    with pytest.raises(ValueError, match=message):
        ServiceNetwork(stack, "Network", vpc=vpc, **options)


def test_a_vpc_without_public_subnets_takes_an_internal_load_balancer() -> None:
    stack = Stack(App(), "Dev")
    vpc = imported_vpc(stack, private_subnet_ids=["private1", "private2"])
    made = ServiceNetwork(stack, "Network", vpc=vpc, load_balancer_scheme=LoadBalancerScheme.INTERNAL)
    balanced_environment(stack, made, load_balancer_scheme=LoadBalancerScheme.INTERNAL)
    options = {"OptionSettings": option("ELBSubnets", "private1,private2")}
    Template.from_stack(stack).has_resource_properties(ENVIRONMENT, options)


def test_all_problems_are_listed_at_once() -> None:
    with pytest.raises(ValueError, match=r"^Dev/Network: 2 problems\n.*max_azs.*\n.*nat_gateways"):
        ServiceNetwork(Stack(App(), "Dev"), "Network", max_azs=1, nat_gateways=3)


def group(template: Template, role: str) -> tuple[str, dict[str, Any]]:
    found = template.find_resources(
        "AWS::EC2::SecurityGroup", {"Properties": {"GroupDescription": f"{role} of the service"}}
    )
    ((logical_id, resource),) = found.items()
    return logical_id, resource["Properties"]


def reference(template: Template, role: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [group(template, role)[0], "GroupId"]}


def test_internet_reaches_the_load_balancer_only(production: Template) -> None:
    _, balancer = group(production, "Load balancer")
    assert [without(rule, "IpProtocol") for rule in balancer["SecurityGroupIngress"]] == WEB_RULES
    for role in ("Instances", "Database"):
        assert "SecurityGroupIngress" not in group(production, role)[1]


def without(rule: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name != key}


def test_single_instance_faces_the_internet_itself(small: Template) -> None:
    _, instances = group(small, "Instances")
    assert [without(rule, "IpProtocol") for rule in instances["SecurityGroupIngress"]] == WEB_RULES
    small.resource_count_is("AWS::EC2::SecurityGroup", 2)


def test_the_load_balancer_can_be_open_to_some_only() -> None:
    stack = Stack(App(), "Dev")
    office = ec2.SecurityGroup.from_security_group_id(stack, "Office", "sg-1")
    peers = [ec2.Peer.ipv4("203.0.113.0/24"), ec2.Peer.prefix_list("pl-1"), office]
    ServiceNetwork(stack, "Network", allow_from=peers)
    template = Template.from_stack(stack)
    _, balancer = group(template, "Load balancer")
    assert [(rule["CidrIp"], rule["FromPort"]) for rule in balancer["SecurityGroupIngress"]] == [
        ("203.0.113.0/24", 80),
        ("203.0.113.0/24", 443),
    ]
    front = {"GroupId": reference(template, "Load balancer")}
    for peer in ({"SourcePrefixListId": "pl-1"}, {"SourceSecurityGroupId": "sg-1"}):
        for port in (80, 443):
            template.has_resource_properties("AWS::EC2::SecurityGroupIngress", {**front, **peer, "FromPort": port})


@pytest.mark.parametrize(
    ("source", "target", "port"), [("Load balancer", "Instances", 80), ("Instances", "Database", 5432)]
)
def test_each_tier_is_reached_from_the_tier_before_it(
    production: Template, source: str, target: str, port: int
) -> None:
    ports = {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "Description": Match.string_like_regexp("."),
    }
    from_group, to_group = reference(production, source), reference(production, target)
    production.has_resource_properties(
        "AWS::EC2::SecurityGroupIngress", {**ports, "GroupId": to_group, "SourceSecurityGroupId": from_group}
    )
    production.has_resource_properties(
        "AWS::EC2::SecurityGroupEgress",
        {**ports, "GroupId": from_group, "DestinationSecurityGroupId": to_group},
    )


def test_no_other_rule_joins_the_tiers(production: Template) -> None:
    production.resource_count_is("AWS::EC2::SecurityGroupIngress", 2)
    production.resource_count_is("AWS::EC2::SecurityGroupEgress", 2)


def test_database_sends_nothing_out(production: Template) -> None:
    [rule] = group(production, "Database")[1]["SecurityGroupEgress"]
    assert rule["CidrIp"] == "255.255.255.255/32"
    database = reference(production, "Database")
    egress = production.find_resources("AWS::EC2::SecurityGroupEgress", {"Properties": {"GroupId": database}})
    assert not egress


def test_load_balancer_has_no_outbound_rule_but_the_one_to_the_instances(production: Template) -> None:
    assert "SecurityGroupEgress" not in group(production, "Load balancer")[1]
    balancer = reference(production, "Load balancer")
    egress = production.find_resources("AWS::EC2::SecurityGroupEgress", {"Properties": {"GroupId": balancer}})
    assert len(egress) == 1


def test_instances_reach_the_web_and_nothing_else(production: Template) -> None:
    rules = group(production, "Instances")[1]["SecurityGroupEgress"]
    assert {(rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) for rule in rules} == {
        (80, 80, "tcp"),
        (443, 443, "tcp"),
    }


def test_every_rule_says_why_it_is_there(production: Template) -> None:
    inline = [
        rule
        for resource in production.find_resources("AWS::EC2::SecurityGroup").values()
        for direction in ("SecurityGroupIngress", "SecurityGroupEgress")
        for rule in resource["Properties"].get(direction, [])
    ]
    standalone = [
        resource["Properties"]
        for direction in ("SecurityGroupIngress", "SecurityGroupEgress")
        for resource in production.find_resources(f"AWS::EC2::{direction}").values()
    ]
    assert len(inline) == 9
    assert all(rule["Description"] for rule in inline + standalone)


def test_without_a_database_there_is_no_group_for_it() -> None:
    made, template = network()
    assert made.database_security_group is None
    assert made.database_subnets is None
    template.resource_count_is("AWS::EC2::SecurityGroup", 2)


def test_groups_can_be_used_alone() -> None:
    stack = Stack(App(), "Dev")
    groups = ServiceSecurityGroups(
        stack, "Groups", vpc=imported_vpc(stack, public_subnet_ids=["p1", "p2"]), instance_port=8080
    )
    assert groups.load_balancer
    assert groups.database is None
    Template.from_stack(stack).has_resource_properties(
        "AWS::EC2::SecurityGroupIngress", {"FromPort": 8080, "ToPort": 8080}
    )


def test_a_port_may_be_a_token() -> None:
    stack = Stack(App(), "Dev")
    vpc = imported_vpc(stack, public_subnet_ids=["p1", "p2"])
    ServiceSecurityGroups(stack, "Groups", vpc=vpc, database_port=Token.as_number({"Ref": "Port"}))  # type: ignore[arg-type]
    Template.from_stack(stack).has_resource_properties("AWS::EC2::SecurityGroupIngress", {"FromPort": {"Ref": "Port"}})
