"""The environment: an app on Elastic Beanstalk's Docker platform."""

from collections.abc import Mapping, Sequence

import jsii
from aws_cdk import Duration, Fn, IResolvable
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticbeanstalk as beanstalk
from aws_cdk import aws_iam as iam
from constructs import Construct

from beanpod._checks import refuse
from beanpod._options import (
    SECRETS,
    VARIABLES,
    BatchSizeType,
    DeploymentPolicy,
    EnvironmentSettings,
    EnvironmentType,
    ManagedUpdates,
    OptionSetting,
    ScalingTrigger,
    option_rows,
    setting_problems,
    variable_problems,
)
from beanpod._subnets import PRIVATE, PUBLIC, select
from beanpod.application import Application
from beanpod.artifact_bucket import ArtifactBucket
from beanpod.database import IDatabase
from beanpod.deploy_policy import DeployPermissions
from beanpod.environment_secret import EnvironmentSecret
from beanpod.platform import DockerPlatform
from beanpod.roles import InstanceRole, ServiceRole

_TUESDAYS = ManagedUpdates()
_DEFAULT_SSL_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"


@jsii.implements(ec2.IConnectable, iam.IGrantable)
class DockerEnvironment(Construct):
    """A Beanstalk environment on the Docker platform, and its application unless one is given.

    Infrastructure owns every setting, delivery owns only the version: no version label is named here, so a new
    environment runs Beanstalk's sample application until the first release.

    :ivar resource: The `AWS::ElasticBeanstalk::Environment`.
    :ivar application_name: The application's name.
    :ivar environment_name: The environment's name.
    :ivar endpoint: The load balancer's DNS name, or the single instance's address.
    :ivar instance_role: The instances' role.
    :ivar service_role: The role with which Beanstalk watches and updates the environment.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        application: Application | None = None,
        max_versions: int = 50,
        environment_name: str | None = None,
        description: str | None = None,
        platform: DockerPlatform | None = None,
        environment_type: EnvironmentType = EnvironmentType.LOAD_BALANCED,
        instance_types: Sequence[str] = ("t3.small",),
        root_volume_size: int = 16,
        min_size: int = 1,
        max_size: int | None = None,
        scaling: ScalingTrigger | None = None,
        deployment_policy: DeploymentPolicy | None = None,
        batch_size_type: BatchSizeType = BatchSizeType.PERCENTAGE,
        batch_size: int = 25,
        traffic_split_percent: int = 10,
        evaluation_minutes: int = 5,
        health_check_path: str = "/",
        certificate: acm.ICertificate | None = None,
        ssl_policy: str = _DEFAULT_SSL_POLICY,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, EnvironmentSecret] | None = None,
        service_role: iam.IRole | None = None,
        instance_role: iam.IRole | None = None,
        instance_security_group: ec2.ISecurityGroup,
        load_balancer_security_group: ec2.ISecurityGroup | None = None,
        instance_subnets: ec2.SubnetSelection | None = None,
        load_balancer_subnets: ec2.SubnetSelection | None = None,
        log_retention_days: int = 30,
        managed_updates: ManagedUpdates | None = _TUESDAYS,
        options: Sequence[OptionSetting] = (),
    ) -> None:
        """
        :param vpc: Where it runs. `ServiceNetwork` makes one, `ec2.Vpc.from_lookup` and friends bring yours.
        :param application: Default: a new application.
        :param max_versions: How many versions a new application keeps, 1 to 1000.
        :param environment_name: 4 to 40 letters, digits and hyphens. Default: generated; a fixed name would block
            every change that replaces the environment.
        :param description: At most 200 characters. Default: none.
        :param platform: Default: the latest Docker on Amazon Linux 2023.
        :param environment_type: Fixed at creation: Beanstalk cannot take a load balancer away.
        :param instance_types: 1 to 40 EC2 types of one architecture, the preferred first.
        :param root_volume_size: In GiB, 8 to 16384. Images and their layers live there.
        :param min_size: Instances at least, 1 or more.
        :param max_size: Instances at most. Default: 1 for a single instance, else 4 or min_size if that is more.
        :param scaling: Default: CPU utilisation, in below 30 %, out above 70 %. Ignored for a single instance.
        :param deployment_policy: Default: `ROLLING_WITH_ADDITIONAL_BATCH` behind a load balancer, so that capacity
            never drops; `ALL_AT_ONCE` for a single instance.
        :param batch_size_type: Whether `batch_size` is a percentage or a number of instances.
        :param batch_size: How many instances the rolling policies update at a time; 1 to 100 percent.
        :param traffic_split_percent: Percent of requests that a new version gets first, with `TRAFFIC_SPLITTING`.
        :param evaluation_minutes: How long it gets only these, 3 to 600 minutes.
        :param health_check_path: What the load balancer asks each instance for; 200 means healthy.
        :param certificate: Adds an HTTPS listener. Beanstalk has no redirect from HTTP: the app must send it.
        :param ssl_policy: The listener's TLS policy. Default: TLS 1.2 and 1.3.
        :param environment: Plain variables, together at most 4,096 bytes of `key=value`. They can be read by
            everyone who may describe the environment: passwords belong in `secrets`.
        :param secrets: Variables whose values stay in Secrets Manager or the Parameter Store. Each adds the option
            and the instances' permission to read it.
        :param service_role: Default: a new `ServiceRole`.
        :param instance_role: Default: a new `InstanceRole`. A given role gets an instance profile.
        :param instance_security_group: The instances'. `ServiceSecurityGroups` makes it.
        :param load_balancer_security_group: The load balancer's; mandatory with one.
        :param instance_subnets: Default: private subnets with a way out, public ones where there are none.
        :param load_balancer_subnets: Default: the public subnets.
        :param log_retention_days: How long CloudWatch keeps the instances' logs and health, also after the
            environment is gone. One of Beanstalk's allowed numbers.
        :param managed_updates: Default: patch and minor versions, Tuesdays at 09:00 UTC. None: never.
        :param options: What has no property here. An option that is set already is refused.
        :raises ValueError: With every problem found, before anything is built.
        """
        super().__init__(scope, construct_id)
        balanced = environment_type == EnvironmentType.LOAD_BALANCED
        self._rows: dict[tuple[str, str, str], str] = {}
        self._environment = dict(environment or {})
        secrets = secrets or {}
        self.deployment_policy = deployment_policy or _default_policy(environment_type)

        self._connections = ec2.Connections(security_groups=[instance_security_group])
        service = service_role or ServiceRole(self, "ServiceRole").role
        instances = InstanceRole(self, "InstanceRole", role=instance_role)
        self.service_role: iam.IRole = service
        self.instance_role: iam.IRole = instances.role
        placement = _Placement(vpc, balanced, instance_subnets, load_balancer_subnets)
        settings = EnvironmentSettings(
            environment_type=environment_type,
            vpc_id=vpc.vpc_id,
            instance_subnets=placement.instances,
            load_balancer_subnets=placement.load_balancer,
            public_instances=placement.public_instances,
            instance_security_group=instance_security_group.security_group_id,
            load_balancer_security_group=(
                load_balancer_security_group.security_group_id if load_balancer_security_group else None
            ),
            instance_profile=instances.profile_name,
            service_role=service.role_arn,
            instance_types=tuple(instance_types),
            root_volume_size=root_volume_size,
            min_size=min_size,
            max_size=max_size if max_size is not None else (max(4, min_size) if balanced else 1),
            scaling=scaling or ScalingTrigger(),
            deployment_policy=self.deployment_policy,
            batch_size_type=batch_size_type,
            batch_size=batch_size,
            traffic_split_percent=traffic_split_percent,
            evaluation_minutes=evaluation_minutes,
            health_check_path=health_check_path,
            certificate=certificate.certificate_arn if certificate else None,
            ssl_policy=ssl_policy,
            log_retention_days=log_retention_days,
            managed_updates=managed_updates,
        )
        problems = [*setting_problems(settings), *variable_problems(self._environment, secrets)]
        if balanced and load_balancer_security_group is None:
            problems.append("load_balancer_security_group is missing: an environment with a load balancer needs it")
        refuse(self, problems)

        for namespace, name, value in option_rows(settings):
            self._set(namespace, name, value)
        for name, value in self._environment.items():
            self._set(VARIABLES, name, value)
        for name, secret in secrets.items():
            self._set(SECRETS, name, secret.reference)
            secret.grant_read(self.instance_role)
        for option in options:
            self._set(option.namespace, option.name, option.value, option.resource_name)

        self.application = application or Application(
            self, "Application", service_role=service, max_versions=max_versions
        )
        self.application_name: str = self.application.application_name
        self.resource = beanstalk.CfnEnvironment(
            self,
            "Resource",
            application_name=self.application_name,
            environment_name=environment_name,
            description=description,
            platform_arn=(platform or DockerPlatform.latest()).arn,
            option_settings=self._option_settings(),
        )
        # The instances need their permissions, not only their role, before they start: secrets are read at boot.
        self.resource.node.add_dependency(self.instance_role)
        self.environment_name: str = self.resource.ref
        self.endpoint: str = self.resource.attr_endpoint_url

    @property
    def connections(self) -> ec2.Connections:
        """The instances' connections."""
        return self._connections

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The instances' role: `bucket.grant_read(environment)` works as with any grantee."""
        return self.instance_role.grant_principal

    def add_environment(self, name: str, value: str) -> None:
        """Add a plain variable.

        :raises ValueError: The name is taken or no name for a variable, or 4,096 bytes would be exceeded.
        """
        self.add_variables({name: value})

    def add_variables(self, variables: Mapping[str, str]) -> None:
        """Add several plain variables at once.

        :raises ValueError: As `add_environment`.
        """
        refuse(self, variable_problems({**self._environment, **variables}, ()))
        for name, value in variables.items():
            self._set(VARIABLES, name, value)
            self._environment[name] = value
        self.resource.option_settings = self._option_settings()

    def add_secret(self, name: str, secret: EnvironmentSecret) -> None:
        """Add a variable whose value stays where it is kept, and let the instances read it.

        :raises ValueError: The name is taken or no name for a variable.
        """
        refuse(self, variable_problems({}, [name]))
        self._set(SECRETS, name, secret.reference)
        secret.grant_read(self.instance_role)
        self.resource.option_settings = self._option_settings()

    def add_option(self, namespace: str, name: str, value: str, resource_name: str | None = None) -> None:
        """Set any option of Beanstalk that has no property here.

        :raises ValueError: The option is set already.
        """
        self._set(namespace, name, value, resource_name)
        self.resource.option_settings = self._option_settings()

    def use_database(self, database: IDatabase) -> None:
        """Give the app the variables `RDS_HOSTNAME`, `RDS_PORT`, `RDS_DB_NAME`, `RDS_USERNAME` and `RDS_PASSWORD`.

        The password is a reference to the secret's field. The network path is
        `database.connections.allow_default_port_from(environment)`, unless `ServiceSecurityGroups` opened it.
        """
        self.add_variables(
            {
                "RDS_HOSTNAME": database.host,
                "RDS_PORT": database.port,
                "RDS_DB_NAME": database.name,
                "RDS_USERNAME": database.username,
            }
        )
        self.add_secret("RDS_PASSWORD", EnvironmentSecret.from_secrets_manager(database.secret, "password"))

    def deploy_permissions(self, artifacts: ArtifactBucket, *, stack_names: Sequence[str] = ()) -> DeployPermissions:
        """What a deployer needs to release to this environment from `artifacts`, for its deployment policy.

        :param stack_names: Stacks whose outputs the deployer may read. Default: none.
        """
        return DeployPermissions(
            application_name=self.application_name,
            environment_names=[self.environment_name],
            bucket=artifacts.bucket,
            instance_role=self.instance_role,
            deployment_policy=self.deployment_policy,
            stack_names=stack_names,
        )

    def metric(
        self, metric_name: str, *, statistic: str = "Maximum", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """A metric of this environment in `AWS/ElasticBeanstalk`.

        Only `EnvironmentHealth` is published without the `ConfigDocument` option:
        https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/health-enhanced-cloudwatch.html

        :param period: Default: 1 minute, as often as Beanstalk publishes.
        """
        return cloudwatch.Metric(
            namespace="AWS/ElasticBeanstalk",
            metric_name=metric_name,
            dimensions_map={"EnvironmentName": self.environment_name},
            statistic=statistic,
            period=period or Duration.minutes(1),
        )

    def metric_environment_health(self) -> cloudwatch.Metric:
        """0 Ok, 1 Info, 5 Unknown, 10 No data, 15 Warning, 20 Degraded, 25 Severe."""
        return self.metric("EnvironmentHealth")

    def _set(self, namespace: str, name: str, value: str, resource_name: str | None = None) -> None:
        other = {VARIABLES: SECRETS, SECRETS: VARIABLES}.get(namespace, "")
        key = (namespace, name, resource_name or "")
        if key in self._rows or (other, name, "") in self._rows:
            refuse(self, [f"option {namespace} {name} is set already: set it once"])
        self._rows[key] = value

    def _option_settings(self) -> list[IResolvable | beanstalk.CfnEnvironment.OptionSettingProperty]:
        return [
            beanstalk.CfnEnvironment.OptionSettingProperty(
                namespace=namespace, option_name=name, value=value, resource_name=resource or None
            )
            for (namespace, name, resource), value in sorted(self._rows.items())
        ]


class _Placement:
    """Which subnets the parts go to, as the comma-separated lists that Beanstalk takes."""

    def __init__(
        self,
        vpc: ec2.IVpc,
        balanced: bool,
        instance_subnets: ec2.SubnetSelection | None,
        load_balancer_subnets: ec2.SubnetSelection | None,
    ) -> None:
        private = balanced and instance_subnets is None and bool(vpc.private_subnets)
        selected = select(vpc, instance_subnets or (PRIVATE if private else PUBLIC))
        self.instances = Fn.join(",", selected.subnet_ids)
        self.public_instances = selected.has_public
        self.load_balancer: str | None = None
        if balanced:
            self.load_balancer = Fn.join(",", select(vpc, load_balancer_subnets or PUBLIC).subnet_ids)


def _default_policy(environment_type: EnvironmentType) -> DeploymentPolicy:
    if environment_type == EnvironmentType.SINGLE_INSTANCE:
        return DeploymentPolicy.ALL_AT_ONCE
    return DeploymentPolicy.ROLLING_WITH_ADDITIONAL_BATCH
