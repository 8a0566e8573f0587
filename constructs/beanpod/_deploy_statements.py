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

from beanpod._bucket_keys import BUNDLES, LOCKS
from beanpod._settings import DeploymentPolicy

_NEW_GROUP = (DeploymentPolicy.IMMUTABLE, DeploymentPolicy.TRAFFIC_SPLITTING)
_NEW_INSTANCES = (DeploymentPolicy.ROLLING_WITH_ADDITIONAL_BATCH, *_NEW_GROUP)
Conditions = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class DeployStatement:
    """A statement of a deployer's policy. `why` is for the documentation and for cdk-nag, not for AWS."""

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


def _allow(
    sid: str, actions: str, resources: tuple[str, ...], why: str, *, conditions: Conditions | None = None
) -> DeployStatement:
    return DeployStatement(
        sid=sid, actions=tuple(actions.split()), resources=resources, why=why, conditions=conditions or {}
    )


def release_statements(scope: DeployScope) -> Iterator[DeployStatement]:
    """Yield what the deployer calls itself: Beanstalk, S3 and CloudFormation."""
    yield _allow(
        "ReleaseVersion",
        "elasticbeanstalk:CreateApplicationVersion elasticbeanstalk:DescribeApplicationVersions",
        (scope.application, scope.versions),
        "A release is a version of this application. Its label comes from its content, so any label is open.",
    )
    yield _allow(
        "TagVersion",
        "elasticbeanstalk:AddTags",
        (scope.versions,),
        "A version has tags with its commit and CI run; creating it with tags requires this too.",
    )
    yield _allow(
        "DeployVersion",
        "elasticbeanstalk:UpdateEnvironment elasticbeanstalk:DescribeEnvironments "
        "elasticbeanstalk:DescribeEnvironmentHealth elasticbeanstalk:DescribeInstancesHealth",
        scope.environments,
        "Deploys a version to these environments, rolls it back, and reads their health.",
    )
    yield _allow(
        "StopDeployment",
        "elasticbeanstalk:AbortEnvironmentUpdate",
        (scope.application, *scope.environments),
        "Aborts a failing deployment. AWS's pages disagree whether the resource is the environment or the application.",
    )
    yield _allow(
        "ReadEvents",
        "elasticbeanstalk:DescribeEvents",
        (scope.application, scope.versions, *scope.environments),
        "Shows the progress and the reason of a failure.",
    )
    yield _allow(
        "StoreBundles",
        "s3:PutObject s3:GetObject s3:GetObjectVersion s3:GetObjectAcl s3:GetObjectVersionAcl",
        (f"{scope.bucket_arn}/{BUNDLES}{scope.application_name}/*",),
        "Uploads a release's bundle. Beanstalk reads it and its ACL as the caller (`eb-tracker.md` of "
        "DevHead-LLC/RisingPunk). CI cannot delete bundles.",
    )
    yield _allow(
        "HoldLocks",
        "s3:PutObject s3:GetObject",
        tuple(f"{scope.bucket_arn}/{LOCKS}{name}" for name in scope.environment_names),
        "The lock: one release at a time. The deployer that writes it first continues, and writes to it when it "
        "is done.",
    )
    yield _allow(
        "FindBundles",
        "s3:ListBucket s3:GetBucketLocation",
        (scope.bucket_arn,),
        "Without ListBucket, S3 answers 403 instead of 404 for a bundle that is not there yet.",
    )
    if scope.stack_names:
        yield _allow(
            "ReadOutputs",
            "cloudformation:DescribeStacks",
            tuple(scope.arn("cloudformation", f"stack/{name}/*") for name in scope.stack_names),
            "The names of application, environment and bucket are outputs of these stacks.",
        )


def rollout_statements(scope: DeployScope) -> Iterator[DeployStatement]:
    """Yield what Beanstalk does in the deployer's name under `scope.deployment_policy`."""
    yield from _reading(scope)
    yield from _beanstalk_bucket(scope)
    yield from _changing_in_place(scope)
    if scope.deployment_policy in _NEW_INSTANCES:
        yield from _growing(scope)
    if scope.deployment_policy in _NEW_GROUP:
        yield from _replacing(scope)
    if scope.deployment_policy == DeploymentPolicy.TRAFFIC_SPLITTING:
        yield from _routing(scope)


