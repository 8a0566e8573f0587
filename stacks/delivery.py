"""Delivery: where releases are kept and who may roll them out."""

from typing import Any

from aws_cdk import CfnOutput
from aws_cdk import aws_iam as iam
from constructs import Construct

from beanpod import ArtifactBucket, DeployPermissions, DeployUser, GitHubDeployRole
from beanpod.manifest import GitHubConfig, StageConfig
from stacks._stage_stack import StageStack
from stacks.service import ServiceStack


class DeliveryStack(StageStack):
    """What CI deploys with: a bucket, and an identity that may roll out this environment.

    In an account with other environments that identity reaches those as well: docs/permissions.md says how far.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: StageConfig,
        service: ServiceStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        environment = service.docker_environment
        self.bucket = ArtifactBucket(self, "Artifacts")
        self.bucket.grant_instances(environment.instance_role)
        self.bucket.grant_version_lifecycle(environment.service_role)
        self.accept(
            self.bucket,
            {"S1": "Bundles are reproducible and hold no secret. CloudTrail can log who writes them, as data events."},
        )
        self.permissions = environment.deploy_permissions(
            self.bucket, stack_names=[self.given_name, service.given_name]
        )
        CfnOutput(self, "BucketName", value=self.bucket.bucket.bucket_name)
        if stage.delivery.user:
            self._add_user(self.permissions, stage.delivery.access_key_serial)
        if stage.delivery.github is not None:
            self._add_github_role(self.permissions, stage.delivery.github)

    def _add_user(self, permissions: DeployPermissions, serial: int) -> None:
        user = DeployUser(self, "DeployUser", permissions=permissions, access_key_serial=serial)
        self.accept(
            user, {"SMG4": "Rotated by raising access_key_serial: the copy in the repository's secrets must follow."}
        )
        CfnOutput(self, "DeployerSecretArn", value=user.secret.secret_arn)

    def _add_github_role(self, permissions: DeployPermissions, config: GitHubConfig) -> None:
        provider = (
            iam.OidcProviderNative.from_oidc_provider_arn(self, "GitHub", config.provider_arn)
            if config.provider_arn
            else None
        )
        role = GitHubDeployRole(
            self,
            "GitHubDeployRole",
            permissions=permissions,
            repository=config.repository,
            branch=config.branch,
            environment=config.environment,
            provider=provider,
        )
        CfnOutput(self, "DeployRoleArn", value=role.role.role_arn)
