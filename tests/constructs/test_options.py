"""The option rows: typed values in, what Beanstalk is told out. No jsii."""

from dataclasses import replace

import pytest

from beanpod._options import (
    BatchSizeType,
    DeploymentPolicy,
    EnvironmentSettings,
    EnvironmentType,
    ManagedUpdates,
    ScalingTrigger,
    option_rows,
    setting_problems,
    variable_problems,
)

BALANCED = EnvironmentSettings(
    environment_type=EnvironmentType.LOAD_BALANCED,
    vpc_id="vpc-1",
    instance_subnets="subnet-1,subnet-2",
    load_balancer_subnets="subnet-3,subnet-4",
    public_instances=False,
    instance_security_group="sg-i",
    load_balancer_security_group="sg-l",
    instance_profile="profile",
    service_role="arn:aws:iam::123456789012:role/service",
    instance_types=("t3.small", "t3a.small"),
    root_volume_size=16,
    min_size=2,
    max_size=4,
    scaling=ScalingTrigger(),
    deployment_policy=DeploymentPolicy.ROLLING_WITH_ADDITIONAL_BATCH,
    batch_size_type=BatchSizeType.PERCENTAGE,
    batch_size=50,
    traffic_split_percent=10,
    evaluation_minutes=5,
    health_check_path="/health",
    certificate="arn:aws:acm:eu-west-1:123456789012:certificate/1",
    ssl_policy="ELBSecurityPolicy-TLS13-1-2-2021-06",
    log_retention_days=30,
    managed_updates=ManagedUpdates(),
)
SINGLE = replace(
    BALANCED,
    environment_type=EnvironmentType.SINGLE_INSTANCE,
    load_balancer_subnets=None,
    load_balancer_security_group=None,
    certificate=None,
    min_size=1,
    max_size=1,
    public_instances=True,
    deployment_policy=DeploymentPolicy.ALL_AT_ONCE,
)


def options(settings: EnvironmentSettings) -> dict[tuple[str, str], str]:
    return {(namespace.removeprefix("aws:"), name): value for namespace, name, value in option_rows(settings)}


@pytest.mark.parametrize("settings", [BALANCED, SINGLE])
def test_rows_are_sorted_and_name_no_option_twice(settings: EnvironmentSettings) -> None:
    rows = option_rows(settings)
    assert rows == sorted(rows)
    assert len({row[:2] for row in rows}) == len(rows)


@pytest.mark.parametrize("settings", [BALANCED, SINGLE])
def test_instances_get_launch_templates_imdsv2_and_only_our_security_group(
    settings: EnvironmentSettings,
) -> None:
    found = options(settings)
    assert found["autoscaling:launchconfiguration", "DisableIMDSv1"] == "true"
    assert found["autoscaling:launchconfiguration", "RootVolumeType"] == "gp3"
    assert found["autoscaling:launchconfiguration", "SecurityGroups"] == "sg-i"
    assert found["autoscaling:launchconfiguration", "DisableDefaultEC2SecurityGroup"] == "true"


def test_load_balancer_is_an_application_load_balancer_with_our_group_and_the_health_path() -> None:
    found = options(BALANCED)
    assert found["elasticbeanstalk:environment", "LoadBalancerType"] == "application"
    assert found["elbv2:loadbalancer", "SecurityGroups"] == "sg-l"
    assert found["elbv2:loadbalancer", "ManagedSecurityGroup"] == "sg-l"
    assert found["elasticbeanstalk:environment:process:default", "HealthCheckPath"] == "/health"
    assert found["ec2:vpc", "ELBSubnets"] == "subnet-3,subnet-4"


def test_https_listener_exists_exactly_with_a_certificate() -> None:
    assert options(BALANCED)["elbv2:listener:443", "Protocol"] == "HTTPS"
    without = options(replace(BALANCED, certificate=None))
    assert not [key for key in without if key[0] == "elbv2:listener:443"]


def test_single_instance_has_nothing_of_a_load_balancer() -> None:
    namespaces = {namespace for namespace, _ in options(SINGLE)}
    assert not [name for name in namespaces if name.startswith("elbv2") or "trigger" in name or "process" in name]
    assert ("ec2:vpc", "ELBSubnets") not in options(SINGLE)


@pytest.mark.parametrize(
    ("policy", "expected", "absent"),
    [
        (DeploymentPolicy.ROLLING, ("elasticbeanstalk:command", "BatchSize"), "trafficsplitting"),
        (
            DeploymentPolicy.TRAFFIC_SPLITTING,
            ("elasticbeanstalk:trafficsplitting", "EvaluationTime"),
            "BatchSize",
        ),
        (DeploymentPolicy.IMMUTABLE, ("elasticbeanstalk:command", "DeploymentPolicy"), "BatchSize"),
    ],
)
def test_each_policy_gets_its_own_tuning_and_no_other(
    policy: DeploymentPolicy, expected: tuple[str, str], absent: str
) -> None:
    found = options(replace(BALANCED, deployment_policy=policy))
    assert expected in found
    assert not [key for key in found if absent in "".join(key)]


def test_managed_updates_can_be_turned_off() -> None:
    off = options(replace(BALANCED, managed_updates=None))
    assert off["elasticbeanstalk:managedactions", "ManagedActionsEnabled"] == "false"
    assert ("elasticbeanstalk:managedactions:platformupdate", "UpdateLevel") not in off


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
            replace(BALANCED, batch_size_type=BatchSizeType.FIXED, batch_size=10001),
            "1 to 10000 instances, got 10001",
        ),
        (replace(BALANCED, max_size=10001), "max_size must be at most 10000, got 10001"),
        (
            replace(BALANCED, scaling=ScalingTrigger(lower_threshold=70)),
            r"scaling.lower_threshold must be below upper_threshold \(70\), got 70",
        ),
        (replace(BALANCED, instance_types=()), "instance_types must name 1 to 40 types, got 0"),
    ],
)
def test_settings_that_beanstalk_would_refuse_are_named(settings: EnvironmentSettings, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        raise AssertionError("\n".join(setting_problems(settings)))


@pytest.mark.parametrize("settings", [BALANCED, SINGLE])
def test_good_settings_have_no_problem(settings: EnvironmentSettings) -> None:
    assert list(setting_problems(settings)) == []


def test_variables_fill_4096_bytes_and_not_one_more() -> None:
    assert list(variable_problems({"A": "x" * 4094}, ())) == []
    assert list(variable_problems({"A": "x" * 4093 + "é"}, ())) == [
        "variables take 4097 bytes as key=value, at most 4096 fit: move long values to secrets"
    ]


@pytest.mark.parametrize("name", ["", "1ST", "WITH-DASH", "WITH SPACE", "GRÖSSE"])
def test_names_that_no_shell_accepts_are_refused(name: str) -> None:
    assert "must be letters, digits and underscores" in "".join(variable_problems({name: ""}, ()))
    assert "must be letters, digits and underscores" in "".join(variable_problems({}, [name]))
