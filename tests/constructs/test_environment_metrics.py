"""Metrics of an environment: what CloudWatch is asked for, and that the environment publishes it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.assertions import Template

from beanpod import IDockerEnvironment
from tests.constructs.environments import ENVIRONMENT, existing_environment, new_environment, new_stack

METHODS = {
    "metric_application_requests_total": ("ApplicationRequestsTotal", "Sum"),
    "metric_application_requests_2xx": ("ApplicationRequests2xx", "Sum"),
    "metric_application_requests_4xx": ("ApplicationRequests4xx", "Sum"),
    "metric_application_requests_5xx": ("ApplicationRequests5xx", "Sum"),
    "metric_application_latency_p50": ("ApplicationLatencyP50", "Average"),
    "metric_application_latency_p90": ("ApplicationLatencyP90", "Average"),
    "metric_application_latency_p99": ("ApplicationLatencyP99", "Average"),
    "metric_instances_ok": ("InstancesOk", "Maximum"),
    "metric_instances_degraded": ("InstancesDegraded", "Maximum"),
    "metric_instances_severe": ("InstancesSevere", "Maximum"),
}


def published(stack: Stack) -> dict[str, int] | None:
    (environment,) = Template.from_stack(stack).find_resources(ENVIRONMENT).values()
    found = [row for row in environment["Properties"]["OptionSettings"] if row["OptionName"] == "ConfigDocument"]
    return json.loads(found[0]["Value"])["CloudWatchMetrics"]["Environment"] if found else None


@pytest.fixture(scope="module")
def existing() -> IDockerEnvironment:
    return existing_environment(new_stack())


@pytest.mark.parametrize(("method", "name", "statistic"), [(key, *value) for key, value in METHODS.items()])
def test_each_metric_has_the_name_that_aws_gave_it(
    existing: IDockerEnvironment, method: str, name: str, statistic: str
) -> None:
    metric: cloudwatch.Metric = getattr(existing, method)()
    assert (metric.namespace, metric.metric_name, metric.statistic) == ("AWS/ElasticBeanstalk", name, statistic)
    assert metric.dimensions == {"EnvironmentName": "shop-prod"}
    assert metric.period.to_minutes() == 1


def test_health_needs_no_publishing() -> None:
    stack = new_stack()
    metric = new_environment(stack).metric_environment_health()
    assert (metric.metric_name, metric.statistic) == ("EnvironmentHealth", "Maximum")
    assert published(stack) is None


def test_a_metric_that_is_asked_for_is_published_every_minute() -> None:
    stack = new_stack()
    environment = new_environment(stack)
    for method in METHODS:
        getattr(environment, method)()
    environment.metric("ApplicationLatencyP99.9", statistic="Average", period=Duration.minutes(5))
    assert published(stack) == {name: 60 for name, _ in METHODS.values()} | {"ApplicationLatencyP99.9": 60}


def test_an_alarm_watches_the_environment_by_its_name() -> None:
    stack = new_stack()
    metric = new_environment(stack).metric_application_requests_5xx()
    cloudwatch.Alarm(stack, "Failures", metric=metric, threshold=10, evaluation_periods=3)
    template = Template.from_stack(stack)
    (name,) = template.find_resources(ENVIRONMENT)
    template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            "MetricName": "ApplicationRequests5xx",
            "Namespace": "AWS/ElasticBeanstalk",
            "Dimensions": [{"Name": "EnvironmentName", "Value": {"Ref": name}}],
            "Period": 60,
        },
    )


@pytest.mark.parametrize("name", ["ApplicationRequest5xx", "CPUIdle", ""])
@pytest.mark.parametrize("make", [new_environment, existing_environment])
def test_a_metric_that_no_environment_publishes_is_refused(
    make: Callable[[Any], IDockerEnvironment], name: str
) -> None:
    with pytest.raises(ValueError, match=f'metric_name must be one of EnvironmentHealth, .*, got "{name}"'):
        make(new_stack()).metric(name)
