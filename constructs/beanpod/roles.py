"""The two roles of an environment: what Beanstalk may do on your behalf, and what the instances may do."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import jsii
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, IValidation

from beanpod._arguments import checked
from beanpod._checks import refuse
from beanpod._nag import acknowledge


@checked
@jsii.implements(iam.IGrantable)
class ServiceRole(Construct):
    """The role that Beanstalk assumes to watch an environment and to apply managed platform updates.

    It trusts `elasticbeanstalk.amazonaws.com` only with the external id that AWS documents; no condition on
    the source account or ARN is documented for this service, so none is set. It carries AWS's two managed
    policies:

    - `AWSElasticBeanstalkEnhancedHealth`: reads the health of instances, load balancer and group.
    - `AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy`: replaces instances in a maintenance window, and
      deletes old versions. Its `s3:DeleteObject` reaches only Beanstalk's own bucket: bundles elsewhere need
      `ArtifactBucket.grant_delete_bundles`.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/concepts-roles-service.html

    Attributes:
        role: The role.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        policies = (
            "service-role/AWSElasticBeanstalkEnhancedHealth",
            "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
        )
        self.role = iam.Role(
            self,
            "Resource",
            assumed_by=iam.ServicePrincipal(
                "elasticbeanstalk.amazonaws.com", conditions={"StringEquals": {"sts:ExternalId": "elasticbeanstalk"}}
            ),
            description="Beanstalk watches the environment and applies platform updates with this role",
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(name) for name in policies],
        )
        _acknowledge_managed_policies(self.role, policies)

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """Return the role, which permissions are granted to."""
        return self.role


@checked
@jsii.implements(iam.IGrantable)
class InstanceRole(Construct):
    """The role of an environment's instances, and their instance profile.

    A new role carries `AWSElasticBeanstalkWebTier`, the policy that AWS documents and maintains for web
    environments: logs to Beanstalk's bucket and to `/aws/elasticbeanstalk` log groups, health statistics,
    X-Ray. Everything else comes from grants (`bucket.grant_read(instance_role)`).

    Since April 2026 that policy also lets instances subscribe to products in AWS Marketplace, for Beanstalk's
    analysis by Bedrock. Every container inherits what its instance may do, so a new role denies those
    purchases. The rest of it is not the least either: it may call Bedrock, and read and write every bucket
    whose name begins with `elasticbeanstalk-`, where all environments of an account keep what they run.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/iam-instanceprofile.html

    Attributes:
        role: The role.
        instance_profile: The instance profile.
        profile_name: Its name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role: iam.IRole | None = None,
        instance_profile: iam.IInstanceProfile | None = None,
        session_manager: bool = False,
    ) -> None:
        """Create the role and the instance profile, or take the given ones.

        Args:
            role: A role that `ec2.amazonaws.com` may assume; it stays as it is, only the profile is made. Default: a
                new role. Updates in place.
            instance_profile: An existing one; nothing is made then. Its role is `role` where it is imported without
                one. Default: a new one. Updates in place.
            session_manager: Whether a shell can be opened through Systems Manager (`AmazonSSMManagedInstanceCore`).
                Default: no. Updates in place.

        Raises:
            ValueError: `session_manager` with a role of yours; a profile without a role, or with another one.
        """
        super().__init__(scope, construct_id)
        refuse(self, _problems(role, instance_profile, session_manager))
        if role is None and instance_profile is not None:
            role = instance_profile.role
        if role is not None:
            check_trust(self, "role", role, "ec2.amazonaws.com")
        self.role: iam.IRole = role or self._new_role(session_manager)
        self.instance_profile: iam.IInstanceProfile = instance_profile or iam.InstanceProfile(
            self, "InstanceProfile", role=self.role
        )
        self.profile_name: str = self.instance_profile.instance_profile_name

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """Return the role, which permissions are granted to."""
        return self.role

    def _new_role(self, session_manager: bool) -> iam.Role:
        policies = ["AWSElasticBeanstalkWebTier", *(["AmazonSSMManagedInstanceCore"] if session_manager else [])]
        no_purchases = iam.PolicyStatement(
            sid="NoPurchases",
            effect=iam.Effect.DENY,
            actions=["aws-marketplace:Subscribe", "aws-marketplace:Unsubscribe"],
            resources=["*"],
        )
        role = iam.Role(
            self,
            "Resource",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            description="What the environment's instances, and so its containers, may do",
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(name) for name in policies],
            inline_policies={"NoPurchases": iam.PolicyDocument(statements=[no_purchases])},
        )
        _acknowledge_managed_policies(role, policies)
        return role


def check_trust(owner: Construct, name: str, role: iam.IRole, service: str) -> None:
    """Have the CDK check at synth that a service may assume a role of the app.

    Args:
        owner: The construct that the role is given to.
        name: Of its argument.
        role: The role.
        service: Such as `ec2.amazonaws.com`.
    """
    if isinstance(role, iam.Role):
        owner.node.add_validation(_Trust(name, role, service))


@jsii.implements(IValidation)
class _Trust:
    """Checks that the trust policy of a role names the service that assumes it, such as `ec2.amazonaws.com`.

    Asked at synth, since statements may be added to the policy until then.
    """

    def __init__(self, name: str, role: iam.Role, service: str) -> None:
        self._name, self._role, self._service = name, role, service

    def validate(self) -> list[str]:
        """Return the problem, unless one of the trusted principals is the service, or not known."""
        policy = self._role.assume_role_policy
        document: dict[str, Any] = Stack.of(self._role).resolve(policy.to_json()) if policy else {}
        principals = [statement.get("Principal", "*") for statement in document.get("Statement", ())]
        trusted = json.dumps(principals)
        if not principals or any(words in trusted for words in (self._service, '"*"', '"Ref"', '"Fn::')):
            return []
        services = [it["Service"] for it in principals if isinstance(it, dict) and "Service" in it]
        found = ", ".join(map(json.dumps, services)) or "no service"
        problem = f"{self._name} must be assumed by {self._service}, and {self._role.node.path} trusts {found}"
        return [f'{problem}: give it assumed_by=iam.ServicePrincipal("{self._service}")']


def _acknowledge_managed_policies(role: iam.Role, names: Sequence[str]) -> None:
    reason = "AWS documents and maintains this policy for this role; docs/permissions.md says how far it reaches."
    acknowledge(role, {f"IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{name}]": reason for name in names})


def _problems(role: iam.IRole | None, profile: iam.IInstanceProfile | None, session_manager: bool) -> Iterator[str]:
    if profile is not None:
        own = profile.role
        if own is None and role is None:
            yield (
                "instance_profile must come with its role, got one imported without: give it as role (of "
                "DockerEnvironment: instance_role), for permissions go to it"
            )
        if own is not None and role is not None and own.role_arn != role.role_arn:
            yield "role must be the instance_profile's, got another one: leave it out"
    if (role is not None or profile is not None) and session_manager:
        yield (
            "session_manager must be left out with a role of yours, got True: "
            "attach AmazonSSMManagedInstanceCore to that role"
        )
