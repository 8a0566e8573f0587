"""ServiceSecurityGroups: who can reach whom."""

from typing import Any

import pytest
from aws_cdk import App, Stack, Token
from aws_cdk.assertions import Match, Template

from beanpod.network import ServiceSecurityGroups
from tests.constructs.networks import imported_vpc, network

WEB_RULES = [
    {"CidrIp": "0.0.0.0/0", "Description": "HTTP from the internet", "FromPort": 80, "ToPort": 80},
    {"CidrIp": "0.0.0.0/0", "Description": "HTTPS from the internet", "FromPort": 443, "ToPort": 443},
    {"CidrIpv6": "::/0", "Description": "HTTP from the internet", "FromPort": 80, "ToPort": 80},
    {"CidrIpv6": "::/0", "Description": "HTTPS from the internet", "FromPort": 443, "ToPort": 443},
]


@pytest.fixture(scope="module")
def production() -> Template:
    return network(nat_gateways=2, database_port=5432)[1]


@pytest.fixture(scope="module")
def small() -> Template:
    return network(load_balanced=False, database_port=3306)[1]


def group(template: Template, role: str) -> tuple[str, dict[str, Any]]:
    found = template.find_resources(
        "AWS::EC2::SecurityGroup", {"Properties": {"GroupDescription": f"{role} of the service"}}
    )
    [(logical_id, resource)] = found.items()
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
