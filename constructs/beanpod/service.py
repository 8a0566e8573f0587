"""The pattern that composes all constructs: a Dockerised web app with everything it needs, in one statement."""

import re
from collections.abc import Mapping, Sequence
from typing import TypedDict, Unpack
from weakref import WeakKeyDictionary

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from constructs import Construct

from beanpod._arguments import checked
from beanpod._checks import refuse
from beanpod._settings import RENAMED_ARGUMENTS, EnvironmentType, LoadBalancerScheme
from beanpod.artifact_bucket import ArtifactBucket
from beanpod.database import RETAINED, Database
from beanpod.database_engine import DatabaseEngine
from beanpod.database_interface import IDatabase
from beanpod.deploy_user import DeployUser
from beanpod.environment import DockerEnvironment
from beanpod.environment_properties import EnvironmentProperties, with_defaults
from beanpod.github_deploy_role import GitHubDeployRole, OidcProvider
from beanpod.network import ServiceNetwork

_LOGS = ("aws:elasticbeanstalk:cloudwatch:logs", "aws:elasticbeanstalk:cloudwatch:logs:health")
# The path of the service in a stack whose outputs have no prefix.
_FIRST: WeakKeyDictionary[Stack, str] = WeakKeyDictionary()

# Parameters of the parts that `DockerService` gives, and its own arguments that they follow from.
_NETWORK_ARGUMENTS = {
    "vpc": "vpc",
    "nat_gateways": "nat_gateways",
    "load_balanced": "environment_type",
    "database_port": "database_engine",
}
_DATABASE_ARGUMENTS = {
    "vpc": "vpc",
    "engine": "database_engine",
    "security_group": "database",
    "deletion_protection": "deletion_protection",
    "removal_policy": "removal_policy",
}


class NetworkSettings(TypedDict, total=False):
    """Parameters of `ServiceNetwork` that `DockerService` does not have itself."""

    ip_addresses: ec2.IIpAddresses | None
    max_azs: int
    flow_logs: bool
    flow_log_retention: logs.RetentionDays
    load_balancer_scheme: LoadBalancerScheme
    instance_port: int
    allow_from: Sequence[ec2.IPeer] | None


class DatabaseSettings(TypedDict, total=False):
    """Parameters of `Database` that `DockerService` does not have itself."""

    instance_type: ec2.InstanceType | None
    allocated_storage: Size | None
    max_allocated_storage: Size | None
    multi_az: bool
    database_name: str
    username: str | None
    port: int | None
    vpc_subnets: ec2.SubnetSelection | None
    encryption_key: kms.IKey | None
    backup_retention: Duration | None
    preferred_backup_window: str | None
    preferred_maintenance_window: str | None
    iam_authentication: bool
    performance_insights: bool | None
    ca_certificate: rds.CaCertificate | None
    auto_minor_version_upgrade: bool
    allow_major_version_upgrade: bool
    parameters: Mapping[str, str] | None


