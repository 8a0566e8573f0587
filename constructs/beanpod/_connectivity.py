"""Checks that instances can connect to the database and to Beanstalk.

The groups of `ServiceSecurityGroups` know the rules between them, which are checked in the constructors. Rules and
endpoints of others may be added until synth, so those are checked by validations of the CDK.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import jsii
from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from constructs import Construct, IConstruct, IValidation

from beanpod._tokens import known
from beanpod.database_interface import IDatabase


class _Ingress(NamedTuple):
    source: ec2.ISecurityGroup
    port: float


class ServiceSecurityGroup(ec2.SecurityGroup):
    """One of `ServiceSecurityGroups`. It lets nothing out that no rule allows.

    Attributes:
        owner: The `ServiceSecurityGroups`.
        vpc: The VPC that it was made in.
    """

    _ingress: _Ingress | None = None

    def __init__(self, owner: Construct, construct_id: str, *, vpc: ec2.IVpc, description: str) -> None:
        super().__init__(owner, construct_id, vpc=vpc, description=description, allow_all_outbound=False)
        self.owner, self.vpc = owner, vpc

    def admit(self, source: ec2.SecurityGroup, port: float, description: str) -> None:
        """Admit connections from `source`, and from no other group, on a TCP port."""
        self._ingress = _Ingress(source, port)
        self.connections.allow_from(source, ec2.Port.tcp(port), description)


def _ingress(group: ec2.ISecurityGroup | None) -> _Ingress | None:
    return group._ingress if isinstance(group, ServiceSecurityGroup) else None


def exchange_problems(instances: ec2.ISecurityGroup, load_balancer: ec2.ISecurityGroup | None) -> Iterator[str]:
    """Check that two groups of `ServiceSecurityGroups` are not taken for each other: no request would arrive."""
    ingress = _ingress(load_balancer)
    if ingress and ingress.source is instances:
        yield (
            "load_balancer_security_group must be the load balancer's, got the instances', which lets "
            "instance_security_group in: exchange the two"
        )


def port_problems(name: str, port: float, group: ec2.ISecurityGroup | None, remedy: str) -> Iterator[str]:
    """Check that a server listens on the port that its security group admits."""
    ingress = _ingress(group)
    if ingress and known(ingress.port) and known(port) and port != ingress.port:
        yield f"{name} must be {ingress.port:g}, the only one that its security group lets in, got {port:g}: {remedy}"


@jsii.implements(IValidation)
class BeanstalkReachable:
    """Instances in isolated subnets need the VPC's endpoints for Beanstalk, or the environment never becomes Ready.

    A route that was added to such a subnet may lead to Beanstalk by another network, as a transit gateway does.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/vpc-vpce.html
    """

    def __init__(self, vpc: ec2.IVpc) -> None:
        self._vpc = vpc

    def validate(self) -> list[str]:
        """Return the problem, if the VPC has neither an endpoint for Beanstalk nor such a route."""
        vpc_id = self._vpc.vpc_id
        tables = {subnet.route_table.route_table_id for subnet in self._vpc.isolated_subnets}
        for it in self._vpc.node.root.node.find_all():
            if isinstance(it, ec2.CfnRoute) and it.route_table_id in tables:
                return []
            service = str(it.service_name) if isinstance(it, ec2.CfnVPCEndpoint) and it.vpc_id == vpc_id else ""
            if "elasticbeanstalk" in service:
                return []
        problem = (
            "instance_subnets must reach Elastic Beanstalk, got isolated ones: choose private or public subnets, or "
            "add the VPC's endpoints for ELASTIC_BEANSTALK and ELASTIC_BEANSTALK_HEALTH with vpc.add_interface_endpoint"
        )
        return [problem]


@jsii.implements(IValidation)
class DatabaseReachable:
    """The database's security group admits one of the instances' groups on its port, and that group lets them out."""

    def __init__(self, database: IDatabase, groups: Sequence[ec2.ISecurityGroup]) -> None:
        self._database = database
        self._groups = groups

    def validate(self) -> list[str]:
        """Return the problem, if no ingress rule admits the instances, or no egress rule lets them out."""
        target, port = self._database.connections.security_groups[0], self._database.database_port
        instances, where = {group.security_group_id for group in self._groups}, self._database.node.path
        there = {target.security_group_id}
        remedy = "write environment.connections.allow_to_default_port(database)"
        if not _allowed(_INGRESS, (target, *self._groups), there, instances, port):
            remedy = f"{remedy}, or give both the groups of one ServiceNetwork"
            return [f"database {where} lets none of the instances in on port {port:g}: {remedy}"]
        made = all(isinstance(group, ec2.SecurityGroup) for group in self._groups)
        if made and not _allowed(_EGRESS, (*self._groups, target), instances, there, port):
            return [f"no security group of the instances lets them out to database {where} on port {port:g}: {remedy}"]
        return []


@jsii.implements(IValidation)
class ClientsAdmitted:
    """A network load balancer passes the clients' addresses on, so that the instances' groups have to admit those.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-register-targets.html
    """

    def __init__(self, groups: Sequence[ec2.ISecurityGroup], port: float) -> None:
        self._groups, self._port = groups, port

    def validate(self) -> list[str]:
        """Return the problem, if no rule of a group that is known admits addresses on the port."""
        owners = {group.security_group_id for group in self._groups}
        made = all(isinstance(group, ec2.SecurityGroup) for group in self._groups)
        if not made or not known(self._port) or _allowed(_INGRESS, self._groups, owners, set(), self._port):
            return []
        rule = f"add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp({self._port:g}))"
        problem = f"instance_security_group must admit the clients on port {self._port:g} with a network load balancer"
        return [f"{problem}, which passes their addresses on: write e.g. instance_security_group.{rule}"]


def needs_rule_check(database: IDatabase, group: ec2.ISecurityGroup) -> bool:
    """Return whether `DatabaseReachable` is to check the rules.

    It is not where `ServiceSecurityGroups` opened the database to the group, nor where one of the two groups is
    imported: the rules of an imported group are not known.
    """
    target = database.connections.security_groups[0]
    made = isinstance(target, ec2.SecurityGroup) and isinstance(group, ec2.SecurityGroup)
    ingress = _ingress(target)
    return made and known(database.database_port) and (ingress is None or ingress.source is not group)


class _Direction(NamedTuple):
    """The rules of a direction: their resource, the property of a group that has others, and the other side's group."""

    resource: type[ec2.CfnSecurityGroupIngress | ec2.CfnSecurityGroupEgress]
    inline: str
    other: str
    resolved_other: str


