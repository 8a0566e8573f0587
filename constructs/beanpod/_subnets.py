"""Selects the subnets of a VPC, and checks that they suit what is placed in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from aws_cdk import aws_ec2 as ec2
from constructs import Construct, DependencyGroup, IDependable

from beanpod._connectivity import ServiceSecurityGroup
from beanpod._settings import LoadBalancerScheme, LoadBalancerType
from beanpod._tokens import is_list_token, known
from beanpod.rules.network import zone_problems

PUBLIC = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
PRIVATE = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
ISOLATED = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
# The id of what the CDK puts in the place of a VPC that `from_lookup` has not asked for yet.
_STAND_IN = "vpc-12345"

_KINDS = {
    ec2.SubnetType.PUBLIC: "public",
    ec2.SubnetType.PRIVATE_WITH_EGRESS: "private",
    ec2.SubnetType.PRIVATE_ISOLATED: "isolated",
}


@dataclass(frozen=True)
class Subnets:
    """The subnets of a selection.

    Attributes:
        subnets: The subnets.
        subnet_ids: Their ids.
        zones: Their availability zones; None if not known at synth, as of a subnet imported by its id.
        kinds: "public", "private" or "isolated"; "" of one that is not among the VPC's.
        connectivity: Their routes and gateways, to depend on.
        listed: Whether the selection lists the subnets themselves, which may then be another VPC's.
    """

    subnets: Sequence[ec2.ISubnet]
    subnet_ids: Sequence[str]
    zones: set[str] | None
    kinds: frozenset[str]
    connectivity: IDependable
    listed: bool

    @property
    def public(self) -> bool:
        """Return whether any of them is public."""
        return "public" in self.kinds

    @property
    def number_of_zones(self) -> int | None:
        """Return how many zones they cover, at most one for each subnet; None if not known at synth."""
        if self.zones is not None:
            return len(self.zones)
        return 1 if len(self.subnets) == 1 and not is_list_token(self.subnet_ids) else None


def database_subnets(vpc: ec2.IVpc) -> ec2.SubnetSelection | None:
    """Return the isolated subnets of `vpc`, else its private ones, else None: never the public ones."""
    if vpc.isolated_subnets:
        return ISOLATED
    return PRIVATE if vpc.private_subnets else None


def instance_subnets(vpc: ec2.IVpc, *, load_balanced: bool) -> ec2.SubnetSelection:
    """Return the private subnets of `vpc` behind a load balancer, else its public ones, else its isolated ones."""
    if load_balanced and vpc.private_subnets:
        return PRIVATE
    return PUBLIC if vpc.public_subnets or not load_balanced else ISOLATED


def load_balancer_subnets(vpc: ec2.IVpc, scheme: LoadBalancerScheme) -> ec2.SubnetSelection:
    """Return the public subnets of `vpc`; for an internal load balancer its private ones, else its isolated ones."""
    if scheme == LoadBalancerScheme.INTERNET_FACING:
        return PUBLIC
    return PRIVATE if vpc.private_subnets else database_subnets(vpc) or PUBLIC


def select(vpc: ec2.IVpc, selection: ec2.SubnetSelection) -> Subnets:
    """Return the subnets that `selection` means in `vpc`.

    Before a look-up none are known, and any may be found: an error would end the synthesis that asks for it.

    Raises:
        RuntimeError: The CDK finds no such subnets.
    """
    selected = _selected(vpc, selection)
    if not is_made_here(vpc) and vpc.vpc_id == _STAND_IN:
        kinds = selected.kinds or frozenset({""})
        return replace(
            selected, subnets=(), subnet_ids=selected.subnet_ids or ["subnet-12345"], zones=None, kinds=kinds
        )
    if not selected.subnet_ids:
        raise RuntimeError("the selection has none")
    return selected


def _selected(vpc: ec2.IVpc, selection: ec2.SubnetSelection) -> Subnets:
    listed = selection.subnets is not None
    filters = (selection.availability_zones, selection.one_per_az, selection.subnet_filters)
    if selection.subnets is not None and not any(filters):
        # For subnets imported by their ids, `select_subnets` raises an error about their unknown zones.
        subnets = selection.subnets
        ids = [subnet.subnet_id for subnet in subnets]
        connected = DependencyGroup(*(subnet.internet_connectivity_established for subnet in subnets))
        return Subnets(subnets, ids, _zones(subnets, ids), _kinds(vpc, ids), connected, listed)
    # From Python, `select_subnets` takes a selection field by field.
    selected = vpc.select_subnets(
        availability_zones=selection.availability_zones,
        one_per_az=selection.one_per_az,
        subnet_filters=selection.subnet_filters,
        subnet_group_name=selection.subnet_group_name,
        subnets=selection.subnets,
        subnet_type=selection.subnet_type,
    )
    kind = _KINDS.get(selection.subnet_type) if selection.subnet_type else None
    kinds = frozenset({kind}) if kind else _kinds(vpc, selected.subnet_ids)
    zones = None if is_list_token(selected.subnet_ids) else _known(selected.availability_zones)
    connectivity = selected.internet_connectivity_established
    return Subnets(selected.subnets, selected.subnet_ids, zones, kinds, connectivity, listed)


def foreign(vpc: ec2.IVpc, subnets: Subnets) -> Iterator[str]:
    """Yield the paths of subnets that belong to the construct of another VPC."""
    for subnet in subnets.subnets if subnets.listed else ():
        scope = subnet.node.scope
        other = isinstance(scope, ec2.Vpc) or (scope is not None and hasattr(scope, "vpc_id"))
        if other and scope is not None and scope.node.path != vpc.node.path:
            yield subnet.node.path


def _zones(subnets: Sequence[ec2.ISubnet], ids: Sequence[str]) -> set[str] | None:
    if is_list_token(ids):
        return None
    try:
        return _known([subnet.availability_zone for subnet in subnets])
    except RuntimeError:
        return None


def _known(zones: Sequence[str]) -> set[str] | None:
    return None if is_list_token(zones) else set(zones)


def _kinds(vpc: ec2.IVpc, ids: Sequence[str]) -> frozenset[str]:
    kinds = {
        subnet.subnet_id: kind
        for kind, known_ones in (
            ("public", vpc.public_subnets),
            ("private", vpc.private_subnets),
            ("isolated", vpc.isolated_subnets),
        )
        for subnet in known_ones
    }
    return frozenset(kinds.get(subnet_id, "") for subnet_id in ids)


def is_made_here(vpc: ec2.IVpc) -> bool:
    """Return whether the app makes the VPC, so that all of it is known at synth."""
    return isinstance(vpc, ec2.Vpc)


def group_problems(vpc: ec2.IVpc, **arguments: Sequence[ec2.ISecurityGroup | None]) -> Iterator[str]:
    """Check that the security groups of each argument belong to the VPC, as far as that is known at synth."""
    for name, groups in arguments.items():
        for group in groups:
            if isinstance(group, ServiceSecurityGroup) and group.vpc is vpc:
                continue
            resource = group.node.default_child if isinstance(group, Construct) else None
            if not isinstance(resource, ec2.CfnSecurityGroup):
                continue
            own, wanted = resource.vpc_id, vpc.vpc_id
            if own is not None and own != wanted and (is_made_here(vpc) or (known(own) and known(wanted))):
                where = f"{vpc.node.path}, got {group.node.path} of another VPC"
                yield f"{name} must be of vpc {where}: give one of that VPC"


def placement_problems(
    vpc: ec2.IVpc,
    instances: Subnets,
    load_balancer: Subnets | None,
    kind: LoadBalancerType,
    scheme: LoadBalancerScheme,
) -> Iterator[str]:
    """Check that an environment's subnets are of its VPC and suit its load balancer, as far as is known at synth."""
    for name, subnets in (("instance_subnets", instances), ("load_balancer_subnets", load_balancer)):
        for path in foreign(vpc, subnets) if subnets else ():
            yield f"{name} must be of vpc {vpc.node.path}, got {path}: choose subnets of that VPC"
    if load_balancer is not None:
        yield from _load_balancer_problems(instances, load_balancer, kind, scheme)


