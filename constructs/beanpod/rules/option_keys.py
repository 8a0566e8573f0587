"""Options by their key: which setting an option replaces, so that it is checked like it. Pure, without aws_cdk.

Keys: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from beanpod.rules.environment import environment_problems
from beanpod.rules.limits import Values
from beanpod.rules.problem import Problem

ENVIRONMENT = "aws:elasticbeanstalk:environment"
PROCESS = "aws:elasticbeanstalk:environment:process:default"
VPC = "aws:ec2:vpc"
LAUNCH = "aws:autoscaling:launchconfiguration"
LOAD_BALANCER = "aws:elbv2:loadbalancer"
_ASG = "aws:autoscaling:asg"
_TRIGGER = "aws:autoscaling:trigger"
_COMMAND = "aws:elasticbeanstalk:command"
_SPLITTING = "aws:elasticbeanstalk:trafficsplitting"
_UPDATES = "aws:elasticbeanstalk:managedactions"
# Of each other platform, such as `…:python`; there is none for Docker.
OTHER_PLATFORMS = "aws:elasticbeanstalk:container:"

# Without HasCoupledDatabase it makes none, in silence (https://github.com/hashicorp/terraform-provider-aws/issues/9807),
# and with it one of the environment's own, its password in plain text.
_COUPLED_DATABASE = "aws:rds:dbinstance"

OPTIONS: dict[tuple[str, str], tuple[str, Callable[[str], Any]]] = {
    (_ASG, "MinSize"): ("min_size", int),
    (_ASG, "MaxSize"): ("max_size", int),
    (_TRIGGER, "MeasureName"): ("scaling.measure", str),
    (_TRIGGER, "Unit"): ("scaling.unit", str),
    (_TRIGGER, "Statistic"): ("scaling.statistic", str),
    (_TRIGGER, "LowerThreshold"): ("scaling.lower_threshold", float),
    (_TRIGGER, "UpperThreshold"): ("scaling.upper_threshold", float),
    (_TRIGGER, "Period"): ("scaling.period_minutes", int),
    (_TRIGGER, "BreachDuration"): ("scaling.breach_duration_minutes", int),
    (_COMMAND, "DeploymentPolicy"): ("deployment_policy", str),
    (_COMMAND, "BatchSizeType"): ("batch_size_type", str),
    (_COMMAND, "BatchSize"): ("batch_size", int),
    (_SPLITTING, "NewVersionPercent"): ("traffic_split_percent", int),
    (_SPLITTING, "EvaluationTime"): ("evaluation_minutes", int),
    (LAUNCH, "RootVolumeSize"): ("root_volume_size", int),
    (PROCESS, "Port"): ("instance_port", int),
    (LOAD_BALANCER, "IdleTimeout"): ("load_balancer.idle_timeout_seconds", int),
    (LOAD_BALANCER, "AccessLogsS3Bucket"): ("load_balancer.access_logs_bucket", str),
    (LOAD_BALANCER, "AccessLogsS3Prefix"): ("load_balancer.access_logs_prefix", str),
    (PROCESS, "StickinessLBCookieDuration"): ("load_balancer.stickiness_cookie_duration_seconds", int),
    (PROCESS, "HealthCheckInterval"): ("health_check.interval_seconds", int),
    (PROCESS, "HealthCheckTimeout"): ("health_check.timeout_seconds", int),
    (PROCESS, "HealthyThresholdCount"): ("health_check.healthy_threshold_count", int),
    (PROCESS, "UnhealthyThresholdCount"): ("health_check.unhealthy_threshold_count", int),
    (PROCESS, "MatcherHTTPCode"): ("health_check.healthy_http_codes", str),
    (PROCESS, "HealthCheckPath"): ("health_check_path", str),
    ("aws:elasticbeanstalk:application", "Application Healthcheck URL"): ("health_check_path", str),
    ("aws:elbv2:listener:443", "SSLCertificateArns"): ("domain", str),
    (VPC, "ELBScheme"): ("load_balancer_scheme", str),
    (ENVIRONMENT, "EnvironmentType"): ("environment_type", str),
    (ENVIRONMENT, "LoadBalancerType"): ("load_balancer_type", str),
    ("aws:ec2:instances", "InstanceTypes"): ("instance_types", lambda value: tuple(value.split(","))),
    ("aws:elasticbeanstalk:healthreporting:system", "SystemType"): ("health_reporting", str),
    ("aws:elasticbeanstalk:cloudwatch:logs", "RetentionInDays"): ("log_retention_days", int),
    (_UPDATES, "PreferredStartTime"): ("managed_updates.start", str),
    (f"{_UPDATES}:platformupdate", "UpdateLevel"): ("managed_updates.level", str),
}
# Settings that decide more than their own option.
_DECIDED_BY = {(VPC, "VPCId"): "vpc", (ENVIRONMENT, "EnvironmentType"): "environment_type"}
# Likewise, of settings that the manifest does not have.
_DECIDED_IN_AN_APP = {
    # The rules between security groups and the deployer's permissions are those of its type.
    (ENVIRONMENT, "LoadBalancerType"): "load_balancer_type",
    # Grants go to the roles, and the deployer may pass the instances'.
    (ENVIRONMENT, "ServiceRole"): "service_role",
    (LAUNCH, "IamInstanceProfile"): "instance_profile",
    # Load balancer, instances and database admit each other's groups.
    (LAUNCH, "SecurityGroups"): "instance_security_group",
    (LOAD_BALANCER, "SecurityGroups"): "load_balancer_security_group",
    (LOAD_BALANCER, "ManagedSecurityGroup"): "load_balancer_security_group",
}


def key_problems(namespace: str, name: str, taken: Iterable[tuple[str, str]] = OPTIONS) -> Iterator[Problem]:
    """Check the key of an option.

    Args:
        namespace: Its namespace.
        name: Its name.
        taken: Keys as Beanstalk spells them. Default: those of `OPTIONS`.
    """
    option = f"option {namespace} {name}"
    if not namespace.startswith("aws:"):
        yield Problem(option, None, 'must have a namespace that begins with "aws:"', f"{namespace} does not")
        return
    if namespace.startswith(OTHER_PLATFORMS):
        yield Problem(option, None, "is of another platform than Docker", "leave it out")
    if namespace == _COUPLED_DATABASE:
        must = "makes no database, or one that is deleted with the environment"
        yield Problem(option, None, must, "write [database] in the manifest, or Database in a CDK app")
    for known_namespace, known_name in taken:
        known, given = (known_namespace, known_name), (namespace, name)
        if known != given and tuple(map(str.lower, known)) == tuple(map(str.lower, given)):
            yield Problem(option, None, "is not spelt as Beanstalk spells it", f"write {known_namespace} {known_name}")
    if setting := _DECIDED_BY.get((namespace, name)):
        yield Problem(option, None, f"is set already, by {setting}, with what goes with it", f"give another {setting}")
    if setting := _DECIDED_IN_AN_APP.get((namespace, name)):
        must = f"is set already, by {setting}, with what goes with it"
        yield Problem(option, None, must, "give another one to DockerEnvironment, in a CDK app")


def settings_of(options: Mapping[tuple[str, str], str | None]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the settings that options stand for, as the rules take them, and the values that are no numbers.

    Args:
        options: Values by namespace and name; None for one that is not known yet.
    """
    settings: dict[str, Any] = {}
    problems = []
    for key, value in options.items():
        if key in OPTIONS:
            setting, parse = OPTIONS[key]
            try:
                settings[setting] = None if value is None else parse(value)
            except ValueError:
                problems.append(Problem(setting, value, f"must be a {'whole ' if parse is int else ''}number"))
    return settings, problems


def override_problems(namespace: str, name: str, value: str, values: Values) -> Iterator[Problem]:
    """Check the value of an option like that of the setting that it replaces.

    Args:
        namespace: The option's namespace.
        name: The option's name.
        value: The option's value.
        values: The settings of the environment, as `environment_problems` takes them.
    """
    if (namespace, name) in _DECIDED_BY | _DECIDED_IN_AN_APP:
        return
    settings, problems = settings_of({(namespace, name): value})
    yield from problems
    before = set(environment_problems(values))
    yield from (problem for problem in environment_problems({**values, **settings}) if problem not in before)
