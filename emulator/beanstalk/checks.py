"""What a launch needs to find in the account: an instance profile, roles, networks."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from emulator import clients
from emulator.beanstalk.state import Environment

_LAUNCH = "aws:autoscaling:launchconfiguration"
_VPC = "aws:ec2:vpc"


def launch_problems(environment: Environment, region: str) -> list[str]:
    """Why the environment cannot be launched, as its error events say it."""
    return [
        *_profile_problems(environment, clients.client("iam", region)),
        *_role_problems(environment, clients.client("iam", region)),
        *_network_problems(environment, clients.client("ec2", region)),
    ]


def _found(operation: Any, **request: Any) -> bool:
    try:
        operation(**request)
    except ClientError:
        return False
    return True


def _profile_problems(environment: Environment, iam: Any) -> Iterator[str]:
    profile = environment.option(_LAUNCH, "IamInstanceProfile")
    if not profile:
        yield "Environment must have instance profile associated with it."
    elif not _found(iam.get_instance_profile, InstanceProfileName=profile.rsplit("/", 1)[-1]):
        yield f"The instance profile {profile} associated with the environment does not exist."


def _role_problems(environment: Environment, iam: Any) -> Iterator[str]:
    role = environment.option("aws:elasticbeanstalk:environment", "ServiceRole")
    if role and not _found(iam.get_role, RoleName=role.rsplit("/", 1)[-1]):
        yield f"The service role {role} does not exist."


def _network_problems(environment: Environment, ec2: Any) -> Iterator[str]:
    for name in ("Subnets", "ELBSubnets"):
        for subnet in _listed(environment.option(_VPC, name)):
            if not _found(ec2.describe_subnets, SubnetIds=[subnet]):
                yield f"The subnet ID '{subnet}' does not exist"
    for namespace in (_LAUNCH, "aws:elbv2:loadbalancer"):
        for group in _listed(environment.option(namespace, "SecurityGroups")):
            if group.startswith("sg-") and not _found(ec2.describe_security_groups, GroupIds=[group]):
                yield f"The security group '{group}' does not exist"


def _listed(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]