_INGRESS = _Direction(
    ec2.CfnSecurityGroupIngress, "security_group_ingress", "source_security_group_id", "sourceSecurityGroupId"
)
_EGRESS = _Direction(
    ec2.CfnSecurityGroupEgress, "security_group_egress", "destination_security_group_id", "destinationSecurityGroupId"
)


def _allowed(
    direction: _Direction, made: Sequence[ec2.ISecurityGroup], owners: set[str], others: set[str], port: float
) -> bool:
    """Return whether a rule of one of `owners` allows one of `others` on a port; those below `made` are read first."""
    rules = chain(*(_rules(direction, group) for group in made), _own_rules(direction, made[0].node.root))
    return any(owner in owners and _admits(direction, rule, others, port) for owner, rule in rules)


def _own_rules(direction: _Direction, scope: IConstruct) -> Iterator[tuple[str, Any]]:
    """Yield the rules that are resources: the id of the group that each belongs to, and the rule."""
    for child in scope.node.find_all():
        if isinstance(child, direction.resource):
            yield str(child.group_id), child


def _rules(direction: _Direction, group: ec2.ISecurityGroup) -> Iterator[tuple[str, Any]]:
    """Yield the rules below a group's construct, likewise."""
    yield from _own_rules(direction, group)
    for child in group.node.find_all():
        if isinstance(child, ec2.CfnSecurityGroup):
            # Rules for addresses are properties of the group, as a lazy list.
            rules: Any = Stack.of(child).resolve(getattr(child, direction.inline))
            yield from ((group.security_group_id, rule) for rule in (rules if isinstance(rules, list) else []))


def _admits(direction: _Direction, rule: Any, others: set[str], port: float) -> bool:
    other = _field(rule, direction.other, direction.resolved_other)
    low, high = _field(rule, "from_port", "fromPort"), _field(rule, "to_port", "toPort")
    every = str(_field(rule, "ip_protocol", "ipProtocol")) == "-1"
    covered = every or low is None or not known(low) or low <= port <= (high if high is not None else low)
    return (other is None or other in others) and covered


def _field(rule: Any, name: str, resolved_name: str) -> Any:
    return rule.get(name, rule.get(resolved_name)) if isinstance(rule, dict) else getattr(rule, name)
