"""Defaults can be overridden by typed arguments, and any option by its key; both are checked."""

from typing import Any

import pytest
from aws_cdk import CfnParameter, Fn, Stack, Token
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticbeanstalk as beanstalk
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from beanpod import (
    ArtifactBucket,
    DeploymentPolicy,
    DockerEnvironment,
    InstanceRole,
    LoadBalancerScheme,
    LoadBalancerType,
    OptionSetting,
    ServiceNetwork,
)
from beanpod._environment_options import VARIABLES
from tests.constructs.environments import balanced_environment, new_environment, new_stack
from tests.constructs.templates import options

VPC = "aws:ec2:vpc"
LAUNCH = "aws:autoscaling:launchconfiguration"
LOAD_BALANCER = "aws:elbv2:loadbalancer"
GROUP = "aws:autoscaling:asg"
BEANSTALK = "aws:elasticbeanstalk:environment"
COMMAND = "aws:elasticbeanstalk:command"


@pytest.fixture(scope="module")
def environment() -> DockerEnvironment:
    return balanced_environment(new_stack())


def options_of(stack: Stack) -> dict[tuple[str, str], Any]:
    """Return the options of the stack's only environment, by namespace and name."""
    return {(f"aws:{namespace}", name): it for (namespace, name), it in options(Template.from_stack(stack)).items()}


def test_an_internal_load_balancer_uses_the_private_subnets() -> None:
    stack = new_stack()
    balanced_environment(stack, load_balancer_scheme=LoadBalancerScheme.INTERNAL)
    found = options_of(stack)
    assert found[VPC, "ELBScheme"] == "internal"
    assert "PrivateSubnet1" in str(found[VPC, "ELBSubnets"])
    assert "Public" not in str(found[VPC, "ELBSubnets"])


def test_a_network_load_balancer_has_neither_groups_nor_certificate() -> None:
    stack = new_stack()
    network = ServiceNetwork(stack, "Network", load_balanced=False)
    kind = LoadBalancerType.NETWORK
    balanced_environment(stack, network, load_balancer_type=kind, load_balancer_security_group=None)
    found = options_of(stack)
    assert found["aws:elasticbeanstalk:environment", "LoadBalancerType"] == "network"
    assert not any(namespace == LOAD_BALANCER for namespace, _ in found)


def test_additional_security_groups_follow_the_first() -> None:
    stack = new_stack()
    groups = [ec2.SecurityGroup.from_security_group_id(stack, f"Group{name}", f"sg-{name}") for name in "ab"]
    balanced_environment(
        stack, additional_instance_security_groups=groups, additional_load_balancer_security_groups=groups[:1]
    )
    found = options_of(stack)
    instances, load_balancer = found[LAUNCH, "SecurityGroups"], found[LOAD_BALANCER, "SecurityGroups"]
    assert ",sg-a,sg-b" in str(instances)
    assert ",sg-a" in str(load_balancer)
    assert "sg-b" not in str(load_balancer)
    assert "sg-" not in str(found[LOAD_BALANCER, "ManagedSecurityGroup"])


def test_an_existing_instance_profile_is_used_and_its_role_gets_the_grants() -> None:
    stack = new_stack()
    profile = iam.InstanceProfile(stack, "Profile")
    environment = new_environment(stack, instance_profile=profile)
    assert profile.role is not None
    assert environment.instance_role.role_arn == profile.role.role_arn
    Template.from_stack(stack).resource_count_is("AWS::IAM::InstanceProfile", 1)
    assert "Profile" in str(options_of(stack)[LAUNCH, "IamInstanceProfile"])


def test_an_imported_profile_brings_its_imported_role() -> None:
    stack = new_stack()
    role = iam.Role.from_role_name(stack, "Role", "shared")
    arn = "arn:aws:iam::123456789012:instance-profile/shared"
    profile = iam.InstanceProfile.from_instance_profile_attributes(
        stack, "Profile", instance_profile_arn=arn, role=role
    )
    assert new_environment(stack, instance_profile=profile).instance_role.role_name == "shared"


