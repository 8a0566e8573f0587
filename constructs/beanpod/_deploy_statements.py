"""The statements of a deployer's policy, as data: what CI calls, and what Beanstalk does in its name.

`UpdateEnvironment` uses its caller's permissions on everything that it changes, and no page of AWS lists what that is.
The sources: what deployers were refused, error by error (codeship/documentation#258 and #338,
aws/aws-toolkit-azure-devops#124, jenkinsci/aws-beanstalk-publisher-plugin#27, `eb-tracker.md` of
DevHead-LLC/RisingPunk), policies that people deploy with (jenkinsci/aws-beanstalk-publisher-plugin#47,
Wolox/tech-guides, ministryofjustice/offender-assessments-api-infra), the events of immutable deployments, and the two
policies with which Beanstalk does this itself, `AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy` and
`AWSElasticBeanstalkRoleCore`. What they disagree on, and what would allow more than a release, is not granted:
docs/permissions.md says what to add when AWS asks for it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from beanpod._settings import DeploymentPolicy

BUNDLES = "bundles/"
LOCKS = "locks/"
_NEW_GROUP = (DeploymentPolicy.IMMUTABLE, DeploymentPolicy.TRAFFIC_SPLITTING)
_NEW_INSTANCES = (DeploymentPolicy.ROLLING_WITH_ADDITIONAL_BATCH, *_NEW_GROUP)
Conditions = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class DeployStatement:
    """One statement of a deployer's policy. `why` is for the documentation and for cdk-nag, not for AWS."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    why: str
    conditions: Conditions = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the statement as IAM reads it."""
        statement: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources),
        }
        return {**statement, "Condition": self.conditions} if self.conditions else statement


@dataclass(frozen=True, kw_only=True)
class DeployScope:
    """What is deployed where, as strings that may hold tokens."""

    partition: str
    region: str
    account: str
    application_name: str
    environment_names: tuple[str, ...]
    bucket_arn: str
    instance_role_arns: tuple[str, ...]
    deployment_policy: DeploymentPolicy
    stack_names: tuple[str, ...] = ()

    def arn(self, service: str, resource: str) -> str:
        """Return an ARN of this partition, region and account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    @property
    def application(self) -> str:
        """Return the application's ARN."""
        return self.arn("elasticbeanstalk", f"application/{self.application_name}")

    @property
    def versions(self) -> str:
        """Return the ARN of every version of the application."""
        return self.arn("elasticbeanstalk", f"applicationversion/{self.application_name}/*")

    @property
    def environments(self) -> tuple[str, ...]:
        """Return the environments' ARNs."""
        prefix = f"environment/{self.application_name}"
        return tuple(self.arn("elasticbeanstalk", f"{prefix}/{name}") for name in self.environment_names)

    @property
    def beanstalk_bucket(self) -> str:
        """Return the ARN of the bucket that Beanstalk creates for itself, one in each region of an account."""
        return f"arn:{self.partition}:s3:::elasticbeanstalk-{self.region}-{self.account}"

    @property
    def environment_stacks(self) -> str:
        """Return the ARN of environments' stacks: named by the environment's id, which no template knows."""
        return self.arn("cloudformation", "stack/awseb-e-*")

    @property
    def groups(self) -> str:
        """Return the ARN of environments' Auto Scaling groups, as Beanstalk names them."""
        return self.arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/awseb-e-*")

    @property
    def of_these_environments(self) -> Conditions:
        """Return a condition that holds for what Beanstalk tagged with the name of one of the environments."""
        tag = "aws:ResourceTag/elasticbeanstalk:environment-name"
        return {"StringEquals": {tag: list(self.environment_names)}}


def release_statements(scope: DeployScope) -> Iterator[DeployStatement]:
    """Yield what the deployer calls itself: Beanstalk, S3 and CloudFormation."""
    yield DeployStatement(
        sid="ReleaseVersion",
        actions=("elasticbeanstalk:CreateApplicationVersion", "elasticbeanstalk:DescribeApplicationVersions"),
        resources=(scope.application, scope.versions),
        why="A release is a version of this application. Its label comes from its content, so any label is open.",
    )
    yield DeployStatement(
        sid="TagVersion",
        actions=("elasticbeanstalk:AddTags",),
        resources=(scope.versions,),
        why="A version has tags with its commit and CI run; creating it with tags requires this too.",
    )
    yield DeployStatement(
        sid="DeployVersion",
        actions=(
            "elasticbeanstalk:UpdateEnvironment",
            "elasticbeanstalk:DescribeEnvironments",
            "elasticbeanstalk:DescribeEnvironmentHealth",
            "elasticbeanstalk:DescribeInstancesHealth",
        ),
        resources=scope.environments,
        why="Deploys a version to these environments, rolls it back, and reads their health.",
    )
    yield DeployStatement(
        sid="StopDeployment",
        actions=("elasticbeanstalk:AbortEnvironmentUpdate",),
        resources=(scope.application, *scope.environments),
        why="Aborts a failing deployment. AWS's pages disagree whether the resource is the environment or the "
        "application.",
    )
    yield DeployStatement(
        sid="ReadEvents",
        actions=("elasticbeanstalk:DescribeEvents",),
        resources=(scope.application, scope.versions, *scope.environments),
        why="Shows the progress and the reason of a failure.",
    )
    yield DeployStatement(
        sid="StoreBundles",
        actions=(
            "s3:PutObject",
            "s3:GetObject",
            "s3:GetObjectVersion",
            "s3:GetObjectAcl",
            "s3:GetObjectVersionAcl",
        ),
        resources=(f"{scope.bucket_arn}/{BUNDLES}*",),
        why="Uploads a release's bundle. Beanstalk reads it and its ACL as the caller (`eb-tracker.md` of "
        "DevHead-LLC/RisingPunk). CI cannot delete bundles.",
    )
    yield DeployStatement(
        sid="HoldLocks",
        actions=("s3:PutObject", "s3:GetObject"),
        resources=(f"{scope.bucket_arn}/{LOCKS}*",),
        why="The lock: one release at a time. The deployer that writes it first continues, and writes to it when it "
        "is done.",
    )
    yield DeployStatement(
        sid="FindBundles",
        actions=("s3:ListBucket", "s3:GetBucketLocation"),
        resources=(scope.bucket_arn,),
        why="Without ListBucket, S3 answers 403 instead of 404 for a bundle that is not there yet.",
    )
    if scope.stack_names:
        yield DeployStatement(
            sid="ReadOutputs",
            actions=("cloudformation:DescribeStacks",),
            resources=tuple(scope.arn("cloudformation", f"stack/{name}/*") for name in scope.stack_names),
            why="The names of application, environment and bucket are outputs of these stacks.",
        )


def rollout_statements(scope: DeployScope) -> Iterator[DeployStatement]:
    """Yield what Beanstalk does in the deployer's name under `scope.deployment_policy`."""
    yield from _reading(scope)
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
        resources=scope.instance_role_arns,
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
