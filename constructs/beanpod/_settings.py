"""What an environment's options are computed from: plain values, no construct."""

from dataclasses import dataclass
from enum import StrEnum

from beanpod._arguments import checked


class EnvironmentType(StrEnum):
    """Whether the environment has a load balancer."""

    SINGLE_INSTANCE = "SingleInstance"
    LOAD_BALANCED = "LoadBalanced"


class LoadBalancerScheme(StrEnum):
    """Who reaches the load balancer."""

    INTERNET_FACING = "public"
    INTERNAL = "internal"


class LoadBalancerType(StrEnum):
    """The type of the load balancer, fixed when the environment is created.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.managing.elb.html
    """

    APPLICATION = "application"
    NETWORK = "network"


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


@checked
@dataclass(frozen=True, kw_only=True)
class ScalingTrigger:
    """When instances are added and removed. Beanstalk's own default watches outgoing bytes, which suits few web apps.

    Attributes:
        measure: A metric of the group, such as `CPUUtilization` (percent), `NetworkOut` (bytes) or `RequestCount`.
        lower_threshold: One instance is removed when the measure stays below it. In `unit`.
        upper_threshold: One instance is added when the measure stays above it. In `unit`.
        period_minutes: Minutes between two samples of the measure.
        breach_minutes: Minutes for which a threshold must be crossed before an instance is added or removed.
    """

    measure: str = "CPUUtilization"
    unit: str = "Percent"
    statistic: str = "Average"
    lower_threshold: float = 30
    upper_threshold: float = 70
    period_minutes: int = 5
    breach_minutes: int = 5


@checked
@dataclass(frozen=True, kw_only=True)
class ManagedUpdates:
    """When Beanstalk may update the platform by itself, and how far.

    Attributes:
        start: Weekday and time in UTC at which the window opens, such as `Tue:09:00`.
        level: `patch`, or `minor`, which also brings new Docker versions.
    """

    start: str = "Tue:09:00"
    level: str = "minor"


@checked
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
    load_balancer_scheme: str = LoadBalancerScheme.INTERNET_FACING
    load_balancer_type: str = LoadBalancerType.APPLICATION
    additional_instance_security_groups: tuple[str, ...] = ()
    additional_load_balancer_security_groups: tuple[str, ...] = ()
    instance_port: int = 80
    ingress_port: float | None = None

    @property
    def load_balanced(self) -> bool:
        """Return whether the environment has a load balancer."""
        return self.environment_type == EnvironmentType.LOAD_BALANCED
