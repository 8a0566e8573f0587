"""What is deployed where, and how one permission is written down: plain values, no construct."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from beanpod._settings import DeploymentPolicy

Conditions = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class DeployStatement:
    """One statement of a deployer's policy. `why` never reaches AWS: the documentation is made from it."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    why: str
    conditions: Conditions = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The statement as IAM reads it."""
        statement: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources),
        }
        return {**statement, "Condition": self.conditions} if self.conditions else statement


@dataclass(frozen=True, kw_only=True)
class DeployScope:
    """Where a deployer may act: strings that may hold tokens."""

    partition: str
    region: str
    account: str
    application_name: str
    environment_names: tuple[str, ...]
    bucket_arn: str
    instance_role_arn: str | tuple[str, ...]
    deployment_policy: DeploymentPolicy
    stack_names: tuple[str, ...] = ()

    def arn(self, service: str, resource: str) -> str:
        """An ARN in this partition, region and account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    @property
    def application(self) -> str:
        """The application's ARN."""
        return self.arn("elasticbeanstalk", f"application/{self.application_name}")

    @property
    def versions(self) -> str:
        """Every version of the application."""
        return self.arn("elasticbeanstalk", f"applicationversion/{self.application_name}/*")

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments' ARNs."""
        prefix = f"environment/{self.application_name}"
        return tuple(self.arn("elasticbeanstalk", f"{prefix}/{name}") for name in self.environment_names)

    @property
    def beanstalk_bucket(self) -> str:
        """The bucket that Beanstalk makes for itself, one in each region of an account."""
        return f"arn:{self.partition}:s3:::elasticbeanstalk-{self.region}-{self.account}"

    @property
    def environment_stacks(self) -> str:
        """The stacks behind environments: named by the environment's id, which no template knows."""
        return self.arn("cloudformation", "stack/awseb-e-*")

    @property
    def groups(self) -> str:
        """The Auto Scaling groups of environments, as Beanstalk names them."""
        return self.arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/awseb-e-*")

    @property
    def of_these_environments(self) -> Conditions:
        """Holds for what Beanstalk tagged with the name of one of the environments."""
        tag = "aws:ResourceTag/elasticbeanstalk:environment-name"
        return {"StringEquals": {tag: list(self.environment_names)}}
