"""Checks of an environment's subnets: they suit its load balancer and instances, and are of one VPC."""

from collections.abc import Iterator

from aws_cdk import aws_ec2 as ec2

from beanpod._settings import EnvironmentSettings, LoadBalancerScheme, LoadBalancerType
from beanpod._subnets import Subnets, foreign
from beanpod._tokens import known


def placement_problems(
    vpc: ec2.IVpc, instances: Subnets, front: Subnets | None, settings: EnvironmentSettings
) -> Iterator[str]:
    """What the subnets cannot bear, as far as their kinds and zones are known at synth."""
    for name, subnets in (("instance_subnets", instances), ("load_balancer_subnets", front)):
        for path in foreign(vpc, subnets) if subnets else ():
            yield f"{name} must be of vpc {vpc.node.path}, got {path}: choose subnets of that VPC"
    if front is not None:
        yield from _load_balancer_problems(instances, front, settings)


def _load_balancer_problems(instances: Subnets, front: Subnets, settings: EnvironmentSettings) -> Iterator[str]:
    if settings.load_balancer_scheme == LoadBalancerScheme.INTERNET_FACING and front.kinds - {"public"}:
        yield (
            f"load_balancer_subnets must be public for an internet-facing load balancer, got "
            f"{' and '.join(sorted(front.kinds))} ones: choose public ones, or set "
            "load_balancer_scheme=LoadBalancerScheme.INTERNAL"
        )
    if settings.load_balancer_type == LoadBalancerType.APPLICATION:
        yield from front.zone_problems("load_balancer_subnets", "an application load balancer asks so")
    if front.zones and instances.zones and len({known(zone) for zone in front.zones | instances.zones}) == 1:
        missing = sorted(instances.zones - front.zones)
        if missing:
            named = ", ".join(missing) if all(map(known, missing)) else f"{len(missing)} without"
            yield (
                f"load_balancer_subnets must stand in every zone of instance_subnets, got {named}: "
                "a load balancer sends nothing to the other zones"
            )
