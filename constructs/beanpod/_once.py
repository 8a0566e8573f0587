"""Values that belong to no construct, made once: making one is a round trip to Node, and every stage needs the same."""

from dataclasses import dataclass
from functools import cache

from aws_cdk import Aws, Duration, Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam


@dataclass(frozen=True)
class Here:
    """Where a stack is deployed, filled in by CloudFormation."""

    partition: str
    region: str
    account: str


@cache
def here() -> Here:
    """The pseudo parameters of whichever stack uses them."""
    return Here(partition=Aws.PARTITION, region=Aws.REGION, account=Aws.ACCOUNT_ID)


@cache
def zone(index: int) -> str:
    """One of the region's zones, from 0, as CloudFormation lists them for the account."""
    return Fn.select(index, Fn.get_azs())


@cache
def tcp(port: float) -> ec2.Port:
    """A TCP port; a float is a token."""
    return ec2.Port.tcp(port)


@cache
def internet() -> tuple[ec2.IPeer, ec2.IPeer]:
    """Every address, IPv4 and IPv6."""
    return ec2.Peer.any_ipv4(), ec2.Peer.any_ipv6()


@cache
def aws_managed_policy(name: str) -> iam.IManagedPolicy:
    """A policy that AWS maintains."""
    return iam.ManagedPolicy.from_aws_managed_policy_name(name)


@cache
def minute() -> Duration:
    """How often Beanstalk publishes a metric."""
    return Duration.minutes(1)