def _reading(scope: DeployScope) -> Iterator[DeployStatement]:
    yield _allow(
        "ReadEnvironmentStack",
        "cloudformation:DescribeStacks cloudformation:DescribeStackResource cloudformation:DescribeStackResources "
        "cloudformation:DescribeStackEvents cloudformation:ListStackResources cloudformation:GetTemplate",
        (scope.environment_stacks,),
        "Beanstalk finds the Auto Scaling group and the load balancer in the environment's stack. Its name "
        "contains an id that no template knows: hence the prefix.",
    )
    yield _allow(
        "ReadInstances",
        "autoscaling:DescribeAutoScalingGroups autoscaling:DescribeScalingActivities ec2:DescribeInstances "
        "ec2:DescribeInstanceStatus elasticloadbalancing:DescribeTargetGroups "
        "elasticloadbalancing:DescribeTargetHealth",
        ("*",),
        "Beanstalk follows the instances as the caller. AWS offers no narrower resource for these actions.",
    )
    yield _allow(
        "ReadLaunchParts",
        "autoscaling:DescribeLaunchConfigurations ec2:DescribeAddresses ec2:DescribeImages "
        "ec2:DescribeSecurityGroups ec2:DescribeSubnets elasticloadbalancing:DescribeLoadBalancers",
        ("*",),
        "Beanstalk reads the instances' configuration as the caller, even if no instance is created: most "
        "published deployment policies allow it. AWS offers no narrower resource for these actions.",
    )
    if scope.deployment_policy in _NEW_INSTANCES:
        yield _allow(
            "ReadLaunchTemplates",
            "autoscaling:DescribeAutoScalingInstances ec2:DescribeLaunchTemplates ec2:DescribeLaunchTemplateVersions",
            ("*",),
            "Beanstalk reads the new instances' configuration as the caller. AWS offers no narrower resource for "
            "these.",
        )


def _beanstalk_bucket(scope: DeployScope) -> Iterator[DeployStatement]:
    yield _allow(
        "UpdateManifests",
        "s3:PutObject s3:PutObjectAcl s3:GetObject s3:GetObjectAcl s3:GetObjectVersion s3:GetObjectVersionAcl "
        "s3:DeleteObject",
        (f"{scope.beanstalk_bucket}/resources/*",),
        "As the caller, Beanstalk writes an environment's manifest and a copy of the bundle to its own bucket, "
        "below the environment's id, which no template knows. All environments of the account and region share "
        "that bucket and run what is in it, so this statement reaches all of them. Only an account for each stage "
        "separates stages.",
    )
    yield _allow(
        "OpenBeanstalkBucket",
        "s3:CreateBucket s3:ListBucket s3:GetBucketLocation s3:GetBucketAcl s3:GetBucketPolicy",
        (scope.beanstalk_bucket,),
        "Before it writes to its own bucket, Beanstalk reads the bucket as the caller and requires permission to "
        "create it, although it exists (jenkinsci/aws-beanstalk-publisher-plugin#27). It allows no other bucket.",
    )
    yield _allow(
        "AskForBeanstalkBucket",
        "elasticbeanstalk:CreateStorageLocation",
        ("*",),
        "Returns that bucket's name, and creates it if it is missing. AWS offers no narrower resource for this action.",
    )


def _changing_in_place(scope: DeployScope) -> Iterator[DeployStatement]:
    yield _allow(
        "PauseScaling",
        "autoscaling:SuspendProcesses autoscaling:ResumeProcesses",
        (scope.groups,),
        "Beanstalk suspends scaling while a version is deployed.",
        conditions=scope.of_these_environments,
    )
    yield _allow(
        "DrainInstances",
        "elasticloadbalancing:RegisterTargets elasticloadbalancing:DeregisterTargets",
        (scope.arn("elasticloadbalancing", "targetgroup/awseb-*"),),
        "An instance is deregistered from the load balancer while it is updated. Load balancers of other "
        "environments have the same name pattern.",
    )


