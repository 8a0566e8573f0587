"""What an environment is to those who use it, made here or elsewhere."""

from collections.abc import Sequence
from functools import cached_property
from typing import NoReturn

import jsii
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_route53 as route53

from beanpod._arguments import checked
from beanpod._checks import reject
from beanpod._metrics import EnvironmentMetrics
from beanpod._record_target import named_target
from beanpod._settings import DeploymentPolicy
from beanpod.artifact_bucket import ArtifactBucket
from beanpod.deploy_policy import DeployPermissions


@checked
@jsii.implements(ec2.IConnectable, iam.IGrantable)
class IDockerEnvironment(EnvironmentMetrics):
    """A `DockerEnvironment`, or one from `DockerEnvironment.from_environment_attributes`.

    Attributes:
        application_name: The application's name.
        environment_name: The environment's name.
        endpoint: The load balancer's DNS name, or the single instance's address.
        instance_role: The instances' role.
        deployment_policy: How a release is rolled out; None if unknown.
    """

    application_name: str
    environment_name: str
    endpoint: str
    instance_role: iam.IRole
    deployment_policy: DeploymentPolicy | None
    _security_groups: Sequence[ec2.ISecurityGroup]
    _permissions_made = False
    _replacement_key: str = ""

    @property
    def record_target(self) -> route53.RecordTarget:
        """Where a DNS record points, by what the name of the endpoint says.

        Raises:
            ValueError: When the endpoint is a token, or neither an address nor a name that AWS gives.
        """
        return named_target(self, self.endpoint)

    @property
    def connections(self) -> ec2.Connections:
        """The instances' connections."""
        return self._connections

    @cached_property
    def _connections(self) -> ec2.Connections:
        return ec2.Connections(security_groups=self._security_groups)

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The instances' role: `bucket.grant_read(environment)` works as with any grantee."""
        return self.instance_role.grant_principal

    def deploy_permissions(self, artifacts: ArtifactBucket, *, stack_names: Sequence[str] = ()) -> DeployPermissions:
        """Return the permissions to release to this environment from `artifacts`.

        Args:
            stack_names: Stacks whose outputs the deployer may read. Default: none.

        Raises:
            ValueError: An environment made elsewhere whose `deployment_policy` was not given.
        """
        if self.deployment_policy is None:
            reject(self, "deployment_policy must be given for deploy_permissions, got none: import it with one")
        self._permissions_made = True
        return DeployPermissions(
            application_name=self.application_name,
            environment_names=[self.environment_name],
            bucket=artifacts.bucket,
            instance_role=self.instance_role,
            deployment_policy=self.deployment_policy,
            stack_names=stack_names,
            replacement_key=self._replacement_key,
        )


class ExistingEnvironment(IDockerEnvironment):
    """An imported environment: it can be used, monitored and deployed to, but not changed."""

    def _refuse_change(self, *_: object, **__: object) -> NoReturn:
        reject(self, "an environment made elsewhere cannot be changed from here: change it where it is made")

    add_environment = add_variables = add_secret = add_option = override_option = use_database = _refuse_change
