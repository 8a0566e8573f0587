"""From boto3's answers to records."""

from collections.abc import Mapping, Sequence
from typing import Any

from beanpod.deploy.aws.records import Environment, Event, Instance, Instances, Version, health_of


def environment(item: Mapping[str, Any]) -> Environment:
    """One of DescribeEnvironments."""
    return Environment(
        name=item["EnvironmentName"],
        status=item["Status"],
        health=health_of(item.get("HealthStatus"), item.get("Health")),
        version_label=item.get("VersionLabel", ""),
        abortable=item.get("AbortableOperationInProgress", False),
        updated=item["DateUpdated"],
    )


def instances(pages: Sequence[Mapping[str, Any]]) -> Instances:
    """All pages of DescribeInstancesHealth."""
    found = [instance(item) for page in pages for item in page.get("InstanceHealthList", ())]
    return Instances(tuple(found), pages[0]["RefreshedAt"])


def instance(item: Mapping[str, Any]) -> Instance:
    """One of DescribeInstancesHealth."""
    deployment = item.get("Deployment", {})
    return Instance(
        instance_id=item["InstanceId"],
        health=health_of(item.get("HealthStatus"), item.get("Color")),
        version_label=deployment.get("VersionLabel", ""),
        deployment=deployment.get("Status", ""),
        causes=tuple(item.get("Causes", ())),
    )


def event(item: Mapping[str, Any]) -> Event:
    """One of DescribeEvents."""
    return Event(item["EventDate"], item.get("Severity", "INFO"), item["Message"], item.get("RequestId", ""))


def version(item: Mapping[str, Any]) -> Version:
    """One of DescribeApplicationVersions."""
    bundle = item.get("SourceBundle", {})
    return Version(
        label=item["VersionLabel"],
        description=item.get("Description", ""),
        created=item["DateCreated"],
        bucket=bundle.get("S3Bucket", ""),
        key=bundle.get("S3Key", ""),
    )