@checked
class DockerService(Construct):
    """A web app in Docker on Elastic Beanstalk: network, environment, optional database, and CI's identity.

    `DockerService(stack, "Shop")` is complete: `delivery.stack = "..."` under a stage of a manifest, with the name of
    its stack, is all that `beanpod deploy` needs to release to it. The stack's outputs are
    `ApplicationName`, `EnvironmentName`, `Region`, `Url`, `BucketName`, `DeployerSecretArn` or `DeployRoleArn`, and
    `DnsRecord` for a domain whose DNS is elsewhere; a second service of one stack puts its id before them.

    It has the properties of `DockerEnvironment`, too. Those of its other parts are given as settings:
    `database_settings={"multi_az": True}`. The parts are attributes: `service.environment.add_secret(...)`.

    Attributes:
        network: `ServiceNetwork`, with `vpc` and the security groups.
        database: `Database`, what was given, or None.
        environment: `DockerEnvironment`.
        artifacts: `ArtifactBucket` for the releases' bundles.
        deploy_user: `DeployUser`, or None where a GitHub repository deploys by role.
        deploy_role: `GitHubDeployRole`, or None.
    """

    _renamed_arguments = RENAMED_ARGUMENTS | {"environment_settings": "each of them as an argument: min_size=2"}

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc | None = None,
        nat_gateways: int | None = None,
        database_engine: DatabaseEngine | None = None,
        database: IDatabase | None = None,
        github_repository: str | None = None,
        github_branch: str = "main",
        extra_statements: Sequence[iam.PolicyStatement] = (),
        github_provider: OidcProvider | None = None,
        deletion_protection: bool = True,
        removal_policy: RemovalPolicy | None = None,
        network_settings: NetworkSettings | None = None,
        database_settings: DatabaseSettings | None = None,
        **environment_properties: Unpack[EnvironmentProperties],
    ) -> None:
        """Create all parts of the service and their outputs.

        Args:
            vpc: Default: a new one over two zones. Fixed at creation: Beanstalk moves no environment to another VPC.
            nat_gateways: Of a new VPC. Default: 1 behind a load balancer, whose instances are then private; 0 for a
                single instance, which is public. Each costs by the hour. Updates in place.
            database_engine: Makes a database of this engine. Default: none. Replaces: the database.
            database: Brings an existing one instead, opened to the instances and known to the app. One of this app
                needs its `vpc` as well. Default: none. Replaces: the database.
            github_repository: `owner/name`: its workflows on `github_branch` deploy by OpenID Connect and no access key
                is made. Default: a `DeployUser` with an access key. Replaces: the user.
            github_branch: The branch whose workflows deploy. Updates in place.
            extra_statements: What the deployer may do besides; as of `DeployUser`. Default: none. Updates in place.
            github_provider: GitHub's provider, which an account can have only once. Default: that of another service of
                this app, else a new one. One that exists already is brought by
                `iam.OidcProviderNative.from_oidc_provider_arn`. Updates in place.
            deletion_protection: RDS refuses to delete a new database until this is off: deploy that, then destroy.
                Updates in place.
            removal_policy: What remains when the service is deleted. Default: a snapshot of a new database, the bucket
                with the bundles, and the logs until they expire. With `DESTROY` nothing remains; the bucket must be
                empty then. `RETAIN` only without `database_engine`. Updates in place.
            network_settings: More of `ServiceNetwork`'s parameters, such as `max_azs` or `flow_logs`. Default: none.
                Replaces: what each replaces in `ServiceNetwork`.
            database_settings: More of `Database`'s, such as `multi_az` or `allocated_storage`. Default: none. Replaces:
                what each replaces in `Database`.
            environment_properties: As of `EnvironmentProperties`, for `DockerEnvironment`.

        Raises:
            ValueError: With every problem found.
        """
        super().__init__(scope, construct_id)
        problems = []
        if database_engine is not None and database is not None:
            problems.append("database_engine and database exclude each other: give one")
        groups = database.connections.security_groups if database and vpc is None else ()
        # One that is imported may be of the VPC that this service has made before.
        if any(isinstance(group, ec2.SecurityGroup) for group in groups):
            problems.append("vpc must be given beside a database of this app, got none: give the VPC that it is in")
        if database_settings and database_engine is None:
            problems.append("database_settings belong to a new database: give database_engine, or leave them out")
        if database_engine is not None and removal_policy in RETAINED:
            problems.append(
                f"removal_policy must not be {removal_policy.name} with database_engine: EC2 deletes no network that a "
                "database is in, give SNAPSHOT, or a Database of another stack"
            )
        for name, settings, own in (
            ("network_settings", network_settings, _NETWORK_ARGUMENTS),
            ("database_settings", database_settings, _DATABASE_ARGUMENTS),
        ):
            surplus = [key for key in settings or () if key in own]
            problems += [f"{name} must not have {key}: write {own[key]}=... beside it" for key in surplus]
        refuse(self, problems)
        given = with_defaults(environment_properties)
        balanced = given["environment_type"] == EnvironmentType.LOAD_BALANCED
        networking: NetworkSettings = {
            "instance_port": given["instance_port"],
            "load_balancer_scheme": given["load_balancer_scheme"],
            **(network_settings or {}),
        }
        port = (database_settings or {}).get("port") or (database_engine.port if database_engine else None)
        self.network = ServiceNetwork(
            self,
            "Network",
            vpc=vpc,
            nat_gateways=(int(balanced and vpc is None) if nat_gateways is None else nat_gateways),
            load_balanced=balanced,
            database_port=port,
            **networking,
        )
        self.database: IDatabase | None = database
        if database_engine is not None:
            storing: DatabaseSettings = {"vpc_subnets": self.network.database_subnets, **(database_settings or {})}
            self.database = Database(
                self,
                "Database",
                vpc=self.network.vpc,
                engine=database_engine,
                security_group=self.network.database_security_group,
                deletion_protection=deletion_protection,
                removal_policy=removal_policy or RemovalPolicy.SNAPSHOT,
                **storing,
            )
        properties: EnvironmentProperties = {
            "instance_subnets": self.network.instance_subnets,
            "load_balancer_subnets": self.network.load_balancer_subnets,
            **environment_properties,
        }
        self.environment = DockerEnvironment(
            self,
            "Environment",
            vpc=self.network.vpc,
            database=self.database,
            instance_security_group=self.network.instance_security_group,
            load_balancer_security_group=self.network.load_balancer_security_group,
            **properties,
        )
        if removal_policy == RemovalPolicy.DESTROY:
            for namespace in _LOGS:
                self.environment.override_option(namespace, "DeleteOnTerminate", "true")
        if database is not None:
            # The rules belong to this stack, also where the database's group belongs to an earlier one.
            self.environment.connections.allow_to_default_port(database, "Queries from instances")
        stays = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        bucket_policy = stays if removal_policy in (None, RemovalPolicy.SNAPSHOT) else removal_policy
        self.artifacts = ArtifactBucket(self, "Artifacts", removal_policy=bucket_policy)
        self.deploy_user: DeployUser | None = None
        self.deploy_role: GitHubDeployRole | None = None
        self._let_deploy(github_repository, github_branch, github_provider, extra_statements)
        self._add_outputs()

    def _let_deploy(
        self,
        repository: str | None,
        branch: str,
        provider: OidcProvider | None,
        extra_statements: Sequence[iam.PolicyStatement],
    ) -> None:
        self.artifacts.grant_read_bundles(self.environment.instance_role)
        self.artifacts.grant_delete_bundles(self.environment.service_role)
        permissions = self.environment.deploy_permissions(self.artifacts, stack_names=[Stack.of(self).stack_name])
        if repository is None:
            self.deploy_user = DeployUser(
                self, "DeployUser", permissions=permissions, extra_statements=extra_statements
            )
        else:
            self.deploy_role = GitHubDeployRole(
                self,
                "DeployRole",
                permissions=permissions,
                repository=repository,
                branch=branch,
                provider=provider,
                extra_statements=extra_statements,
            )

    def _add_outputs(self) -> None:
        """Add the outputs that `beanpod deploy` reads."""
        stack = Stack.of(self)
        outputs = {
            "ApplicationName": self.environment.application_name,
            "EnvironmentName": self.environment.environment_name,
            "Region": stack.region,
            "Url": self.environment.url,
            "BucketName": self.artifacts.bucket.bucket_name,
        }
        if self.environment.dns_records:
            outputs["DnsRecord"] = ", ".join(self.environment.dns_records)
        if self.deploy_user:
            outputs["DeployerSecretArn"] = self.deploy_user.secret.secret_arn
        if self.deploy_role:
            outputs["DeployRoleArn"] = self.deploy_role.role.role_arn
        first = _FIRST.setdefault(stack, self.node.path) == self.node.path
        within = self.node.path.removeprefix(stack.node.path)
        prefix = "" if first else re.sub("[^A-Za-z0-9]", "", within)
        for name, value in outputs.items():
            CfnOutput(self, name, value=value).override_logical_id(f"{prefix}{name}")
