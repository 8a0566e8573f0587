"""The rules of an environment's settings, its options and its variables.

The limits of options are those of
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from beanpod.rules.limits import CHOICES, UNITS, VARIABLE_NAME, Values, setting_problems
from beanpod.rules.problem import Problem


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


# In percent of CPU.
DEFAULT_THRESHOLDS = {"scaling.lower_threshold": 30, "scaling.upper_threshold": 70}


def _scaling_problems(values: Values) -> Iterator[Problem]:
    measure = values.get("scaling.measure")
    given = {**DEFAULT_THRESHOLDS, **values} if measure == "CPUUtilization" else values
    for setting in DEFAULT_THRESHOLDS:
        if measure in UNITS and setting not in given:
            remedy = f"the default is for percent of CPU, write one in {UNITS[measure].lower()}"
            yield Problem(setting, None, f"must be given with {measure}", remedy)
    low, high = (given.get(setting) for setting in DEFAULT_THRESHOLDS)
    if low is not None and high is not None and low >= high:
        yield Problem(
            "scaling.lower_threshold",
            low,
            f"must be below upper_threshold ({high:g})",
            "lower it, or raise upper_threshold",
        )
    unit = values.get("scaling.unit")
    if measure in UNITS and unit in CHOICES["scaling.unit"] and unit != UNITS[measure]:
        yield Problem(
            "scaling.unit", unit, f"must be {UNITS[measure]} with {measure}", "a trigger with another one never fires"
        )
    period, breach = values.get("scaling.period_minutes"), values.get("scaling.breach_duration_minutes")
    if period and breach and breach % period:
        must = f"must be a multiple of the period ({period:g} minutes)"
        yield Problem("scaling.breach_duration_minutes", breach, must, "Beanstalk would change one of the two")
    statistic = values.get("scaling.statistic")
    if measure == "RequestCount" and statistic in CHOICES["scaling.statistic"] and statistic != "Sum":
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-cloudwatch-metrics.html says of this
        # metric: "Minimum, Maximum, and Average all return 1". So does the page of application load balancers of
        # IPv6RequestCount.
        remedy = 'write "Sum": each request counts as 1, so that every other statistic is 1 at any load'
        yield Problem("scaling.statistic", statistic, "must be Sum with RequestCount", remedy)


# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-cfg-alb.html
DEFAULT_INTERVAL_SECONDS, DEFAULT_TIMEOUT_SECONDS = 15, 5


def _health_check_problems(values: Values) -> Iterator[Problem]:
    if values.get("load_balancer_type") == "network":
        return
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


# None is in https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-cloudwatch-metrics.html
_OF_REQUESTS = ("RequestCount", "Latency", "TargetResponseTime")


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
    interval, timeout = values.get("health_check.interval_seconds"), values.get("health_check.timeout_seconds")
    if interval not in (None, 10, 30):
        yield Problem("health_check.interval_seconds", interval, "must be 10 or 30 s with a network load balancer")
    if timeout is not None:
        yield Problem("health_check.timeout_seconds", timeout, needs, "leave it out")
    codes = values.get(_OF_ANY_TYPE)
    if codes and re.search(r"\b4\d\d", codes):
        yield Problem(_OF_ANY_TYPE, codes, "must be status codes from 200 to 399 with a network load balancer")
    if (measure := values.get("scaling.measure")) in _OF_REQUESTS:
        yield Problem("scaling.measure", measure, needs, "a network one counts no requests, use another measure")


def platform_problems(version: str | None, *, managed_updates: bool) -> Iterator[Problem]:
    """Check that nothing replaces a pinned platform.

    Args:
        version: The platform's version; None for the latest.
        managed_updates: Whether Beanstalk may update the platform by itself.
    """
    if version is not None and managed_updates:
        must = "must not be pinned beside managed updates, which would replace it"
        yield Problem("platform", version, must, "write managed_updates=None, or leave platform out")


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
    """Check names that no shell accepts or that are given twice, values, and the bytes that Beanstalk stores.

    It stores 4,096 of all `NAME=value` together, removes an empty variable, and takes no line break: "Not a List of
    Key/Value pairs" (https://github.com/ThoughtWorksStudios/eb_deployer/issues/64).

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
    for name, value in variables.items():
        if value is not None and not value:
            yield Problem(
                f"variables.{name}", None, "must not be empty, Beanstalk removes it", "write a value, or leave it out"
            )
        elif value is not None and not value.isprintable():
            must = "must be one line of printable characters"
            yield Problem(f"variables.{name}", None, must, "write anything else in secrets")
    sizes = {name: len(f"{name}={value}".encode()) for name, value in variables.items() if value is not None}
    if (size := sum(sizes.values())) > MAX_VARIABLE_BYTES:
        yield Problem(
            "variables",
            None,
            f"take {size:,} bytes as NAME=value, Beanstalk stores {MAX_VARIABLE_BYTES:,}",
            f"shorten them (the largest is {max(sizes, key=lambda name: sizes[name])}), or move some to secrets",
        )
