"""The environment: an app on Elastic Beanstalk's Docker platform."""

from collections.abc import Iterator, Mapping, Sequence

from aws_cdk import Acknowledgment, Fn, Validations
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticbeanstalk as beanstalk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_route53 as route53
from constructs import Construct

from beanpod._arguments import checked
from beanpod._checks import refuse, reject
from beanpod._connectivity import BeanstalkReachable, DatabaseReachable, ingress_port, needs_rule_check
from beanpod._cross_stack import allow_replacement, export_network, in_different_stacks, redeploy_on_change
from beanpod._environment_options import EnvironmentOptions
from beanpod._option_checks import name_problems, setting_problems, variable_problems
from beanpod._option_rows import option_rows
from beanpod._record_target import address_target, load_balancer_target
from beanpod._reserved_tags import remove_reserved_tags
from beanpod._rules import option_problems
from beanpod._settings import (
    BatchSizeType,
    DeploymentPolicy,
    EnvironmentSettings,
    EnvironmentType,
    LoadBalancerScheme,
    LoadBalancerType,
    ManagedUpdates,
    OptionSetting,
    ScalingTrigger,
)
from beanpod._subnets import (
    PRIVATE,
    PUBLIC,
    Subnets,
    database_subnets,
    group_problems,
    is_made_here,
    placement_problems,
    select,
)
from beanpod._tokens import is_list_token, known, text
from beanpod.application import Application, IApplication
from beanpod.database_interface import IDatabase
from beanpod.environment_interface import ExistingEnvironment, IDockerEnvironment
from beanpod.environment_secret import EnvironmentSecret
from beanpod.platform import DockerPlatform
from beanpod.roles import InstanceRole, ServiceRole

# Namespace, name, value (None: left out) and resource name.
ByKey = tuple[str, str, str | None, str | None]

DEFAULT_MAX_VERSIONS = 50
_TUESDAYS = ManagedUpdates()
_DEFAULT_SSL_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"


