"""The stacks of a stage, by lifetime: Network <- Database <- Service <- Delivery.

They compose, connect and output. What a key of `beanpod.toml` means is in `beanpod.stages`, so a newer Beanpod needs no
change here. Add resources of your own to these stacks, or stacks of your own to `add_stage`.
"""

from typing import Any

from aws_cdk import Annotations, App, CfnOutput, Environment, Stack
from constructs import Construct

from beanpod import ArtifactBucket, Database, DockerEnvironment, ServiceNetwork, stages
from beanpod.manifest import Manifest, StageConfig


class NetworkStack(Stack):
    """The VPC, and the security groups with every rule between them."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: StageConfig, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self.network = stages.add_network(self, "Network", stage)


class DatabaseStack(Stack):
    """The database and its secret, protected like the database; empty where the stage has no database."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: StageConfig, network: ServiceNetwork, **kwargs: Any
    ) -> None:
        protected = stage.database is not None and stage.database.deletion_protection
        # The CDK's own metadata would be a resource, and with it a stack, where there is no database.
        reporting = None if stage.database else False
        super().__init__(scope, construct_id, termination_protection=protected, analytics_reporting=reporting, **kwargs)
        self.database = stages.add_database(self, "Database", stage, network=network)


class ServiceStack(Stack):
    """The environment with its application, roles and alarm. It holds no data but generated secrets."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: StageConfig,
        network: ServiceNetwork,
        database: Database | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        environment = stages.add_environment(self, "Environment", stage, network=network, database=database)
        self.docker_environment = environment
        CfnOutput(self, "ApplicationName", value=environment.application_name)
        CfnOutput(self, "EnvironmentName", value=environment.environment_name)
        CfnOutput(self, "Region", value=self.region)
        CfnOutput(self, "Url", value=environment.url)


class DeliveryStack(Stack):
    """The bucket for releases, and the user or role that may roll them out on the environment.

    A deployer also reaches other environments of the same account: docs/permissions.md says how far.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: StageConfig,
        environment: DockerEnvironment,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        artifacts = ArtifactBucket(self, "Artifacts")
        artifacts.grant_read_bundles(environment.instance_role)
        artifacts.grant_delete_bundles(environment.service_role)
        stack_names = [self.stack_name, environment.stack.stack_name]
        self.permissions = environment.deploy_permissions(artifacts, stack_names=stack_names)
        CfnOutput(self, "BucketName", value=artifacts.bucket.bucket_name)
        if user := stages.add_deploy_user(self, stage, self.permissions):
            CfnOutput(self, "DeployerSecretArn", value=user.secret.secret_arn)
        if role := stages.add_github_deploy_role(self, stage, self.permissions):
            CfnOutput(self, "DeployRoleArn", value=role.role.role_arn)


def add_stage(app: App, manifest: Manifest, name: str | None = None) -> tuple[Stack, ...]:
    """Add the stacks of one stage to the app, each named `SERVICE-STAGE-PART`.

    Args:
        app: The CDK app.
        manifest: The manifest that describes the stage.
        name: The stage's name. Default: the first stage of the manifest.

    Returns:
        The stacks that are not empty, in deployment order.

    Raises:
        ManifestError: There is no such stage.
    """
    stage = manifest.stage(name)
    prefix = f"{stage.service.name}-{stage.name}"
    common: dict[str, Any] = {
        "stage": stage,
        "env": Environment(account=stage.account, region=stage.region),
        "tags": {"beanpod:service": stage.service.name, "beanpod:stage": stage.name},
    }
    network = NetworkStack(app, f"{prefix}-network", **common)
    database = DatabaseStack(app, f"{prefix}-database", network=network.network, **common)
    service = ServiceStack(app, f"{prefix}-service", network=network.network, database=database.database, **common)
    delivery = DeliveryStack(app, f"{prefix}-delivery", environment=service.docker_environment, **common)
    if warning := manifest.sharing(stage.name):
        # Printed by `cdk synth` until it is acknowledged: docs/permissions.md says how.
        Annotations.of(delivery).add_warning_v2("beanpod:SharedAccount", warning)
    if database.database is None:
        # Deleted last, when no deployed stack uses the database any more.
        database.add_stack_dependency(delivery)
        return network, service, delivery
    return network, database, service, delivery