def test_a_profile_by_name_needs_its_role() -> None:
    stack = new_stack()
    profile = iam.InstanceProfile.from_instance_profile_name(stack, "Profile", "shared")
    with pytest.raises(ValueError, match=r"instance_profile must come with its role, .* DockerEnvironment: instance_r"):
        new_environment(stack, instance_profile=profile)
    role = iam.Role.from_role_name(stack, "Role", "shared")
    assert new_environment(stack, "Second", instance_profile=profile, instance_role=role).instance_role is role
    assert options_of(stack)[LAUNCH, "IamInstanceProfile"] == "shared"


def test_a_profile_of_another_role_is_refused() -> None:
    stack = new_stack()
    profile = iam.InstanceProfile(stack, "Profile")
    with pytest.raises(ValueError, match="role must be the instance_profile's, got another one"):
        new_environment(stack, instance_profile=profile, instance_role=InstanceRole(stack, "Other").role)


INTERNAL = OptionSetting(namespace=VPC, name="ELBScheme", value="internal")
COOLDOWN = OptionSetting(namespace=GROUP, name="Cooldown", value="60")


@pytest.mark.parametrize(
    "given", [{VPC: {"ELBScheme": "internal"}, GROUP: {"Cooldown": "60"}}, [INTERNAL, COOLDOWN]], ids=["dicts", "list"]
)
def test_options_by_key_win_over_ours(given: Any) -> None:
    stack = new_stack()
    balanced_environment(stack, options=given)
    found = options_of(stack)
    assert (found[VPC, "ELBScheme"], found[GROUP, "Cooldown"]) == ("internal", "60")


def test_an_option_can_be_overridden_and_left_out_afterwards() -> None:
    stack = new_stack()
    environment = balanced_environment(stack)
    environment.override_option(VPC, "ELBScheme", "internal")
    environment.override_option("aws:elbv2:listener:81", "ListenerEnabled", "true")
    environment.override_option(LAUNCH, "RootVolumeType", None)
    found = options_of(stack)
    assert found[VPC, "ELBScheme"] == "internal"
    assert found["aws:elbv2:listener:81", "ListenerEnabled"] == "true"
    assert (LAUNCH, "RootVolumeType") not in found


def test_a_token_overrides() -> None:
    stack = new_stack()
    size = CfnParameter(stack, "Size", default="2")
    balanced_environment(stack).override_option(GROUP, "MinSize", size.value_as_string)
    assert options_of(stack)[GROUP, "MinSize"] == {"Ref": "Size"}


@pytest.mark.parametrize(
    ("namespace", "name", "value", "words"),
    [
        (GROUP, "MinSize", "9", r"option aws:autoscaling:asg MinSize: min_size must be at most max_size \(4\), got 9"),
        (COMMAND, "DeploymentPolicy", "Rolls", "deployment_strategy must be one of AllAtOnce"),
        ("aws:elasticbeanstalk:cloudwatch:logs", "RetentionInDays", "31", "log_retention must be one of 1, 3"),
        (VPC, "VPCId", "vpc-2", "VPCId is set already, by vpc, with what goes with it: give another vpc"),
        (BEANSTALK, "EnvironmentType", "SingleInstance", "give another environment_type"),
        *(
            (BEANSTALK, "LoadBalancerType", kind, "set already, by load_balancer_type, .* to DockerEnvironment")
            for kind in ("network", "classic", None)
        ),
        (BEANSTALK, "ServiceRole", "mine", "set already, by service_role, with what goes with it: give another one to"),
        (LAUNCH, "IamInstanceProfile", "mine", "set already, by instance_profile"),
        (LAUNCH, "SecurityGroups", "sg-1", "set already, by instance_security_group"),
        (LOAD_BALANCER, "SecurityGroups", "sg-1", "set already, by load_balancer_security_group"),
        (LOAD_BALANCER, "ManagedSecurityGroup", "sg-1", "set already, by load_balancer_security_group"),
        (LAUNCH, "IamInstanceProfile", None, "must not be removed: no environment launches without it"),
        (VPC, "ElbScheme", "internal", "is not spelt as Beanstalk spells it: write aws:ec2:vpc ELBScheme"),
        (
            "aws:elasticbeanstalk:container:python",
            "WSGIPath",
            "app",
            "is of another platform than Docker: leave it out",
        ),
        ("aws:rds:dbinstance", "DBEngine", "mysql", "makes no database, or one that is deleted with the environment"),
        ("ec2:vpc", "ELBScheme", "internal", 'must have a namespace that begins with "aws:": ec2:vpc does not'),
        (VARIABLES, "A B", "1", "variables.A B must be named"),
        (VARIABLES, "BIG", "x" * 5000, "variables take 5,004 bytes"),
    ],
)
def test_the_checks_hold_for_options_by_key(
    environment: DockerEnvironment, namespace: str, name: str, value: str | None, words: str
) -> None:
    before: Any = environment.resource.option_settings
    with pytest.raises(ValueError, match=words):
        environment.override_option(namespace, name, value)
    assert environment.resource.option_settings == before


