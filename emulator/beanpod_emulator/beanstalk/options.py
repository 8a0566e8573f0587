"""The option settings of Elastic Beanstalk, and their validation.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

VARIABLES = "aws:elasticbeanstalk:application:environment"
SECRETS = "aws:elasticbeanstalk:application:environmentsecrets"
VARIABLES_LIMIT = 4096
_GROUP = "aws:autoscaling:asg"

# Namespaces in which any name is an option.
_OPEN = (VARIABLES, SECRETS, "aws:cloudformation:template:parameter", "aws:elasticbeanstalk:customoption")
# In a namespace, * is a name of the user's; in the name of an option, ~ is a space.
_NAMES = {
    _GROUP: "Availability_Zones Cooldown Custom_Availability_Zones EnableCapacityRebalancing MaxSize MinSize",
    "aws:autoscaling:launchconfiguration": (
        "BlockDeviceMappings DisableDefaultEC2SecurityGroup DisableIMDSv1 EC2KeyName IamInstanceProfile ImageId "
        "InstanceType LaunchTemplateTagPropagationEnabled MonitoringInterval RootVolumeIOPS RootVolumeSize "
        "RootVolumeThroughput RootVolumeType SSHSourceRestriction SecurityGroups"
    ),
    "aws:autoscaling:scheduledaction": "DesiredCapacity EndTime MaxSize MinSize Recurrence StartTime Suspend",
    "aws:autoscaling:trigger": (
        "BreachDuration EvaluationPeriods LowerBreachScaleIncrement LowerThreshold MeasureName Period Statistic Unit "
        "UpperBreachScaleIncrement UpperThreshold"
    ),
    "aws:autoscaling:updatepolicy:rollingupdate": (
        "MaxBatchSize MinInstancesInService PauseTime RollingUpdateEnabled RollingUpdateType Timeout"
    ),
    "aws:ec2:instances": (
        "EnableSpot InstanceTypes SpotAllocationStrategy SpotFleetOnDemandAboveBasePercentage SpotFleetOnDemandBase "
        "SpotMaxPrice SupportedArchitectures"
    ),
    "aws:ec2:vpc": "AssociatePublicIpAddress DBSubnets ELBScheme ELBSubnets Subnets VPCId",
    "aws:elasticbeanstalk:application": "Application~Healthcheck~URL",
    "aws:elasticbeanstalk:cloudwatch:logs": "DeleteOnTerminate RetentionInDays StreamLogs",
    "aws:elasticbeanstalk:cloudwatch:logs:health": "DeleteOnTerminate HealthStreamingEnabled RetentionInDays",
    "aws:elasticbeanstalk:command": "BatchSize BatchSizeType DeploymentPolicy IgnoreHealthCheck Timeout",
    "aws:elasticbeanstalk:control": "DefaultSSHPort LaunchTimeout LaunchType RollbackLaunchOnFailure",
    "aws:elasticbeanstalk:environment": (
        "EnvironmentType ExternalExtensionsS3Bucket ExternalExtensionsS3Key LoadBalancerIsShared LoadBalancerType "
        "ServiceRole"
    ),
    "aws:elasticbeanstalk:environment:process:*": (
        "DeregistrationDelay HealthCheckInterval HealthCheckPath HealthCheckTimeout HealthyThresholdCount "
        "MatcherHTTPCode Port Protocol StickinessEnabled StickinessLBCookieDuration StickinessType "
        "UnhealthyThresholdCount"
    ),
    "aws:elasticbeanstalk:environment:proxy": "ProxyServer",
    "aws:elasticbeanstalk:environment:proxy:staticfiles": "*",
    "aws:elasticbeanstalk:healthreporting:system": (
        "ConfigDocument EnhancedHealthAuthEnabled HealthCheckSuccessThreshold SystemType"
    ),
    "aws:elasticbeanstalk:hostmanager": "LogPublicationControl",
    "aws:elasticbeanstalk:managedactions": ("ManagedActionsEnabled PreferredStartTime ServiceRoleForManagedUpdates"),
    "aws:elasticbeanstalk:managedactions:platformupdate": "InstanceRefreshEnabled UpdateLevel",
    "aws:elasticbeanstalk:monitoring": "Automatically~Terminate~Unhealthy~Instances",
    "aws:elasticbeanstalk:sns:topics": (
        "Notification~Endpoint Notification~Protocol Notification~Topic~ARN Notification~Topic~Name"
    ),
    "aws:elasticbeanstalk:sqsd": (
        "ConnectTimeout ErrorVisibilityTimeout HttpConnections HttpPath InactivityTimeout MaxRetries MimeType "
        "RetentionPeriod VisibilityTimeout WorkerQueueURL"
    ),
    "aws:elasticbeanstalk:trafficsplitting": "EvaluationTime NewVersionPercent",
    "aws:elasticbeanstalk:xray": "XRayEnabled",
    "aws:elb:healthcheck": "HealthyThreshold Interval Target Timeout UnhealthyThreshold",
    "aws:elb:listener:*": "InstancePort InstanceProtocol ListenerEnabled ListenerProtocol PolicyNames SSLCertificateId",
    "aws:elb:loadbalancer": "CrossZone ManagedSecurityGroup SecurityGroups",
    "aws:elb:policies": (
        "ConnectionDrainingEnabled ConnectionDrainingTimeout ConnectionSettingIdleTimeout LoadBalancerPorts "
        "Stickiness~Cookie~Expiration Stickiness~Policy"
    ),
    "aws:elbv2:listener:*": ("DefaultProcess ListenerEnabled Protocol Rules SSLCertificateArns SSLPolicy"),
    "aws:elbv2:listenerrule:*": "HostHeaders PathPatterns Priority Process",
    "aws:elbv2:loadbalancer": (
        "AccessLogsS3Bucket AccessLogsS3Enabled AccessLogsS3Prefix IdleTimeout IpAddressType ManagedSecurityGroup "
        "SecurityGroups SharedLoadBalancer"
    ),
    "aws:rds:dbinstance": (
        "DBAllocatedStorage DBDeletionPolicy DBEngine DBEngineVersion DBInstanceClass DBPassword "
        "DBSnapshotIdentifier DBUser HasCoupledDatabase MultiAZDatabase"
    ),
}
_NAMED = tuple(namespace[:-1] for namespace in _NAMES if namespace.endswith(":*"))
_OPTIONS = {
    namespace: frozenset(name.replace("~", " ") for name in names.split()) for namespace, names in _NAMES.items()
}
_OPTIONS["aws:elbv2:listener"] = _OPTIONS["aws:elbv2:listener:*"]


@dataclass(frozen=True)
class _Choice:
    allowed: tuple[str, ...]

    def refuses(self, value: str) -> str | None:
        shown = ", ".join(self.allowed)
        return None if value in self.allowed else f"Value is not one of the allowed values: [{shown}]"


@dataclass(frozen=True)
class _Number:
    least: int
    most: int

    def refuses(self, value: str) -> str | None:
        if not re.fullmatch(r"-?\d+", value):
            return "Value is not a number"
        if int(value) < self.least:
            return f"Value is less than the allowed minimum: {self.least}"
        return f"Value is greater than the allowed maximum: {self.most}" if int(value) > self.most else None


_BOOLEAN = _Choice(("true", "false"))
_RETENTION = _Choice(
    tuple(str(days) for days in (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653))
)
_RULES: dict[tuple[str, str], _Choice | _Number] = {
    (_GROUP, "MinSize"): _Number(0, 10000),
    (_GROUP, "MaxSize"): _Number(0, 10000),
    ("aws:autoscaling:launchconfiguration", "DisableIMDSv1"): _BOOLEAN,
    ("aws:autoscaling:launchconfiguration", "RootVolumeType"): _Choice(("standard", "gp2", "gp3", "io1")),
    ("aws:autoscaling:updatepolicy:rollingupdate", "RollingUpdateType"): _Choice(("Time", "Health", "Immutable")),
    ("aws:elasticbeanstalk:cloudwatch:logs", "RetentionInDays"): _RETENTION,
    ("aws:elasticbeanstalk:cloudwatch:logs", "StreamLogs"): _BOOLEAN,
    ("aws:elasticbeanstalk:cloudwatch:logs:health", "RetentionInDays"): _RETENTION,
    ("aws:elasticbeanstalk:command", "BatchSize"): _Number(1, 10000),
    ("aws:elasticbeanstalk:command", "BatchSizeType"): _Choice(("Percentage", "Fixed")),
    ("aws:elasticbeanstalk:command", "DeploymentPolicy"): _Choice(
        ("AllAtOnce", "Rolling", "RollingWithAdditionalBatch", "Immutable", "TrafficSplitting")
    ),
    ("aws:elasticbeanstalk:command", "Timeout"): _Number(1, 3600),
    ("aws:elasticbeanstalk:environment", "EnvironmentType"): _Choice(("SingleInstance", "LoadBalanced")),
    ("aws:elasticbeanstalk:environment", "LoadBalancerType"): _Choice(("classic", "application", "network")),
    ("aws:elasticbeanstalk:environment", "LoadBalancerIsShared"): _BOOLEAN,
    ("aws:elasticbeanstalk:environment:process:default", "DeregistrationDelay"): _Number(0, 3600),
    ("aws:elasticbeanstalk:healthreporting:system", "SystemType"): _Choice(("basic", "enhanced")),
    ("aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled"): _BOOLEAN,
    ("aws:elasticbeanstalk:managedactions:platformupdate", "UpdateLevel"): _Choice(("minor", "patch")),
    ("aws:elasticbeanstalk:trafficsplitting", "EvaluationTime"): _Number(3, 600),
    ("aws:elasticbeanstalk:trafficsplitting", "NewVersionPercent"): _Number(1, 100),
    ("aws:elbv2:loadbalancer", "IdleTimeout"): _Number(1, 4000),
}


@dataclass(frozen=True, order=True)
class Option:
    """The name of an option: its namespace and its own."""

    namespace: str
    name: str
    resource: str | None = field(default=None, compare=False)

    @classmethod
    def of(cls, entry: dict[str, str]) -> "Option":
        """Return the option that an API entry names."""
        return cls(entry["Namespace"], entry["OptionName"], entry.get("ResourceName"))


Settings = dict[Option, str]


def settings(entries: Iterable[dict[str, str]]) -> Settings:
    """Return an API list of option settings by option; the last one counts."""
    return {Option.of(entry): entry.get("Value", "") for entry in entries}


def rendered(values: Settings) -> list[dict[str, str | None]]:
    """Return settings as the API lists them, sorted."""
    return [
        {"ResourceName": option.resource, "Namespace": option.namespace, "OptionName": option.name, "Value": value}
        for option, value in sorted(values.items())
    ]


def listed(value: str) -> list[str]:
    """Return the items of a value that is a list, separated by commas."""
    return [item.strip() for item in value.split(",") if item.strip()]


def known(option: Option) -> bool:
    """Return whether Beanstalk has the option."""
    namespace = option.namespace
    prefix = next((it for it in _NAMED if namespace.startswith(it) and namespace != it), None)
    names = _OPTIONS.get(f"{prefix}*" if prefix else namespace, frozenset())
    return namespace in _OPEN or "*" in names or option.name in names


def catalogue() -> list[tuple[str, str]]:
    """Return every option with a fixed name."""
    return sorted((namespace, name) for namespace, names in _OPTIONS.items() for name in names - {"*"})


def problems(values: Settings) -> list[dict[str, Any]]:
    """Return the messages of ValidateConfigurationSettings."""
    found = [_problem(option, value) for option, value in values.items()]
    return [problem for problem in [*found, _min_above_max(values), _too_long(values)] if problem]


def _problem(option: Option, value: str) -> dict[str, Any] | None:
    where = f"(Namespace: '{option.namespace}', OptionName: '{option.name}')"
    if not known(option):
        return _message(option, f"Invalid option specification {where}: Unknown configuration setting.")
    rule = _RULES.get((option.namespace, option.name))
    refusal = rule.refuses(value) if rule else None
    return _message(option, f"Invalid option value: '{value}' {where}: {refusal}") if refusal else None


def _min_above_max(values: Settings) -> dict[str, Any] | None:
    """Refuse a MinSize above MaxSize. AWS's message is not known."""
    least, most = (values.get(Option(_GROUP, name), "") for name in ("MinSize", "MaxSize"))
    if not (least.isdecimal() and most.isdecimal()) or int(least) <= int(most):
        return None
    text = f"Invalid option value: '{least}' (Namespace: '{_GROUP}', OptionName: 'MinSize'): "
    return _message(Option(_GROUP, "MinSize"), f"{text}Value is greater than MaxSize: {most}")


def _too_long(values: Settings) -> dict[str, Any] | None:
    pairs = [f"{option.name}={value}" for option, value in values.items() if option.namespace == VARIABLES]
    size = sum(len(pair.encode()) for pair in pairs)
    if size <= VARIABLES_LIMIT:
        return None
    text = f"The combined size of environment properties is {size} bytes, more than the limit of {VARIABLES_LIMIT}."
    return _message(Option(VARIABLES, ""), text)


def _message(option: Option, text: str) -> dict[str, Any]:
    return {"Message": text, "Severity": "error", "Namespace": option.namespace, "OptionName": option.name}
