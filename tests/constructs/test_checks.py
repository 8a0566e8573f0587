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
from tests.constructs.environments import new_environment
from tests.constructs.templates import ENVIRONMENT, only, options

LOGS = "aws:elasticbeanstalk:cloudwatch:logs"


def test_plain_values_are_judged_and_absent_values_and_tokens_are_not() -> None:
    assert [known(value) for value in ("", 0, "name", 20)] == [True] * 4
    tokens = (Aws.REGION, Token.as_number({"Ref": "Size"}), f"db-{Aws.REGION}")
    assert [known(value) for value in (None, *tokens)] == [False] * 4


@pytest.mark.parametrize(
    "value",
    ["${AWS::Region}", "${Token[", "${Token[]}", "${Token[a b]}", "${Token[AWS.Region.4]}", "a-${Token[TOKEN.12]}"],
)
def test_text_holds_a_token_where_the_cdk_finds_one(value: str) -> None:
    assert known(value) is not Token.is_unresolved(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, "true"), (False, "false"), (80, "80"), (30.0, "30"), (0.5, "0.5"), (6000000.0, "6000000"), ("a", "a")],
)
def test_values_are_written_as_beanstalk_reads_them(value: Any, expected: str) -> None:
    assert text(value) == expected


def test_all_problems_come_in_one_error() -> None:
    with pytest.raises(ValueError, match=r"^DeployUser: 2 problems\n  - port is wrong\n  - size is wrong$"):
        refuse("DeployUser", (f"{name} is wrong" for name in ("port", "size")))
    refuse("DeployUser", [])


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
    template = Template.from_stack(stack)
    values = {name: it for (namespace, name), it in options(template).items() if not namespace.endswith("logs:health")}
    for option in ("MinSize", "MaxSize", "RootVolumeSize", "RetentionInDays", "LowerThreshold", "Period", "BatchSize"):
        assert values[option] == {"Ref": "Number"}, option
    for option in ("InstanceTypes", "NAME", "MeasureName", "UpdateLevel", "PreferredStartTime", "HealthCheckPath"):
        assert values[option] == {"Ref": "Name"}, option
    assert only(template, ENVIRONMENT)["Properties"]["Description"] == {"Ref": "Name"}
