"""The properties of an environment, and the options of Beanstalk that they become."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

from aws_cdk import Fn, Size, SizeRoundingBehavior
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from beanpod import _load_balancer
from beanpod._checks import plain
from beanpod._environment_options import HEALTH
from beanpod._settings import (
    DeploymentStrategy,
    Domain,
    EnvironmentType,
    HealthCheck,
    LoadBalancerScheme,
    LoadBalancerSettings,
    LoadBalancerType,
    ManagedUpdates,
    OptionSetting,
    ScalingTrigger,
)
from beanpod._subnets import Subnets
from beanpod._tokens import known
from beanpod.application import IApplication, description_problems
from beanpod.environment_interface import METRICS
from beanpod.environment_secret import EnvironmentSecret
from beanpod.platform import DockerPlatform
from beanpod.rules.environment import option_problems, platform_problems
from beanpod.rules.limits import setting_problems
from beanpod.rules.option_keys import ENVIRONMENT, LAUNCH, LOAD_BALANCER, PROCESS, VPC
from beanpod.rules.problem import Problem

_LOGS = "aws:elasticbeanstalk:cloudwatch:logs"


class EnvironmentProperties(TypedDict, total=False):
    """The optional properties of `DockerEnvironment`, which `DockerService` has as well.

    A construct of your own hands them on with `**kwargs: Unpack[EnvironmentProperties]`.

    Attributes:
        application: `Application.from_application_name` brings one. Default: a new application. Replaces: the
            environment, the application.
        max_versions: How many versions a new application keeps, 2 to 1000. Default: 50. Updates in place.
        environment_name: 4 to 40 letters, digits and hyphens. Default: generated; a fixed name would block every
            change that replaces the environment. Replaces: the environment.
        description: At most 200 characters. Default: none. Updates in place.
        platform: Default: the latest Docker on Amazon Linux 2023. Updates in place.
        environment_type: Another one replaces the instances, and takes several minutes. Default: LOAD_BALANCED. Updates
            in place.
        load_balancer_type: Fixed at creation. A network load balancer passes TCP on with the clients' addresses, has
            neither groups nor certificates, and its instances' group must let the clients in. Default: APPLICATION.
        load_balancer_scheme: INTERNAL is reached from within the VPC and what is connected to it only. Default:
            INTERNET_FACING. Updates in place.
        instance_types: The EC2 type, of an architecture that is fixed at creation; up to 39 more count with Spot
            instances only (option `EnableSpot`). Default: t3.small. A list token is given as one type,
            `ec2.InstanceType(Fn.join(",", types))`. Updates in place.
        root_volume_size: 10 to 16384 GiB, for the images and their layers. Default: 16 GiB. Updates in place.
        min_size: Instances at least, 1 or more. Default: 1. Updates in place.
        max_size: Instances at most. Default: 1 for a single instance, else 4, or min_size if that is more or a token.
            Updates in place.
        scaling: Default: CPU utilisation, in below 30 %, out above 70 %. Ignored for a single instance. Updates in
            place.
        deployment_strategy: How a release reaches the instances. Default: rolling with an additional batch of 25
            percent behind a load balancer, so that capacity never drops; all at once for a single instance. Updates in
            place.
        load_balancer: Idle timeout, sticky sessions, access logs. Default: Beanstalk's. Updates in place.
        health_check_path: What the load balancer asks each instance for; 200 means healthy. Default: "/". Updates in
            place.
        health_check: How often it asks, and which answers are healthy. Default: Beanstalk's. Updates in place.
        domain: The name that it is reached by over HTTPS, with its certificate and records. Default: HTTP at the
            endpoint. Updates in place.
        environment: Plain variables, together at most 4,096 bytes of `key=value`. They can be read by everyone who may
            describe the environment: passwords belong in `secrets`. Default: none. Updates in place.
        secrets: Variables whose values stay in Secrets Manager or the Parameter Store. Each adds the option and the
            instances' permission to read it. Default: none. Updates in place.
        service_role: Default: a new `ServiceRole`. Updates in place.
        instance_role: Default: a new `InstanceRole`. A given role gets an instance profile. Updates in place.
        instance_profile: An existing one, in the place of the new one. One that is imported without its role needs
            `instance_role` besides, which grants then go to. Default: a new one. Updates in place.
        instance_port: Where the load balancer asks the instances: the platform's proxy listens on 80; a compose file
            may publish another. As of `ServiceNetwork`, which opens it. Default: 80. Updates in place.
        additional_instance_security_groups: More groups for the instances, such as one that a shared database lets in.
            The rules of `connections` go to `instance_security_group`. Default: none. Updates in place.
        additional_load_balancer_security_groups: More groups for the load balancer. Default: none. Updates in place.
        instance_subnets: Default: private subnets with a way out, public ones where there are none. Behind an internal
            load balancer in a VPC with neither: the isolated ones. Updates in place.
        load_balancer_subnets: Default: the public subnets; of an internal one the private, else the isolated. Updates
            in place.
        log_retention: How long CloudWatch keeps the instances' logs and health, also after the environment was deleted.
            Default: one month. Updates in place.
        published_metrics: Names of the metrics that the environment publishes to CloudWatch, such as
            `ApplicationRequests5xx`; each is billed as a custom metric. `EnvironmentHealth` is always published and
            free. Default: none besides. Updates in place.
        managed_updates: Default: patch and minor versions, Tuesdays at 09:00 UTC; none with a pinned platform. None:
            never. Updates in place.
        options: What has no property here, and what is to win over one: `OptionSetting`s, or `{"aws:ec2:vpc":
            {"ELBScheme": "internal"}}` with None for an option that is to be left out. Checked like the properties. As
            `override_option` afterwards. Default: none. Updates in place.
    """

    application: IApplication | None
    max_versions: int
    environment_name: str | None
    description: str | None
    platform: DockerPlatform | None
    environment_type: EnvironmentType
    load_balancer_type: LoadBalancerType
    load_balancer_scheme: LoadBalancerScheme
    instance_types: Sequence[ec2.InstanceType] | None
    root_volume_size: Size | None
    min_size: int
    max_size: int | None
    scaling: ScalingTrigger | None
    deployment_strategy: DeploymentStrategy | None
    load_balancer: LoadBalancerSettings | None
    health_check_path: str
    health_check: HealthCheck | None
    domain: Domain | None
    environment: Mapping[str, str] | None
    secrets: Mapping[str, EnvironmentSecret] | None
    service_role: iam.IRole | None
    instance_role: iam.IRole | None
    instance_profile: iam.IInstanceProfile | None
    instance_port: int
    additional_instance_security_groups: Sequence[ec2.ISecurityGroup]
    additional_load_balancer_security_groups: Sequence[ec2.ISecurityGroup]
    instance_subnets: ec2.SubnetSelection | None
    load_balancer_subnets: ec2.SubnetSelection | None
    log_retention: logs.RetentionDays
    published_metrics: Sequence[str]
    managed_updates: ManagedUpdates | None
    options: Sequence[OptionSetting] | Mapping[str, Mapping[str, str | None]]


# Of the others, None.
_DEFAULTS: EnvironmentProperties = {
    "environment_type": EnvironmentType.LOAD_BALANCED,
    "load_balancer_type": LoadBalancerType.APPLICATION,
    "load_balancer_scheme": LoadBalancerScheme.INTERNET_FACING,
    "min_size": 1,
    "health_check_path": "/",
    "instance_port": 80,
    "additional_instance_security_groups": (),
    "additional_load_balancer_security_groups": (),
    "log_retention": logs.RetentionDays.ONE_MONTH,
    "published_metrics": (),
    "managed_updates": ManagedUpdates(),
    "options": (),
}


def with_defaults(properties: EnvironmentProperties) -> EnvironmentProperties:
    """Return the properties that are given, and the defaults of the others."""
    if _version(properties):
        properties = {"managed_updates": None, **properties}
    return {**_DEFAULTS, **properties}


def _version(properties: EnvironmentProperties) -> str | None:
    """Return the version of a pinned platform."""
    platform = properties.get("platform")
    return platform.version if platform else None


def beanstalk_options(
    properties: EnvironmentProperties,
    *,
    vpc: ec2.IVpc,
    instance_subnets: Subnets,
    load_balancer_subnets: Subnets | None,
    instance_groups: Sequence[ec2.ISecurityGroup],
    load_balancer_groups: Sequence[ec2.ISecurityGroup],
    service_role_arn: str,
    instance_profile_name: str,
    log_retention_days: int,
) -> dict[str, Mapping[str, str | float | bool | None]]:
    """Return the options of an environment by namespace and name; None for one that is left out.

    Args:
        properties: The environment's properties, with defaults.
        vpc: Its VPC.
        instance_subnets: The instances' subnets.
        load_balancer_subnets: The load balancer's; None for a single instance.
        instance_groups: The instances' security groups.
        load_balancer_groups: The load balancer's, the environment's own first.
        service_role_arn: The role of Beanstalk.
        instance_profile_name: The instances' profile.
        log_retention_days: `log_retention` as a number.
    """
    kind, scheme = properties["environment_type"], properties["load_balancer_scheme"]
    balanced = kind == EnvironmentType.LOAD_BALANCED
    types = properties.get("instance_types")
    volume = properties.get("root_volume_size") or Size.gibibytes(16)
    min_size, max_size = properties["min_size"], properties.get("max_size")
    strategy = properties.get("deployment_strategy") or _default_strategy(balanced)
    path, port = properties["health_check_path"], properties["instance_port"]
    health_check, load_balancer = properties.get("health_check"), properties.get("load_balancer")
    attributes = _load_balancer.attributes(load_balancer) if load_balancer else {}
    updates = properties["managed_updates"]
    retention = {"DeleteOnTerminate": False, "RetentionInDays": log_retention_days}
    options: dict[str, Mapping[str, str | float | bool | None]] = {
        ENVIRONMENT: {
            "EnvironmentType": kind,
            "LoadBalancerType": properties["load_balancer_type"] if balanced else None,
            "ServiceRole": service_role_arn,
        },
        VPC: {
            "VPCId": vpc.vpc_id,
            "Subnets": Fn.join(",", instance_subnets.subnet_ids),
            "AssociatePublicIpAddress": instance_subnets.public,
            "ELBSubnets": Fn.join(",", load_balancer_subnets.subnet_ids) if load_balancer_subnets else None,
            "ELBScheme": scheme if balanced or scheme == LoadBalancerScheme.INTERNAL else None,
        },
        "aws:ec2:instances": {
            "InstanceTypes": "t3.small" if types is None else ",".join(it.to_string() for it in types)
        },
        # gp3 and DisableIMDSv1 each make Beanstalk use launch templates: new accounts cannot create launch
        # configurations.
        LAUNCH: {
            "IamInstanceProfile": instance_profile_name,
            "SecurityGroups": _ids(instance_groups),
            "DisableDefaultEC2SecurityGroup": True,
            "DisableIMDSv1": True,
            "RootVolumeType": "gp3",
            "RootVolumeSize": volume.to_gibibytes(rounding=SizeRoundingBehavior.NONE),
        },
        "aws:autoscaling:asg": {
            "MinSize": min_size,
            "MaxSize": _default_max_size(min_size, balanced) if max_size is None else max_size,
        },
        **strategy.options,
        PROCESS: {
            "HealthCheckPath": path if balanced else None,
            "Port": port if port != 80 else None,
            **(health_check.options if health_check else {}),
            **({} if balanced else {"MatcherHTTPCode": None}),
            **attributes.get(PROCESS, {}),
        },
        LOAD_BALANCER: attributes.get(LOAD_BALANCER, {}),
        HEALTH: {"SystemType": "enhanced"},
        _LOGS: {"StreamLogs": True, **retention},
        f"{_LOGS}:health": {"HealthStreamingEnabled": True, **retention},
        "aws:elasticbeanstalk:managedactions": {"ManagedActionsEnabled": False},
        **(updates.options(service_role_arn) if updates else {}),
    }
    if not balanced:
        # A single instance has no process of a load balancer.
        return {**options, "aws:elasticbeanstalk:application": {"Application Healthcheck URL": path}}
    if properties["load_balancer_type"] == LoadBalancerType.APPLICATION and load_balancer_groups:
        # Beanstalk gives its network load balancers no groups; they pass the clients' addresses on.
        options[LOAD_BALANCER] = {
            **options[LOAD_BALANCER],
            "SecurityGroups": _ids(load_balancer_groups),
            "ManagedSecurityGroup": load_balancer_groups[0].security_group_id,
        }
    return {
        **options,
        **(properties.get("scaling") or ScalingTrigger()).options,
        # A change of the instances themselves (type, image) is rolled out by health, not all at once.
        "aws:autoscaling:updatepolicy:rollingupdate": {"RollingUpdateEnabled": True, "RollingUpdateType": "Health"},
    }


def _default_max_size(min_size: int, balanced: bool) -> int:
    if not balanced:
        return 1
    # Four may be less than a number that only CloudFormation knows: then the group keeps its size.
    return max(4, min_size) if known(min_size) else min_size


def _default_strategy(balanced: bool) -> DeploymentStrategy:
    return DeploymentStrategy.rolling_with_additional_batch() if balanced else DeploymentStrategy.all_at_once()


def _ids(groups: Sequence[ec2.ISecurityGroup]) -> str:
    return ",".join(group.security_group_id for group in groups)


def argument_problems(
    properties: EnvironmentProperties, load_balancer_group: ec2.ISecurityGroup | None
) -> Iterator[str | Problem]:
    """Check what becomes no option of Beanstalk, of properties with defaults."""
    options = properties["options"]
    yield from setting_problems({"environment_name": plain(properties.get("environment_name"))})
    yield from description_problems(properties.get("description"))
    yield from platform_problems(_version(properties), managed_updates=properties["managed_updates"] is not None)
    versions = properties.get("max_versions")
    if properties.get("application") and versions is not None:
        yield f"max_versions is for a new application, got {versions} beside application: set it there"
    for metric in properties["published_metrics"]:
        if metric not in METRICS:
            yield f'published_metrics must be among {", ".join(METRICS)}, got "{metric}"'
    if not isinstance(options, Mapping):
        yield from option_problems((it.namespace, it.name, it.resource_name) for it in options)
    if properties["environment_type"] == EnvironmentType.SINGLE_INSTANCE:
        return
    kind = properties["load_balancer_type"]
    if kind == LoadBalancerType.APPLICATION and load_balancer_group is None:
        yield "load_balancer_security_group is missing: an environment with a load balancer needs it"
    if kind == LoadBalancerType.NETWORK and properties["additional_load_balancer_security_groups"]:
        yield (
            "additional_load_balancer_security_groups need an application load balancer: a network one has no "
            "groups, open the instances' group instead"
        )
