"""ServiceNetwork and ServiceSecurityGroups: what CloudFormation gets, and what is refused."""

from typing import Any

import pytest
from aws_cdk import App, CfnParameter, Stack, Token
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Match, Template

from beanpod import LoadBalancerScheme
from beanpod._subnets import select
from beanpod.network import ServiceNetwork, ServiceSecurityGroups
from tests.constructs.environments import balanced_environment
from tests.constructs.imported import VPC_ID, imported_vpc
from tests.constructs.templates import only, options

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


def network(**settings: Any) -> tuple[ServiceNetwork, Template]:
    stack = Stack(App(context={"@aws-cdk/aws-ec2:restrictDefaultSecurityGroup": True}), "Dev")
    made = ServiceNetwork(stack, "Network", **settings)
    return made, Template.from_stack(stack)


@pytest.fixture
def stack() -> Stack:
    return Stack(App(), "Dev")


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


def test_addresses_and_the_retention_of_flow_logs_can_be_chosen() -> None:
    chosen = {"ip_addresses": ec2.IpAddresses.cidr("10.9.0.0/20"), "flow_log_retention": logs.RetentionDays.ONE_YEAR}
    _, template = network(flow_logs=True, **chosen)
    template.has_resource_properties("AWS::EC2::VPC", {"CidrBlock": "10.9.0.0/20"})
    template.has_resource_properties("AWS::Logs::LogGroup", {"RetentionInDays": 365})


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
    role = only(production, "AWS::IAM::Role")["Properties"]
    [statement] = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    assert statement["Resource"]["Fn::GetAtt"][1] == "Arn"
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
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
        assert ids(balanced.vpc, selection) == [subnet.subnet_id for subnet in kind]


def ids(vpc: ec2.IVpc, selection: ec2.SubnetSelection | None) -> list[str]:
    assert selection
    return list(select(vpc, selection).subnet_ids)


PUBLIC, PRIVATE = ["subnet-1000000a", "subnet-1000000b"], ["subnet-2000000a", "subnet-2000000b"]


def test_a_single_instance_is_in_a_public_subnet(stack: Stack) -> None:
    vpc = imported_vpc(stack, "public", "private")
    single = ServiceNetwork(stack, "Network", vpc=vpc, load_balanced=False)
    assert single.load_balancer_subnets is None
    assert ids(vpc, single.instance_subnets) == PUBLIC


def test_a_vpc_of_ones_own_gets_only_groups_and_flow_logs(stack: Stack) -> None:
    vpc = imported_vpc(stack, "public", "private")
    made = ServiceNetwork(stack, "Network", vpc=vpc, flow_logs=True, database_port=3306)
    template = Template.from_stack(stack)
    assert made.vpc is vpc
    template.resource_count_is("AWS::EC2::VPC", 0)
    template.has_resource_properties("AWS::EC2::FlowLog", {"ResourceId": VPC_ID})
    assert ids(vpc, made.database_subnets) == ids(vpc, made.instance_subnets) == PRIVATE


@pytest.mark.parametrize(
    ("settings", "problems"),
    [
        (
            {"max_azs": 1, "nat_gateways": 3},
            ["max_azs must be 2 to 3 zones, got 1", "nat_gateways must be at most max_azs (1), got 3"],
        ),
        (
            {"instance_port": 0, "database_port": 80},
            ["instance_port must be 1 to 65535, got 0", "database_port must be 1150 to 65535, got 80"],
        ),
        (
            {"nat_gateways": -1, "ip_addresses": ec2.IpAddresses.cidr("10.0.0.0/8")},
            ["nat_gateways must be 0 to 3 gateways, got -1", "ip_addresses must be a /16 to a /20, got 10.0.0.0/8"],
        ),
    ],
)
def test_numbers_out_of_range_are_refused_all_at_once(
    stack: Stack, settings: dict[str, Any], problems: list[str]
) -> None:
    with pytest.raises(ValueError, match=rf"^Dev/Network.*: {len(problems)} problem") as caught:
        ServiceNetwork(stack, "Network", **settings)
    for problem in problems:
        assert f"\n  - {problem}" in str(caught.value)


@pytest.mark.parametrize("setting", ["max_azs", "nat_gateways"])
def test_counts_are_known_at_synth(stack: Stack, setting: str) -> None:
    count: Any = {setting: CfnParameter(stack, setting, type="Number").value_as_number}
    with pytest.raises(ValueError, match=f"{setting} must be known at synth, got a token: write a number"):
        ServiceNetwork(stack, "Network", **count)


@pytest.mark.parametrize(
    ("addresses", "nat_gateways"), [("10.0.0.0/21", 1), ("10.0.0.0/22", 0), ("10.0.0.0/26", 0), ("10.0.0.0/8", 0)]
)
def test_an_address_range_that_does_not_fit_is_refused(stack: Stack, addresses: str, nat_gateways: int) -> None:
    given = ec2.IpAddresses.cidr(addresses)
    with pytest.raises(ValueError, match=f"ip_addresses must be a /16 to a /20, got {addresses}"):
        ServiceNetwork(stack, "Network", ip_addresses=given, nat_gateways=nat_gateways)


