"""What `UpdateEnvironment` does in its caller's name, by deployment policy.

No page of AWS's lists it. The sources: what deployers were refused, error by error
(codeship/documentation#258 and #338, aws/aws-toolkit-azure-devops#124,
jenkinsci/aws-beanstalk-publisher-plugin#27, `eb-tracker.md` of DevHead-LLC/RisingPunk), policies that
people deploy with (jenkinsci/aws-beanstalk-publisher-plugin#47, Wolox/tech-guides,
ministryofjustice/offender-assessments-api-infra), the events of immutable deployments, and the two
policies with which Beanstalk does this itself, `AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy` and
`AWSElasticBeanstalkRoleCore`. What they disagree on, and what would own more than a release, is not
granted: docs/permissions.md says what to add when AWS asks for it.
"""

from collections.abc import Iterator

from beanpod._deploy_scope import DeployScope, DeployStatement
from beanpod._settings import DeploymentPolicy

_NEW_GROUP = (DeploymentPolicy.IMMUTABLE, DeploymentPolicy.TRAFFIC_SPLITTING)
_NEW_INSTANCES = (DeploymentPolicy.ROLLING_WITH_ADDITIONAL_BATCH, *_NEW_GROUP)


def rollout_statements(scope: DeployScope) -> Iterator[DeployStatement]:
    """What `scope.deployment_policy` needs, without what only another policy needs."""
    yield from _reading(scope)
    yield from _parts(scope)
    yield from _beanstalk_bucket(scope)
    yield from _changing_in_place(scope)
    if scope.deployment_policy in _NEW_INSTANCES:
        yield from _growing(scope)
        yield from _launching(scope)
    if scope.deployment_policy in _NEW_GROUP:
        yield from _replacing(scope)
        yield from _templates(scope)
    if scope.deployment_policy == DeploymentPolicy.TRAFFIC_SPLITTING:
        yield from _routing(scope)


def _reading(scope: DeployScope) -> Iterator[DeployStatement]:
    yield DeployStatement(
        sid="ReadEnvironmentStack",
        actions=(
            "cloudformation:DescribeStacks",
            "cloudformation:DescribeStackResource",
            "cloudformation:DescribeStackResources",
            "cloudformation:DescribeStackEvents",
            "cloudformation:ListStackResources",
            "cloudformation:GetTemplate",
        ),
        resources=(scope.environment_stacks,),
        why="Beanstalk finds the Auto Scaling group and the load balancer in the environment's stack. Its name "
        "contains an id that no template knows: hence the prefix.",
    )
    yield DeployStatement(
        sid="ReadInstances",
        actions=(
            "autoscaling:DescribeAutoScalingGroups",
            "autoscaling:DescribeScalingActivities",
            "ec2:DescribeInstances",
            "ec2:DescribeInstanceStatus",
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetHealth",
        ),
        resources=("*",),
        why="Beanstalk follows the instances as the caller. AWS offers no narrower resource for these actions.",
    )


def _parts(scope: DeployScope) -> Iterator[DeployStatement]:
    yield DeployStatement(
        sid="ReadLaunchParts",
        actions=(
            "autoscaling:DescribeLaunchConfigurations",
            "ec2:DescribeAddresses",
            "ec2:DescribeImages",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "elasticloadbalancing:DescribeLoadBalancers",
        ),
        resources=("*",),
        why="Beanstalk reads the instances' configuration as the caller, even if no instance is created: most "
        "published deployment policies allow it. AWS offers no narrower resource for these actions.",
    )
    if scope.deployment_policy in _NEW_INSTANCES:
        yield DeployStatement(
            sid="ReadLaunchTemplates",
            actions=(
                "autoscaling:DescribeAutoScalingInstances",
                "ec2:DescribeLaunchTemplates",
                "ec2:DescribeLaunchTemplateVersions",
            ),
            resources=("*",),
            why="Beanstalk reads the new instances' configuration as the caller. AWS offers no narrower resource for "
            "these.",
        )


def _beanstalk_bucket(scope: DeployScope) -> Iterator[DeployStatement]:
    yield DeployStatement(
        sid="UpdateManifests",
        actions=(
            "s3:PutObject",
            "s3:PutObjectAcl",
            "s3:GetObject",
            "s3:GetObjectAcl",
            "s3:GetObjectVersion",
            "s3:GetObjectVersionAcl",
            "s3:DeleteObject",
        ),
        resources=(f"{scope.beanstalk_bucket}/resources/*",),
        why="As the caller, Beanstalk writes an environment's manifest and a copy of the bundle to its own bucket, "
        "below the environment's id, which no template knows. All environments of the account and region share "
        "that bucket and run what is in it, so this statement reaches all of them. Only an account for each stage "
        "separates stages.",
    )
    yield DeployStatement(
        sid="OpenBeanstalkBucket",
        actions=(
            "s3:CreateBucket",
            "s3:ListBucket",
            "s3:GetBucketLocation",
            "s3:GetBucketAcl",
            "s3:GetBucketPolicy",
        ),
        resources=(scope.beanstalk_bucket,),
        why="Before it writes to its own bucket, Beanstalk reads the bucket as the caller and requires permission to "
        "create it, although it exists (jenkinsci/aws-beanstalk-publisher-plugin#27). It allows no other bucket.",
    )
    yield DeployStatement(
        sid="AskForBeanstalkBucket",
        actions=("elasticbeanstalk:CreateStorageLocation",),
        resources=("*",),
        why="Returns that bucket's name, and creates it if it is missing. AWS offers no narrower resource for this "
        "action.",
    )