def _growing(scope: DeployScope) -> Iterator[DeployStatement]:
    yield _allow(
        "UpdateEnvironmentStack",
        "cloudformation:UpdateStack cloudformation:CancelUpdateStack",
        (scope.environment_stacks,),
        "Beanstalk changes the group by updating the stack, which uses the caller's permissions. Stacks of other "
        "environments have the same name pattern.",
    )
    yield _allow(
        "ResizeGroup",
        "autoscaling:UpdateAutoScalingGroup autoscaling:SetDesiredCapacity "
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        (scope.groups,),
        "The group grows for the release and shrinks afterwards.",
        conditions=scope.of_these_environments,
    )
    public = f"arn:{scope.partition}:ec2:{scope.region}:"
    yield _allow(
        "LaunchInstances",
        "ec2:RunInstances",
        (scope.arn("ec2", "*/*"), f"{public}:image/*", f"{public}:snapshot/*"),
        "Auto Scaling requires this of the caller who changes a group with a launch template. It allows instances "
        "only from a launch template, any of the account's in any of its networks, and only with a role that may "
        "be passed.",
        conditions={"ArnLike": {"ec2:LaunchTemplate": scope.arn("ec2", "launch-template/*")}},
    )
    yield _allow(
        "PassInstanceRole",
        "iam:PassRole",
        scope.instance_role_arns,
        "New instances get the environment's role. No other role can be passed, and only to EC2.",
        conditions={"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}},
    )


def _replacing(scope: DeployScope) -> Iterator[DeployStatement]:
    yield _allow(
        "MakeTemporaryStack",
        "cloudformation:CreateStack cloudformation:DeleteStack",
        (scope.arn("cloudformation", "stack/awseb-e-*-immutable-stack/*"),),
        "The new instances start in a temporary stack, `awseb-e-ID-immutable-stack`, which is deleted afterwards.",
    )
    yield _allow(
        "MakeTemporaryGroup",
        "autoscaling:CreateAutoScalingGroup autoscaling:CreateOrUpdateTags",
        (scope.groups,),
        "A temporary group has the new instances until they are healthy. It has no tag that a condition could "
        "name, so this also allows changing the tags of other environments' groups.",
    )
    yield _allow(
        "MoveInstances",
        "autoscaling:AttachInstances autoscaling:DetachInstances autoscaling:DeleteAutoScalingGroup",
        (scope.groups,),
        "Healthy instances are moved to the permanent group; the temporary one is deleted.",
        conditions=scope.of_these_environments,
    )
    yield _allow(
        "MakeLaunchTemplate",
        "ec2:CreateLaunchTemplate ec2:DeleteLaunchTemplate",
        (scope.arn("ec2", "launch-template/*"),),
        "The temporary group has its own launch template, whose id is not known beforehand, so this also allows "
        "deleting templates of other services. It does not allow changing one, from which a group might launch "
        "instances.",
    )
    yield _allow(
        "TagNewParts",
        "ec2:CreateTags",
        (scope.arn("ec2", "*/*"),),
        "Beanstalk tags what it creates. The condition forbids tagging anything that exists.",
        conditions={"StringEquals": {"ec2:CreateAction": ["CreateLaunchTemplate", "RunInstances"]}},
    )


def _routing(scope: DeployScope) -> Iterator[DeployStatement]:
    yield _allow(
        "ReadRouting",
        "elasticloadbalancing:DescribeListeners elasticloadbalancing:DescribeRules "
        "elasticloadbalancing:DescribeTags elasticloadbalancing:DescribeTargetGroupAttributes",
        ("*",),
        "Beanstalk reads the present split as the caller. AWS offers no narrower resource for these actions.",
    )
    yield _allow(
        "SplitTraffic",
        "elasticloadbalancing:CreateTargetGroup elasticloadbalancing:DeleteTargetGroup "
        "elasticloadbalancing:ModifyTargetGroupAttributes elasticloadbalancing:ModifyListener "
        "elasticloadbalancing:ModifyRule elasticloadbalancing:AddTags",
        tuple(
            scope.arn("elasticloadbalancing", name)
            for name in ("targetgroup/awseb-*", "listener/app/awseb-*", "listener-rule/app/awseb-*")
        ),
        "The new instances get their own target group and a share of the requests.",
    )
