"""Options by their key: what overrides one of ours is checked like the argument that it replaces. Pure, no jsii.

Keys: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from beanpod._option_checks import setting_problems
from beanpod._option_rows import ENVIRONMENT, LAUNCH, PROCESS, VPC
from beanpod._settings import EnvironmentSettings
from beanpod._tokens import known

_ASG = "aws:autoscaling:asg"
_TRIGGER = "aws:autoscaling:trigger"
_COMMAND = "aws:elasticbeanstalk:command"
_SPLITTING = "aws:elasticbeanstalk:trafficsplitting"
_UPDATES = "aws:elasticbeanstalk:managedactions"

_FIELDS: dict[tuple[str, str], tuple[str, Callable[[str], Any]]] = {
    (_ASG, "MinSize"): ("min_size", int),
    (_ASG, "MaxSize"): ("max_size", int),
    (_TRIGGER, "MeasureName"): ("scaling.measure", str),
    (_TRIGGER, "Unit"): ("scaling.unit", str),
    (_TRIGGER, "Statistic"): ("scaling.statistic", str),
    (_TRIGGER, "LowerThreshold"): ("scaling.lower_threshold", float),
    (_TRIGGER, "UpperThreshold"): ("scaling.upper_threshold", float),
    (_TRIGGER, "Period"): ("scaling.period_minutes", int),
    (_TRIGGER, "BreachDuration"): ("scaling.breach_minutes", int),
    (_COMMAND, "DeploymentPolicy"): ("deployment_policy", str),
    (_COMMAND, "BatchSizeType"): ("batch_size_type", str),
    (_COMMAND, "BatchSize"): ("batch_size", int),
    (_SPLITTING, "NewVersionPercent"): ("traffic_split_percent", int),
    (_SPLITTING, "EvaluationTime"): ("evaluation_minutes", int),
    (LAUNCH, "RootVolumeSize"): ("root_volume_size", int),
    (PROCESS, "Port"): ("instance_port", int),
    (PROCESS, "HealthCheckPath"): ("health_check_path", str),
    (VPC, "ELBScheme"): ("load_balancer_scheme", str),
    (ENVIRONMENT, "LoadBalancerType"): ("load_balancer_type", str),
    ("aws:ec2:instances", "InstanceTypes"): ("instance_types", lambda value: tuple(value.split(","))),
    ("aws:elasticbeanstalk:cloudwatch:logs", "RetentionInDays"): ("log_retention_days", int),
    (_UPDATES, "PreferredStartTime"): ("managed_updates.start", str),
    (f"{_UPDATES}:platformupdate", "UpdateLevel"): ("managed_updates.level", str),
}
# What decides more than its own row.
_DECIDED_BY = {(VPC, "VPCId"): "vpc", (ENVIRONMENT, "EnvironmentType"): "environment_type"}
_NEEDED = {(LAUNCH, "IamInstanceProfile"), (VPC, "VPCId"), (VPC, "Subnets"), (ENVIRONMENT, "EnvironmentType")}


def override_problems(
    namespace: str, name: str, value: str | None, settings: EnvironmentSettings, taken: Iterable[tuple[str, str]]
) -> Iterator[str]:
    """What Beanstalk, or the rest of the environment, would not stand of an option given by its key."""
    option = f"option {namespace} {name}"
    if known(namespace) and not namespace.startswith("aws:"):
        yield f'{option}: a namespace must begin with "aws:", got "{namespace}"'
        return
    for other_namespace, other in taken:
        if (other_namespace, other) != (namespace, name) and (
            (other_namespace.lower(), other.lower()) == (namespace.lower(), name.lower())
        ):
            yield f"{option} is not spelt as Beanstalk spells it: write {other_namespace} {other}"
    if (namespace, name) in _DECIDED_BY:
        argument = _DECIDED_BY[namespace, name]
        yield f"{option} is set already, by {argument}, with what goes with it: give another {argument}"
    elif value is None and (namespace, name) in _NEEDED:
        yield f"{option} must not be removed: no environment launches without it"
    else:
        yield from (f"{option}: {problem}" for problem in _problems(namespace, name, value, settings))


def overridden(namespace: str, name: str, value: str | None, settings: EnvironmentSettings) -> EnvironmentSettings:
    """The settings as they are with the option. ValueError for a text that is not of the option's type."""
    if value is None or not known(value) or (namespace, name) not in _FIELDS:
        return settings
    field, parse = _FIELDS[namespace, name]
    outer, _, inner = field.partition(".")
    parsed = parse(value)
    if not inner:
        return replace(settings, **{outer: parsed})
    part = getattr(settings, outer)
    return settings if part is None else replace(settings, **{outer: replace(part, **{inner: parsed})})


def _problems(namespace: str, name: str, value: str | None, settings: EnvironmentSettings) -> Iterable[str]:
    try:
        return list(setting_problems(overridden(namespace, name, value, settings)))
    except ValueError:
        return [f'must be a number, got "{value}"']
