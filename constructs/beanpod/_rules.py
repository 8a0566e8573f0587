"""What AWS would refuse after minutes, checked at once: the rules that the constructs and the manifest share.

Pure functions of plain values, without aws_cdk. Each takes settings by the names of the constructs' arguments; one that
is missing or None is not known yet, such as a token of the CDK, and passes. The limits of options are those of
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

Values = Mapping[str, Any]


class Problem(NamedTuple):
    """A setting that breaks a rule. `str()` is the line that a construct shows; the manifest names its own key.

    Attributes:
        setting: Name of the construct's argument, such as `max_size` or `scaling.measure`.
        value: The value that came; None if there is none.
        must: The rule, as what follows the setting's name: "must be 1 to 100 percent".
        remedy: What to write instead. Default: the rule says it.
    """

    setting: str
    value: object
    must: str
    remedy: str = ""

    def __str__(self) -> str:
        value = f'"{self.value}"' if isinstance(self.value, str) else _plain(self.value)
        got = "" if self.value is None else f", got {value}"
        return f"{self.setting} {self.must}{got}" + (f": {self.remedy}" if self.remedy else "")


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


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
    "load_balancer_type": ("application", "network", "classic"),
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


def environment_problems(values: Values) -> Iterator[Problem]:
    """Check the settings of an environment, each by itself and against the others."""
    yield from setting_problems(values)
    yield from _size_problems(values)
    yield from _batch_problems(values)
    yield from _instance_type_problems(values.get("instance_types"))
    yield from _scaling_problems(values)
    yield from _health_check_problems(values)
    prefix = values.get("load_balancer.access_logs_prefix")
    if prefix and "load_balancer.access_logs_bucket" not in values:
        yield Problem("load_balancer.access_logs_prefix", prefix, "needs access_logs_bucket", "write it as well")
    if values.get("environment_type") == "SingleInstance":
        yield from _single_instance_problems(values)
    elif values.get("load_balancer_type") == "network":
        yield from _network_load_balancer_problems(values)


_LOAD_BALANCED = 'set environment_type to "LoadBalanced"'


def _size_problems(values: Values) -> Iterator[Problem]:
    low, high = values.get("min_size"), values.get("max_size")
    if values.get("environment_type") == "SingleInstance":
        for setting, size in (("min_size", low), ("max_size", high)):
            if size is not None and size > 1:
                yield Problem(setting, size, "must be 1 for a single instance", f"write 1, or {_LOAD_BALANCED}")
    elif low is not None and high is not None and low > high:
        yield Problem("min_size", low, f"must be at most max_size ({high})", "lower it, or raise max_size")


def _batch_problems(values: Values) -> Iterator[Problem]:
    size, most = values.get("batch_size"), values.get("max_size")
    if size is None:
        return
    if values.get("batch_size_type") == "Percentage" and size > 100:
        yield Problem("batch_size", size, "must be 1 to 100 percent", "lower it")
    if values.get("batch_size_type") == "Fixed" and most is not None and size > most:
        yield Problem("batch_size", size, f"must be at most max_size ({most})", "lower it, or raise max_size")


def _instance_type_problems(types: Sequence[str | None] | None) -> Iterator[Problem]:
    if types is None:
        return
    if not 1 <= len(types) <= 40:
        yield Problem("instance_types", len(types), "must name 1 to 40 types")
    known = tuple(name for name in types if name is not None)
    if len(set(known)) < len(known):
        yield Problem("instance_types", known, "must name each type once")
    if len({architecture(name) for name in known}) > 1:
        yield Problem(
            "instance_types",
            known,
            "must be of one architecture",
            f"{', '.join(name for name in known if architecture(name) == 'arm64')} is arm64 (Graviton) and cannot run "
            "an image for x86_64: write types of one of them",
        )


def architecture(instance_type: str) -> Literal["x86_64", "arm64"]:
    """Return the processor of an EC2 instance type.

    AWS puts a `g` for Graviton after the generation: t4g, c7gn, im4gn; but not in g5 or g4dn.
    """
    return "arm64" if re.match(r"a1\.|[a-z]+[0-9]+g", instance_type) else "x86_64"


def _scaling_problems(values: Values) -> Iterator[Problem]:
    low, high = values.get("scaling.lower_threshold"), values.get("scaling.upper_threshold")
    if low is not None and high is not None and low >= high:
        yield Problem(
            "scaling.lower_threshold",
            low,
            f"must be below upper_threshold ({high:g})",
            "lower it, or raise upper_threshold",
        )
    measure, unit = values.get("scaling.measure"), values.get("scaling.unit")
    if measure in UNITS and unit in CHOICES["scaling.unit"] and unit != UNITS[measure]:
        yield Problem(
            "scaling.unit", unit, f"must be {UNITS[measure]} with {measure}", "a trigger with another one never fires"
        )


# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-cfg-alb.html
DEFAULT_INTERVAL_SECONDS, DEFAULT_TIMEOUT_SECONDS = 15, 5


def _health_check_problems(values: Values) -> Iterator[Problem]:
    interval = values.get("health_check.interval_seconds", DEFAULT_INTERVAL_SECONDS)
    timeout = values.get("health_check.timeout_seconds", DEFAULT_TIMEOUT_SECONDS)
    if interval is not None and timeout is not None and timeout >= interval:
        setting = f"health_check.{'timeout' if 'health_check.timeout_seconds' in values else 'interval'}_seconds"
        must = f"must be less than the interval ({interval} s)"
        if setting == "health_check.interval_seconds":
            must = f"must be more than the timeout ({timeout} s)"
        yield Problem(setting, values[setting], must, "a check would still run when the next one begins")


# What a single instance has, too: the answers that a release accepts.
_OF_ANY_TYPE = "health_check.healthy_http_codes"


def _load_balancer_settings(values: Values) -> Iterator[tuple[str, object]]:
    for setting, value in values.items():
        if value is not None and setting.startswith(("load_balancer.", "health_check.")) and setting != _OF_ANY_TYPE:
            yield setting, value


def _single_instance_problems(values: Values) -> Iterator[Problem]:
    policy = values.get("deployment_policy")
    if policy in CHOICES["deployment_policy"] and policy not in ("AllAtOnce", "Immutable"):
        yield Problem(
            "deployment_policy",
            str(policy),
            "needs a load balancer",
            f'write "AllAtOnce" or "Immutable", or {_LOAD_BALANCED}',
        )
    if values.get("instance_port", 80) not in (80, None):
        yield Problem(
            "instance_port",
            values["instance_port"],
            "needs a load balancer",
            "a single instance answers on 80 and 443 itself, leave it out",
        )
    for setting, value in _load_balancer_settings(values):
        yield Problem(setting, value, "needs a load balancer", f"leave it out, or {_LOAD_BALANCED}")
    if values.get("load_balancer_scheme") == "internal":
        yield Problem("load_balancer_scheme", None, "needs a load balancer", f"leave it out, or {_LOAD_BALANCED}")
    if values.get("domain"):
        remedy = f"leave it out, or {_LOAD_BALANCED}"
        yield Problem("domain", None, "needs a load balancer, which holds the certificate", remedy)


def _network_load_balancer_problems(values: Values) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-cfg-nlb.html: TCP listeners, no groups."""
    needs = "needs an application load balancer"
    if values.get("domain"):
        yield Problem("domain", None, needs, "a network one has TCP listeners only, leave it out")
    for setting, value in _load_balancer_settings(values):
        if setting.startswith("load_balancer."):
            yield Problem(setting, value, needs, "leave it out")
    if values.get("deployment_policy") == "TrafficSplitting":
        yield Problem("deployment_policy", "TrafficSplitting", needs, "use another policy")


