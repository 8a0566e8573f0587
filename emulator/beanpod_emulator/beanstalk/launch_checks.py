"""The checks of a launch: instance profile, roles, networks and their internet access, listeners."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from beanpod_emulator import clients
from beanpod_emulator.beanstalk.listeners import listener_problems
from beanpod_emulator.beanstalk.options import listed
from beanpod_emulator.beanstalk.state import Environment

_LAUNCH = "aws:autoscaling:launchconfiguration"
_VPC = "aws:ec2:vpc"


def launch_problems(environment: Environment) -> list[str]:
    """Return the error events of an environment that cannot be launched."""
    iam = clients.client("iam", environment.region)
    return [
        *_profile_problems(environment, iam),
        *_role_problems(environment, iam),
        *_network_problems(environment),
        *_internet_access_problems(environment),
        *listener_problems(environment),
    ]


def has_public_addresses(environment: Environment) -> bool:
    """Return whether the load balancer or the instances have public addresses in the environment's VPC."""
    return _public_instances(environment) or _public_load_balancer(environment)


def vpc_id(environment: Environment) -> str:
    """Return the id of the environment's VPC; "" for the default VPC."""
    return environment.option(_VPC, "VPCId")


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
    elif not _found(iam.get_instance_profile, InstanceProfileName=environment.instance_profile):
        yield f"The instance profile {profile} associated with the environment does not exist."


def _role_problems(environment: Environment, iam: Any) -> Iterator[str]:
    role = environment.option("aws:elasticbeanstalk:environment", "ServiceRole")
    if role and not _found(iam.get_role, RoleName=role.rsplit("/", 1)[-1]):
        yield f"The service role {role} does not exist."


def _network_problems(environment: Environment) -> Iterator[str]:
    subnets = [it for name in ("Subnets", "ELBSubnets") for it in listed(environment.option(_VPC, name))]
    namespaces = (_LAUNCH, "aws:elbv2:loadbalancer")
    groups = [it for namespace in namespaces for it in listed(environment.option(namespace, "SecurityGroups"))]
    # EC2's client only where it is needed: its model takes a quarter of a second to parse.
    for subnet in subnets:
        if not _found(clients.client("ec2", environment.region).describe_subnets, SubnetIds=[subnet]):
            yield f"The subnet ID '{subnet}' does not exist"
    for group in groups:
        if group.startswith("sg-") and not _found(
            clients.client("ec2", environment.region).describe_security_groups, GroupIds=[group]
        ):
            yield f"The security group '{group}' does not exist"


def _internet_access_problems(environment: Environment) -> Iterator[str]:
    """Check that public addresses have an internet gateway, and that instances reach Beanstalk.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/vpc.html. The default VPC always has internet access.
    """
    vpc = vpc_id(environment)
    subnets = listed(environment.option(_VPC, "Subnets"))
    if not vpc or not subnets:
        return
    ec2 = clients.client("ec2", environment.region)
    if not _found(ec2.describe_subnets, SubnetIds=subnets):
        return
    if not ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])["InternetGateways"]:
        if environment.load_balanced and _public_load_balancer(environment):
            yield (
                f"Creating load balancer failed Reason: VPC {vpc} has no internet gateway "
                "(Service: ElasticLoadBalancingV2, Status Code: 400, Error Code: InvalidSubnet)"
            )
        if not environment.load_balanced:
            yield f"Service:AmazonEC2, Message:Network {vpc} is not attached to any internet gateway"
    public = _public_instances(environment)
    routed = all(_has_route(ec2, vpc, subnet, public=public) for subnet in subnets)
    if not routed and not _has_endpoints(ec2, vpc, environment.region):
        yield (
            "The EC2 instances failed to communicate with AWS Elastic Beanstalk, either because of configuration "
            "problems with the VPC or a failed EC2 instance. Check your VPC configuration and try launching the "
            "environment again."
        )


def _public_instances(environment: Environment) -> bool:
    return not environment.load_balanced or environment.option(_VPC, "AssociatePublicIpAddress") == "true"


def _public_load_balancer(environment: Environment) -> bool:
    return environment.load_balanced and environment.option(_VPC, "ELBScheme") != "internal"


def _has_route(ec2: Any, vpc: str, subnet: str, *, public: bool) -> bool:
    """Return whether the default route leads instances with, or without, public addresses to the internet."""
    own = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["RouteTables"]
    in_vpc = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
    tables = own or ec2.describe_route_tables(Filters=in_vpc)["RouteTables"]
    defaults = [
        route for table in tables for route in table["Routes"] if route.get("DestinationCidrBlock") == "0.0.0.0/0"
    ]
    by_gateway = any(route.get("GatewayId", "").startswith("igw-") for route in defaults)
    return by_gateway if public else bool(defaults) and not by_gateway


def _has_endpoints(ec2: Any, vpc: str, region: str) -> bool:
    """Return whether the VPC has Beanstalk's endpoints: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/vpc-vpce.html"""
    found = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["VpcEndpoints"]
    names = {endpoint["ServiceName"] for endpoint in found}
    return {f"com.amazonaws.{region}.elasticbeanstalk", f"com.amazonaws.{region}.elasticbeanstalk-health"} <= names
