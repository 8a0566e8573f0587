"""The pattern that composes all constructs: a Dockerised web app with everything it needs, in one statement."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from beanpod._arguments import checked
from beanpod._checks import refuse
from beanpod._settings import DeploymentPolicy, EnvironmentType
from beanpod.artifact_bucket import ArtifactBucket
from beanpod.database import Database
from beanpod.database_engine import DatabaseEngine
from beanpod.database_interface import IDatabase
from beanpod.deploy_user import DeployUser
from beanpod.environment import DockerEnvironment
from beanpod.environment_secret import EnvironmentSecret
from beanpod.github_deploy_role import GitHubDeployRole
from beanpod.network import ServiceNetwork


@checked
class DockerService(Construct):
    """A web app in Docker on Elastic Beanstalk: network, environment, optional database, and CI's identity.

    `DockerService(stack, "Shop")` is complete. Its parts are attributes; whoever needs more of one composes the
    constructs themselves, as this class does.

    :ivar network: `ServiceNetwork`, with `vpc` and the security groups.
    :ivar database: `Database`, what was given, or None.
    :ivar environment: `DockerEnvironment`.
    :ivar artifacts: `ArtifactBucket` for the releases' bundles.
    :ivar deploy_user: `DeployUser`, or None where a GitHub repository deploys by role.
    :ivar deploy_role: `GitHubDeployRole`, or None.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc | None = None,
        nat_gateways: int | None = None,
        database_engine: DatabaseEngine | None = None,
        database: IDatabase | None = None,
        environment_type: EnvironmentType = EnvironmentType.LOAD_BALANCED,
        instance_types: Sequence[str] = ("t3.small",),
        min_size: int = 1,
        max_size: int | None = None,
        deployment_policy: DeploymentPolicy | None = None,
        health_check_path: str = "/",
        certificate: acm.ICertificate | None = None,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, EnvironmentSecret] | None = None,
        github_repository: str | None = None,
        github_branch: str = "main",
        extra_statements: Sequence[iam.PolicyStatement] = (),
    ) -> None:
        """
        :param vpc: Default: a new one over two zones.
        :param nat_gateways: Of a new VPC. Default: 1 behind a load balancer, whose instances are then private; 0 for
            a single instance, which is public. Each costs by the hour.
        :param database_engine: Makes a database of this engine. Default: none.
        :param database: Brings an existing one instead, opened to the instances and known to the app.
        :param environment_type: As of `DockerEnvironment`, as are the parameters up to `secrets`.
        :param github_repository: `owner/name`: its workflows on `github_branch` deploy by OpenID Connect and no
            access key is made. Default: a `DeployUser` with an access key.
        :param extra_statements: What the deployer may do besides; as of `DeployUser`.
        :raises ValueError: With every problem found.
        """
        super().__init__(scope, construct_id)
        if database_engine is not None and database is not None:
            refuse(self, ["database_engine and database exclude each other: give one"])
        balanced = environment_type == EnvironmentType.LOAD_BALANCED
        self.network = ServiceNetwork(
            self,
            "Network",
            vpc=vpc,
            nat_gateways=(int(balanced and vpc is None) if nat_gateways is None else nat_gateways),
            load_balanced=balanced,
            database_port=database_engine.port if database_engine else None,
        )
        self.database: IDatabase | None = database
        if database_engine is not None:
            self.database = Database(
                self,
                "Database",
                vpc=self.network.vpc,
                engine=database_engine,
                vpc_subnets=self.network.database_subnets,
                security_group=self.network.database_security_group,
            )
        self.environment = DockerEnvironment(
            self,
            "Environment",
            vpc=self.network.vpc,
            environment_type=environment_type,
            instance_types=instance_types,
            min_size=min_size,
            max_size=max_size,
            deployment_policy=deployment_policy,
            health_check_path=health_check_path,
            certificate=certificate,
            environment=environment,
            secrets=secrets,
            database=self.database,
            instance_security_group=self.network.instance_security_group,
            load_balancer_security_group=self.network.load_balancer_security_group,
            instance_subnets=self.network.instance_subnets,
            load_balancer_subnets=self.network.load_balancer_subnets,
        )
        if database is not None:
            # From this side the rules stand here, also where the database's group belongs to an earlier stack.
            self.environment.connections.allow_to_default_port(database, "Queries from instances")
        self.artifacts = ArtifactBucket(self, "Artifacts")
        self.deploy_user: DeployUser | None = None
        self.deploy_role: GitHubDeployRole | None = None
        self._let_deploy(github_repository, github_branch, extra_statements)

    def _let_deploy(self, repository: str | None, branch: str, extra_statements: Sequence[iam.PolicyStatement]) -> None:
        self.artifacts.grant_instances(self.environment.instance_role)
        self.artifacts.grant_version_lifecycle(self.environment.service_role)
        permissions = self.environment.deploy_permissions(self.artifacts)
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
                extra_statements=extra_statements,
            )