@pytest.mark.parametrize(
    ("namespace", "name", "words"),
    [
        (VPC, "ElbScheme", "is not spelt as Beanstalk spells it: write aws:ec2:vpc ELBScheme"),
        ("aws:rds:dbinstance", "HasCoupledDatabase", "makes no database, or one that is deleted with the environment"),
    ],
)
def test_an_added_option_has_a_key_that_beanstalk_knows(
    environment: DockerEnvironment, namespace: str, name: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        environment.add_option(namespace, name, "true")


def test_variables_may_differ_in_their_case_only() -> None:
    stack = new_stack()
    balanced_environment(stack).add_variables({"Path": "/a", "PATH": "/b"})
    assert options_of(stack)[VARIABLES, "Path"] == "/a"


def test_the_deployer_gets_what_an_overridden_policy_needs() -> None:
    stack = new_stack()
    environment = balanced_environment(stack)
    environment.override_option(COMMAND, "DeploymentPolicy", "Immutable")
    assert environment.deployment_policy == DeploymentPolicy.IMMUTABLE
    environment.deploy_permissions(ArtifactBucket(stack, "Artifacts"))
    with pytest.raises(ValueError, match="comes after deploy_permissions, which allowed what Immutable needs"):
        environment.override_option(COMMAND, "DeploymentPolicy", "TrafficSplitting")


def test_a_property_override_by_position_refers_to_the_same_option() -> None:
    stack = new_stack()
    environment = balanced_environment(stack)
    cfn: Any = environment.node.find_child("Resource")
    index = [row.option_name for row in cfn.option_settings].index("ELBScheme")
    cfn.add_property_override(f"OptionSettings.{index}.Value", "internal")
    environment.add_option(GROUP, "Cooldown", "60")
    environment.add_environment("A", "1")
    assert [key for key, value in options_of(stack).items() if value == "internal"] == [(VPC, "ELBScheme")]


@pytest.mark.parametrize("kind", ["structs", "dicts"])
def test_assigned_options_do_not_vanish(kind: str) -> None:
    stack = new_stack()
    environment = balanced_environment(stack)
    assigned: Any = environment.resource.option_settings
    mine = [row for row in assigned if row.option_name != "RootVolumeType"]
    row = {"namespace": GROUP, "optionName": "Cooldown", "value": "60"}
    typed = beanstalk.CfnEnvironment.OptionSettingProperty(namespace=GROUP, option_name="Cooldown", value="60")
    mine.append(row if kind == "dicts" else typed)
    environment.resource.option_settings = mine
    environment.add_environment("LATER", "1")
    found = options_of(stack)
    assert found[GROUP, "Cooldown"] == "60"
    assert found[VARIABLES, "LATER"] == "1"
    assert (LAUNCH, "RootVolumeType") not in found


def test_options_assigned_as_a_token_take_nothing_more() -> None:
    environment = balanced_environment(new_stack())
    environment.resource.option_settings = Token.as_any({"Fn::Split": [",", Fn.import_value("x")]})
    with pytest.raises(ValueError, match="option_settings of its resource was set to a token"):
        environment.add_environment("A", "1")
