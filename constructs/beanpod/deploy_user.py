"""The IAM user whose access key CI deploys with."""

from collections.abc import Sequence

import jsii
from aws_cdk import RemovalPolicy, SecretValue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from beanpod._arguments import checked
from beanpod._checks import plain, refuse
from beanpod._cross_stack import redeploy_on_change
from beanpod._nag import acknowledge, acknowledge_wildcards
from beanpod.deploy_policy import DeployPermissions, place_problems
from beanpod.rules.limits import setting_problems


@checked
@jsii.implements(iam.IGrantable)
class DeployUser(Construct):
    """A user without a password that may deploy, and one secret that holds its access key.

    The secret is JSON, `{"AWS_ACCESS_KEY": ..., "AWS_SECRET_KEY": ...}`: copy both values into the CI's
    secrets. Neither is in the template, which only refers to what CloudFormation creates. Where CI can
    use OpenID Connect, `GitHubDeployRole` does the same without a key that lasts.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html

    Attributes:
        user: The user.
        access_key: Its access key.
        secret: The secret that holds the key.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        permissions: DeployPermissions,
        access_key_serial: int = 0,
        active: bool = True,
        extra_statements: Sequence[iam.PolicyStatement] = (),
    ) -> None:
        """Create the user, its access key and the secret that holds it.

        Args:
            permissions: What the user may do. Updates in place.
            access_key_serial: Raise it to rotate: CloudFormation makes a new key, writes it into the secret, and
                deletes the old one. CI is locked out until its copies are renewed. Never lower it. Replaces: the access
                key.
            active: Whether the key works. `False` locks CI out at once and keeps the key. Updates in place.
            extra_statements: What AWS asks for beside `permissions`: docs/permissions.md lists what that may be.
                Together at most 6,144 characters, in a managed policy of their own. Default: none. Updates in place.

        Raises:
            ValueError: `access_key_serial` is negative, or the environment is in another region.
        """
        super().__init__(scope, construct_id)
        serial = {"access_key_serial": plain(access_key_serial)}
        refuse(self, [*setting_problems(serial), *place_problems(permissions, "a deployer", self)])
        self.user = iam.User(self, "Resource")
        # Not inline: all inline policies of a user share 2,048 characters.
        policies = {
            name: iam.ManagedPolicy(self, name, document=document, users=[self.user])
            for name, document in permissions.documents(extra_statements).items()
        }
        acknowledge_wildcards(self, {policies[name]: found for name, found in permissions.policies.items()})
        if permissions.replacement_key:
            for policy in policies.values():
                redeploy_on_change(policy, permissions.replacement_key)
        self.access_key = iam.AccessKey(
            self,
            "AccessKey",
            user=self.user,
            serial=access_key_serial,
            status=iam.AccessKeyStatus.ACTIVE if active else iam.AccessKeyStatus.INACTIVE,
        )
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            description="The deployer's access key: copy AWS_ACCESS_KEY and AWS_SECRET_KEY into the CI's secrets",
            secret_object_value={
                "AWS_ACCESS_KEY": SecretValue.resource_attribute(self.access_key.access_key_id),
                "AWS_SECRET_KEY": self.access_key.secret_access_key,
            },
            # A key is worth nothing once its user is gone.
            removal_policy=RemovalPolicy.DESTROY,
        )
        reason = "Rotated by a higher access_key_serial: the copy in the CI's secrets must change with it."
        acknowledge(self.secret, {"SMG4": reason})

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """Return the user, which permissions are granted to."""
        return self.user
