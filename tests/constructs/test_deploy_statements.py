"""The deployer's policy as data: no construct, no template."""

import json
from collections.abc import Iterable

import pytest

from beanpod._deploy_statements import DeployScope, DeployStatement, release_statements, rollout_statements
from beanpod._settings import DeploymentPolicy
from tests.permissions import problems

MANAGED_POLICY = 6_144
INLINE_POLICIES_OF_A_ROLE = 10_240
IN_PLACE = (DeploymentPolicy.ALL_AT_ONCE, DeploymentPolicy.ROLLING)
every_policy = pytest.mark.parametrize("policy", list(DeploymentPolicy))

CHANGES_IN_PLACE = """
    autoscaling:DescribeAutoScalingGroups autoscaling:DescribeLaunchConfigurations
    autoscaling:DescribeScalingActivities autoscaling:ResumeProcesses autoscaling:SuspendProcesses
    cloudformation:DescribeStackEvents cloudformation:DescribeStackResource cloudformation:DescribeStackResources
    cloudformation:DescribeStacks cloudformation:GetTemplate cloudformation:ListStackResources
    ec2:DescribeAddresses ec2:DescribeImages ec2:DescribeInstanceStatus ec2:DescribeInstances
    ec2:DescribeSecurityGroups ec2:DescribeSubnets elasticbeanstalk:CreateStorageLocation
    elasticbeanstalk:AbortEnvironmentUpdate elasticbeanstalk:AddTags elasticbeanstalk:CreateApplicationVersion
    elasticbeanstalk:DescribeApplicationVersions
    elasticbeanstalk:DescribeEnvironmentHealth elasticbeanstalk:DescribeEnvironments
    elasticbeanstalk:DescribeEvents elasticbeanstalk:DescribeInstancesHealth
    elasticbeanstalk:UpdateEnvironment
    elasticloadbalancing:DeregisterTargets elasticloadbalancing:DescribeLoadBalancers
    elasticloadbalancing:DescribeTargetGroups
    elasticloadbalancing:DescribeTargetHealth elasticloadbalancing:RegisterTargets
    s3:CreateBucket s3:DeleteObject s3:GetBucketAcl s3:GetBucketLocation s3:GetBucketPolicy s3:GetObject
    s3:GetObjectAcl s3:GetObjectVersion s3:GetObjectVersionAcl s3:ListBucket s3:PutObject s3:PutObjectAcl
"""
LAUNCHES_INSTANCES = """
    autoscaling:DescribeAutoScalingInstances autoscaling:SetDesiredCapacity
    autoscaling:TerminateInstanceInAutoScalingGroup autoscaling:UpdateAutoScalingGroup
    cloudformation:CancelUpdateStack cloudformation:UpdateStack
    ec2:DescribeLaunchTemplateVersions ec2:DescribeLaunchTemplates ec2:RunInstances iam:PassRole
"""
REPLACES_THE_GROUP = """
    autoscaling:AttachInstances autoscaling:CreateAutoScalingGroup autoscaling:CreateOrUpdateTags
    autoscaling:DeleteAutoScalingGroup autoscaling:DetachInstances
    cloudformation:CreateStack cloudformation:DeleteStack
    ec2:CreateLaunchTemplate ec2:CreateTags ec2:DeleteLaunchTemplate
"""
SPLITS_TRAFFIC = """
    elasticloadbalancing:AddTags elasticloadbalancing:CreateTargetGroup elasticloadbalancing:DeleteTargetGroup
    elasticloadbalancing:DescribeListeners elasticloadbalancing:DescribeRules
    elasticloadbalancing:DescribeTags
    elasticloadbalancing:DescribeTargetGroupAttributes elasticloadbalancing:ModifyListener
    elasticloadbalancing:ModifyRule elasticloadbalancing:ModifyTargetGroupAttributes
"""


def scope(policy: DeploymentPolicy, *, stack_names: tuple[str, ...] = ("guestbook-Service",)) -> DeployScope:
    return DeployScope(
        partition="aws",
        region="eu-central-1",
        account="123456789012",
        application_name="guestbook",
        environment_names=("guestbook-dev",),
        bucket_arn="arn:aws:s3:::artifacts",
        instance_role_arns=("arn:aws:iam::123456789012:role/instances",),
        deployment_policy=policy,
        stack_names=stack_names,
    )


def every_statement(where: DeployScope) -> list[DeployStatement]:
    return [*release_statements(where), *rollout_statements(where)]


def size(statements: Iterable[DeployStatement]) -> int:
    """Characters as IAM counts them, without white space."""
    document = {"Version": "2012-10-17", "Statement": [statement.to_json() for statement in statements]}
    return len(json.dumps(document, separators=(",", ":")))


def statements(policy: DeploymentPolicy) -> dict[str, DeployStatement]:
    return {statement.sid: statement for statement in every_statement(scope(policy))}


def actions(policy: DeploymentPolicy) -> set[str]:
    return {action for statement in statements(policy).values() for action in statement.actions}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (DeploymentPolicy.ALL_AT_ONCE, CHANGES_IN_PLACE),
        (DeploymentPolicy.ROLLING, CHANGES_IN_PLACE),
        (DeploymentPolicy.ROLLING_WITH_ADDITIONAL_BATCH, CHANGES_IN_PLACE + LAUNCHES_INSTANCES),
        (DeploymentPolicy.IMMUTABLE, CHANGES_IN_PLACE + LAUNCHES_INSTANCES + REPLACES_THE_GROUP),
        (
            DeploymentPolicy.TRAFFIC_SPLITTING,
            CHANGES_IN_PLACE + LAUNCHES_INSTANCES + REPLACES_THE_GROUP + SPLITS_TRAFFIC,
        ),
    ],
)
def test_each_deployment_policy_gets_its_own_actions(policy: DeploymentPolicy, expected: str) -> None:
    assert actions(policy) == set(expected.split())


