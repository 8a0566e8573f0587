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
        why="Beanstalk finds group and load balancer through the stack behind the environment. Its name "
        "holds an id that no template knows: hence the prefix.",
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
        why="What instances are made from is read as the caller, also where none is made: so say most policies that "
        "people deploy with. AWS offers no narrower resource for these actions.",
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
            why="What a new instance is made from is read as the caller. AWS offers no narrower resource for these.",
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
        why="Beanstalk writes an environment's manifest and its copy of the bundle to its own bucket as the caller, "
        "below the environment's id, which no template knows. Every environment of the account and region has its "
        "own there, and its instances run them: whoever has this statement reaches all of them. Only an account "
        "for each stage keeps stages apart.",
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
        why="Beanstalk looks at its own bucket as the caller before it writes there, and asks for the right to make "
        "it (jenkinsci/aws-beanstalk-publisher-plugin#27) though it is there: no other bucket can be made with this.",
    )
    yield DeployStatement(
        sid="AskForBeanstalkBucket",
        actions=("elasticbeanstalk:CreateStorageLocation",),
        resources=("*",),
        why="Names that bucket, and makes it where it is missing. AWS offers no narrower resource for this action.",
    )


def _changing_in_place(scope: DeployScope) -> Iterator[DeployStatement]:
    yield DeployStatement(
        sid="PauseScaling",
        actions=("autoscaling:SuspendProcesses", "autoscaling:ResumeProcesses"),
        resources=(scope.groups,),
        conditions=scope.of_these_environments,
        why="Scaling rests while a version is rolled out.",
    )
    yield DeployStatement(
        sid="DrainInstances",
        actions=("elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"),
        resources=(scope.arn("elasticloadbalancing", "targetgroup/awseb-*"),),
        why="An instance leaves the load balancer while it changes. Those of other environments are called alike.",
    )


def _growing(scope: DeployScope) -> Iterator[DeployStatement]:
    yield DeployStatement(
        sid="UpdateEnvironmentStack",
        actions=("cloudformation:UpdateStack", "cloudformation:CancelUpdateStack"),
        resources=(scope.environment_stacks,),
        why="Beanstalk changes the group through the stack, which acts with the caller's permissions, these ones. "
        "The stacks of other environments are called alike.",
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
        why="Auto Scaling asks it of whoever changes a group with a launch template. Only from a template, "
        "any of the account's, in any network of it, and only with a role that may be passed.",
    )
    yield DeployStatement(
        sid="PassInstanceRole",
        actions=("iam:PassRole",),
        resources=(arns,) if isinstance(arns := scope.instance_role_arn, str) else arns,
        conditions={"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}},
        why="New instances get the environment's role: no other role, and nobody but EC2 gets it.",
    )


def _replacing(scope: DeployScope) -> Iterator[DeployStatement]:
    yield DeployStatement(
        sid="MakeTemporaryStack",
        actions=("cloudformation:CreateStack", "cloudformation:DeleteStack"),
        resources=(scope.arn("cloudformation", "stack/awseb-e-*-immutable-stack/*"),),
        why="The new instances start in a stack of their own, `awseb-e-ID-immutable-stack`, removed afterwards.",
    )
    yield DeployStatement(
        sid="MakeTemporaryGroup",
        actions=("autoscaling:CreateAutoScalingGroup", "autoscaling:CreateOrUpdateTags"),
        resources=(scope.groups,),
        why="A temporary group holds the new instances until they are healthy. It has no tag to ask for yet, so "
        "the tags of other environments' groups can be changed with this too.",
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
        why="Healthy instances move to the lasting group; the temporary one goes.",
    )


def _templates(scope: DeployScope) -> Iterator[DeployStatement]:
    yield DeployStatement(
        sid="MakeLaunchTemplate",
        actions=("ec2:CreateLaunchTemplate", "ec2:DeleteLaunchTemplate"),
        resources=(scope.arn("ec2", "launch-template/*"),),
        why="The temporary group has a template of its own, known by an id that nobody can name beforehand: "
        "other services' templates can be deleted with this too. Not changed: a group might launch what is new in one.",
    )
    yield DeployStatement(
        sid="TagNewParts",
        actions=("ec2:CreateTags",),
        resources=(scope.arn("ec2", "*/*"),),
        conditions={"StringEquals": {"ec2:CreateAction": ["CreateLaunchTemplate", "RunInstances"]}},
        why="Beanstalk tags what it makes. The condition forbids tags on anything that exists.",
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
        why="The new instances get a target group of their own and a share of the requests.",
    )
