"""What Beanstalk would refuse about settings and variables. No jsii."""

from dataclasses import replace
from typing import Any

import pytest
from aws_cdk import Aws, Token

from beanpod._option_checks import description_problems, name_problems, setting_problems, variable_problems
from beanpod._settings import (
    BatchSizeType,
    DeploymentPolicy,
    EnvironmentSettings,
    ManagedUpdates,
    ScalingTrigger,
)
from tests.constructs.settings import BALANCED, SINGLE


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (replace(BALANCED, min_size=5), "min_size must be at most max_size (4), got 5: lower it, or raise max_size"),
        (
            replace(SINGLE, certificate="arn"),
            "certificate needs a load balancer: leave it out, or set environment_type",
        ),
        (replace(BALANCED, root_volume_size=7), "root_volume_size must be 10 to 16384 GiB, got 7"),
        (replace(BALANCED, scaling=ScalingTrigger(measure="Load")), "scaling.measure must be one of CPUUtilization, "),
        (
            replace(BALANCED, managed_updates=ManagedUpdates(level="major")),
            "managed_updates.level must be one of minor",
        ),
        (
            replace(BALANCED, instance_types=("small",)),
            'instance_types must name EC2 instance types, got "small": write',
        ),
        (
            replace(BALANCED, load_balancer_security_group=None),
            "load_balancer_security_group is missing: an environment with a load balancer needs it",
        ),
        (replace(BALANCED, ingress_port=8080), "instance_port must be 8080, the only one that the load balancer may"),
    ],
)
def test_settings_that_beanstalk_would_refuse_are_named(settings: EnvironmentSettings, words: str) -> None:
    (problem,) = setting_problems(settings)
    assert problem.startswith(words)


@pytest.mark.parametrize(
    "settings", [BALANCED, SINGLE, replace(SINGLE, deployment_policy=DeploymentPolicy.IMMUTABLE, managed_updates=None)]
)
def test_good_settings_have_no_problem(settings: EnvironmentSettings) -> None:
    assert list(setting_problems(settings)) == []


def test_what_cloudformation_fills_in_is_not_judged() -> None:
    number: Any = Token.as_number({"Ref": "Number"})
    text = Aws.REGION
    settings = replace(
        BALANCED,
        min_size=number,
        max_size=number,
        batch_size=number,
        batch_size_type=BatchSizeType.FIXED,
        root_volume_size=number,
        log_retention_days=number,
        instance_types=(text, "t4g.small"),
        health_check_path=text,
        scaling=ScalingTrigger(measure=text, lower_threshold=number, period_minutes=number),
        managed_updates=ManagedUpdates(start=text, level=text),
    )
    assert list(setting_problems(settings)) == []
    assert list(name_problems(text, text)) == []


@pytest.mark.parametrize("name", ["dev", "a" * 41, "with_underscore", "-dev", "dev-", "with space"])
def test_an_environments_name_has_4_to_40_letters_digits_and_hyphens(name: str) -> None:
    (problem,) = name_problems(name, None)
    assert problem.startswith("environment_name must be 4 to 40 letters, digits and hyphens")
    assert problem.endswith(f'got "{name}"')


def test_good_names_have_no_problem() -> None:
    for name in (None, "prod", "a" * 40, "shop-2"):
        assert list(name_problems(name, "d" * 200)) == []


def test_descriptions_end_at_200_characters() -> None:
    expected = ["description must be at most 200 characters, got 201: shorten it"]
    assert list(description_problems("d" * 201)) == list(name_problems("prod", "d" * 201)) == expected


def test_variables_that_cloudformation_fills_in_are_not_counted() -> None:
    assert list(variable_problems({"A": Aws.REGION, "B": "x" * 4094}, ())) == []
