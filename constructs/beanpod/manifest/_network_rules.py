"""Rules on the way into and out of the instances."""

from __future__ import annotations

from collections.abc import Iterator

from beanpod.manifest._findings import Case, Finding, Rule
from beanpod.manifest._sections import ImportedVpc

_NAT = ("network", "nat_gateways")
_VPC = ("network", "vpc")
_PRIVATE = ("environment", "private_instances")
_TYPE = ("environment", "type")
_SUBNETS = ("public_subnet_ids", "private_subnet_ids", "isolated_subnet_ids")


def private_instances_have_a_door(case: Case) -> Iterator[Finding]:
    environment = case.stage.environment
    if environment.private_instances and environment.type == "SingleInstance":
        yield Finding(
            _PRIVATE,
            'a single instance is reached at its own address: write false, or environment.type = "LoadBalanced"',
            (_TYPE,),
        )


def private_instances_have_a_way_out(case: Case) -> Iterator[Finding]:
    network, environment = case.stage.network, case.stage.environment
    if network.vpc or network.nat_gateways or environment.type == "SingleInstance":
        return
    if not environment.private_instances:
        return
    reason = "private instances reach Docker Hub through a NAT gateway"
    if case.says(*_NAT):
        words = f"{reason}: write 1 or 2, or environment.private_instances = false"
        yield Finding(_NAT, words, (_PRIVATE, _VPC, _TYPE))
    else:
        yield Finding(_PRIVATE, f"{reason}: write network.nat_gateways = 1, or false", (_NAT, _VPC, _TYPE))


def nat_gateways_have_a_use(case: Case) -> Iterator[Finding]:
    network, private = case.stage.network, case.stage.environment.private_instances
    if network.nat_gateways == 0:
        return
    if network.vpc:
        yield Finding(_NAT, "a VPC of your own has its own way out: leave it out", (_VPC,))
    elif not private:
        yield Finding(
            _NAT,
            "billed by the hour and used by nothing: write 0, or environment.private_instances = true",
            (_PRIVATE, _TYPE),
        )
    elif network.nat_gateways > network.max_azs:
        yield Finding(_NAT, f"more than zones, {network.max_azs}: write at most that", (("network", "max_azs"),))


def own_vpc_is_complete(case: Case) -> Iterator[Finding]:
    vpc, environment = case.stage.network.vpc, case.stage.environment
    if vpc is None:
        return
    if not vpc.public_subnet_ids and not (environment.private_instances and vpc.private_subnet_ids):
        yield _missing("public_subnet_ids", "the load balancer and public instances live there")
    elif not vpc.public_subnet_ids and environment.type == "LoadBalanced":
        yield _missing("public_subnet_ids", "the load balancer lives there")
    if environment.private_instances and not vpc.private_subnet_ids:
        yield _missing("private_subnet_ids", "environment.private_instances is true")
    if case.stage.database and not (vpc.isolated_subnet_ids or vpc.private_subnet_ids):
        yield _missing("isolated_subnet_ids", "the database lives there, or in private_subnet_ids")


def _missing(key: str, why: str) -> Finding:
    return Finding((*_VPC, key), f"needed, since {why}: write the subnets' ids", (_PRIVATE, _TYPE, ("database",)))


def own_vpc_spans_zones(case: Case) -> Iterator[Finding]:
    vpc = case.stage.network.vpc
    needs_two = case.stage.environment.type == "LoadBalanced" or case.stage.database
    if vpc and needs_two and len(vpc.availability_zones) < 2:
        yield Finding(
            (*_VPC, "availability_zones"),
            "a load balancer and a database need two zones: write two or more",
            (_TYPE, ("database",)),
        )


def own_vpc_is_in_the_region(case: Case) -> Iterator[Finding]:
    vpc, region = case.stage.network.vpc, case.stage.region
    if vpc and region and any(zone[:-1] != region for zone in vpc.availability_zones):
        yield Finding(
            (*_VPC, "availability_zones"),
            f"the stage's region is {region}: write zones of that region",
            (("region",),),
        )


def own_subnets_fit_the_zones(case: Case) -> Iterator[Finding]:
    vpc = case.stage.network.vpc
    if vpc is None:
        return
    zones = len(vpc.availability_zones)
    for key, subnets in _subnets(vpc).items():
        # CDK deals the subnets out to the zones in turn.
        if len(subnets) % zones:
            yield Finding(
                (*_VPC, key),
                f"{len(subnets)} subnets do not fit {zones} zones: write as many in each zone, in order",
                ((*_VPC, "availability_zones"),),
            )


def own_subnets_are_of_one_kind(case: Case) -> Iterator[Finding]:
    vpc = case.stage.network.vpc
    seen: dict[str, str] = {}
    for key, subnets in (_subnets(vpc) if vpc else {}).items():
        for subnet in subnets:
            if subnet in seen:
                words = f"{subnet} stands in {seen[subnet]} as well: write it in one of them"
                yield Finding((*_VPC, key), words, ((*_VPC, seen[subnet]),))
            seen[subnet] = key


def _subnets(vpc: ImportedVpc) -> dict[str, tuple[str, ...]]:
    return {key: getattr(vpc, key) for key in _SUBNETS}


NETWORK_RULES: tuple[Rule, ...] = (
    private_instances_have_a_door,
    private_instances_have_a_way_out,
    nat_gateways_have_a_use,
    own_vpc_is_complete,
    own_vpc_spans_zones,
    own_vpc_is_in_the_region,
    own_subnets_fit_the_zones,
    own_subnets_are_of_one_kind,
)
