"""Typed values of an environment's settings, and the options of Beanstalk that they become.

Spellings and allowed values: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from aws_cdk import Duration
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_s3 as s3

from beanpod._arguments import checked
from beanpod.rules.environment import DEFAULT_THRESHOLDS
from beanpod.rules.limits import UNITS

# By namespace and name; None for an option that is left out.
Options = Mapping[str, Mapping[str, str | float | bool | None]]

# Former arguments of `DockerEnvironment`, and what to write instead.
RENAMED_ARGUMENTS = {
    "deployment_policy": "deployment_strategy=DeploymentStrategy.rolling()",
    "batch_size": "deployment_strategy=DeploymentStrategy.rolling(batch=BatchSize.percentage(25))",
    "batch_size_type": "deployment_strategy=DeploymentStrategy.rolling(batch=BatchSize.count(2))",
    "traffic_split_percent": "deployment_strategy=DeploymentStrategy.traffic_splitting(percent=10)",
    "evaluation_minutes": "deployment_strategy=DeploymentStrategy.traffic_splitting(evaluation=...)",
    "log_retention_days": "log_retention=logs.RetentionDays.ONE_MONTH",
    "certificate": 'domain=Domain(name="shop.example.com", certificate=...)',
    "ssl_policy": 'domain=Domain(name="shop.example.com", ssl_policy=...)',
}


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
    """How a new version reaches the instances, in Beanstalk's words. `DeploymentStrategy` has the details.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.rolling-version-deploy.html
    """

    ALL_AT_ONCE = "AllAtOnce"
    ROLLING = "Rolling"
    ROLLING_WITH_ADDITIONAL_BATCH = "RollingWithAdditionalBatch"
    IMMUTABLE = "Immutable"
    TRAFFIC_SPLITTING = "TrafficSplitting"


@checked
@dataclass(frozen=True)
class BatchSize:
    """How many instances a rolling deployment updates at a time. Made by `percentage` or `count`."""

    kind: str
    size: int

    @classmethod
    def percentage(cls, percent: int) -> BatchSize:
        """Return a share of the running instances, 1 to 100 percent."""
        return cls("Percentage", percent)

    @classmethod
    def count(cls, instances: int) -> BatchSize:
        """Return a number of instances, 1 or more and not more than the environment's `max_size`."""
        return cls("Fixed", instances)


@checked
@dataclass(frozen=True)
class DeploymentStrategy:
    """How a release reaches the instances. Made by one of its factories.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.rolling-version-deploy.html

    Attributes:
        policy: The deployment policy in Beanstalk's words.
        options: The options of Beanstalk, by namespace and name.
    """

    policy: DeploymentPolicy
    options: Options

    @classmethod
    def all_at_once(cls) -> DeploymentStrategy:
        """Update all instances at the same time: the fastest way, with a moment of downtime."""
        return cls._of(DeploymentPolicy.ALL_AT_ONCE)

    @classmethod
    def rolling(cls, *, batch: BatchSize | None = None) -> DeploymentStrategy:
        """Update one batch of instances after another, with less capacity meanwhile. Needs a load balancer.

        Args:
            batch: Default: 25 percent.
        """
        return cls._in_batches(DeploymentPolicy.ROLLING, batch)

    @classmethod
    def rolling_with_additional_batch(cls, *, batch: BatchSize | None = None) -> DeploymentStrategy:
        """Launch a batch of new instances, then update one batch after another. Needs a load balancer.

        Args:
            batch: Default: 25 percent.
        """
        return cls._in_batches(DeploymentPolicy.ROLLING_WITH_ADDITIONAL_BATCH, batch)

    @classmethod
    def immutable(cls) -> DeploymentStrategy:
        """Launch as many new instances, and terminate the old ones once these are healthy."""
        return cls._of(DeploymentPolicy.IMMUTABLE)

    @classmethod
    def traffic_splitting(cls, *, percent: int = 10, evaluation: Duration | None = None) -> DeploymentStrategy:
        """Launch as many new instances, and send them a share of the requests first.

        Needs an application load balancer.

        Args:
            percent: The share of the requests, 1 to 100 percent.
            evaluation: For how long, 3 to 600 minutes. Default: 5 minutes.
        """
        minutes = (evaluation or Duration.minutes(5)).to_minutes(integral=False)
        splitting = {"NewVersionPercent": percent, "EvaluationTime": minutes}
        return cls._of(DeploymentPolicy.TRAFFIC_SPLITTING, {"aws:elasticbeanstalk:trafficsplitting": splitting})

    @classmethod
    def _in_batches(cls, policy: DeploymentPolicy, batch: BatchSize | None) -> DeploymentStrategy:
        batch = batch or BatchSize.percentage(25)
        return cls(
            policy,
            {
                "aws:elasticbeanstalk:command": {
                    "DeploymentPolicy": policy,
                    "BatchSizeType": batch.kind,
                    "BatchSize": batch.size,
                }
            },
        )

    @classmethod
    def _of(cls, policy: DeploymentPolicy, options: Options | None = None) -> DeploymentStrategy:
        return cls(policy, {"aws:elasticbeanstalk:command": {"DeploymentPolicy": policy}, **(options or {})})