def _changing_in_place(scope: DeployScope) -> Iterator[DeployStatement]:
    yield DeployStatement(
        sid="PauseScaling",
        actions=("autoscaling:SuspendProcesses", "autoscaling:ResumeProcesses"),
        resources=(scope.groups,),
        conditions=scope.of_these_environments,
        why="Beanstalk suspends scaling while a version is deployed.",
    )
    yield DeployStatement(
        sid="DrainInstances",
        actions=("elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"),
        resources=(scope.arn("elasticloadbalancing", "targetgroup/awseb-*"),),
        why="An instance is deregistered from the load balancer while it is updated. Load balancers of other "
        "environments have the same name pattern.",
    )


def _growing(scope: DeployScope) -> Iterator[DeployStatement]:
    yield DeployStatement(
        sid="UpdateEnvironmentStack",
        actions=("cloudformation:UpdateStack", "cloudformation:CancelUpdateStack"),
        resources=(scope.environment_stacks,),
        why="Beanstalk changes the group by updating the stack, which uses the caller's permissions. Stacks of other "
        "environments have the same name pattern.",
    )
    yield DeployStatement(
        sid="ResizeGroup",
        actions=(
            "autoscaling:UpdateAutoScalingGroup",
            "autoscaling:SetDesiredCapacity",
            "autoscaling:TerminateInstanceInAutoScalingGroup",
        ),
        resources=(scope.groups,),
        conditions=scope.of_these_environments,
        why="The group grows for the release and shrinks afterwards.",
    )


def _launching(scope: DeployScope) -> Iterator[DeployStatement]:
    public = f"arn:{scope.partition}:ec2:{scope.region}:"
    yield DeployStatement(
        sid="LaunchInstances",
        actions=("ec2:RunInstances",),
        resources=(scope.arn("ec2", "*/*"), f"{public}:image/*", f"{public}:snapshot/*"),
        conditions={"ArnLike": {"ec2:LaunchTemplate": scope.arn("ec2", "launch-template/*")}},
        why="Auto Scaling requires this of the caller who changes a group with a launch template. It allows instances "
        "only from a launch template, any of the account's in any of its networks, and only with a role that may "
        "be passed.",
    )
    yield DeployStatement(
        sid="PassInstanceRole",
        actions=("iam:PassRole",),
        resources=(arns,) if isinstance(arns := scope.instance_role_arn, str) else arns,
        conditions={"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}},
        why="New instances get the environment's role. No other role can be passed, and only to EC2.",
    )


def _replacing(scope: DeployScope) -> Iterator[DeployStatement]:
    yield DeployStatement(
        sid="MakeTemporaryStack",
        actions=("cloudformation:CreateStack", "cloudformation:DeleteStack"),
        resources=(scope.arn("cloudformation", "stack/awseb-e-*-immutable-stack/*"),),
        why="The new instances start in a temporary stack, `awseb-e-ID-immutable-stack`, which is deleted afterwards.",
    )
    yield DeployStatement(
        sid="MakeTemporaryGroup",
        actions=("autoscaling:CreateAutoScalingGroup", "autoscaling:CreateOrUpdateTags"),
        resources=(scope.groups,),
        why="A temporary group has the new instances until they are healthy. It has no tag that a condition could "
        "name, so this also allows changing the tags of other environments' groups.",
    )
    yield DeployStatement(
        sid="MoveInstances",
        actions=(
            "autoscaling:AttachInstances",
            "autoscaling:DetachInstances",
            "autoscaling:DeleteAutoScalingGroup",
        ),
        resources=(scope.groups,),
        conditions=scope.of_these_environments,
        why="Healthy instances are moved to the permanent group; the temporary one is deleted.",
    )


def _templates(scope: DeployScope) -> Iterator[DeployStatement]:
    yield DeployStatement(
        sid="MakeLaunchTemplate",
        actions=("ec2:CreateLaunchTemplate", "ec2:DeleteLaunchTemplate"),
        resources=(scope.arn("ec2", "launch-template/*"),),
        why="The temporary group has its own launch template, whose id is not known beforehand, so this also allows "
        "deleting templates of other services. It does not allow changing one, from which a group might launch "
        "instances.",
    )
    yield DeployStatement(
        sid="TagNewParts",
        actions=("ec2:CreateTags",),
        resources=(scope.arn("ec2", "*/*"),),
        conditions={"StringEquals": {"ec2:CreateAction": ["CreateLaunchTemplate", "RunInstances"]}},
        why="Beanstalk tags what it creates. The condition forbids tagging anything that exists.",
    )


def _routing(scope: DeployScope) -> Iterator[DeployStatement]:
    yield DeployStatement(
        sid="ReadRouting",
        actions=(
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeRules",
            "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:DescribeTargetGroupAttributes",
        ),
        resources=("*",),
        why="Beanstalk reads the present split as the caller. AWS offers no narrower resource for these actions.",
    )
    yield DeployStatement(
        sid="SplitTraffic",
        actions=(
            "elasticloadbalancing:CreateTargetGroup",
            "elasticloadbalancing:DeleteTargetGroup",
            "elasticloadbalancing:ModifyTargetGroupAttributes",
            "elasticloadbalancing:ModifyListener",
            "elasticloadbalancing:ModifyRule",
            "elasticloadbalancing:AddTags",
        ),
        resources=tuple(
            scope.arn("elasticloadbalancing", name)
            for name in ("targetgroup/awseb-*", "listener/app/awseb-*", "listener-rule/app/awseb-*")
        ),
        why="The new instances get their own target group and a share of the requests.",
    )