@every_policy
def test_every_statement_has_an_effect_and_names_resources_where_aws_supports_them(policy: DeploymentPolicy) -> None:
    assert [problem for it in statements(policy).values() for problem in problems(it.to_json())] == []


@every_policy
def test_statement_ids_are_unique(policy: DeploymentPolicy) -> None:
    assert len(statements(policy)) == len(every_statement(scope(policy)))


@every_policy
def test_nothing_outside_this_account_and_region_is_named(policy: DeploymentPolicy) -> None:
    named = [arn for statement in statements(policy).values() for arn in statement.resources if arn != "*"]
    places = {tuple(arn.split(":")[3:5]) for arn in named if not arn.startswith(("arn:aws:s3", "arn:aws:iam"))}
    # AWS's own images and snapshots belong to no account of ours.
    assert places <= {("eu-central-1", "123456789012"), ("eu-central-1", "")}


@every_policy
def test_only_its_own_application_and_environments_are_deployed(policy: DeploymentPolicy) -> None:
    arn = "arn:aws:elasticbeanstalk:eu-central-1:123456789012:"
    found = statements(policy)
    assert found["DeployVersion"].resources == (f"{arn}environment/guestbook/guestbook-dev",)
    assert found["ReleaseVersion"].resources == (
        f"{arn}application/guestbook",
        f"{arn}applicationversion/guestbook/*",
    )
    # A bucket may hold those of other deployers, too.
    assert found["StoreBundles"].resources == ("arn:aws:s3:::artifacts/bundles/guestbook/*",)
    assert found["HoldLocks"].resources == ("arn:aws:s3:::artifacts/locks/guestbook-dev",)


@every_policy
def test_no_bucket_can_be_made_but_beanstalks_own_nor_its_policy_changed(policy: DeploymentPolicy) -> None:
    making = [s.resources for s in statements(policy).values() if "s3:CreateBucket" in s.actions]
    assert making == [("arn:aws:s3:::elasticbeanstalk-eu-central-1-123456789012",)]
    assert "s3:PutBucketPolicy" not in actions(policy)


@every_policy
def test_ci_can_delete_neither_bundle_nor_lock(policy: DeploymentPolicy) -> None:
    deleting = [s for s in statements(policy).values() if "s3:DeleteObject" in s.actions]
    assert {arn for statement in deleting for arn in statement.resources} == {
        "arn:aws:s3:::elasticbeanstalk-eu-central-1-123456789012/resources/*",
    }


@pytest.mark.parametrize("policy", [policy for policy in DeploymentPolicy if policy not in IN_PLACE])
def test_only_the_instance_role_is_passed_and_only_to_ec2(policy: DeploymentPolicy) -> None:
    passing = statements(policy)["PassInstanceRole"]
    assert passing.resources == ("arn:aws:iam::123456789012:role/instances",)
    assert passing.conditions == {
        "StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}
    }


@every_policy
def test_existing_groups_change_only_in_these_environments(policy: DeploymentPolicy) -> None:
    tag = {"aws:ResourceTag/elasticbeanstalk:environment-name": ["guestbook-dev"]}
    for statement in statements(policy).values():
        if statement.resources == (scope(policy).groups,) and statement.sid != "MakeTemporaryGroup":
            assert statement.conditions == {"StringEquals": tag}, statement.sid


def test_instances_start_only_from_a_template_of_this_account() -> None:
    launch = statements(DeploymentPolicy.IMMUTABLE)["LaunchInstances"]
    templates = "arn:aws:ec2:eu-central-1:123456789012:launch-template/*"
    assert launch.conditions == {"ArnLike": {"ec2:LaunchTemplate": templates}}


def test_no_lasting_stack_can_be_deleted() -> None:
    temporary = statements(DeploymentPolicy.IMMUTABLE)["MakeTemporaryStack"]
    assert temporary.resources == (
        "arn:aws:cloudformation:eu-central-1:123456789012:stack/awseb-e-*-immutable-stack/*",
    )


def test_outputs_are_read_only_from_named_stacks() -> None:
    named = statements(DeploymentPolicy.ROLLING)["ReadOutputs"]
    assert named.resources == ("arn:aws:cloudformation:eu-central-1:123456789012:stack/guestbook-Service/*",)
    unnamed = every_statement(scope(DeploymentPolicy.ROLLING, stack_names=()))
    assert "ReadOutputs" not in {statement.sid for statement in unnamed}


@every_policy
def test_policies_fit_with_the_longest_names(policy: DeploymentPolicy) -> None:
    longest = DeployScope(
        partition="aws-us-gov",
        region="ap-northeast-1",
        account="1" * 12,
        application_name="a" * 100,
        environment_names=("e" * 40,),
        bucket_arn="arn:aws-us-gov:s3:::" + "b" * 63,
        instance_role_arns=("arn:aws-us-gov:iam::123456789012:role/" + "r" * 64,),
        deployment_policy=policy,
        stack_names=("s" * 128, "t" * 128),
    )
    release, rollout = size(release_statements(longest)), size(rollout_statements(longest))
    assert max(release, rollout) <= MANAGED_POLICY
    assert release + rollout <= INLINE_POLICIES_OF_A_ROLE
