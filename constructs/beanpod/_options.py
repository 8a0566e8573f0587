"""Typed settings in, Beanstalk option settings out. Pure functions, no jsii.

Spellings and allowed values: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from beanpod._checks import known

ENVIRONMENT = "aws:elasticbeanstalk:environment"
VARIABLES = "aws:elasticbeanstalk:application:environment"
SECRETS = "aws:elasticbeanstalk:application:environmentsecrets"
PROCESS = "aws:elasticbeanstalk:environment:process:default"
LAUNCH = "aws:autoscaling:launchconfiguration"
MAX_VARIABLE_BYTES = 4096
LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653)


class EnvironmentType(StrEnum):
    """Whether a load balancer stands in front of the instances."""

    SINGLE_INSTANCE = "SingleInstance"
    LOAD_BALANCED = "LoadBalanced"


class DeploymentPolicy(StrEnum):
    """How a new version reaches the instances.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.rolling-version-deploy.html
    """

    ALL_AT_ONCE = "AllAtOnce"
    ROLLING = "Rolling"
    ROLLING_WITH_ADDITIONAL_BATCH = "RollingWithAdditionalBatch"
    IMMUTABLE = "Immutable"
    TRAFFIC_SPLITTING = "TrafficSplitting"


class BatchSizeType(StrEnum):
    """What a batch size counts."""

    PERCENTAGE = "Percentage"
    FIXED = "Fixed"


@dataclass(frozen=True, kw_only=True)
class ScalingTrigger:
    """When the group grows and shrinks. Beanstalk's own default watches outgoing bytes, which suits few web apps.

    :param measure: A metric of the group, such as `CPUUtilization` (percent), `NetworkOut` (bytes) or `RequestCount`.
    :param lower_threshold: One instance leaves when the measure stays below it. In `unit`.
    :param upper_threshold: One instance joins when the measure stays above it. In `unit`.
    :param period_minutes: Between two looks at the measure.
    :param breach_minutes: How long a threshold must be passed before anything happens.
    """

    measure: str = "CPUUtilization"
    unit: str = "Percent"
    statistic: str = "Average"
    lower_threshold: float = 30
    upper_threshold: float = 70
    period_minutes: int = 5
    breach_minutes: int = 5


@dataclass(frozen=True, kw_only=True)
class ManagedUpdates:
    """When Beanstalk may update the platform by itself, and how far.

    :param start: Weekday and time in UTC at which the window opens, such as `Tue:09:00`.
    :param level: `patch`, or `minor`, which also brings new Docker versions.
    """

    start: str = "Tue:09:00"
    level: str = "minor"


@dataclass(frozen=True, kw_only=True)
class OptionSetting:
    """Any option of Beanstalk, for what has no typed property here."""

    namespace: str
    name: str
    value: str
    resource_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class EnvironmentSettings:
    """Everything an environment's options are computed from. `DockerEnvironment` documents each."""

    environment_type: EnvironmentType
    vpc_id: str
    instance_subnets: str
    load_balancer_subnets: str | None
    public_instances: bool
    instance_security_group: str
    load_balancer_security_group: str | None
    instance_profile: str
    service_role: str
    instance_types: tuple[str, ...]
    root_volume_size: int
    min_size: int
    max_size: int
    scaling: ScalingTrigger
    deployment_policy: DeploymentPolicy
    batch_size_type: BatchSizeType
    batch_size: int
    traffic_split_percent: int
    evaluation_minutes: int
    health_check_path: str
    certificate: str | None
    ssl_policy: str
    log_retention_days: int
    managed_updates: ManagedUpdates | None

    @property
    def load_balanced(self) -> bool:
        """Whether a load balancer stands in front."""
        return self.environment_type == EnvironmentType.LOAD_BALANCED


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


def _rows(namespace: str, values: Mapping[str, str | int | bool]) -> Iterator[Row]:
    for name, value in values.items():
        yield namespace, name, str(value).lower() if isinstance(value, bool) else str(value)


def _placement(settings: EnvironmentSettings) -> Iterator[Row]:
    yield from _rows(ENVIRONMENT, {"EnvironmentType": settings.environment_type, "ServiceRole": settings.service_role})
    yield from _rows(
        "aws:ec2:vpc",
        {
            "VPCId": settings.vpc_id,
            "Subnets": settings.instance_subnets,
            "AssociatePublicIpAddress": settings.public_instances,
        },
    )
    if settings.load_balancer_subnets is not None:
        yield from _rows("aws:ec2:vpc", {"ELBSubnets": settings.load_balancer_subnets, "ELBScheme": "public"})


