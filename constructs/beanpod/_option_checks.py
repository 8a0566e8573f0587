"""What Beanstalk would refuse after minutes, said before anything is built. Tokens pass. Pure functions, no jsii.

Allowed values: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from beanpod._settings import (
    BatchSizeType,
    DeploymentPolicy,
    EnvironmentSettings,
    LoadBalancerScheme,
    LoadBalancerType,
    ManagedUpdates,
    ScalingTrigger,
)
from beanpod._tokens import known

MAX_VARIABLE_BYTES = 4096
LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653)
_MEASURES = (
    *("CPUUtilization", "NetworkIn", "NetworkOut", "DiskWriteOps", "DiskReadBytes", "DiskReadOps", "DiskWriteBytes"),
    *("Latency", "RequestCount", "HealthyHostCount", "UnhealthyHostCount", "UnHealthyHostCount", "TargetResponseTime"),
)
_UNITS = (
    *("Seconds", "Percent", "Bytes", "Bits", "Count", "Bytes/Second", "Bits/Second", "Count/Second"),
    "None",
)
_STATISTICS = ("Minimum", "Maximum", "Sum", "Average")
_WITHOUT_LOAD_BALANCER = (DeploymentPolicy.ALL_AT_ONCE, DeploymentPolicy.IMMUTABLE)


def setting_problems(settings: EnvironmentSettings) -> Iterator[str]:
    """Settings out of range, and those that contradict each other."""
    yield from _size_problems(settings)
    yield from _range_problems(settings)
    yield from _choices(settings)
    yield from _load_balancer_problems(settings)
    yield from _type_problems(settings.instance_types)
    if settings.load_balanced:
        yield from _trigger_problems(settings.scaling)
    if settings.managed_updates is not None:
        yield from _update_problems(settings.managed_updates)
    if known(settings.health_check_path) and not settings.health_check_path.startswith("/"):
        yield f'health_check_path must start with "/", got "{settings.health_check_path}"'


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


def _range_problems(settings: EnvironmentSettings) -> Iterator[str]:
    fixed = settings.batch_size_type == BatchSizeType.FIXED
    largest = settings.max_size if known(settings.max_size) else 10000
    ranges = (
        ("batch_size", settings.batch_size, 1, largest if fixed else 100, "instances" if fixed else "percent"),
        ("traffic_split_percent", settings.traffic_split_percent, 1, 100, "percent"),
        ("evaluation_minutes", settings.evaluation_minutes, 3, 600, "minutes"),
        ("instance_port", settings.instance_port, 1, 65535, "a TCP port"),
        ("root_volume_size", settings.root_volume_size, 8, 16384, "GiB"),
    )
    for name, value, low, high, unit in ranges:
        if known(value) and not low <= value <= high:
            yield f"{name} must be {low} to {high} {unit}, got {value}"
    if known(settings.log_retention_days):
        yield from _choice_problems("log_retention_days", settings.log_retention_days, LOG_RETENTION_DAYS)


def _load_balancer_problems(settings: EnvironmentSettings) -> Iterator[str]:
    if settings.load_balanced:
        admitted, port = settings.ingress_port, settings.instance_port
        if known(admitted) and known(port) and admitted != port:
            yield (
                f"instance_port must be {admitted:g}, the only one that the load balancer may reach, got {port}: "
                f"give it to ServiceNetwork and DockerEnvironment alike"
            )
        if settings.load_balancer_type == LoadBalancerType.NETWORK:
            yield from _network_load_balancer_problems(settings)
        elif settings.load_balancer_security_group is None:
            yield "load_balancer_security_group is missing: an environment with a load balancer needs it"
        return
    if settings.instance_port != 80:
        yield "instance_port needs a load balancer: a single instance answers on 80 and 443 itself, leave it out"
    if settings.load_balancer_scheme != LoadBalancerScheme.INTERNET_FACING:
        yield "load_balancer_scheme needs a load balancer: set environment_type to LOAD_BALANCED or leave it out"
    if settings.certificate is not None:
        yield "certificate needs a load balancer: set environment_type to LOAD_BALANCED or leave it out"
    if settings.deployment_policy not in _WITHOUT_LOAD_BALANCER:
        yield (
            f"deployment_policy {settings.deployment_policy} needs a load balancer: "
            "use AllAtOnce or Immutable with a single instance"
        )


def _network_load_balancer_problems(settings: EnvironmentSettings) -> Iterator[str]:
    """https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-cfg-nlb.html: TCP listeners, no groups."""
    if settings.certificate is not None:
        yield "certificate needs an application load balancer: a network one has TCP listeners only, leave it out"
    if settings.deployment_policy == DeploymentPolicy.TRAFFIC_SPLITTING:
        yield "deployment_policy TrafficSplitting needs an application load balancer: use another policy"
    if settings.additional_load_balancer_security_groups:
        yield (
            "additional_load_balancer_security_groups need an application load balancer: a network one has no "
            "groups, open the instances' group instead"
        )


def _choices(settings: EnvironmentSettings) -> Iterator[str]:
    """What an option by its key may misspell; an argument cannot."""
    yield from _choice_problems("load_balancer_scheme", settings.load_balancer_scheme, ("public", "internal"))
    types = ("application", "network", "classic")
    yield from _choice_problems("load_balancer_type", settings.load_balancer_type, types)
    yield from _choice_problems("deployment_policy", settings.deployment_policy, tuple(DeploymentPolicy))
    yield from _choice_problems("batch_size_type", settings.batch_size_type, tuple(BatchSizeType))


def _type_problems(types: Sequence[str]) -> Iterator[str]:
    if not 1 <= len(types) <= 40:
        yield f"instance_types must name 1 to 40 types, got {len(types)}"
    plain = [name for name in types if known(name)]
    if len(set(plain)) < len(plain):
        yield f"instance_types must name each type once, got {', '.join(plain)}"
    graviton = [name for name in plain if _is_arm(name)]
    if graviton and len(graviton) < len(plain):
        yield (
            f"instance_types must be of one architecture, got {', '.join(plain)}: "
            f"{', '.join(graviton)} is arm64 and cannot run the others' image"
        )


def _is_arm(instance_type: str) -> bool:
    """AWS puts a `g` for Graviton after the generation: t4g, c7gn, im4gn; but not in g5 or g4dn."""
    return re.match(r"a1\.|[a-z]+\d+g", instance_type) is not None


def _trigger_problems(trigger: ScalingTrigger) -> Iterator[str]:
    yield from _choice_problems("scaling.measure", trigger.measure, _MEASURES)
    yield from _choice_problems("scaling.unit", trigger.unit, _UNITS)
    yield from _choice_problems("scaling.statistic", trigger.statistic, _STATISTICS)
    for name, minutes in (("period_minutes", trigger.period_minutes), ("breach_minutes", trigger.breach_minutes)):
        if known(minutes) and not 1 <= minutes <= 600:
            yield f"scaling.{name} must be 1 to 600 minutes, got {minutes}"
    low, high = trigger.lower_threshold, trigger.upper_threshold
    if known(low) and low < 0:
        yield f"scaling.lower_threshold must be at least 0, got {low:g}"
    if known(low) and known(high) and low >= high:
        yield f"scaling.lower_threshold must be below upper_threshold ({high:g}), got {low:g}"


def _update_problems(updates: ManagedUpdates) -> Iterator[str]:
    day_and_time = r"(sun|mon|tue|wed|thu|fri|sat):([01]\d|2[0-3]):[0-5]\d"
    if known(updates.start) and not re.fullmatch(day_and_time, updates.start, re.IGNORECASE):
        yield f'managed_updates.start must be like "Tue:09:00" (UTC), got "{updates.start}"'
    yield from _choice_problems("managed_updates.level", updates.level, ("patch", "minor"))


def _choice_problems(name: str, value: str | int, allowed: Iterable[str | int]) -> Iterator[str]:
    if known(value) and value not in (choices := tuple(allowed)):
        got = f'"{value}"' if isinstance(value, str) else value
        yield f"{name} must be one of {', '.join(map(str, choices))}, got {got}"


def variable_problems(variables: Mapping[str, str], secrets: Iterable[str]) -> Iterator[str]:
    """Names that no shell accepts, and more bytes than Beanstalk stores: all of `key=value`, 4,096 together."""
    for name in [*variables, *secrets]:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            yield f'variable "{name}" must be letters, digits and underscores and not start with a digit'
    size = sum(len(f"{name}={value}".encode()) for name, value in variables.items() if known(value))
    if size > MAX_VARIABLE_BYTES:
        yield f"variables take {size} bytes as key=value, at most {MAX_VARIABLE_BYTES} fit: move long values to secrets"


def name_problems(environment_name: str | None, description: str | None) -> Iterator[str]:
    """https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_CreateEnvironment.html"""
    form = r"[A-Za-z0-9][A-Za-z0-9-]{2,38}[A-Za-z0-9]"
    if known(environment_name) and not re.fullmatch(form, environment_name):
        yield (
            "environment_name must be 4 to 40 letters, digits and hyphens, without a hyphen at either end, "
            f'got "{environment_name}"'
        )
    yield from description_problems(description)


def description_problems(description: str | None) -> Iterator[str]:
    """Of an application or an environment."""
    if known(description) and len(description) > 200:
        yield f"description must be at most 200 characters, got {len(description)}: shorten it"
