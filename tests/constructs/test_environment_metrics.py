"""Metrics of an environment: what CloudWatch is asked for, and what the environment publishes."""

import json
from typing import Any

import pytest
from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.assertions import Template

from beanpod import IDockerEnvironment
from beanpod._environment_options import HEALTH
from tests.constructs.environments import existing_environment, new_environment, new_stack
from tests.constructs.templates import ENVIRONMENT, options

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


DOCUMENT = (HEALTH.removeprefix("aws:"), "ConfigDocument")


def published(stack: Stack) -> dict[str, int] | None:
    document = options(Template.from_stack(stack)).get(DOCUMENT)
    return json.loads(document)["CloudWatchMetrics"]["Environment"] if document else None


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


def test_a_metric_takes_the_usual_options(existing: IDockerEnvironment) -> None:
    metric = existing.metric_instances_ok(
        statistic="Minimum",
        period=Duration.minutes(5),
        label="Healthy",
        color="#00ff00",
        dimensions_map={"Team": "shop"},
        account="123456789012",
        region="eu-west-1",
    )
    assert (metric.statistic, metric.period.to_minutes(), metric.label) == ("Minimum", 5, "Healthy")
    assert (metric.color, metric.account, metric.region) == ("#00ff00", "123456789012", "eu-west-1")
    assert metric.dimensions == {"EnvironmentName": "shop-prod", "Team": "shop"}


def test_health_is_always_published() -> None:
    stack = new_stack()
    environment = new_environment(stack)
    assert environment.published_metrics == ["EnvironmentHealth"]
    assert environment.metric_environment_health().metric_name == "EnvironmentHealth"
    assert published(stack) is None


def test_metrics_are_published_every_minute_and_change_no_template() -> None:
    stack = new_stack()
    names = ["EnvironmentHealth", *(name for name, _ in METHODS.values()), "ApplicationLatencyP99.9"]
    environment = new_environment(stack, published_metrics=names)
    before: Any = environment.resource.option_settings
    for method in METHODS:
        getattr(environment, method)()
    environment.metric("ApplicationLatencyP99.9")
    assert environment.resource.option_settings == before
    assert environment.published_metrics == ["EnvironmentHealth", *sorted(names[1:])]
    assert published(stack) == dict.fromkeys(names[1:], 60)


def test_a_metric_that_the_environment_does_not_publish_is_refused() -> None:
    environment = new_environment(new_stack(), published_metrics=["InstancesOk"])
    words = r'must be one of published_metrics, got "InstancesSevere": .* with published_metrics=\["InstancesSevere"\]'
    with pytest.raises(ValueError, match=words):
        environment.metric_instances_severe()


RULES = {"Environment": {"Application": {"ApplicationRequests4xx": {"Enabled": False}}}}


def test_published_metrics_are_added_to_a_given_document() -> None:
    stack = new_stack()
    yours = {"Environment": {"InstancesOk": 60, "InstancesSevere": None}, "Instance": {"CPUIdle": 60}}
    document = json.dumps({"CloudWatchMetrics": yours, "Rules": RULES, "Version": 1})
    environment = new_environment(
        stack, published_metrics=["InstancesDegraded"], options={HEALTH: {"ConfigDocument": document}}
    )
    assert environment.published_metrics == ["EnvironmentHealth", "InstancesDegraded", "InstancesOk"]
    found = json.loads(options(Template.from_stack(stack))[DOCUMENT])
    assert (found["Rules"], found["Version"], found["CloudWatchMetrics"]["Instance"]) == (RULES, 1, {"CPUIdle": 60})
    assert published(stack) == {"InstancesDegraded": 60, "InstancesOk": 60, "InstancesSevere": None}


@pytest.mark.parametrize("value", ["{", "[]", "60"])
def test_a_config_document_that_is_not_a_json_object_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=f"option {HEALTH} ConfigDocument must be a JSON object, got "):
        new_environment(new_stack(), published_metrics=["InstancesOk"], options={HEALTH: {"ConfigDocument": value}})


def test_metrics_of_a_document_that_cloudformation_fills_in_are_not_judged() -> None:
    options = {HEALTH: {"ConfigDocument": Aws.NO_VALUE}}
    environment = new_environment(new_stack(), published_metrics=["InstancesOk"], options=options)
    assert environment.published_metrics is None
    assert environment.metric_instances_severe().metric_name == "InstancesSevere"


def test_an_alarm_watches_the_environment_by_its_name() -> None:
    stack = new_stack()
    metric = new_environment(stack).metric_environment_health()
    cloudwatch.Alarm(stack, "Failures", metric=metric, threshold=10, evaluation_periods=3)
    template = Template.from_stack(stack)
    (name,) = template.find_resources(ENVIRONMENT)
    template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            "MetricName": "EnvironmentHealth",
            "Namespace": "AWS/ElasticBeanstalk",
            "Dimensions": [{"Name": "EnvironmentName", "Value": {"Ref": name}}],
            "Period": 60,
        },
    )


@pytest.mark.parametrize("name", ["ApplicationRequest5xx", "CPUIdle", ""])
def test_a_metric_that_no_environment_publishes_is_refused(existing: IDockerEnvironment, name: str) -> None:
    with pytest.raises(ValueError, match=f'metric_name must be one of EnvironmentHealth, .*, got "{name}"'):
        existing.metric(name)
    with pytest.raises(ValueError, match=f'published_metrics must be among EnvironmentHealth, .*, got "{name}"'):
        new_environment(new_stack(), published_metrics=[name])