@checked
@dataclass(frozen=True, kw_only=True)
class ScalingTrigger:
    """When instances are added and removed. Beanstalk's own default watches outgoing bytes, which suits few web apps.

    Attributes:
        measure: A metric of the group, such as `CPUUtilization` (percent), `NetworkOut` (bytes) or `RequestCount`.
        unit: Default: the one in which CloudWatch knows the measure.
        statistic: How the measure is aggregated over the instances; `RequestCount` needs "Sum".
        lower_threshold: One instance is removed when the measure stays below it. In `unit`. Default: 30 percent of CPU,
            none for another measure.
        upper_threshold: One instance is added when the measure stays above it. In `unit`. Default: 70 percent of CPU,
            none for another measure.
        period: Between two samples of the measure, in whole minutes. Default: 5 minutes.
        breach_duration: How long a threshold must be crossed before an instance is added or removed, in whole periods.
            Default: 5 minutes.
    """

    measure: str = "CPUUtilization"
    unit: str | None = None
    statistic: str = "Average"
    lower_threshold: float | None = None
    upper_threshold: float | None = None
    period: Duration = field(default_factory=lambda: Duration.minutes(5))
    breach_duration: Duration = field(default_factory=lambda: Duration.minutes(5))

    @property
    def options(self) -> Options:
        """Return the options of Beanstalk.

        "BreachDuration = Period * EvaluationPeriods", or "Elastic Beanstalk might modify one of the values", says that
        page.
        """
        low, high = DEFAULT_THRESHOLDS.values() if self.measure == "CPUUtilization" else (None, None)
        period, breach = (it.to_minutes(integral=False) for it in (self.period, self.breach_duration))
        return {
            "aws:autoscaling:trigger": {
                "MeasureName": self.measure,
                "Unit": self.unit or UNITS.get(self.measure, "Percent"),
                "Statistic": self.statistic,
                "LowerThreshold": low if self.lower_threshold is None else self.lower_threshold,
                "UpperThreshold": high if self.upper_threshold is None else self.upper_threshold,
                "Period": period,
                "BreachDuration": breach,
                "EvaluationPeriods": int(breach / period) if breach > period > 0 else None,
            }
        }