def option_problems(options: Iterable[tuple[str, str, str | None]]) -> Iterator[Problem]:
    """Check that no option is set twice; each is a namespace, a name and a resource name."""
    seen = set()
    for place, option in enumerate(options):
        if option in seen:
            yield Problem(f"options[{place}]", None, f"sets {option[0]} {option[1]} a second time", "write it once")
        seen.add(option)


# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-cfg-softwaresettings.html
MAX_VARIABLE_BYTES = 4096
DATABASE_VARIABLES = ("RDS_HOSTNAME", "RDS_PORT", "RDS_DB_NAME", "RDS_USERNAME", "RDS_PASSWORD")


def variable_problems(variables: Mapping[str, str | None], secrets: Iterable[str] = ()) -> Iterator[Problem]:
    """Check names that no shell accepts or that are given twice, and the bytes that Beanstalk stores.

    It stores 4,096 of all `NAME=value` together.

    Args:
        variables: Plain variables; None for a value that is not known yet.
        secrets: Names of the variables whose values are secrets.
    """
    for section, names in (("variables", variables), ("secrets", secrets)):
        for name in names:
            if not re.fullmatch(VARIABLE_NAME, name):
                must = "must be named with letters, digits and underscores, a letter first"
                yield Problem(f"{section}.{name}", None, must, "write another name")
            if section == "secrets" and name in variables:
                yield Problem(f"secrets.{name}", None, "is in variables as well", "write it in one of the two")
    sizes = {name: len(f"{name}={value}".encode()) for name, value in variables.items() if value is not None}
    if (size := sum(sizes.values())) > MAX_VARIABLE_BYTES:
        yield Problem(
            "variables",
            None,
            f"take {size:,} bytes as NAME=value, Beanstalk stores {MAX_VARIABLE_BYTES:,}",
            f"shorten them (the largest is {max(sizes, key=lambda name: sizes[name])}), or move some to secrets",
        )


def github_problems(*, repository: str | None, branch: str | None, environment: str | None) -> Iterator[Problem]:
    """Check what the subject of a GitHub workflow's token is compared with.

    https://docs.github.com/en/actions/reference/security/oidc
    """
    yield from setting_problems({"repository": repository, "branch": branch, "environment": environment})
    if branch is None and environment is None:
        yield Problem("branch", None, "must be given, or environment", "a token of GitHub names one of them")
    elif branch is not None and environment is not None:
        yield Problem(
            "environment", environment, "must not be given beside branch", "a token of GitHub names one of them"
        )
