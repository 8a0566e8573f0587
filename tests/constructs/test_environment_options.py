"""EnvironmentOptions: what may be added to an environment, and the document of its metrics."""

import json

import pytest
from aws_cdk import App, Aws, Stack

from beanpod._environment_options import EnvironmentOptions
from beanpod._option_rows import HEALTH, SECRETS, VARIABLES
from beanpod._settings import OptionSetting

ACTION = "aws:autoscaling:scheduledaction"


def new_options() -> EnvironmentOptions:
    return EnvironmentOptions(Stack(App(), "Dev"), [("aws:ec2:vpc", "VPCId", "vpc-1")])


def rows(options: EnvironmentOptions) -> list[tuple[str, str, str | None, str | None]]:
    return [
        (row.namespace, row.option_name, row.value, row.resource_name)  # type: ignore[union-attr]
        for row in options.properties()
    ]


def document(options: EnvironmentOptions) -> object:
    (found,) = [value for _, name, value, _ in rows(options) if name == "ConfigDocument"]
    return json.loads(found or "")


def config(value: str) -> OptionSetting:
    return OptionSetting(namespace=HEALTH, name="ConfigDocument", value=value)


def test_options_are_sorted_however_they_came() -> None:
    options = new_options()
    options.add_variables({"B": "2", "A": "1"}, {"C": "arn"})
    options.add(OptionSetting(namespace=ACTION, name="MinSize", value="1", resource_name="Night"))
    options.add(OptionSetting(namespace=ACTION, name="MinSize", value="2", resource_name="Day"))
    assert rows(options) == [
        (ACTION, "MinSize", "2", "Day"),
        (ACTION, "MinSize", "1", "Night"),
        ("aws:ec2:vpc", "VPCId", "vpc-1", None),
        (VARIABLES, "A", "1", None),
        (VARIABLES, "B", "2", None),
        (SECRETS, "C", "arn", None),
    ]


@pytest.mark.parametrize(
    "option",
    [
        OptionSetting(namespace="aws:ec2:vpc", name="VPCId", value="vpc-2"),
        OptionSetting(namespace=ACTION, name="MinSize", value="2", resource_name="Night"),
        OptionSetting(namespace=SECRETS, name="PLAIN", value="arn"),
        OptionSetting(namespace=VARIABLES, name="SECRET", value="plain"),
    ],
)
def test_an_option_is_set_once(option: OptionSetting) -> None:
    options = new_options()
    options.add(OptionSetting(namespace=ACTION, name="MinSize", value="1", resource_name="Night"))
    options.add_variables({"PLAIN": "1"}, {"SECRET": "arn"})
    with pytest.raises(
        ValueError, match=f"^Dev: 1 problem\n  - option {option.namespace} {option.name} is set already"
    ):
        options.add(option)


def test_variables_are_counted_together_however_they_came() -> None:
    options = new_options()
    options.add_variables({"A": "x" * 2000}, {})
    with pytest.raises(ValueError, match="variables take 4,098 bytes as NAME=value, Beanstalk stores 4,096"):
        options.add_variables({"B": "x" * 2094}, {})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("B", "x" * 2094, "variables take 4,098 bytes"), ("B-2", "x", "variables.B-2 must be named with letters")],
)
def test_a_variable_set_as_an_option_is_a_variable(name: str, value: str, words: str) -> None:
    options = new_options()
    options.add(OptionSetting(namespace=VARIABLES, name="A", value="x" * 2000))
    with pytest.raises(ValueError, match=words):
        options.add(OptionSetting(namespace=VARIABLES, name=name, value=value))


def test_metrics_are_published_every_minute_each_once() -> None:
    options = new_options()
    for metric in ("InstancesOk", "ApplicationRequests5xx", "InstancesOk"):
        options.publish(metric)
    metrics = {"ApplicationRequests5xx": 60, "InstancesOk": 60}
    assert document(options) == {"CloudWatchMetrics": {"Environment": metrics}, "Version": 1}


def test_publishing_a_metric_preserves_a_given_config_document() -> None:
    options = new_options()
    rules = {"Environment": {"Application": {"ApplicationRequests4xx": {"Enabled": False}}}}
    yours = {"Environment": {"InstancesOk": 60, "InstancesSevere": None}, "Instance": {"CPUIdle": 60}}
    options.add(config(json.dumps({"CloudWatchMetrics": yours, "Rules": rules, "Version": 1})))
    options.publish("InstancesSevere")
    assert document(options) == {
        "CloudWatchMetrics": {"Environment": {"InstancesOk": 60, "InstancesSevere": 60}, "Instance": {"CPUIdle": 60}},
        "Rules": rules,
        "Version": 1,
    }


@pytest.mark.parametrize("value", ["{", "[]", "60"])
def test_a_config_document_that_is_not_a_json_object_is_refused(value: str) -> None:
    options = new_options()
    options.add(config(value))
    with pytest.raises(ValueError, match=f"option {HEALTH} ConfigDocument must be a JSON object, got "):
        options.publish("InstancesOk")


def test_a_document_that_cloudformation_fills_in_stays_as_it_is() -> None:
    options = new_options()
    options.add(config(Aws.NO_VALUE))
    options.publish("InstancesOk")
    assert (HEALTH, "ConfigDocument", Aws.NO_VALUE, None) in rows(options)
