"""The permissions that UpdateEnvironment requires of its caller for its own calls to other services.

AWS does not document them. `TABLE` is compiled from errors that others reported and policies that they deploy with, and
from AWS's two managed policies for roles that do the same work. It is independent of the policy that this repository
gives to deployers: where that one lacks a permission, a deployment here fails as on AWS. Left out are classic load
balancers, which need RegisterInstancesWithLoadBalancer instead, worker tiers and ECS.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from moto.iam.models import iam_backends

from beanpod_emulator.beanstalk.exceptions import InsufficientPrivilegesError
from beanpod_emulator.beanstalk.state import ApplicationVersion, Environment
from beanpod_emulator.iam.authorizer import Denial
from beanpod_emulator.iam.required_permissions import Permission

# Reported from errors of deployments.
CODESHIP_258 = "https://github.com/codeship/documentation/issues/258"
CODESHIP_338 = "https://github.com/codeship/documentation/issues/338"
INGENIEUX_36 = "https://github.com/ingenieux/awseb-deployment-plugin/issues/36"
JENKINS_27 = "https://github.com/jenkinsci/aws-beanstalk-publisher-plugin/issues/27"
AZURE_124 = "https://github.com/aws/aws-toolkit-azure-devops/issues/124"
GRAILS_16260 = "https://github.com/apache/grails-core/pull/16260"
# Error by error, August 2025, on Amazon Linux 2023.
RISING_PUNK = "https://github.com/DevHead-LLC/RisingPunk/blob/5ef661c06434c9883638ca4c157287af3a58cb7d/eb-tracker.md"
# Policies that people deploy with.
CODESHIP_72 = "https://github.com/codeship/documentation/pull/72"
JENKINS_47 = "https://github.com/jenkinsci/aws-beanstalk-publisher-plugin/issues/47"
WOLOX = (
    "https://github.com/Wolox/tech-guides/blob/d052e16ad7f2fd4686290b8b55b49627ebbfe858"
    "/infrastructure/docs/aws/docs/elastic-benstalk-policies.md"
)
JUSTICE = (
    "https://github.com/ministryofjustice/offender-assessments-api-infra/blob"
    "/0f3ec4b7b803a37a866efdce0a442a8adc919a81/templates/deployer-group-policy.json.tpl"
)
# AWS's own: managed updates, v8, which replace instances as immutable deployments do; and what Beanstalk does with an
# operations role in the place of its caller, v3.
_POLICIES = "https://docs.aws.amazon.com/aws-managed-policy/latest/reference"
MANAGED_UPDATES = f"{_POLICIES}/AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy.html"
ROLE_CORE = f"{_POLICIES}/AWSElasticBeanstalkRoleCore.html"
# Reported there; its own source is not available any more.
REVIEW = "the security review of November 2026"

IN_PLACE = frozenset({"AllAtOnce", "Rolling"})
NEW_GROUP = frozenset({"Immutable", "TrafficSplitting"})
NEW_INSTANCES = NEW_GROUP | {"RollingWithAdditionalBatch"}
EVERY = IN_PLACE | NEW_INSTANCES
SPLIT = frozenset({"TrafficSplitting"})


@dataclass(frozen=True)
class Row:
    """A permission that an update requires.

    Attributes:
        on: The resource, a key of `resources()`; "*" for actions without resource-level permissions.
        sources: Where it was reported.
        policies: The deployment policies that require it.
        balanced: Whether it is required only with a load balancer.
        disputed: Whether only some accounts require it, or the sources disagree. Then only the fault
            "requires-permission" requires it.
        context: Condition keys of the call.
    """

    action: str
    on: str
    sources: tuple[str, ...]
    policies: frozenset[str] = EVERY
    balanced: bool = False
    disputed: bool = False
    context: Mapping[str, str] = field(default_factory=dict)

    def matches(self, environment: Environment) -> bool:
        """Whether updates of this environment require it."""
        return environment.deployment_policy in self.policies and (environment.load_balanced or not self.balanced)


_OF_TEMPLATE = {"ec2:CreateAction": "CreateLaunchTemplate"}
_OF_LAUNCH = {"ec2:CreateAction": "RunInstances"}
_TO_EC2 = {"iam:PassedToService": "ec2.amazonaws.com"}
_BOTH = (MANAGED_UPDATES, ROLE_CORE)

TABLE: tuple[Row, ...] = (
    # Checked by the call itself, which is refused.
    Row("elasticbeanstalk:CreateStorageLocation", "*", (AZURE_124, WOLOX, JUSTICE, JENKINS_47)),
    Row("s3:CreateBucket", "bucket", (CODESHIP_338, INGENIEUX_36, JENKINS_27, WOLOX, JUSTICE)),
    Row("s3:GetBucketLocation", "bucket", _BOTH),
    Row("s3:ListBucket", "bucket", (WOLOX, JUSTICE, *_BOTH)),
    Row("s3:GetBucketAcl", "bucket", (ROLE_CORE, REVIEW)),
    Row("s3:GetBucketPolicy", "bucket", (RISING_PUNK, WOLOX, JUSTICE, *_BOTH)),
    Row("s3:GetObjectAcl", "bundle", (RISING_PUNK, WOLOX, JUSTICE)),
    Row("s3:GetObjectVersionAcl", "bundle", (CODESHIP_72,)),
    Row("s3:GetObject", "bundle", (WOLOX, JUSTICE)),
    Row("s3:PutObject", "runtime", (WOLOX, JUSTICE, *_BOTH)),
    Row("s3:PutObjectAcl", "runtime", (RISING_PUNK, GRAILS_16260, WOLOX, JUSTICE, *_BOTH)),
    Row("s3:GetObject", "runtime", (WOLOX, JUSTICE, *_BOTH)),
    Row("s3:GetObjectAcl", "runtime", (WOLOX, JUSTICE, *_BOTH)),
    Row("s3:GetObjectVersion", "runtime", _BOTH),
    Row("s3:GetObjectVersionAcl", "runtime", (CODESHIP_72, *_BOTH)),
    Row("s3:DeleteObject", "runtime", (GRAILS_16260, WOLOX, JUSTICE, *_BOTH)),
    # Checked during the update, which fails.
    Row("cloudformation:DescribeStacks", "stack", (CODESHIP_258, WOLOX, JUSTICE)),
    Row("cloudformation:DescribeStackResource", "stack", (AZURE_124, JENKINS_47, WOLOX, JUSTICE)),
    Row("cloudformation:DescribeStackResources", "stack", (CODESHIP_258, CODESHIP_338, AZURE_124, WOLOX, JUSTICE)),
    Row("cloudformation:DescribeStackEvents", "stack", (CODESHIP_258, WOLOX, JUSTICE, *_BOTH)),
    Row("cloudformation:ListStackResources", "stack", (JUSTICE, *_BOTH)),
    Row("cloudformation:GetTemplate", "stack", (JENKINS_47, WOLOX, JUSTICE, *_BOTH)),
    Row("autoscaling:DescribeAutoScalingGroups", "*", (AZURE_124, JENKINS_47, WOLOX, JUSTICE)),
    Row("autoscaling:DescribeScalingActivities", "*", (AZURE_124, JENKINS_47, WOLOX, JUSTICE)),
    Row("autoscaling:DescribeLaunchConfigurations", "*", (WOLOX, JUSTICE, *_BOTH)),
    Row("ec2:DescribeInstances", "*", (WOLOX, *_BOTH)),
    Row("ec2:DescribeInstanceStatus", "*", (ROLE_CORE, REVIEW)),
    Row("ec2:DescribeImages", "*", (WOLOX, *_BOTH)),
    Row("ec2:DescribeSecurityGroups", "*", (WOLOX, *_BOTH)),
    Row("ec2:DescribeSubnets", "*", _BOTH),
    Row("ec2:DescribeAddresses", "*", (WOLOX, *_BOTH)),
    Row("autoscaling:SuspendProcesses", "group", (RISING_PUNK, AZURE_124, JENKINS_47, WOLOX, JUSTICE)),
    Row("autoscaling:ResumeProcesses", "group", (AZURE_124, JENKINS_47, WOLOX, JUSTICE)),
    Row("elasticloadbalancing:DescribeLoadBalancers", "*", (JUSTICE, *_BOTH), balanced=True),
    Row("elasticloadbalancing:DescribeTargetGroups", "*", (JENKINS_47, *_BOTH), balanced=True),
    Row("elasticloadbalancing:DescribeTargetHealth", "*", _BOTH, balanced=True),
    Row("elasticloadbalancing:DeregisterTargets", "targets", (JENKINS_47, *_BOTH), balanced=True),
    Row("elasticloadbalancing:RegisterTargets", "targets", _BOTH, balanced=True),
    # New instances.
    Row("cloudformation:UpdateStack", "stack", (WOLOX, JUSTICE, *_BOTH), NEW_INSTANCES),
    Row("cloudformation:CancelUpdateStack", "stack", (WOLOX, JUSTICE, *_BOTH), NEW_INSTANCES),
    Row("autoscaling:DescribeAutoScalingInstances", "*", _BOTH, NEW_INSTANCES),
    Row("autoscaling:UpdateAutoScalingGroup", "group", (JUSTICE, *_BOTH), NEW_INSTANCES),
    Row("autoscaling:SetDesiredCapacity", "group", (MANAGED_UPDATES,), NEW_INSTANCES),
    Row("autoscaling:TerminateInstanceInAutoScalingGroup", "group", (JUSTICE, MANAGED_UPDATES), NEW_INSTANCES),
    Row("ec2:DescribeLaunchTemplates", "*", _BOTH, NEW_INSTANCES),
    Row("ec2:DescribeLaunchTemplateVersions", "*", _BOTH, NEW_INSTANCES),
    Row("ec2:RunInstances", "launched", _BOTH, NEW_INSTANCES),
    Row("iam:PassRole", "role", (JUSTICE, *_BOTH), NEW_INSTANCES, context=_TO_EC2),
    # A second group, in a stack of its own.
    Row("cloudformation:CreateStack", "new stack", (JUSTICE, *_BOTH), NEW_GROUP),
    Row("cloudformation:DeleteStack", "new stack", (JUSTICE, *_BOTH), NEW_GROUP),
    Row("autoscaling:CreateAutoScalingGroup", "new group", _BOTH, NEW_GROUP),
    Row("autoscaling:CreateOrUpdateTags", "new group", _BOTH, NEW_GROUP),
    Row("autoscaling:AttachInstances", "group", _BOTH, NEW_GROUP),
    Row("autoscaling:DetachInstances", "group", _BOTH, NEW_GROUP),
    Row("autoscaling:DeleteAutoScalingGroup", "group", _BOTH, NEW_GROUP),
    Row("ec2:CreateLaunchTemplate", "template", _BOTH, NEW_GROUP),
    Row("ec2:DeleteLaunchTemplate", "template", _BOTH, NEW_GROUP),
    Row("ec2:CreateTags", "template", _BOTH, NEW_GROUP, context=_OF_TEMPLATE),
    Row("ec2:CreateTags", "instance", _BOTH, NEW_GROUP, context=_OF_LAUNCH),
    # Traffic splitting.
    Row("elasticloadbalancing:DescribeListeners", "*", (ROLE_CORE,), SPLIT),
    Row("elasticloadbalancing:DescribeRules", "*", (ROLE_CORE,), SPLIT),
    Row("elasticloadbalancing:DescribeTags", "*", (ROLE_CORE,), SPLIT),
    Row("elasticloadbalancing:DescribeTargetGroupAttributes", "*", (ROLE_CORE,), SPLIT),
    Row("elasticloadbalancing:CreateTargetGroup", "targets", (ROLE_CORE,), SPLIT),
    Row("elasticloadbalancing:DeleteTargetGroup", "targets", (ROLE_CORE,), SPLIT),
    Row("elasticloadbalancing:ModifyTargetGroupAttributes", "targets", (ROLE_CORE,), SPLIT),
    Row("elasticloadbalancing:AddTags", "targets", _BOTH, SPLIT),
    Row("elasticloadbalancing:ModifyListener", "listener", (ROLE_CORE,), SPLIT),
    Row("elasticloadbalancing:ModifyRule", "rule", (ROLE_CORE,), SPLIT),
    # Required only while the policy of Beanstalk's bucket does not name the instances' role.
    Row("s3:PutBucketPolicy", "bucket", (RISING_PUNK, JUSTICE, *_BOTH), disputed=True),
    Row("s3:PutObjectVersionAcl", "runtime", (CODESHIP_72, *_BOTH), disputed=True),
    Row("s3:GetObject", "resources of AWS", (ROLE_CORE, RISING_PUNK), disputed=True),
    # In two of the six published deployer policies.
    Row("cloudformation:UpdateStack", "stack", (WOLOX, JUSTICE), IN_PLACE, disputed=True),
    Row("cloudformation:CancelUpdateStack", "stack", (WOLOX, JUSTICE), IN_PLACE, disputed=True),
    Row("cloudformation:TagResource", "new stack", (ROLE_CORE,), NEW_GROUP, disputed=True),
    Row("ec2:TerminateInstances", "instance", _BOTH, NEW_INSTANCES, disputed=True),
    Row("ec2:CreateLaunchTemplateVersion", "template", _BOTH, NEW_GROUP, disputed=True),
    Row("autoscaling:PutScalingPolicy", "new group", _BOTH, NEW_GROUP, disputed=True),
    Row("autoscaling:DeletePolicy", "new group", _BOTH, NEW_GROUP, disputed=True),
    Row("autoscaling:PutNotificationConfiguration", "new group", (WOLOX, *_BOTH), NEW_GROUP, disputed=True),
    Row("autoscaling:PutScheduledUpdateGroupAction", "new group", _BOTH, NEW_GROUP, disputed=True),
    Row("cloudwatch:PutMetricAlarm", "alarm", _BOTH, NEW_GROUP, disputed=True),
    Row("elasticloadbalancing:CreateRule", "listener", (ROLE_CORE,), SPLIT, disputed=True),
    Row("elasticloadbalancing:DeleteRule", "rule", (ROLE_CORE,), SPLIT, disputed=True),
    Row("elasticloadbalancing:SetRulePriorities", "rule", (ROLE_CORE,), SPLIT, disputed=True),
)

_AT_ONCE = ("s3", "elasticbeanstalk")
# Whose resources have the environment's tags. Launch templates have them only with an option.
_TAGGED = ("autoscaling", "cloudformation", "elasticloadbalancing")
_S3_DENIED = (
    "You do not have permission to perform the '{}' action. Verify that your S3 policies and your ACLs allow you to "
    "perform these actions."
)
_SERVICES = {
    "autoscaling": "AmazonAutoScaling",
    "cloudformation": "AmazonCloudFormation",
    "cloudwatch": "AmazonCloudWatch",
    "ec2": "AmazonEC2",
    "elasticloadbalancing": "AmazonElasticLoadBalancing",
    "iam": "AmazonIdentityManagement",
}


def check_storage(environment: Environment, version: ApplicationVersion, denial: Denial, more: Iterable[str]) -> None:
    """Raise InsufficientPrivilegesError when the caller may not use Beanstalk's own bucket, or the bundle.

    more: actions that a fault requires besides.
    """
    for need in _needs(environment, version, more):
        if need.action.partition(":")[0] in _AT_ONCE and (message := denial(need)):
            raise InsufficientPrivilegesError(
                _S3_DENIED.format(need.action) if need.action.startswith("s3:") else message
            )


def error_event(
    environment: Environment, version: ApplicationVersion, denial: Denial, more: Iterable[str]
) -> str | None:
    """Return the error event about another permission that the caller lacks, which ends the update; None if none."""
    for need in _needs(environment, version, more):
        service = need.action.partition(":")[0]
        if service not in _AT_ONCE and (message := denial(need)):
            return f"Service:{_SERVICES.get(service, service)}, Message:{message}"
    return None


def _needs(environment: Environment, version: ApplicationVersion, more: Iterable[str]) -> Iterator[Permission]:
    named, ordered = resources(environment, version), set(more)
    for row in TABLE:
        if row.matches(environment) and (not row.disputed or row.action in ordered):
            yield from (Permission(row.action, arn, _context(row, environment)) for arn in named[row.on])
    yield from (Permission(action) for action in sorted(ordered - {row.action for row in TABLE}))


def _context(row: Row, environment: Environment) -> dict[str, str]:
    service, _, name = row.action.partition(":")
    context = dict(row.context)
    # A resource has no tags yet when it is created.
    if service in _TAGGED and not name.startswith("Create"):
        context |= {f"aws:ResourceTag/{tag}": value for tag, value in environment.tags.items()}
    if name == "RunInstances":
        context["ec2:LaunchTemplate"] = _arn(environment, "ec2", "launch-template/lt-0a1b2c3d4e5f67890")
    if name == "TerminateInstances":
        context["ec2:ResourceTag/aws:cloudformation:stack-id"] = _stack(environment)
    return context


def _stack(environment: Environment) -> str:
    return _arn(environment, "cloudformation", f"stack/awseb-{environment.environment_id}-stack/0a1b2c3d")


def _arn(environment: Environment, service: str, resource: str) -> str:
    return f"arn:aws:{service}:{environment.region}:{environment.account}:{resource}"


def resources(environment: Environment, version: ApplicationVersion) -> dict[str, tuple[str, ...]]:
    """Return the ARNs of an update's resources by the names of TABLE; a permission is required on each of several."""
    region, account = environment.region, environment.account
    own, stem = environment.environment_id, f"awseb-{environment.environment_id}"
    bucket = f"arn:aws:s3:::elasticbeanstalk-{region}-{account}"
    runtime = f"{bucket}/resources/environments/{own}/_runtime"
    bundle = version.source_bundle

    def arn(service: str, *names: str) -> tuple[str, ...]:
        return tuple(_arn(environment, service, name) for name in names)

    group = "autoScalingGroup:0a1b2c3d:autoScalingGroupName/{}-AWSEBAutoScalingGroup-1A2B3C"
    parts = ("subnet/subnet-0a1b2c3d", "security-group/sg-0a1b2c3d", "network-interface/*", "volume/*")
    launched = arn("ec2", "instance/*", "launch-template/lt-0a1b2c3d4e5f67890", *parts)
    return {
        "*": ("*",),
        "bucket": (bucket,),
        "bundle": (f"arn:aws:s3:::{bundle['S3Bucket']}/{bundle['S3Key']}",) if bundle else (),
        "runtime": (f"{runtime}/manifest", f"{runtime}/_versions/{environment.application}/{version.label}"),
        "resources of AWS": (f"arn:aws:s3:::elasticbeanstalk-env-resources-{region}/stacks/{own}",),
        "stack": (_stack(environment),),
        "new stack": arn("cloudformation", f"stack/{stem}-immutable-stack/0a1b2c3d"),
        "group": arn("autoscaling", group.format(f"{stem}-stack")),
        "new group": arn("autoscaling", group.format(f"{stem}-immutable-stack")),
        "targets": arn("elasticloadbalancing", f"targetgroup/awseb-AWSEB-{own}/0a1b2c3d"),
        "listener": arn("elasticloadbalancing", f"listener/app/awseb--AWSEB-{own}/0a1b2c3d/4e5f6789"),
        "rule": arn("elasticloadbalancing", f"listener-rule/app/awseb--AWSEB-{own}/0a1b2c3d/4e5f6789/01234567"),
        "template": arn("ec2", "launch-template/lt-0a1b2c3d4e5f67890"),
        "instance": arn("ec2", "instance/i-0a1b2c3d4e5f67890"),
        "launched": (*launched, f"arn:aws:ec2:{region}::image/ami-0a1b2c3d"),
        "role": tuple(_roles(environment, account)),
        "alarm": arn("cloudwatch", f"alarm:{stem}-immutable-stack-AWSEBCloudwatchAlarmHigh-1A2B3C"),
    }


def _roles(environment: Environment, account: str) -> Iterator[str]:
    """Return the roles of the environment's instance profile."""
    profiles = iam_backends[account]["aws"].instance_profiles.values()
    yield from (
        role.arn for profile in profiles if profile.name == environment.instance_profile for role in profile.roles
    )