def test_the_smallest_address_ranges_fit(stack: Stack) -> None:
    for addresses, nat_gateways in (("10.0.0.0/20", 3), ("10.0.0.0/21", 0)):
        given = ec2.IpAddresses.cidr(addresses)
        ServiceNetwork(stack, addresses, ip_addresses=given, nat_gateways=nat_gateways, max_azs=3)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("public", {"nat_gateways": 1}, "nat_gateways and max_azs shape a new VPC: leave them out beside vpc"),
        ("public", {"max_azs": 3}, "nat_gateways and max_azs shape a new VPC: leave them out beside vpc"),
        ("private", {}, "vpc must have public subnets"),
        ("public", {"database_port": 3306}, "vpc must have isolated or private subnets, got none"),
    ],
)
def test_a_vpc_that_does_not_fit_is_refused(stack: Stack, kind: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ServiceNetwork(stack, "Network", vpc=imported_vpc(stack, kind), **settings)


def test_a_vpc_without_public_subnets_takes_an_internal_load_balancer(stack: Stack) -> None:
    scheme = LoadBalancerScheme.INTERNAL
    made = ServiceNetwork(stack, "Network", vpc=imported_vpc(stack, "private"), load_balancer_scheme=scheme)
    balanced_environment(stack, made, load_balancer_scheme=scheme)
    assert options(Template.from_stack(stack))["ec2:vpc", "ELBSubnets"] == ",".join(PRIVATE)


def test_a_vpc_of_isolated_subnets_takes_an_internal_load_balancer(stack: Stack) -> None:
    scheme, vpc = LoadBalancerScheme.INTERNAL, imported_vpc(stack, "isolated")
    made = ServiceNetwork(stack, "Network", vpc=vpc, load_balancer_scheme=scheme, database_port=3306)
    assert select(vpc, made.instance_subnets).kinds == {"isolated"}
    balanced_environment(stack, made, load_balancer_scheme=scheme)
    found = options(Template.from_stack(stack))
    assert found["ec2:vpc", "Subnets"] == found["ec2:vpc", "ELBSubnets"] == "subnet-3000000a,subnet-3000000b"


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


def test_the_load_balancer_can_be_open_to_some_only(stack: Stack) -> None:
    office = ec2.SecurityGroup.from_security_group_id(stack, "Office", "sg-1")
    peers = [ec2.Peer.ipv4("203.0.113.0/24"), ec2.Peer.prefix_list("pl-1"), office]
    ServiceNetwork(stack, "Network", allow_from=peers)
    template = Template.from_stack(stack)
    _, balancer = group(template, "Load balancer")
    rules = [(rule["CidrIp"], rule["FromPort"]) for rule in balancer["SecurityGroupIngress"]]
    assert rules == [("203.0.113.0/24", 80), ("203.0.113.0/24", 443)]
    front = {"GroupId": reference(template, "Load balancer")}
    for peer in ({"SourcePrefixListId": "pl-1"}, {"SourceSecurityGroupId": "sg-1"}):
        for port in (80, 443):
            template.has_resource_properties("AWS::EC2::SecurityGroupIngress", {**front, **peer, "FromPort": port})


def test_an_empty_list_of_who_may_connect_is_nobody() -> None:
    _, template = network(allow_from=[])
    _, balancer = group(template, "Load balancer")
    assert "SecurityGroupIngress" not in balancer


@pytest.mark.parametrize(
    ("source", "target", "port"), [("Load balancer", "Instances", 80), ("Instances", "Database", 5432)]
)
def test_each_tier_is_reached_from_the_tier_before_it(
    production: Template, source: str, target: str, port: int
) -> None:
    ports = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "Description": Match.string_like_regexp(".")}
    from_group, to_group = reference(production, source), reference(production, target)
    production.has_resource_properties(
        "AWS::EC2::SecurityGroupIngress", {**ports, "GroupId": to_group, "SourceSecurityGroupId": from_group}
    )
    production.has_resource_properties(
        "AWS::EC2::SecurityGroupEgress", {**ports, "GroupId": from_group, "DestinationSecurityGroupId": to_group}
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
    opened = {(rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) for rule in rules}
    assert opened == {(80, 80, "tcp"), (443, 443, "tcp")}


def test_every_rule_of_a_group_says_why_it_is_there(production: Template) -> None:
    groups = production.find_resources("AWS::EC2::SecurityGroup").values()
    directions = ("SecurityGroupIngress", "SecurityGroupEgress")
    rules = [rule for it in groups for direction in directions for rule in it["Properties"].get(direction, [])]
    assert len(rules) == 9
    assert all(rule["Description"] for rule in rules)


def test_without_a_database_there_is_no_group_for_it() -> None:
    made, template = network()
    assert made.database_security_group is None
    assert made.database_subnets is None
    template.resource_count_is("AWS::EC2::SecurityGroup", 2)


def test_groups_can_be_used_alone(stack: Stack) -> None:
    groups = ServiceSecurityGroups(stack, "Groups", vpc=imported_vpc(stack, "public"), instance_port=8080)
    assert groups.load_balancer
    assert groups.database is None
    Template.from_stack(stack).has_resource_properties(
        "AWS::EC2::SecurityGroupIngress", {"FromPort": 8080, "ToPort": 8080}
    )


def test_a_port_may_be_a_token(stack: Stack) -> None:
    port: Any = Token.as_number({"Ref": "Port"})
    ServiceSecurityGroups(stack, "Groups", vpc=imported_vpc(stack, "public"), database_port=port)
    Template.from_stack(stack).has_resource_properties("AWS::EC2::SecurityGroupIngress", {"FromPort": {"Ref": "Port"}})