@checked
class DockerEnvironment(IDockerEnvironment):
    """A Beanstalk environment on the Docker platform, and its application unless one is given.

    Infrastructure owns every setting, delivery owns only the version: no version label is named here, so a new
    environment runs Beanstalk's sample application until the first release.

    A replaced environment is a new one with a new address, on the sample application until the next release. Another
    construct id replaces it too, and so does moving it in the tree.

    Tags, as from `Tags.of(environment).add(...)`, become the environment's, which hands them on to what it makes; its
    launch templates get them only with the option `LaunchTemplateTagPropagationEnabled`:
    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-tagging-resources.launch-templates.html

    Attributes:
        resource: The `AWS::ElasticBeanstalk::Environment`.
        application: The `Application`.
        url: `http://` and the endpoint, `https://` with a certificate.
        service_role: The role with which Beanstalk watches and updates the environment.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        application: IApplication | None = None,
        max_versions: int = DEFAULT_MAX_VERSIONS,
        environment_name: str | None = None,
        description: str | None = None,
        platform: DockerPlatform | None = None,
        environment_type: EnvironmentType = EnvironmentType.LOAD_BALANCED,
        load_balancer_type: LoadBalancerType = LoadBalancerType.APPLICATION,
        load_balancer_scheme: LoadBalancerScheme = LoadBalancerScheme.INTERNET_FACING,
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
        database: IDatabase | None = None,
        service_role: iam.IRole | None = None,
        instance_role: iam.IRole | None = None,
        instance_profile: iam.IInstanceProfile | None = None,
        instance_port: int = 80,
        instance_security_group: ec2.ISecurityGroup,
        additional_instance_security_groups: Sequence[ec2.ISecurityGroup] = (),
        load_balancer_security_group: ec2.ISecurityGroup | None = None,
        additional_load_balancer_security_groups: Sequence[ec2.ISecurityGroup] = (),
        instance_subnets: ec2.SubnetSelection | None = None,
        load_balancer_subnets: ec2.SubnetSelection | None = None,
        log_retention_days: int = 30,
        managed_updates: ManagedUpdates | None = _TUESDAYS,
        options: Sequence[OptionSetting] | Mapping[str, Mapping[str, str | None]] = (),
    ) -> None:
        """Create the environment, its roles and, unless one is given, its application.

        Args:
            vpc: The VPC. `ServiceNetwork` makes one, `ec2.Vpc.from_lookup` imports yours. Fixed at
                creation.
            application: `Application.from_application_name` brings one. Default: a new application. Replaces: the
                environment, the application.
            max_versions: How many versions a new application keeps, 2 to 1000. Updates in place.
            environment_name: 4 to 40 letters, digits and hyphens. Default: generated; a fixed name would block every
                change that replaces the environment. Replaces: the environment.
            description: At most 200 characters. Default: none. Updates in place.
            platform: Default: the latest Docker on Amazon Linux 2023. Updates in place.
            environment_type: Fixed at creation: Beanstalk cannot take a load balancer away.
            load_balancer_type: Fixed at creation. A network load balancer passes TCP on with the clients' addresses,
                has neither groups nor certificates, and its instances' group must let the clients in.
            load_balancer_scheme: INTERNAL is reached from within the VPC and what is connected to it only. Updates in
                place.
            instance_types: 1 to 40 EC2 types of one architecture, the preferred first. Updates in place.
            root_volume_size: In GiB, 10 to 16384. Images and their layers live there. Updates in place.
            min_size: Instances at least, 1 or more. Updates in place.
            max_size: Instances at most. Default: 1 for a single instance, else 4, or min_size if that is more or a
                token. Updates in place.
            scaling: Default: CPU utilisation, in below 30 %, out above 70 %. Ignored for a single instance. Updates in
                place.
            deployment_policy: Default: `ROLLING_WITH_ADDITIONAL_BATCH` behind a load balancer, so that capacity never
                drops; `ALL_AT_ONCE` for a single instance. Updates in place.
            batch_size_type: Whether `batch_size` is a percentage or a number of instances. Updates in place.
            batch_size: How many instances the rolling policies update at a time; 1 to 100 percent. Updates in place.
            traffic_split_percent: Percent of requests that a new version gets first, with `TRAFFIC_SPLITTING`. Updates
                in place.
            evaluation_minutes: How long it gets only these, 3 to 600 minutes. Updates in place.
            health_check_path: What the load balancer asks each instance for; 200 means healthy. Updates in place.
            certificate: Adds an HTTPS listener. Beanstalk has no redirect from HTTP: the app must send it. Updates in
                place.
            ssl_policy: The listener's TLS policy. Default: TLS 1.2 and 1.3. Updates in place.
            environment: Plain variables, together at most 4,096 bytes of `key=value`. They can be read by everyone who
                may describe the environment: passwords belong in `secrets`. Updates in place.
            secrets: Variables whose values stay in Secrets Manager or the Parameter Store. Each adds the option and the
                instances' permission to read it. Updates in place.
            database: Gives the app its `RDS_*` variables, as `use_database` does afterwards. Default: none. Updates in
                place.
            service_role: Default: a new `ServiceRole`. Updates in place.
            instance_role: Default: a new `InstanceRole`. A given role gets an instance profile. Updates in place.
            instance_profile: An existing one, in the place of the new one. One that is imported without its role needs
                `instance_role` besides, which grants then go to. Default: a new one. Updates in place.
            instance_port: Where the load balancer asks the instances: the platform's proxy listens on 80; a compose
                file may publish another. As of `ServiceNetwork`, which opens it. Updates in place.
            instance_security_group: The instances'. `ServiceSecurityGroups` makes it. Updates in place.
            additional_instance_security_groups: More groups for the instances, such as one that a shared database lets
                in. The rules of `connections` go to `instance_security_group`. Updates in place.
            load_balancer_security_group: The load balancer's; mandatory with an application load balancer. Updates in
                place.
            additional_load_balancer_security_groups: More groups for the load balancer. Updates in place.
            instance_subnets: Default: private subnets with a way out, public ones where there are none. Updates in
                place.
            load_balancer_subnets: Default: the public subnets; of an internal one the private, else the isolated.
                Updates in place.
            log_retention_days: How long CloudWatch keeps the instances' logs and health, also after the environment is
                gone. One of Beanstalk's allowed numbers. Updates in place.
            managed_updates: Default: patch and minor versions, Tuesdays at 09:00 UTC. None: never. Updates in place.
            options: What has no property here, and what is to win over one: `OptionSetting`s, or `{"aws:ec2:vpc":
                {"ELBScheme": "internal"}}` with None for an option that is to be left out. Checked like the properties.
                As `override_option` afterwards. Updates in place.

        Raises:
            ValueError: With every problem found, before anything is built.
        """
        super().__init__(scope, construct_id)
        secrets = secrets or {}
        balanced = environment_type == EnvironmentType.LOAD_BALANCED
        self._security_groups = [instance_security_group]
        self._given_groups = [instance_security_group, *additional_instance_security_groups]
        self._database: IDatabase | None = None
        self.deployment_policy = deployment_policy or _default_policy(balanced)
        self.service_role: iam.IRole = service_role or ServiceRole(self, "ServiceRole").role
        instances = InstanceRole(self, "InstanceRole", role=instance_role, instance_profile=instance_profile)
        self.instance_role = instances.role
        subnets = self._select("instance_subnets", vpc, instance_subnets or _default_subnets(vpc, balanced))
        internal = load_balancer_scheme == LoadBalancerScheme.INTERNAL
        selection = load_balancer_subnets or _default_load_balancer_subnets(vpc, internal)
        balancer = self._select("load_balancer_subnets", vpc, selection) if balanced else None
        settings = EnvironmentSettings(
            environment_type=environment_type,
            vpc_id=vpc.vpc_id,
            instance_subnets=Fn.join(",", subnets.subnet_ids),
            load_balancer_subnets=Fn.join(",", balancer.subnet_ids) if balancer else None,
            public_instances=subnets.public,
            instance_security_group=instance_security_group.security_group_id,
            load_balancer_security_group=(
                load_balancer_security_group.security_group_id if load_balancer_security_group else None
            ),
            instance_profile=instances.profile_name,
            service_role=self.service_role.role_arn,
            instance_types=(
                (Fn.join(",", list(instance_types)),) if is_list_token(instance_types) else tuple(instance_types)
            ),
            root_volume_size=root_volume_size,
            min_size=min_size,
            max_size=_default_max_size(min_size, balanced) if max_size is None else max_size,
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
            load_balancer_type=load_balancer_type,
            load_balancer_scheme=load_balancer_scheme,
            additional_instance_security_groups=_group_ids(additional_instance_security_groups),
            additional_load_balancer_security_groups=_group_ids(additional_load_balancer_security_groups),
            instance_port=instance_port,
            ingress_port=ingress_port(instance_security_group),
        )
        refuse(
            self,
            [
                *name_problems(environment_name, description),
                *setting_problems(settings),
                *placement_problems(vpc, subnets, balancer, settings),
                *group_problems("instance_security_group", instance_security_group, vpc),
                *(
                    group_problems("load_balancer_security_group", load_balancer_security_group, vpc)
                    if load_balancer_security_group
                    else ()
                ),
                *_application_problems(application, max_versions),
                *variable_problems(environment or {}, secrets),
            ],
        )
        self._options = EnvironmentOptions(self, option_rows(settings), settings)
        self._add(environment or {}, secrets)
        self._override(_by_key(self, options))
        if database is not None:
            self._add_database(database)
        self.application: IApplication = application or Application(
            self, "Application", service_role=self.service_role, max_versions=max_versions
        )
        self.application_name = self.application.application_name
        self.resource = self._resource(environment_name, description, platform or DockerPlatform.latest())
        if service_role is not None:
            # Beanstalk needs its policies, too, until the environment is deleted. Those of a new role are part of it.
            self.resource.node.add_dependency(service_role)
        remove_reserved_tags(self.resource)
        reason = "Logs stream to CloudWatch Logs, with a retention, instead of to S3."
        Validations.of(self.resource).acknowledge(Acknowledgment(id="AwsSolutions-EB4", reason=reason))
        self._wait_for_network(
            vpc,
            [*subnets.subnets, *(balancer.subnets if balancer else ())],
            isolated="isolated" in subnets.kinds,
        )
        self.environment_name = self.resource.ref
        self.endpoint = self.resource.attr_endpoint_url
        self.url = f"{'https' if certificate else 'http'}://{self.endpoint}"
        export_network(self, vpc, (instance_security_group, load_balancer_security_group))
        made = (None if service_role else self.service_role, None if instance_role else self.instance_role)
        allow_replacement(self.resource, *(role for role in made if role))
        if isinstance(self.application, Application):
            allow_replacement(self.application.resource)
        names = (self.application.replacement_key, environment_name if known(environment_name) else "")
        self._replacement_key = " ".join(filter(None, names))
        if database is not None:
            self._redeploy_with(database)

    @classmethod
    def from_environment_attributes(
        cls,
        scope: Construct,
        construct_id: str,
        *,
        environment_name: str,
        application_name: str,
        endpoint: str,
        instance_role: iam.IRole,
        security_groups: Sequence[ec2.ISecurityGroup],
        deployment_policy: DeploymentPolicy | None = None,
    ) -> IDockerEnvironment:
        """Import an environment. Its settings cannot be changed.

        Args:
            environment_name: Its name.
            application_name: The name of its application.
            endpoint: `EndpointURL` of `aws elasticbeanstalk describe-environments`.
            instance_role: The role of its instances, which grants go to.
            security_groups: The instances', which take the rules of `connections`.
            deployment_policy: Its policy, for `deploy_permissions`. Default: none can be made.

        Raises:
            ValueError: No security group.
        """
        existing = ExistingEnvironment(scope, construct_id)
        if not security_groups:
            reject(existing, "security_groups must hold the instances' group, got none: connections need it")
        existing.environment_name, existing.application_name = environment_name, application_name
        existing.endpoint, existing.instance_role = endpoint, instance_role
        existing.deployment_policy, existing._security_groups = deployment_policy, list(security_groups)
        return existing

    def add_environment(self, name: str, value: str) -> None:
        """Add a plain variable.

        Raises:
            ValueError: The name is taken or no name for a variable, or 4,096 bytes would be exceeded.
        """
        self.add_variables({name: value})

    def add_variables(self, variables: Mapping[str, str]) -> None:
        """Add several plain variables at once.

        Raises:
            ValueError: As `add_environment`.
        """
        self._add(variables, {})
        self._update()

    def add_secret(self, name: str, secret: EnvironmentSecret) -> None:
        """Add a variable whose value stays where it is kept, and let the instances read it.

        Raises:
            ValueError: The name is taken or no name for a variable.
        """
        self._add({}, {name: secret})
        self._update()

    def add_option(self, namespace: str, name: str, value: str, resource_name: str | None = None) -> None:
        """Set any option of Beanstalk that has no property here.

        Raises:
            ValueError: The option is set already: `override_option` wins over what is set.
        """
        option = OptionSetting(namespace=namespace, name=name, value=value, resource_name=resource_name)
        self._adopt()
        self._options.add(option)
        self._update()

    def override_option(self, namespace: str, name: str, value: str | None, resource_name: str | None = None) -> None:
        """Set any option of Beanstalk, in the place of what the properties made of it.

        Args:
            value: None leaves the option out, for Beanstalk's own default.

        Raises:
            ValueError: What its property would refuse, or another property decides more than this option.
        """
        self._adopt()
        self._override([(namespace, name, value, resource_name)])
        self._update()

    @property
    def record_target(self) -> route53.RecordTarget:
        """Where a DNS record points: `route53.ARecord(..., target=environment.record_target)`.

        An alias to the load balancer, in the zone of its kind and region; the address of a single instance.
        """
        settings = self._options.settings
        if settings is None or not settings.load_balanced:
            return address_target(self.endpoint)
        return load_balancer_target(self, self.endpoint, str(settings.load_balancer_type))

    def use_database(self, database: IDatabase) -> None:
        """Give the app the variables `RDS_HOSTNAME`, `RDS_PORT`, `RDS_DB_NAME`, `RDS_USERNAME` and `RDS_PASSWORD`.

        The password is a reference to the secret's field. The network path is
        `environment.connections.allow_to_default_port(database)`, unless `ServiceSecurityGroups` opened it.

        Raises:
            ValueError: One of the names is taken, as by another database.
        """
        if self._database is database:
            return
        self._add_database(database)
        self._update()
        self._redeploy_with(database)

    def _add_database(self, database: IDatabase) -> None:
        if self._database is not None:
            reject(
                self,
                f"RDS_HOSTNAME and the others are those of {self._database.node.path} already, got "
                f"{database.node.path}: give it by names of its own with add_environment and add_secret",
            )
        self._database = database
        if needs_rule_check(database, self._security_groups[0]):
            self.node.add_validation(DatabaseReachable(database, self._given_groups))
        variables = {
            "RDS_HOSTNAME": database.database_host,
            "RDS_PORT": text(database.database_port),
            "RDS_DB_NAME": database.database_name,
            "RDS_USERNAME": database.database_username,
        }
        password = EnvironmentSecret.from_secrets_manager(database.secret, "password")
        self._add(variables, {"RDS_PASSWORD": password})

    def _redeploy_with(self, database: IDatabase) -> None:
        if database.replacement_key and in_different_stacks(self, database):
            redeploy_on_change(self.resource, database.replacement_key)

    def _add(self, variables: Mapping[str, str], secrets: Mapping[str, EnvironmentSecret]) -> None:
        self._adopt()
        self._options.add_variables(variables, {name: secret.reference for name, secret in secrets.items()})
        for secret in secrets.values():
            secret.grant_read(self.instance_role)

    def _select(self, name: str, vpc: ec2.IVpc, selection: ec2.SubnetSelection) -> Subnets:
        try:
            return select(vpc, selection)
        except RuntimeError as error:
            reject(self, f"{name} must be subnets of vpc {vpc.node.path}: {str(error).splitlines()[0]}")

    def _override(self, options: Sequence[ByKey]) -> None:
        policy = self.deployment_policy
        for namespace, name, value, resource_name in options:
            self._options.override(namespace, name, value, resource_name)
        if self._options.settings is not None:
            self.deployment_policy = DeploymentPolicy(self._options.settings.deployment_policy)
        if policy != self.deployment_policy and self._permissions_made:
            reject(
                self,
                f"DeploymentPolicy {self.deployment_policy} comes after deploy_permissions, which allowed what "
                f"{policy} needs: set deployment_policy instead",
            )

    def _adopt(self) -> None:
        if hasattr(self, "resource"):
            self._options.adopt(self.resource.option_settings)

    def _update(self) -> None:
        self.resource.option_settings = self._options.properties()

    def _publish(self, metric_name: str) -> None:
        self._adopt()
        self._options.publish(metric_name)
        self._update()

    def _resource(
        self, environment_name: str | None, description: str | None, platform: DockerPlatform
    ) -> beanstalk.CfnEnvironment:
        resource = beanstalk.CfnEnvironment(
            self,
            "Resource",
            application_name=self.application_name,
            environment_name=environment_name,
            description=description,
            platform_arn=platform.arn,
            option_settings=self._options.properties(),
        )
        # The instances need their permissions, not only their role, before they start: secrets are read at boot.
        resource.node.add_dependency(self.instance_role)
        return resource

    def _wait_for_network(self, vpc: ec2.IVpc, subnets: Sequence[ec2.ISubnet], *, isolated: bool) -> None:
        """Depend on the routes and gateways of the subnets, which CloudFormation does not infer.

        As the CDK's own load balancers do: https://github.com/aws/aws-cdk/issues/1129. Imported subnets add no
        dependency; those of another stack make this stack depend on it.
        """
        self.resource.node.add_dependency(*(subnet.internet_connectivity_established for subnet in subnets))
        if isolated:
            # Isolated subnets reach AWS by the VPC's endpoints, which may be added after the environment.
            self.resource.node.add_dependency(vpc)
            if is_made_here(vpc):
                self.node.add_validation(BeanstalkReachable(vpc))


def _default_subnets(vpc: ec2.IVpc, balanced: bool) -> ec2.SubnetSelection:
    return PRIVATE if balanced and vpc.private_subnets else PUBLIC


def _default_load_balancer_subnets(vpc: ec2.IVpc, internal: bool) -> ec2.SubnetSelection:
    if not internal:
        return PUBLIC
    return PRIVATE if vpc.private_subnets else database_subnets(vpc) or PUBLIC


def _application_problems(application: IApplication | None, max_versions: int) -> Iterator[str]:
    if application is not None and max_versions != DEFAULT_MAX_VERSIONS:
        yield f"max_versions is for a new application, got {max_versions} beside application: set it there"


def _group_ids(groups: Sequence[ec2.ISecurityGroup]) -> tuple[str, ...]:
    return tuple(group.security_group_id for group in groups)


def _by_key(
    owner: DockerEnvironment, options: Sequence[OptionSetting] | Mapping[str, Mapping[str, str | None]]
) -> list[ByKey]:
    """Namespace, name, value and resource name of each; an option may be given once."""
    if isinstance(options, Mapping):
        return [(kind, name, value, None) for kind, values in options.items() for name, value in values.items()]
    rows = [(it.namespace, it.name, it.value, it.resource_name) for it in options]
    refuse(owner, option_problems((namespace, name, resource) for namespace, name, _, resource in rows))
    return list(rows)


def _default_max_size(min_size: int, balanced: bool) -> int:
    if not balanced:
        return 1
    # Four may be less than a number that only CloudFormation knows: then the group keeps its size.
    return max(4, min_size) if known(min_size) else min_size


def _default_policy(balanced: bool) -> DeploymentPolicy:
    return DeploymentPolicy.ROLLING_WITH_ADDITIONAL_BATCH if balanced else DeploymentPolicy.ALL_AT_ONCE
