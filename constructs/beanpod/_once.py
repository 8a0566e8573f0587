"""What is asked of Node once: each question is a round trip, and the answer stays the same."""

from dataclasses import dataclass
from functools import cache
from weakref import WeakKeyDictionary

from aws_cdk import Aws, Duration, Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

_ROLE_ARNS: WeakKeyDictionary[iam.IRole, str] = WeakKeyDictionary()
_BUCKET_ARNS: WeakKeyDictionary[s3.IBucket, str] = WeakKeyDictionary()


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


@cache
def in_days(duration: Duration) -> float:
    """A length of time, which never changes."""
    return duration.to_days(integral=False)


@cache
def instance_size(instance_type: ec2.InstanceType) -> str:
    """An instance type as AWS writes it: `t4g.micro`."""
    return instance_type.to_string()


def role_arn(role: iam.IRole) -> str:
    """Several parts of a service name its roles."""
    if role not in _ROLE_ARNS:
        _ROLE_ARNS[role] = role.role_arn
    return _ROLE_ARNS[role]


def bucket_arn(bucket: s3.IBucket) -> str:
    """Its statements and its deployers name it."""
    if bucket not in _BUCKET_ARNS:
        _BUCKET_ARNS[bucket] = bucket.bucket_arn
    return _BUCKET_ARNS[bucket]
