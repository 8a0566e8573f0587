"""Resources that were made elsewhere, and are imported by their names."""

from typing import Any

from aws_cdk import Environment
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_route53 as route53
from constructs import Construct

IRELAND = Environment(account="123456789012", region="eu-west-1")
VPC_ID = "vpc-0123456789abcdef0"
# Of subnets, as their ids have them.
KINDS = ("public", "private", "isolated")
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/1"


def imported_vpc(
    scope: Construct, *kinds: str, zones: int = 2, construct_id: str = "Vpc", vpc_id: str = VPC_ID
) -> ec2.IVpc:
    """Import a VPC with a subnet of each kind in each zone, a and b: subnet-1000000a is the first public one."""
    names = "abc"[:zones]
    subnets: dict[str, Any] = {
        f"{kind}_subnet_ids": [f"subnet-{KINDS.index(kind) + 1}000000{zone}" for zone in names] for kind in kinds
    }
    return ec2.Vpc.from_vpc_attributes(scope, construct_id, vpc_id=vpc_id, availability_zones=[*names], **subnets)


def by_ids(scope: Construct, *ids: str) -> ec2.SubnetSelection:
    """Select subnets by their ids."""
    return ec2.SubnetSelection(subnets=[ec2.Subnet.from_subnet_id(scope, it, it) for it in ids])


def certificate(scope: Construct, arn: str = CERTIFICATE) -> acm.ICertificate:
    return acm.Certificate.from_certificate_arn(scope, "Certificate", arn)


def hosted_zone(scope: Construct) -> route53.IHostedZone:
    return route53.HostedZone.from_hosted_zone_attributes(scope, "Zone", hosted_zone_id="Z1", zone_name="example.com")
