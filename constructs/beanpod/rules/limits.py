"""The values that each setting can have by itself: limits, choices and forms.

By the names of the constructs' arguments. The limits of options are those of
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args

from beanpod.rules.problem import Problem

Values = Mapping[str, Any]


class Limit(NamedTuple):
    """The smallest and the largest value of a setting, and what it counts."""

    low: int
    high: int
    unit: str = ""


LIMITS: dict[str, Limit] = {
    "min_size": Limit(1, 10_000, "instances"),
    "max_size": Limit(1, 10_000, "instances"),
    "batch_size": Limit(1, 10_000),
    "traffic_split_percent": Limit(1, 100, "percent"),
    "evaluation_minutes": Limit(3, 600, "minutes"),
    "instance_port": Limit(1, 65_535),
    # Of gp3; the snapshot of the platform's image has 8 GiB.
    "root_volume_size": Limit(10, 16_384, "GiB"),
    # One version to run, and one to return to.
    "max_versions": Limit(2, 1_000, "versions"),
    "scaling.period_minutes": Limit(1, 600, "minutes"),
    "scaling.breach_duration_minutes": Limit(1, 600, "minutes"),
    "scaling.lower_threshold": Limit(0, 20_000_000),
    "scaling.upper_threshold": Limit(0, 20_000_000),
    "load_balancer.idle_timeout_seconds": Limit(1, 3_600, "seconds"),
    "load_balancer.stickiness_cookie_duration_seconds": Limit(1, 604_800, "seconds"),
    "health_check.interval_seconds": Limit(5, 300, "seconds"),
    "health_check.timeout_seconds": Limit(1, 60, "seconds"),
    "health_check.healthy_threshold_count": Limit(2, 10, "checks"),
    "health_check.unhealthy_threshold_count": Limit(2, 10, "checks"),
    # A load balancer and a subnet group of RDS need two zones.
    "max_azs": Limit(2, 3, "zones"),
    "nat_gateways": Limit(0, 3, "gateways"),
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
    "allocated_storage": Limit(20, 65_536, "GiB (gp3)"),
    "max_allocated_storage": Limit(20, 65_536, "GiB (gp3)"),
    "backup_retention": Limit(0, 35, "days"),
    "port": Limit(1_150, 65_535),
    "database_port": Limit(1_150, 65_535),
    # CloudFormation's integers; a higher number makes a new key.
    "access_key_serial": Limit(0, 2_147_483_647),
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
    "max_session_duration": Limit(1, 12, "hours"),
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
# CloudWatch knows each measure in one unit; a trigger with another one never fires.
UNITS: dict[str, str] = {
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
    "UnHealthyHostCount": "Count",
    "Latency": "Seconds",
    "TargetResponseTime": "Seconds",
}
Statistic = Literal["Average", "Minimum", "Maximum", "Sum"]
UpdateLevel = Literal["minor", "patch"]
LoadBalancerSchemeName = Literal["public", "internal"]
EnvironmentTypeName = Literal["SingleInstance", "LoadBalanced"]
PolicyName = Literal["AllAtOnce", "Rolling", "RollingWithAdditionalBatch", "Immutable", "TrafficSplitting"]
BatchSizeTypeName = Literal["Percentage", "Fixed"]
LogRetention = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653]

CHOICES: dict[str, tuple[str | int, ...]] = {
    "environment_type": get_args(EnvironmentTypeName),
    "load_balancer_scheme": get_args(LoadBalancerSchemeName),
    "load_balancer_type": ("application", "network"),
    "deployment_policy": get_args(PolicyName),
    "batch_size_type": get_args(BatchSizeTypeName),
    "log_retention_days": get_args(LogRetention),
    "scaling.measure": tuple(UNITS),
    "scaling.unit": (
        *("Seconds", "Percent", "Bytes", "Bits", "Count", "Bytes/Second", "Bits/Second", "Count/Second"),
        "None",
    ),
    "scaling.statistic": get_args(Statistic),
    "managed_updates.level": get_args(UpdateLevel),
}


class Form(NamedTuple):
    """A regular expression that a text matches as a whole, and words for who writes another text."""

    pattern: str
    must: str
    remedy: str


_SIZE = r"(?:nano|micro|small|medium|large|\d{0,3}xlarge|metal(?:-\d+xl)?)"
VARIABLE_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_CODES = r"[234]\d\d(?:-[234]\d\d)?"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
_DAY = "(?i:sun|mon|tue|wed|thu|fri|sat)"
_DOMAIN_NAME = Form(
    rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+(?!\d+$){_LABEL}",
    "must be a domain name in lower case",
    'write e.g. "shop.example.com", without an address or wildcards',
)
FORMS: dict[str, Form] = {
    # https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_CreateApplication.html, API_CreateEnvironment.html
    "application_name": Form(
        r"[^/]{1,100}", "must be 1 to 100 characters without a slash", 'write e.g. "shop", or leave it out'
    ),
    "environment_name": Form(
        r"[A-Za-z0-9][A-Za-z0-9-]{2,38}[A-Za-z0-9]",
        "must be 4 to 40 letters, digits and hyphens, without a hyphen at either end",
        'write e.g. "shop-prod", or leave it out',
    ),
    "health_check_path": Form(
        r"/[!-~]{0,1023}", 'must start with "/" and have no spaces', 'write a path, e.g. "/health"'
    ),
    "health_reporting": Form(
        "enhanced", 'must be "enhanced"', "leave it out: a release reads the health of each instance, which basic lacks"
    ),
    "managed_updates.start": Form(
        rf"(?:[Ss]un|[Mm]on|[Tt]ue|[Ww]ed|[Tt]hu|[Ff]ri|[Ss]at):{_CLOCK}",
        "must be a day and a time in UTC",
        'write e.g. "Tue:09:00"',
    ),
    "instance_types": Form(rf"[a-z][a-z0-9-]*\.{_SIZE}", "must name EC2 instance types", 'write e.g. "t3.small"'),
    "instance_type": Form(
        rf"[a-z][a-z0-9-]*\.{_SIZE}", 'must be an RDS instance class without its "db."', 'write e.g. "t4g.micro"'
    ),
    "preferred_backup_window": Form(rf"{_CLOCK}-{_CLOCK}", "must be a time of day in UTC", 'write e.g. "03:00-04:00"'),
    "preferred_maintenance_window": Form(
        rf"{_DAY}:{_CLOCK}-{_DAY}:{_CLOCK}", "must be a time of the week in UTC", 'write e.g. "sun:04:30-sun:05:30"'
    ),
    "platform_version": Form(r"\d+\.\d+\.\d+", "must be a platform version", 'write e.g. "4.13.7"'),
    "repository": Form(
        r"[\w-]+/[\w.-]{1,100}|[\w-]+@\d+/[\w.-]{1,100}@\d+",
        'must be "owner/name" or "owner@id/name@id"',
        'write e.g. "ada/guestbook", without an address or wildcards',
    ),
    "branch": Form(
        r"(?!refs/)[^\s*?$~^:\\\[\x00-\x1f]{1,255}",
        'must be the short name of one branch, without wildcards and without "refs/heads/"',
        'write e.g. "main"',
    ),
    "health_check.healthy_http_codes": Form(
        rf"{_CODES}(?:,{_CODES})*", "must be status codes from 200 to 499", 'write e.g. "200", "200,301" or "200-299"'
    ),
    "load_balancer.access_logs_bucket": Form(
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "must be the name of a bucket", 'write e.g. "my-logs", without "s3://"'
    ),
    "load_balancer.access_logs_prefix": Form(
        r"(?!.*AWSLogs)[^/\s](?:[^\s]{0,254}[^/\s])?",
        'must not begin or end with "/" nor hold "AWSLogs", which the load balancer adds',
        'write e.g. "shop/prod"',
    ),
    "domain.name": _DOMAIN_NAME,
    "domain.aliases": _DOMAIN_NAME,
    "environment": Form(
        r"[^*?$\x00-\x1f]{1,255}",
        "must be the name of one GitHub environment, without wildcards",
        'write e.g. "production"',
    ),
}


def setting_problems(values: Values) -> Iterator[Problem]:
    """Check each setting by itself, against `LIMITS`, `CHOICES` and `FORMS`."""
    for setting, value in values.items():
        if value is None:
            continue
        limit, choices, form = LIMITS.get(setting), CHOICES.get(setting), FORMS.get(setting)
        if limit and not limit.low <= value <= limit.high:
            yield Problem(setting, value, f"must be {limit.low} to {limit.high} {limit.unit}".rstrip())
        if choices and value not in choices:
            yield Problem(setting, value, f"must be one of {', '.join(map(str, choices))}")
        for text in (value if isinstance(value, tuple) else (value,)) if form else ():
            if form and text is not None and not re.fullmatch(form.pattern, text, re.ASCII):
                yield Problem(setting, text, form.must, form.remedy)
