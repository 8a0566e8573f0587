"""Typed settings in, Beanstalk option settings out. Pure functions, no jsii.

Spellings and allowed values: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html
"""

from collections.abc import Iterator, Mapping

from beanpod._option_keys import ENVIRONMENT, LAUNCH, PROCESS, VPC
from beanpod._settings import DeploymentPolicy, EnvironmentSettings, LoadBalancerType
from beanpod._tokens import text

VARIABLES = "aws:elasticbeanstalk:application:environment"
SECRETS = "aws:elasticbeanstalk:application:environmentsecrets"
HEALTH = "aws:elasticbeanstalk:healthreporting:system"

Row = tuple[str, str, str]


def option_rows(settings: EnvironmentSettings) -> list[Row]:
    """The options an environment is created with, sorted: the same settings always give the same template."""
    return sorted(
        [
            *_placement(settings),
            *_instances(settings),
            *_capacity(settings),
            *_deployment(settings),
            *_observability(settings),
            *_traffic(settings),
            *_updates(settings),
        ]
    )


def _rows(namespace: str, values: Mapping[str, str | float | bool]) -> Iterator[Row]:
    for name, value in values.items():
        yield namespace, name, text(value)


def _placement(settings: EnvironmentSettings) -> Iterator[Row]:
    yield from _rows(ENVIRONMENT, {"EnvironmentType": settings.environment_type, "ServiceRole": settings.service_role})
    yield from _rows(
        VPC,
        {
            "VPCId": settings.vpc_id,
            "Subnets": settings.instance_subnets,
            "AssociatePublicIpAddress": settings.public_instances,
        },
    )
    if settings.load_balancer_subnets is not None:
        scheme = settings.load_balancer_scheme
        yield from _rows(VPC, {"ELBSubnets": settings.load_balancer_subnets, "ELBScheme": scheme})


def _instances(settings: EnvironmentSettings) -> Iterator[Row]:
    yield "aws:ec2:instances", "InstanceTypes", ",".join(settings.instance_types)
    # gp3 and DisableIMDSv1 each make Beanstalk use launch templates: new accounts cannot create launch configurations.
    yield from _rows(
        LAUNCH,
        {
            "IamInstanceProfile": settings.instance_profile,
            "SecurityGroups": ",".join(
                [settings.instance_security_group, *settings.additional_instance_security_groups]
            ),
            "DisableDefaultEC2SecurityGroup": True,
            "DisableIMDSv1": True,
            "RootVolumeType": "gp3",
            "RootVolumeSize": settings.root_volume_size,
        },
    )


def _capacity(settings: EnvironmentSettings) -> Iterator[Row]:
    yield from _rows("aws:autoscaling:asg", {"MinSize": settings.min_size, "MaxSize": settings.max_size})
    if not settings.load_balanced:
        return
    trigger = settings.scaling
    yield from _rows(
        "aws:autoscaling:trigger",
        {
            "MeasureName": trigger.measure,
            "Unit": trigger.unit,
            "Statistic": trigger.statistic,
            "LowerThreshold": trigger.lower_threshold,
            "UpperThreshold": trigger.upper_threshold,
            "Period": trigger.period_minutes,
            "BreachDuration": trigger.breach_minutes,
        },
    )
    # A change of the instances themselves (type, image) is rolled out by health, not all at once.
    yield from _rows(
        "aws:autoscaling:updatepolicy:rollingupdate",
        {"RollingUpdateEnabled": True, "RollingUpdateType": "Health"},
    )


def _deployment(settings: EnvironmentSettings) -> Iterator[Row]:
    values: dict[str, str | float | bool] = {"DeploymentPolicy": settings.deployment_policy}
    if settings.deployment_policy in (
        DeploymentPolicy.ROLLING,
        DeploymentPolicy.ROLLING_WITH_ADDITIONAL_BATCH,
    ):
        values |= {"BatchSizeType": settings.batch_size_type, "BatchSize": settings.batch_size}
    yield from _rows("aws:elasticbeanstalk:command", values)
    if settings.deployment_policy == DeploymentPolicy.TRAFFIC_SPLITTING:
        yield from _rows(
            "aws:elasticbeanstalk:trafficsplitting",
            {
                "NewVersionPercent": settings.traffic_split_percent,
                "EvaluationTime": settings.evaluation_minutes,
            },
        )


def _observability(settings: EnvironmentSettings) -> Iterator[Row]:
    retention: dict[str, str | float | bool] = {
        "DeleteOnTerminate": False,
        "RetentionInDays": settings.log_retention_days,
    }
    yield HEALTH, "SystemType", "enhanced"
    yield from _rows("aws:elasticbeanstalk:cloudwatch:logs", {"StreamLogs": True, **retention})
    yield from _rows("aws:elasticbeanstalk:cloudwatch:logs:health", {"HealthStreamingEnabled": True, **retention})


def _traffic(settings: EnvironmentSettings) -> Iterator[Row]:
    if not settings.load_balanced:
        # The general one: a process of a load balancer is not there to have it.
        yield "aws:elasticbeanstalk:application", "Application Healthcheck URL", settings.health_check_path
        return
    yield ENVIRONMENT, "LoadBalancerType", settings.load_balancer_type
    yield PROCESS, "HealthCheckPath", settings.health_check_path
    if settings.instance_port != 80:
        yield PROCESS, "Port", text(settings.instance_port)
    if settings.load_balancer_type == LoadBalancerType.NETWORK:
        # Beanstalk gives its network load balancers no groups; it hands the clients' addresses on.
        return
    group = str(settings.load_balancer_security_group)
    groups = ",".join([group, *settings.additional_load_balancer_security_groups])
    yield from _rows("aws:elbv2:loadbalancer", {"SecurityGroups": groups, "ManagedSecurityGroup": group})
    if settings.certificate is not None:
        yield from _rows(
            "aws:elbv2:listener:443",
            {
                "ListenerEnabled": True,
                "Protocol": "HTTPS",
                "SSLCertificateArns": settings.certificate,
                "SSLPolicy": settings.ssl_policy,
            },
        )


def _updates(settings: EnvironmentSettings) -> Iterator[Row]:
    managed = settings.managed_updates
    yield "aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled", text(managed is not None)
    if managed is not None:
        yield from _rows(
            "aws:elasticbeanstalk:managedactions",
            {"PreferredStartTime": managed.start, "ServiceRoleForManagedUpdates": settings.service_role},
        )
        yield (
            "aws:elasticbeanstalk:managedactions:platformupdate",
            "UpdateLevel",
            managed.level,
        )
