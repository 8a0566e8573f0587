"""What Beanstalk would refuse about settings and variables. No jsii."""

import re
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
        (replace(BALANCED, min_size=0), "min_size must be at least 1, got 0"),
        (replace(BALANCED, min_size=5), r"min_size must be at most max_size \(4\), got 5"),
        (replace(SINGLE, max_size=2), "max_size must be 1 for a single instance, got 2"),
        (
            replace(SINGLE, deployment_policy=DeploymentPolicy.ROLLING),
            "deployment_policy Rolling needs a load balancer",
        ),
        (replace(SINGLE, certificate="arn"), "certificate needs a load balancer"),
        (
            replace(BALANCED, health_check_path="health"),
            'health_check_path must start with "/", got "health"',
        ),
        (replace(BALANCED, batch_size=0), "batch_size must be 1 to 100 percent, got 0"),
        (replace(BALANCED, evaluation_minutes=2), "evaluation_minutes must be 3 to 600 minutes, got 2"),
        (
            replace(BALANCED, traffic_split_percent=101),
            "traffic_split_percent must be 1 to 100 percent, got 101",
        ),
        (replace(BALANCED, root_volume_size=7), "root_volume_size must be 8 to 16384 GiB, got 7"),
        (replace(BALANCED, log_retention_days=31), "log_retention_days must be one of 1, 3, 5.*got 31"),
        (
            replace(BALANCED, batch_size_type=BatchSizeType.FIXED, batch_size=5),
            "batch_size must be 1 to 4 instances, got 5",
        ),
        (replace(BALANCED, max_size=10001), "max_size must be at most 10000, got 10001"),
        (
            replace(BALANCED, scaling=ScalingTrigger(lower_threshold=70)),
            r"scaling.lower_threshold must be below upper_threshold \(70\), got 70",
        ),
        (
            replace(BALANCED, scaling=ScalingTrigger(lower_threshold=-1)),
            "scaling.lower_threshold must be at least 0, got -1",
        ),
        (
            replace(BALANCED, scaling=ScalingTrigger(measure="Load")),
            'scaling.measure must be one of CPUUtilization, .*, got "Load"',
        ),
        (
            replace(BALANCED, scaling=ScalingTrigger(unit="Parsecs")),
            'scaling.unit must be one of Seconds, .*, got "Parsecs"',
        ),
        (
            replace(BALANCED, scaling=ScalingTrigger(statistic="Median")),
            'scaling.statistic must be one of Minimum, Maximum, Sum, Average, got "Median"',
        ),
        (
            replace(BALANCED, scaling=ScalingTrigger(period_minutes=0)),
            "scaling.period_minutes must be 1 to 600 minutes, got 0",
        ),
        (
            replace(BALANCED, scaling=ScalingTrigger(breach_minutes=601)),
            "scaling.breach_minutes must be 1 to 600 minutes, got 601",
        ),
        (replace(BALANCED, instance_types=()), "instance_types must name 1 to 40 types, got 0"),
        (
            replace(BALANCED, instance_types=("t3.small", "t3.small")),
            "instance_types must name each type once, got t3.small, t3.small",
        ),
        (
            replace(BALANCED, instance_types=("t3.small", "t4g.small", "m7gd.large")),
            "must be of one architecture, got t3.small, t4g.small, m7gd.large: t4g.small, m7gd.large is arm64",
        ),
        (
            replace(BALANCED, load_balancer_security_group=None),
            "load_balancer_security_group is missing: an environment with a load balancer needs it",
        ),
        (
            replace(SINGLE, deployment_policy=DeploymentPolicy.TRAFFIC_SPLITTING),
            "deployment_policy TrafficSplitting needs a load balancer",
        ),
        (
            replace(BALANCED, managed_updates=ManagedUpdates(start="Tuesday:9")),
            r'managed_updates.start must be like "Tue:09:00" \(UTC\), got "Tuesday:9"',
        ),
        (
            replace(BALANCED, managed_updates=ManagedUpdates(level="major")),
            'managed_updates.level must be one of patch, minor, got "major"',
        ),
    ],
)
def test_settings_that_beanstalk_would_refuse_are_named(settings: EnvironmentSettings, words: str) -> None:
    problems = list(setting_problems(settings))
    assert [problem for problem in problems if re.search(words, problem)] == problems != []


@pytest.mark.parametrize(
    "settings",
    [
        BALANCED,
        SINGLE,
        replace(BALANCED, instance_types=("t4g.small", "m7gd.large", "im4gn.large", "a1.large", "g5g.xlarge")),
        replace(BALANCED, instance_types=("g4dn.xlarge", "g5.xlarge", "m7i.large", "x2iezn.2xlarge")),
        replace(BALANCED, managed_updates=ManagedUpdates(start="sun:23:59", level="patch")),
        replace(BALANCED, min_size=1, max_size=10000, batch_size_type=BatchSizeType.FIXED, batch_size=10000),
        replace(SINGLE, deployment_policy=DeploymentPolicy.IMMUTABLE),
    ],
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


def test_variables_fill_4096_bytes_and_not_one_more() -> None:
    assert list(variable_problems({"A": "x" * 4094}, ())) == []
    assert list(variable_problems({"A": "x" * 4093 + "é"}, ())) == [
        "variables take 4097 bytes as key=value, at most 4096 fit: move long values to secrets"
    ]


@pytest.mark.parametrize("name", ["", "1ST", "WITH-DASH", "WITH SPACE", "GRÖSSE"])
def test_names_that_no_shell_accepts_are_refused(name: str) -> None:
    assert "must be letters, digits and underscores" in "".join(variable_problems({name: ""}, ()))
    assert "must be letters, digits and underscores" in "".join(variable_problems({}, [name]))
