"""The `environment` section: option names and limits are those of Beanstalk's own reference.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from beanpod.manifest import _fields as fields
from beanpod.manifest._base import Section

# CloudWatch knows each measure in one unit; a trigger with another one never fires.
_UNITS = {
    "CPUUtilization": "Percent",
    "NetworkIn": "Bytes",
    "NetworkOut": "Bytes",
    "DiskReadBytes": "Bytes",
    "DiskWriteBytes": "Bytes",
    "DiskReadOps": "Count",
    "DiskWriteOps": "Count",
    "RequestCount": "Count",
    "HealthyHostCount": "Count",
    "UnhealthyHostCount": "Count",
    "Latency": "Seconds",
    "TargetResponseTime": "Seconds",
}
Measure = Literal[
    "CPUUtilization",
    "NetworkIn",
    "NetworkOut",
    "DiskReadBytes",
    "DiskWriteBytes",
    "DiskReadOps",
    "DiskWriteOps",
    "RequestCount",
    "HealthyHostCount",
    "UnhealthyHostCount",
    "Latency",
    "TargetResponseTime",
]


class Scaling(Section):
    """When instances are added and removed (namespace aws:autoscaling:trigger)."""

    measure: Measure = Field(default="CPUUtilization", description='CloudWatch metric. Default: "CPUUtilization".')
    statistic: Literal["Average", "Minimum", "Maximum", "Sum"] = Field(
        default="Average", description='How the metric is summed up over the instances. Default: "Average".'
    )
    lower_threshold: float = Field(
        default=30, ge=0, le=20_000_000, description="An instance is removed below it. Default: 30."
    )
    upper_threshold: float = Field(
        default=70, ge=0, le=20_000_000, description="An instance is added above it. Default: 70."
    )
    period_minutes: int = Field(
        default=5, ge=1, le=600, description="Minutes between two looks at the metric. Default: 5."
    )
    breach_minutes: int = Field(
        default=5,
        ge=1,
        le=600,
        description="Minutes a threshold must be passed before anything happens. Default: 5.",
    )

    @property
    def unit(self) -> str:
        """The unit in which CloudWatch knows the measure."""
        return _UNITS[self.measure]


class ManagedUpdates(Section):
    """The weekly hours in which Beanstalk brings the platform up to date."""

    level: Literal["minor", "patch"] = Field(
        description='"minor" (with new Docker versions), "patch", or "none" to switch managed updates off.'
    )
    start: fields.WeeklyTime = Field(description='Begin of the two-hour window in UTC, e.g. "Tue:09:00".')


class OptionSetting(Section):
    """One Beanstalk option that the manifest has no key for."""

    namespace: fields.Namespace = Field(description='Namespace, e.g. "aws:elasticbeanstalk:command".')
    name: fields.NonEmpty = Field(description='Option name, e.g. "Timeout".')
    value: str = Field(description='Value, always in quotes, e.g. "900".')
    resource_name: fields.NonEmpty | None = Field(
        default=None, description="Resource name, for scheduled actions only. Default: none."
    )


LogRetention = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653]


class EnvironmentConfig(Section):
    """The Elastic Beanstalk environment."""

    type: Literal["SingleInstance", "LoadBalanced"] = Field(
        description="One instance with a fixed address, or several behind an application load balancer."
    )
    instance_types: fields.Several[fields.InstanceType] = Field(
        min_length=1,
        max_length=40,
        description="EC2 instance types in order of preference, all of one architecture.",
    )
    min_size: int = Field(ge=1, le=10_000, description="Fewest instances.")
    max_size: int = Field(ge=1, le=10_000, description="Most instances.")
    private_instances: bool = Field(
        description="Whether instances have private addresses only, reached through the load balancer."
    )
    deployment_policy: Literal[
        "AllAtOnce", "Rolling", "RollingWithAdditionalBatch", "Immutable", "TrafficSplitting"
    ] = Field(description="How a release replaces the one before it.")
    batch_size_type: Literal["Percentage", "Fixed"] = Field(
        default="Percentage", description='What batch_size counts in rolling policies. Default: "Percentage".'
    )
    batch_size: int = Field(
        default=25,
        ge=1,
        le=10_000,
        description="How much a rolling policy replaces at a time. Default: 25 (percent), or 1 if Fixed.",
    )
    traffic_split_percent: int = Field(
        default=10,
        ge=1,
        le=100,
        description="TrafficSplitting: percent of requests for the new release. Default: 10.",
    )
    traffic_split_minutes: int = Field(
        default=5, ge=3, le=600, description="TrafficSplitting: minutes of trial, 3 to 600. Default: 5."
    )
    certificate: fields.CertificateArn | None = Field(
        default=None, description="ACM certificate of the load balancer. Default: none, plain HTTP."
    )
    platform: fields.PlatformVersion = Field(
        default="latest",
        description='Version of the Docker platform, e.g. "4.13.7"; a pinned one gets no managed updates. '
        'Default: "latest".',
    )
    scaling: Scaling = Field(default=Scaling(), description="When instances are added and removed. Default: by CPU.")
    log_retention_days: LogRetention = Field(description="Days for which CloudWatch keeps the logs.")
    managed_updates: ManagedUpdates | None = Field(
        default=None, description="When Beanstalk updates the platform by itself."
    )
    root_volume_gb: int = Field(ge=10, le=16_384, description="Root volume of an instance in GiB (gp3).")
    options: Annotated[tuple[OptionSetting, ...], Field(strict=False)] = Field(
        default=(), description="Any other Beanstalk option. Default: none."
    )
    max_versions: int = Field(ge=2, le=1000, description="Releases that can be returned to; older ones are deleted.")

    @property
    def architecture(self) -> Literal["x86_64", "arm64"]:
        """The processor that the image must be built for."""
        return architecture(self.instance_types[0])


def architecture(instance_type: str) -> Literal["x86_64", "arm64"]:
    """AWS puts a `g` for Graviton after the generation: t4g, c7gn, im4gn; but not in g5 or g4dn."""
    return "arm64" if re.match(r"a1\.|[a-z]+[0-9]+g", instance_type) else "x86_64"
