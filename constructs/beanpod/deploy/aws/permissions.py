"""Permissions that AWS may require of a deployer and that the Delivery stack does not grant: why, and what to do then.

`UpdateEnvironment` acts with its caller's permissions, and no page of AWS's says which. docs/permissions.md
has the same list with its sources.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_OF_SCALING = "the new instances' Auto Scaling group gets its scaling policies, alarms and notifications"
_OF_SPLIT = "the listener's rules are changed while requests are split"
_STACK = "arn:aws:cloudformation:REGION:ACCOUNT:stack/awseb-e-*"
_NEW_STACK = "arn:aws:cloudformation:REGION:ACCOUNT:stack/awseb-e-*-immutable-stack/*"
_GROUP = "arn:aws:autoscaling:REGION:ACCOUNT:autoScalingGroup:*:autoScalingGroupName/awseb-e-*"
_RULE = "arn:aws:elasticloadbalancing:REGION:ACCOUNT:listener-rule/app/awseb-*"
_OBJECTS = "arn:aws:s3:::elasticbeanstalk-REGION-ACCOUNT/resources/*"


@dataclass(frozen=True)
class MissingPermission:
    """A permission that is not granted.

    Attributes:
        why: What Elastic Beanstalk does with it.
        resource: The ARN to grant it for, and a condition in words; "" where it should not be granted.
    """

    why: str
    resource: str

    def remedy(self, action: str) -> str:
        """What to do, for whom."""
        if not self.resource:
            return (
                "do not grant it to CI, which could then open the bucket to anybody: let an administrator run `beanpod "
                "deploy` once, after which it is not needed again"
            )
        return (
            "an administrator adds it once, as extra_statements of add_deploy_user or add_github_deploy_role in "
            f"stacks/__init__.py, or of DockerService: {action} on {self.resource}"
        )


MISSING = {
    "s3:PutBucketPolicy": MissingPermission(
        "Elastic Beanstalk's policy of its bucket lacks the role of these instances", ""
    ),
    "s3:PutObjectVersionAcl": MissingPermission(
        "Elastic Beanstalk sets the ACL of what it keeps of a release", _OBJECTS
    ),
    "cloudformation:UpdateStack": MissingPermission(
        "the stack behind the environment is updated with the release", _STACK
    ),
    "cloudformation:CancelUpdateStack": MissingPermission(
        "a failed update of the environment's stack is cancelled", _STACK
    ),
    "cloudformation:TagResource": MissingPermission(
        "the stack of the new instances gets the environment's tags", _NEW_STACK
    ),
    "ec2:TerminateInstances": MissingPermission(
        "the instances of the previous release are terminated",
        "arn:aws:ec2:REGION:ACCOUNT:instance/*, if "
        "ec2:ResourceTag/aws:cloudformation:stack-id is like arn:aws:cloudformation:*:*:stack/awseb-e-*",
    ),
    "ec2:CreateLaunchTemplateVersion": MissingPermission(
        "the new instances' template gets a version", "arn:aws:ec2:REGION:ACCOUNT:launch-template/*"
    ),
    "autoscaling:PutScalingPolicy": MissingPermission(_OF_SCALING, _GROUP),
    "autoscaling:DeletePolicy": MissingPermission(_OF_SCALING, _GROUP),
    "autoscaling:PutNotificationConfiguration": MissingPermission(_OF_SCALING, _GROUP),
    "autoscaling:PutScheduledUpdateGroupAction": MissingPermission(_OF_SCALING, _GROUP),
    "cloudwatch:PutMetricAlarm": MissingPermission(_OF_SCALING, "arn:aws:cloudwatch:REGION:ACCOUNT:alarm:awseb-*"),
    "elasticloadbalancing:CreateRule": MissingPermission(
        _OF_SPLIT, "arn:aws:elasticloadbalancing:REGION:ACCOUNT:listener/app/awseb-*"
    ),
    "elasticloadbalancing:DeleteRule": MissingPermission(_OF_SPLIT, _RULE),
    "elasticloadbalancing:SetRulePriorities": MissingPermission(_OF_SPLIT, _RULE),
    "s3:GetObject": MissingPermission(
        "Elastic Beanstalk reads its own templates", "arn:aws:s3:::elasticbeanstalk-env-resources-REGION/*"
    ),
}
# What `beanpod logs`, `beanpod secrets`, and `beanpod diff` and `cdk deploy` need, which is not for CI.
_NOT_FOR_CI = ("logs:", "secretsmanager:", "cloudformation:CreateChangeSet")
# In an IAM message, and in Beanstalk's own.
_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:\w+)|permission to perform the '([a-z0-9-]+:\w+)' action")
# Of the caller or the resource, which a message names: arn:aws-cn: in China.
_PARTITION = re.compile(r"\barn:aws[a-z-]*:")


def missing_action(text: str) -> str | None:
    """The action that a message of AWS's names as not allowed; None if it names none."""
    found = _ACTION.search(text)
    return (found.group(1) or found.group(2)) if found else None


def remedy(action: str, text: str = "") -> str:
    """What to do about a missing permission: its entry here, other credentials, or to deploy the stack that grants it.

    Args:
        action: The permission, such as s3:GetObject.
        text: AWS's message, which may name the caller and the resource.
    """
    if action.startswith(_NOT_FOR_CI):
        return "the deploy user may not do this: use credentials of your own that may"
    known = MISSING.get(action)
    if known is None or (action == "s3:GetObject" and "elasticbeanstalk-env-resources-" not in text):
        return "run `beanpod cdk deploy --all`, or have an administrator grant it"
    partition = _PARTITION.search(text)
    what = known.remedy(action)
    return f"{known.why}: {what.replace('arn:aws:', partition[0]) if partition else what}"


def remedies(messages: Iterable[str]) -> tuple[str, ...]:
    """A line for each missing permission that the messages name."""
    missing = [(action, text) for text in messages if (action := missing_action(text))]
    return tuple(dict.fromkeys(f"{action}: {remedy(action, text)}" for action, text in missing))
