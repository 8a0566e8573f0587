"""Ways that must exist when everything is there: asked at synth, since rules and endpoints may be added until then."""

from collections.abc import Iterator, Sequence
from typing import Any

import jsii
from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from constructs import Construct, IValidation

from beanpod._opened import opened_to
from beanpod._tokens import known
from beanpod.database_interface import IDatabase


@jsii.implements(IValidation)
class WayOut:
    """Isolated instances reach Beanstalk by the VPC's endpoints, or never report.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/vpc-vpce.html
    """

    def __init__(self, vpc: ec2.IVpc) -> None:
        self._vpc = vpc

    def validate(self) -> list[str]:
        """What is missing."""
        names = [str(it.service_name) for it in self._vpc.node.find_all() if isinstance(it, ec2.CfnVPCEndpoint)]
        if any("elasticbeanstalk" in name for name in names):
            return []
        problem = (
            "instance_subnets must have a way out, got isolated ones: choose private or public subnets, or add the "
            "VPC's endpoints for ELASTIC_BEANSTALK and ELASTIC_BEANSTALK_HEALTH with vpc.add_interface_endpoint"
        )
        return [problem]


@jsii.implements(IValidation)
class WayToDatabase:
    """The instances' security group may reach the database on its port: what was given says so, or a rule does."""

    def __init__(self, database: IDatabase, groups: Sequence[ec2.ISecurityGroup]) -> None:
        self._database = database
        self._groups = groups

    def validate(self) -> list[str]:
        """What is missing."""
        target, port = self._database._security_group, self._database._port_number
        rules = [*_rules(target), *(rule for group in self._groups for rule in _rules(group))]
        sources = {group.security_group_id for group in self._groups}
        if any(_lets_in(rule, target.security_group_id, sources, port) for rule in rules):
            return []
        problem = (
            f"database {self._database.node.path} lets none of the instances in on port {port:g}: write "
            "environment.connections.allow_to_default_port(database), or give both the groups of one ServiceNetwork"
        )
        return [problem]


def needs_rule(database: IDatabase, group: ec2.ISecurityGroup) -> bool:
    """Whether a rule has to be looked for: of groups that exist already nothing is known."""
    target = database._security_group
    made = isinstance(target, ec2.SecurityGroup) and isinstance(group, ec2.SecurityGroup)
    return made and known(database._port_number) and opened_to(target) is not group


def _rules(group: ec2.ISecurityGroup) -> Iterator[tuple[str, Any]]:
    """The ingress rules that stand beside a group: the id of the group they open, and the rule."""
    for child in group.node.find_all():
        if isinstance(child, ec2.CfnSecurityGroupIngress):
            yield str(child.group_id), child
        if isinstance(child, ec2.CfnSecurityGroup):
            # Rules for addresses stand within the group, and are collected until now.
            rules: Any = Stack.of(child).resolve(child.security_group_ingress)
            yield from ((group.security_group_id, rule) for rule in (rules if isinstance(rules, list) else []))


def _lets_in(found: tuple[str, Any], target: str, sources: set[str], port: float) -> bool:
    group_id, rule = found
    source = _field(rule, "source_security_group_id", "sourceSecurityGroupId")
    low, high = _field(rule, "from_port", "fromPort"), _field(rule, "to_port", "toPort")
    every = str(_field(rule, "ip_protocol", "ipProtocol")) == "-1"
    covered = every or low is None or not known(low) or low <= port <= (high if high is not None else low)
    return group_id == target and (source is None or source in sources) and covered


def _field(rule: Any, name: str, other: str) -> Any:
    return rule.get(name, rule.get(other)) if isinstance(rule, dict) else getattr(rule, name)


def check_later(construct: Construct, validation: Any) -> None:
    """Have the CDK ask when it synthesises."""
    construct.node.add_validation(validation)
