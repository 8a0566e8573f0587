"""Resources as Elastic Beanstalk's responses show them, where those have more than the resources' own attributes."""

from collections import Counter
from datetime import datetime
from typing import Any

from beanpod_emulator.beanstalk import options
from beanpod_emulator.beanstalk.platforms import PLATFORMS, Platform
from beanpod_emulator.beanstalk.state import Application, ConfigurationTemplate, Environment, Health, Instance

_LATENCY = ("P999", "P99", "P95", "P90", "P85", "P75", "P50", "P10")
_COUNTS = ("NoData", "Unknown", "Pending", "Ok", "Info", "Warning", "Degraded", "Severe")


def tags(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(values.items())]


def application(item: Application) -> dict[str, Any]:
    return {
        "ApplicationArn": item.arn,
        "ApplicationName": item.name,
        "Description": item.description,
        "DateCreated": item.created,
        "DateUpdated": item.updated,
        "Versions": list(reversed(item.versions)),
        "ConfigurationTemplates": list(item.templates),
        "ResourceLifecycleConfig": lifecycle(item.lifecycle),
    }


def lifecycle(config: dict[str, Any]) -> dict[str, Any]:
    off = {
        "MaxCountRule": {"Enabled": False, "MaxCount": 200, "DeleteSourceFromS3": False},
        "MaxAgeRule": {"Enabled": False, "MaxAgeInDays": 180, "DeleteSourceFromS3": False},
    }
    rules = config.get("VersionLifecycleConfig", {})
    return config | {"VersionLifecycleConfig": {name: rule | rules.get(name, {}) for name, rule in off.items()}}


def resources(item: Environment) -> dict[str, Any]:
    stem = f"awseb-{item.environment_id}-stack"
    balancers = [{"Name": item.endpoint}] if item.load_balanced and item.endpoint else []
    return {
        "EnvironmentName": item.name,
        "AutoScalingGroups": [{"Name": f"{stem}-AWSEBAutoScalingGroup"}],
        "Instances": [{"Id": instance.instance_id} for instance in item.instances],
        "LaunchConfigurations": [],
        "LaunchTemplates": [{"Id": f"lt-0{item.environment_id[2:]}"}],
        "LoadBalancers": balancers,
        "Triggers": [],
        "Queues": [],
    }


def settings(item: Environment | ConfigurationTemplate, application_name: str, region: str) -> dict[str, Any]:
    own = (
        {"EnvironmentName": item.name, "DeploymentStatus": "deployed", "Tier": item.tier}
        if isinstance(item, Environment)
        else {"TemplateName": item.name}
    )
    return own | {
        "SolutionStackName": item.platform.solution_stack,
        "PlatformArn": item.platform.arn(region),
        "ApplicationName": application_name,
        "Description": item.description,
        "DateCreated": item.created,
        "DateUpdated": item.updated,
        "OptionSettings": options.rendered(item.settings),
    }


def _metrics() -> dict[str, Any]:
    codes = {"Status2xx": 0, "Status3xx": 0, "Status4xx": 0, "Status5xx": 0}
    return {"Duration": 10, "RequestCount": 0, "StatusCodes": codes, "Latency": dict.fromkeys(_LATENCY, 0.0)}


def environment_health(item: Environment, now: datetime) -> dict[str, Any]:
    counts = Counter(instance.health.status for instance in item.instances)
    return _health(item.health) | {
        "EnvironmentName": item.name,
        "Status": item.status,
        "ApplicationMetrics": _metrics(),
        "InstancesHealth": dict.fromkeys(_COUNTS, 0) | counts,
        "RefreshedAt": now,
    }


def instance_health(instance: Instance) -> dict[str, Any]:
    return _health(instance.health) | {
        "InstanceId": instance.instance_id,
        "LaunchedAt": instance.launched,
        "ApplicationMetrics": _metrics(),
        "System": {"LoadAverage": [0.0, 0.0], "CPUUtilization": {"User": 0.0, "Idle": 100.0}},
        "Deployment": {
            "VersionLabel": instance.deployment.version_label,
            "DeploymentId": instance.deployment.deployment_id,
            "Status": instance.deployment.status,
            "DeploymentTime": instance.deployment.time,
        },
        "AvailabilityZone": instance.zone,
        "InstanceType": instance.instance_type,
    }


def _health(health: Health) -> dict[str, Any]:
    return {"HealthStatus": health.status, "Color": health.color, "Causes": list(health.causes)}


def platform(item: Platform, region: str) -> dict[str, Any]:
    return {
        "PlatformArn": item.arn(region),
        "PlatformOwner": "AWSElasticBeanstalk",
        "PlatformStatus": "Ready",
        "PlatformCategory": item.product.split()[0],
        "OperatingSystemName": "Amazon Linux",
        "OperatingSystemVersion": item.system.rsplit(" ", 1)[-1],
        "SupportedTierList": ["WebServer/Standard", "Worker/SQS/HTTP"],
        "SupportedAddonList": ["Log/S3", "Monitoring/Healthd", "WorkerDaemon/SQSD"],
        "PlatformLifecycleState": "Recommended" if _newest(item) else None,
        "PlatformVersion": item.version,
        "PlatformBranchName": item.branch,
        "PlatformBranchLifecycleState": "Supported",
    }


def platform_detail(item: Platform, region: str) -> dict[str, Any]:
    return platform(item, region) | {
        "PlatformName": item.branch,
        "SolutionStackName": item.solution_stack,
        "Description": f"{item.product} on {item.system}",
        "Maintainer": "aws-elasticbeanstalk-platforms@amazon.com",
    }


def _newest(item: Platform) -> bool:
    return next(other for other in PLATFORMS if other.branch == item.branch) == item
