"""The option rows: typed values in, what Beanstalk is told out. No jsii."""

from dataclasses import replace

import pytest

from beanpod._option_rows import option_rows
from beanpod._settings import DeploymentPolicy, EnvironmentSettings, ManagedUpdates, ScalingTrigger
from tests.constructs.settings import BALANCED, SINGLE


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


@pytest.mark.parametrize("settings", [BALANCED, SINGLE])
def test_health_is_enhanced_and_logs_and_health_are_kept_for_a_while(settings: EnvironmentSettings) -> None:
    found = options(settings)
    assert found["elasticbeanstalk:healthreporting:system", "SystemType"] == "enhanced"
    assert found["elasticbeanstalk:cloudwatch:logs", "StreamLogs"] == "true"
    assert found["elasticbeanstalk:cloudwatch:logs:health", "HealthStreamingEnabled"] == "true"
    for namespace in ("elasticbeanstalk:cloudwatch:logs", "elasticbeanstalk:cloudwatch:logs:health"):
        assert found[namespace, "RetentionInDays"] == "30"
        assert found[namespace, "DeleteOnTerminate"] == "false"


def test_size_and_trigger_scale_the_group() -> None:
    found = options(replace(BALANCED, scaling=ScalingTrigger(lower_threshold=12.5, upper_threshold=80)))
    assert (found["autoscaling:asg", "MinSize"], found["autoscaling:asg", "MaxSize"]) == ("2", "4")
    trigger = {name: value for (namespace, name), value in found.items() if namespace == "autoscaling:trigger"}
    assert trigger == {
        "MeasureName": "CPUUtilization",
        "Unit": "Percent",
        "Statistic": "Average",
        "LowerThreshold": "12.5",
        "UpperThreshold": "80",
        "Period": "5",
        "BreachDuration": "5",
    }


def test_managed_updates_have_a_window_a_level_and_a_role() -> None:
    found = options(replace(BALANCED, managed_updates=ManagedUpdates(start="Sun:03:00", level="patch")))
    assert found["elasticbeanstalk:managedactions", "ManagedActionsEnabled"] == "true"
    assert found["elasticbeanstalk:managedactions", "PreferredStartTime"] == "Sun:03:00"
    assert found["elasticbeanstalk:managedactions:platformupdate", "UpdateLevel"] == "patch"
    assert found["elasticbeanstalk:managedactions", "ServiceRoleForManagedUpdates"] == BALANCED.service_role


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