def _instances(settings: EnvironmentSettings) -> Iterator[Row]:
    yield "aws:ec2:instances", "InstanceTypes", ",".join(settings.instance_types)
    # gp3 and DisableIMDSv1 each make Beanstalk use launch templates: new accounts cannot create launch configurations.
    yield from _rows(
        LAUNCH,
        {
            "IamInstanceProfile": settings.instance_profile,
            "SecurityGroups": settings.instance_security_group,
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
            "LowerThreshold": f"{trigger.lower_threshold:g}",
            "UpperThreshold": f"{trigger.upper_threshold:g}",
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
    values: dict[str, str | int | bool] = {"DeploymentPolicy": settings.deployment_policy}
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
    retention: dict[str, str | int | bool] = {
        "DeleteOnTerminate": False,
        "RetentionInDays": settings.log_retention_days,
    }
    yield "aws:elasticbeanstalk:healthreporting:system", "SystemType", "enhanced"
    yield from _rows("aws:elasticbeanstalk:cloudwatch:logs", {"StreamLogs": True, **retention})
    yield from _rows("aws:elasticbeanstalk:cloudwatch:logs:health", {"HealthStreamingEnabled": True, **retention})


def _traffic(settings: EnvironmentSettings) -> Iterator[Row]:
    if not settings.load_balanced:
        return
    yield ENVIRONMENT, "LoadBalancerType", "application"
    yield PROCESS, "HealthCheckPath", settings.health_check_path
    group = str(settings.load_balancer_security_group)
    yield from _rows("aws:elbv2:loadbalancer", {"SecurityGroups": group, "ManagedSecurityGroup": group})
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
    yield "aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled", str(managed is not None).lower()
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


def setting_problems(settings: EnvironmentSettings) -> Iterator[str]:
    """What Beanstalk would refuse after minutes, said before anything is built. Tokens pass."""
    yield from _size_problems(settings)
    yield from _policy_problems(settings)
    yield from _range_problems(settings)
    if known(settings.health_check_path) and not settings.health_check_path.startswith("/"):
        yield f'health_check_path must start with "/", got "{settings.health_check_path}"'
    if settings.certificate is not None and not settings.load_balanced:
        yield "certificate needs a load balancer: set environment_type to LOAD_BALANCED or leave it out"
    low, high = settings.scaling.lower_threshold, settings.scaling.upper_threshold
    if known(low) and known(high) and low >= high:
        yield f"scaling.lower_threshold must be below upper_threshold ({high:g}), got {low:g}"
    if not 1 <= len(settings.instance_types) <= 40:
        yield f"instance_types must name 1 to 40 types, got {len(settings.instance_types)}"


def _size_problems(settings: EnvironmentSettings) -> Iterator[str]:
    if not (known(settings.min_size) and known(settings.max_size)):
        return
    if settings.min_size < 1:
        yield f"min_size must be at least 1, got {settings.min_size}"
    if settings.max_size > 10000:
        yield f"max_size must be at most 10000, got {settings.max_size}"
    if settings.min_size > settings.max_size:
        yield f"min_size must be at most max_size ({settings.max_size}), got {settings.min_size}"
    if not settings.load_balanced and settings.max_size != 1:
        yield (
            f"max_size must be 1 for a single instance, got {settings.max_size}: set environment_type to LOAD_BALANCED"
        )


def _policy_problems(settings: EnvironmentSettings) -> Iterator[str]:
    if not settings.load_balanced and settings.deployment_policy not in (
        DeploymentPolicy.ALL_AT_ONCE,
        DeploymentPolicy.IMMUTABLE,
    ):
        yield (
            f"deployment_policy {settings.deployment_policy} needs a load balancer: "
            "use AllAtOnce or Immutable with a single instance"
        )


def _range_problems(settings: EnvironmentSettings) -> Iterator[str]:
    fixed = settings.batch_size_type == BatchSizeType.FIXED
    ranges = (
        ("batch_size", settings.batch_size, 1, 10000 if fixed else 100, "instances" if fixed else "percent"),
        ("traffic_split_percent", settings.traffic_split_percent, 1, 100, "percent"),
        ("evaluation_minutes", settings.evaluation_minutes, 3, 600, "minutes"),
        ("root_volume_size", settings.root_volume_size, 8, 16384, "GiB"),
    )
    for name, value, low, high, unit in ranges:
        if known(value) and not low <= value <= high:
            yield f"{name} must be {low} to {high} {unit}, got {value}"
    if known(settings.log_retention_days) and settings.log_retention_days not in LOG_RETENTION_DAYS:
        allowed = ", ".join(map(str, LOG_RETENTION_DAYS))
        yield f"log_retention_days must be one of {allowed}, got {settings.log_retention_days}"


def variable_problems(variables: Mapping[str, str], secrets: Iterable[str]) -> Iterator[str]:
    """Names that no shell accepts, and more bytes than Beanstalk stores: all of `key=value`, 4,096 together."""
    for name in [*variables, *secrets]:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            yield f'variable "{name}" must be letters, digits and underscores and not start with a digit'
    size = sum(len(f"{name}={value}".encode()) for name, value in variables.items() if known(value))
    if size > MAX_VARIABLE_BYTES:
        yield f"variables take {size} bytes as key=value, at most {MAX_VARIABLE_BYTES} fit: move long values to secrets"