def _load_balancer_problems(
    instances: Subnets, load_balancer: Subnets, kind: LoadBalancerType, scheme: LoadBalancerScheme
) -> Iterator[str]:
    if (
        scheme == LoadBalancerScheme.INTERNET_FACING
        and "" not in load_balancer.kinds
        and load_balancer.kinds - {"public"}
    ):
        yield (
            f"load_balancer_subnets must be public for an internet-facing load balancer, got "
            f"{' and '.join(sorted(load_balancer.kinds))} ones: choose public ones, or set "
            "load_balancer_scheme=LoadBalancerScheme.INTERNAL"
        )
    if kind == LoadBalancerType.APPLICATION:
        zones = load_balancer.number_of_zones
        yield from map(str, zone_problems("load_balancer_subnets", zones, load_balancer=True, database=False))
    yield from _missing_zones(instances.zones or set(), load_balancer.zones or set())


def _missing_zones(instances: set[str], load_balancer: set[str]) -> Iterator[str]:
    # Names of zones and tokens cannot be compared with each other.
    comparable = len({known(zone) for zone in instances | load_balancer}) == 1
    missing = sorted(instances - load_balancer) if load_balancer and comparable else []
    if missing:
        named = ", ".join(missing) if all(map(known, missing)) else f"{len(missing)} of them"
        yield (
            f"load_balancer_subnets must cover every zone of instance_subnets, got none in {named}: "
            "a load balancer sends no requests to the other zones"
        )
