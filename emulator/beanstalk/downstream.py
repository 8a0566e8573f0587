"""What UpdateEnvironment does in its caller's name, and therefore needs its caller's permissions for.

No page of AWS's lists it. This is the part all deployment policies share, from the errors that users were shown:
codeship/documentation#338, aws/aws-toolkit-azure-devops#124, jenkinsci/aws-beanstalk-publisher-plugin#47.
"""

from collections.abc import Callable, Iterator

from emulator.beanstalk.exceptions import InsufficientPrivilegesError
from emulator.beanstalk.state import Environment
from emulator.iam.needs import Need

_BUCKET = "s3:GetBucketLocation s3:ListBucket s3:GetBucketAcl"
_MANIFEST = "s3:PutObject s3:PutObjectAcl s3:GetObject s3:GetObjectAcl s3:GetObjectVersion s3:DeleteObject"
_STACK = (
    "cloudformation:DescribeStacks cloudformation:DescribeStackResource cloudformation:DescribeStackResources "
    "cloudformation:GetTemplate"
)
_READ = (
    "autoscaling:DescribeAutoScalingGroups autoscaling:DescribeScalingActivities ec2:DescribeInstances "
    "ec2:DescribeInstanceStatus"
)
_GROUP = "autoscaling:SuspendProcesses autoscaling:ResumeProcesses"
_BALANCER = "elasticloadbalancing:DescribeTargetGroups elasticloadbalancing:DescribeTargetHealth"
_TARGETS = "elasticloadbalancing:DeregisterTargets elasticloadbalancing:RegisterTargets"
_SERVICES = {
    "autoscaling": "AmazonAutoScaling",
    "cloudformation": "AmazonCloudFormation",
    "ec2": "AmazonEC2",
    "elasticloadbalancing": "AmazonElasticLoadBalancing",
}
# What AWS says when a permission is lacking; None when there it is.
Denial = Callable[[Need], str | None]


def check_bucket(environment: Environment, denial: Denial) -> None:
    """InsufficientPrivilegesError when the caller may not use Beanstalk's own bucket: that is found out at once."""
    for need in _of_bucket(environment):
        if denial(need):
            raise InsufficientPrivilegesError(
                f"You do not have permission to perform the '{need.action}' action. Verify that your S3 policies and "
                "your ACLs allow you to perform these actions."
            )


def obstacle(environment: Environment, denial: Denial) -> str | None:
    """The error event about what else the caller may not do, which stops the update; None when nothing does."""
    for need in _of_resources(environment):
        if said := denial(need):
            return f"Service:{_SERVICES[need.action.partition(':')[0]]}, Message:{said}"
    return None


def _arn(environment: Environment, service: str, resource: str) -> str:
    region, account = environment.arn.split(":")[3:5]
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def _of_bucket(environment: Environment) -> Iterator[Need]:
    region, account = environment.arn.split(":")[3:5]
    bucket = f"arn:aws:s3:::elasticbeanstalk-{region}-{account}"
    manifest = f"{bucket}/resources/environments/{environment.environment_id}/_runtime/manifest"
    yield from (Need(action, bucket) for action in _BUCKET.split())
    yield from (Need(action, manifest) for action in _MANIFEST.split())


def _of_resources(environment: Environment) -> Iterator[Need]:
    stem = f"awseb-{environment.environment_id}-stack"
    tags = {f"aws:ResourceTag/{name}": value for name, value in environment.tags.items()}
    stack = _arn(environment, "cloudformation", f"stack/{stem}/*")
    group = _arn(environment, "autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{stem}-AWSEBAutoScalingGroup")
    targets = _arn(environment, "elasticloadbalancing", f"targetgroup/awseb-AWSEB-{environment.environment_id}/*")
    yield from (Need(action, stack) for action in _STACK.split())
    yield from (Need(action, "*") for action in _READ.split())
    yield from (Need(action, group, tags) for action in _GROUP.split())
    if environment.load_balanced:
        yield from (Need(action, "*") for action in _BALANCER.split())
        yield from (Need(action, targets, tags) for action in _TARGETS.split())
