"""What Beanstalk would refuse about an environment, found at synth: the shared rules, and those of constructs alone."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from beanpod import _rules as rules
from beanpod._checks import plain
from beanpod._settings import EnvironmentSettings, LoadBalancerType
from beanpod._tokens import known

_JUDGED = (
    *("environment_type", "load_balancer_scheme", "load_balancer_type", "root_volume_size", "min_size", "max_size"),
    *("deployment_policy", "batch_size_type", "batch_size", "traffic_split_percent", "evaluation_minutes"),
    *("instance_port", "health_check_path", "log_retention_days"),
)


def setting_problems(settings: EnvironmentSettings) -> Iterator[str]:
    """Check settings that are out of range, and those that contradict each other."""
    yield from map(str, rules.environment_problems(_values(settings)))
    yield from _load_balancer_problems(settings)


def _values(settings: EnvironmentSettings) -> dict[str, Any]:
    """Return the settings as plain values, with None for tokens."""
    parts = {"scaling": settings.scaling, "managed_updates": settings.managed_updates}
    return {
        **{name: plain(getattr(settings, name)) for name in _JUDGED},
        "instance_types": tuple(map(plain, settings.instance_types)),
        "certificate": settings.certificate is not None,
        **{
            f"{name}.{field}": plain(value)
            for name, part in parts.items()
            for field, value in (asdict(part) if part else {}).items()
        },
    }


def _load_balancer_problems(settings: EnvironmentSettings) -> Iterator[str]:
    if not settings.load_balanced:
        return
    admitted, port = settings.ingress_port, settings.instance_port
    if known(admitted) and known(port) and admitted != port:
        yield (
            f"instance_port must be {admitted:g}, the only one that the load balancer may reach, got {port}: "
            f"give it to ServiceNetwork and DockerEnvironment alike"
        )
    if settings.load_balancer_type != LoadBalancerType.NETWORK:
        if settings.load_balancer_security_group is None:
            yield "load_balancer_security_group is missing: an environment with a load balancer needs it"
    elif settings.additional_load_balancer_security_groups:
        yield (
            "additional_load_balancer_security_groups need an application load balancer: a network one has no "
            "groups, open the instances' group instead"
        )


def variable_problems(variables: Mapping[str, str], secrets: Iterable[str]) -> Iterator[str]:
    """Check the names of variables, and their size."""
    yield from map(str, rules.variable_problems({name: plain(value) for name, value in variables.items()}, secrets))


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
