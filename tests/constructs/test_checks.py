"""The checks of every construct: tokens pass, and all problems are one error."""

from typing import Any

import pytest
from aws_cdk import App, Aws, CfnParameter, Duration, Size, Stack, Token
from aws_cdk import aws_ec2 as ec2
from aws_cdk.assertions import Template
from constructs import Construct

from beanpod import BatchSize, DeploymentStrategy, EnvironmentType, ManagedUpdates, ScalingTrigger
from beanpod._checks import refuse
from beanpod._tokens import known, text
from tests.constructs.environments import ENVIRONMENT, new_environment

LOGS = "aws:elasticbeanstalk:cloudwatch:logs"


# Tokens are numbered as they are made: without ids of their own, parallel workers would disagree on the tests' names.
@pytest.mark.parametrize(
    "value",
    [None, Aws.REGION, Token.as_number({"Ref": "Size"}), f"db-{Aws.REGION}"],
    ids=["absent", "string", "number", "inside a string"],
)
def test_absent_values_and_tokens_are_not_judged(value: object) -> None:
    assert not known(value)


@pytest.mark.parametrize("value", ["", 0, "name", 20])
def test_plain_values_are_judged(value: object) -> None:
    assert known(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, "true"), (False, "false"), (80, "80"), (30.0, "30"), (0.5, "0.5"), (6000000.0, "6000000"), ("a", "a")],
)
def test_values_are_written_as_beanstalk_reads_them(value: Any, expected: str) -> None:
    assert text(value) == expected


def test_all_problems_come_in_one_error() -> None:
    with pytest.raises(ValueError, match="problems") as error:
        refuse("Dev/Database", (f"{name} is wrong" for name in ("port", "size")))
    assert str(error.value) == "Dev/Database: 2 problems\n  - port is wrong\n  - size is wrong"


def test_a_single_problem_is_counted_as_one() -> None:
    with pytest.raises(ValueError, match=r"^Database: 1 problem\n  - port is wrong$"):
        refuse("Database", ["port is wrong"])


def test_nothing_is_raised_without_problems() -> None:
    refuse("Database", [])


def test_a_construct_is_named_by_its_path() -> None:
    database = Construct(Stack(App(), "Dev"), "Database")
    with pytest.raises(ValueError, match=r"^Dev/Database: 1 problem\n  - port is wrong$"):
        refuse(database, ["port is wrong"])


def test_every_value_of_an_environment_may_be_a_parameter() -> None:
    stack = Stack(App(), "Dev")
    name: Any = CfnParameter(stack, "Name").value_as_string
    number: Any = CfnParameter(stack, "Number", type="Number").value_as_number
    new_environment(
        stack,
        environment_type=EnvironmentType.LOAD_BALANCED,
        load_balancer_security_group=ec2.SecurityGroup.from_security_group_id(stack, "Front", "sg-2"),
        environment_name=name,
        description=name,
        instance_types=[ec2.InstanceType(name)],
        min_size=number,
        root_volume_size=Size.gibibytes(number),
        scaling=ScalingTrigger(measure=name, lower_threshold=number, period=Duration.minutes(number)),
        deployment_strategy=DeploymentStrategy.rolling(batch=BatchSize.count(number)),
        managed_updates=ManagedUpdates(start=name, level=name),
        health_check_path=name,
        options={LOGS: {"RetentionInDays": Token.as_string(number)}},
        environment={"NAME": name},
    )
    (environment,) = Template.from_stack(stack).find_resources(ENVIRONMENT).values()
    rows = environment["Properties"]["OptionSettings"]
    values = {row["OptionName"]: row["Value"] for row in rows if row["Namespace"] != f"{LOGS}:health"}
    for option in ("MinSize", "MaxSize", "RootVolumeSize", "RetentionInDays", "LowerThreshold", "Period", "BatchSize"):
        assert values[option] == {"Ref": "Number"}, option
    for option in ("InstanceTypes", "NAME", "MeasureName", "UpdateLevel", "PreferredStartTime", "HealthCheckPath"):
        assert values[option] == {"Ref": "Name"}, option
    assert environment["Properties"]["Description"] == {"Ref": "Name"}