@checked
@dataclass(frozen=True, kw_only=True)
class Domain:
    """The name that an environment behind an application load balancer is reached by, over HTTPS.

    Attributes:
        name: Such as "shop.example.com".
        aliases: More names, which the instances redirect to `name`: nginx in the bundles of `beanpod deploy`, the app
            with a compose file.
        hosted_zone: The zone of Route 53 with all these names, which get their records there: a public one, unless
            `certificate` is given.
            `HostedZone.from_hosted_zone_attributes` imports one; `from_lookup` asks AWS at synth. Default: DNS
            elsewhere, with the records that `DockerEnvironment.dns_records` names.
        certificate: For all these names, in the environment's region. Default: one is made, and validated by records in
            `hosted_zone`.
        redirects_http: Whether what runs on the instances redirects HTTP to HTTPS. Default: False, and the load
            balancer does not listen on port 80.
        ssl_policy: The HTTPS listener's. Default: TLS 1.2 and 1.3 with forward secrecy, post-quantum if the client can.
    """

    name: str
    aliases: Sequence[str] = ()
    hosted_zone: route53.IHostedZone | None = None
    certificate: acm.ICertificate | None = None
    redirects_http: bool = False
    ssl_policy: elbv2.SslPolicy = elbv2.SslPolicy.TLS13_12_RES_PQ

    @property
    def url(self) -> str:
        """Return where the environment is reached."""
        return f"https://{self.name}"


@checked
@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """How the load balancer checks an instance, besides `health_check_path`; names as of the CDK's `elbv2.HealthCheck`.

    Attributes:
        interval: Between two checks, 5 to 300 s; of a network load balancer 10 or 30 s. Default: 15 s, there 30 s.
        timeout: For an answer, 1 to 60 s and less than the interval. Not of a network load balancer. Default: 5 s.
        healthy_threshold_count: Checks in a row that make an instance healthy, 2 to 10. Default: 3.
        unhealthy_threshold_count: Failed checks in a row that make it unhealthy, 2 to 10. Default: 5.
        healthy_http_codes: Status codes of a healthy answer, such as "200,301" or "200-299"; of a network load balancer
            below 400. Default: "200".
    """

    interval: Duration | None = None
    timeout: Duration | None = None
    healthy_threshold_count: int | None = None
    unhealthy_threshold_count: int | None = None
    healthy_http_codes: str | None = None

    @property
    def options(self) -> Mapping[str, str | float | bool | None]:
        """Return the options of Beanstalk in the namespace of a process."""
        return {
            "HealthCheckInterval": in_seconds(self.interval),
            "HealthCheckTimeout": in_seconds(self.timeout),
            "HealthyThresholdCount": self.healthy_threshold_count,
            "UnhealthyThresholdCount": self.unhealthy_threshold_count,
            "MatcherHTTPCode": self.healthy_http_codes,
        }


@checked
@dataclass(frozen=True, kw_only=True)
class LoadBalancerSettings:
    """Settings of an application load balancer; names as of the CDK's `aws_elasticloadbalancingv2`.

    Attributes:
        idle_timeout: How long a connection may be silent, 1 to 3,600 s. Default: 60 s.
        stickiness_cookie_duration: How long a cookie binds a client to an instance, 1 s to 7 days. Default: no cookie,
            each request goes to any instance.
        access_logs_bucket: Where each request is logged: a bucket in the environment's region, encrypted with S3's own
            keys. One of the app lets the load balancer write; an imported one must. Default: no access logs.
        access_logs_prefix: Folder in the bucket, such as "shop/prod". Default: none.
    """

    idle_timeout: Duration | None = None
    stickiness_cookie_duration: Duration | None = None
    access_logs_bucket: s3.IBucket | None = None
    access_logs_prefix: str | None = None


def in_seconds(duration: Duration | None) -> float | None:
    """Return a duration in seconds, with its fraction."""
    return None if duration is None else duration.to_seconds(integral=False)


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

    def options(self, service_role_arn: str) -> Options:
        """Return the options of Beanstalk.

        Args:
            service_role_arn: The role with which Beanstalk updates the environment.
        """
        namespace = "aws:elasticbeanstalk:managedactions"
        return {
            namespace: {
                "ManagedActionsEnabled": True,
                "PreferredStartTime": self.start,
                "ServiceRoleForManagedUpdates": service_role_arn,
            },
            f"{namespace}:platformupdate": {"UpdateLevel": self.level},
        }


@checked
@dataclass(frozen=True, kw_only=True)
class OptionSetting:
    """Any option of Beanstalk, for what has no typed property here."""

    namespace: str
    name: str
    value: str
    resource_name: str | None = None
