"""What AWS would refuse of a network: counts, subnets and zones of a VPC, and the names of a domain.

Pure functions of plain values, without aws_cdk; None is a value that is not known yet, and passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from beanpod.rules.limits import setting_problems
from beanpod.rules.problem import Problem


def network_problems(
    *,
    max_azs: int | None,
    nat_gateways: int | None,
    private_instances: bool,
    own_vpc: bool = False,
) -> Iterator[Problem]:
    """Check the counts of a new VPC.

    Args:
        max_azs: Availability zones.
        nat_gateways: NAT gateways.
        private_instances: Whether instances have private addresses only.
        own_vpc: Whether the VPC exists already.
    """
    yield from setting_problems({"max_azs": max_azs, "nat_gateways": nat_gateways})
    if not nat_gateways:
        return
    if own_vpc:
        yield Problem("nat_gateways", nat_gateways, "must be 0 beside vpc", "a VPC of yours has its own, leave it out")
    elif not private_instances:
        yield Problem(
            "nat_gateways",
            nat_gateways,
            "must be 0 without private instances behind a load balancer",
            "each is billed by the hour and nothing would use it, write 0",
        )
    elif max_azs is not None and nat_gateways > max_azs:
        yield Problem("nat_gateways", nat_gateways, f"must be at most max_azs ({max_azs})", "write one a zone")


def vpc_problems(
    *, public: bool, private: bool, isolated: bool, database: bool, internal: bool = False
) -> Iterator[Problem]:
    """Check that an existing VPC has the kinds of subnets that a service is placed in.

    Args:
        public: Whether it has subnets with a route to an internet gateway.
        private: Whether it has subnets with a route to a NAT gateway.
        isolated: Whether it has subnets without a route to the internet.
        database: Whether the service has a database.
        internal: Whether the load balancer is reached from within the VPC only. Default: it has a public address, or
            there is none.
    """
    if internal and not (public or private):
        yield Problem(
            "vpc",
            None,
            "must have private subnets (private_subnet_ids), got none",
            "the internal load balancer and the instances are placed there",
        )
    elif not public and not internal:
        yield Problem(
            "vpc",
            None,
            "must have public subnets (public_subnet_ids), got none",
            "the load balancer or the single instance is placed there",
        )
    if database and not (isolated or private):
        yield Problem(
            "vpc", None, "must have isolated or private subnets, got none", "a database is never put in public ones"
        )


def zone_problems(setting: str, zones: int | None, *, load_balancer: bool, database: bool) -> Iterator[Problem]:
    """Check that the subnets of an application load balancer or a database are in two zones.

    Args:
        setting: Name of the argument that chooses the subnets.
        zones: How many zones they cover; None if not known.
        load_balancer: Whether an application load balancer is placed in them.
        database: Whether a database is placed in them.
    """
    if zones is not None and zones < 2 and (load_balancer or database):
        why = (
            "an application load balancer needs them" if load_balancer else "RDS asks so even of a single-zone database"
        )
        yield Problem(setting, zones, "must cover two zones", why)


# https://docs.aws.amazon.com/acm/latest/userguide/acm-certificate-characteristics.html
_LONGEST_COMMON_NAME = 64


def domain_problems(
    *,
    name: str | None,
    aliases: Sequence[str | None],
    hosted_zone: bool,
    zone_name: str | None,
    certificate: bool,
    certificate_arn: str | None,
    region: str | None,
) -> Iterator[Problem]:
    """Check a domain by itself; `environment_problems` says which environments can have one.

    Args:
        name: The name that the service is reached by.
        aliases: Names that are redirected to it.
        hosted_zone: Whether a hosted zone of Route 53 is given.
        zone_name: The zone's name.
        certificate: Whether a certificate is given.
        certificate_arn: Its ARN.
        region: The region of the load balancer.
    """
    names = tuple(alias for alias in aliases if alias is not None)
    yield from setting_problems({"domain.name": name, "domain.aliases": names})
    command = f"`{_request_certificate(name, names, region)}`"
    if not hosted_zone and not certificate:
        yield Problem(
            "domain",
            None,
            "needs hosted_zone or certificate",
            f"give the zone that `{LIST_ZONES}` prints; with DNS elsewhere, the certificate that {command} requests",
        )
    for place, alias in enumerate(aliases):
        if alias is not None and alias in (name, *aliases[:place]):
            yield Problem(f"domain.aliases[{place}]", alias, "must be another name than the others", "leave it out")
    zone = zone_name.rstrip(".") if zone_name else None
    inside = {"domain.name": name, **{f"domain.aliases[{place}]": alias for place, alias in enumerate(aliases)}}
    for setting, value in inside.items():
        if zone and value is not None and not f".{value}".endswith(f".{zone}"):
            remedy = f"its records would answer nowhere, write a name that ends in .{zone}, or give the name's zone"
            yield Problem(setting, value, f"must be in the hosted zone {zone}", remedy)
    if name is not None and not certificate and len(name) > _LONGEST_COMMON_NAME:
        remedy = "bring a certificate that has a shorter name first, or write a shorter name"
        yield Problem("domain.name", name, f"must have at most {_LONGEST_COMMON_NAME} characters in ACM", remedy)
    if certificate_arn and region and certificate_arn.split(":")[3:4] != [region]:
        remedy = f"request one there with {command}"
        yield Problem("domain.certificate", certificate_arn, f"must be in the load balancer's region, {region}", remedy)


LIST_ZONES = 'aws route53 list-hosted-zones --query "HostedZones[].[Name,Id]" --output text'


def _request_certificate(name: str | None, aliases: Sequence[str], region: str | None) -> str:
    return " ".join(
        (
            f"aws acm request-certificate --domain-name {name or 'NAME'}",
            *(("--subject-alternative-names", *aliases) if aliases else ()),
            "--validation-method DNS",
            *((f"--region {region}",) if region else ()),
        )
    )
