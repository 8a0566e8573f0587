"""The environment: an app on Elastic Beanstalk's Docker platform."""

import re
from collections.abc import Iterator, Mapping, Sequence

from aws_cdk import Fn, Size, SizeRoundingBehavior, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticbeanstalk as beanstalk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from constructs import Construct, IDependable

from beanpod import _load_balancer
from beanpod._arguments import checked
from beanpod._checks import refuse, reject
from beanpod._connectivity import BeanstalkReachable, DatabaseReachable, ingress_port, needs_rule_check
from beanpod._cross_stack import allow_replacement, export_network, in_different_stacks, redeploy_on_change
from beanpod._environment_options import HEALTH, SECRETS, VARIABLES, EnvironmentOptions, Key
from beanpod._nag import acknowledge
from beanpod._option_keys import ENVIRONMENT, LAUNCH, LOAD_BALANCER, PROCESS, VPC
from beanpod._record_target import address_target, load_balancer_target
from beanpod._reserved_tags import remove_reserved_tags
from beanpod._rules import Problem, option_problems
from beanpod._settings import (
    RENAMED_ARGUMENTS,
    DeploymentPolicy,
    DeploymentStrategy,
    Domain,
    EnvironmentType,
    HealthCheck,
    LoadBalancerScheme,
    LoadBalancerSettings,
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
from beanpod._tokens import known, text
from beanpod.application import Application, IApplication, description_problems
from beanpod.database_interface import IDatabase
from beanpod.environment_interface import HEALTH_METRIC, METRICS, EnvironmentBase, IDockerEnvironment
from beanpod.environment_secret import EnvironmentSecret
from beanpod.platform import DockerPlatform
from beanpod.roles import InstanceRole, ServiceRole

DEFAULT_MAX_VERSIONS = 50
_TUESDAYS = ManagedUpdates()
_LOGS = "aws:elasticbeanstalk:cloudwatch:logs"


@checked
class DockerEnvironment(EnvironmentBase):
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
        url: `https://` and the domain's name; without a domain `http://` and the endpoint.
        dns_records: The records to make where the domain's DNS is; none where Route 53 gets them.
        service_role: The role with which Beanstalk watches and updates the environment.
    """

    _renamed_arguments = RENAMED_ARGUMENTS

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
        instance_types: Sequence[ec2.InstanceType] | None = None,
        root_volume_size: Size | None = None,
        min_size: int = 1,
        max_size: int | None = None,
        scaling: ScalingTrigger | None = None,
        deployment_strategy: DeploymentStrategy | None = None,
        load_balancer: LoadBalancerSettings | None = None,
        health_check_path: str = "/",
        health_check: HealthCheck | None = None,
        domain: Domain | None = None,
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
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH,
        published_metrics: Sequence[str] = (),
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
            environment_type: Another one replaces the instances, and takes several minutes. Updates in place.
            load_balancer_type: Fixed at creation. A network load balancer passes TCP on with the clients' addresses,
                has neither groups nor certificates, and its instances' group must let the clients in.
            load_balancer_scheme: INTERNAL is reached from within the VPC and what is connected to it only. Updates in
                place.
            instance_types: 1 to 40 EC2 types of one architecture, the preferred first. Default: t3.small. A list token
                is given as one type, `ec2.InstanceType(Fn.join(",", types))`. Updates in place.
            root_volume_size: 10 to 16384 GiB, for the images and their layers. Default: 16 GiB. Updates in place.
            min_size: Instances at least, 1 or more. Updates in place.
            max_size: Instances at most. Default: 1 for a single instance, else 4, or min_size if that is more or a
                token. Updates in place.
            scaling: Default: CPU utilisation, in below 30 %, out above 70 %. Ignored for a single instance. Updates in
                place.
            deployment_strategy: How a release reaches the instances. Default: rolling with an additional batch of 25
                percent behind a load balancer, so that capacity never drops; all at once for a single instance. Updates
                in place.
            load_balancer: Idle timeout, sticky sessions, access logs. Default: Beanstalk's. Updates in place.
            health_check_path: What the load balancer asks each instance for; 200 means healthy. Updates in place.
            health_check: How often it asks, and which answers are healthy. Default: Beanstalk's. Updates in place.
            domain: The name that it is reached by over HTTPS, with its certificate and records. Default: HTTP at the
                endpoint. Updates in place.
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
            log_retention: How long CloudWatch keeps the instances' logs and health, also after the environment was
                deleted. Default: one month. Updates in place.
            published_metrics: Names of the metrics that the environment publishes to CloudWatch, such as
                `ApplicationRequests5xx`; each is billed as a custom metric. `EnvironmentHealth` is always published and
                free. Default: none besides. Updates in place.
            managed_updates: Default: patch and minor versions, Tuesdays at 09:00 UTC. None: never. Updates in place.
            options: What has no property here, and what is to win over one: `OptionSetting`s, or `{"aws:ec2:vpc":
                {"ELBScheme": "internal"}}` with None for an option that is to be left out. Checked like the properties.
                As `override_option` afterwards. Updates in place.

        Raises:
            ValueError: With every problem found, before anything is built.
        """
        super().__init__(scope, construct_id)
        balanced = environment_type == EnvironmentType.LOAD_BALANCED
        internal = load_balancer_scheme == LoadBalancerScheme.INTERNAL
        self._security_groups = [instance_security_group]
        self._instance_groups = [instance_security_group, *additional_instance_security_groups]
        self._database: IDatabase | None = None
        self.service_role: iam.IRole = service_role or ServiceRole(self, "ServiceRole").role
        service_role_arn = self.service_role.role_arn
        instances = InstanceRole(self, "InstanceRole", role=instance_role, instance_profile=instance_profile)
        self.instance_role = instances.role
        subnets = self._select("instance_subnets", vpc, instance_subnets or _default_subnets(vpc, balanced))
        balancer = None
        if balanced:
            selection = load_balancer_subnets or _default_load_balancer_subnets(vpc, internal)
            balancer = self._select("load_balancer_subnets", vpc, selection)
        volume = (root_volume_size or Size.gibibytes(16)).to_gibibytes(rounding=SizeRoundingBehavior.NONE)
        attributes = _load_balancer.attributes(load_balancer) if load_balancer else {}
        # Python has the names of an enumeration's members, the CDK knows their values.
        retention = {"DeleteOnTerminate": False, "RetentionInDays": Stack.of(self).resolve(log_retention)}
        values: dict[str, Mapping[str, str | float | bool | None]] = {
            ENVIRONMENT: {
                "EnvironmentType": environment_type,
                "LoadBalancerType": load_balancer_type if balanced else None,
                "ServiceRole": service_role_arn,
            },
            VPC: {
                "VPCId": vpc.vpc_id,
                "Subnets": Fn.join(",", subnets.subnet_ids),
                "AssociatePublicIpAddress": subnets.public,
                "ELBSubnets": Fn.join(",", balancer.subnet_ids) if balancer else None,
                "ELBScheme": load_balancer_scheme if balanced or internal else None,
            },
            "aws:ec2:instances": {
                "InstanceTypes": (
                    "t3.small" if instance_types is None else ",".join(it.to_string() for it in instance_types)
                )
            },
            # gp3 and DisableIMDSv1 each make Beanstalk use launch templates: new accounts cannot create launch
            # configurations.
            LAUNCH: {
                "IamInstanceProfile": instances.profile_name,
                "SecurityGroups": _group_ids(self._instance_groups),
                "DisableDefaultEC2SecurityGroup": True,
                "DisableIMDSv1": True,
                "RootVolumeType": "gp3",
                "RootVolumeSize": volume,
            },
            "aws:autoscaling:asg": {
                "MinSize": min_size,
                "MaxSize": _default_max_size(min_size, balanced) if max_size is None else max_size,
            },
            **(deployment_strategy or _default_strategy(balanced)).options,
            PROCESS: {
                "HealthCheckPath": health_check_path if balanced else None,
                "Port": instance_port if instance_port != 80 else None,
                **(health_check.options if health_check else {}),
                **({} if balanced else {"MatcherHTTPCode": None}),
                **attributes.get(PROCESS, {}),
            },
            LOAD_BALANCER: attributes.get(LOAD_BALANCER, {}),
            HEALTH: {"SystemType": "enhanced"},
            _LOGS: {"StreamLogs": True, **retention},
            f"{_LOGS}:health": {"HealthStreamingEnabled": True, **retention},
            "aws:elasticbeanstalk:managedactions": {"ManagedActionsEnabled": managed_updates is not None},
        }
        if balanced:
            values |= (scaling or ScalingTrigger()).options
            # A change of the instances themselves (type, image) is rolled out by health, not all at once.
            values["aws:autoscaling:updatepolicy:rollingupdate"] = {
                "RollingUpdateEnabled": True,
                "RollingUpdateType": "Health",
            }
        else:
            # A single instance has no process of a load balancer.
            values["aws:elasticbeanstalk:application"] = {"Application Healthcheck URL": health_check_path}
        if balanced and load_balancer_type == LoadBalancerType.APPLICATION and load_balancer_security_group:
            # Beanstalk gives its network load balancers no groups; they pass the clients' addresses on.
            groups = [load_balancer_security_group, *additional_load_balancer_security_groups]
            values[LOAD_BALANCER] = {
                **values[LOAD_BALANCER],
                "SecurityGroups": _group_ids(groups),
                "ManagedSecurityGroup": load_balancer_security_group.security_group_id,
            }
        domain_problems = list(_load_balancer.problems(domain, Stack.of(self).region)) if domain else []
        if domain and not domain_problems:
            values |= _load_balancer.listeners(self, domain, _load_balancer.certificate_of(self, domain))
        if managed_updates is not None:
            values |= managed_updates.options(service_role_arn)
        self._options = EnvironmentOptions(self, values, ingress_port(instance_security_group))
        problems = [
            *_argument_problems(
                environment_name=environment_name,
                description=description,
                application=application,
                max_versions=max_versions,
                published_metrics=published_metrics,
                options=options,
            ),
            *domain_problems,
            *self._options.problems(),
            *placement_problems(vpc, subnets, balancer, load_balancer_type, load_balancer_scheme),
            *group_problems("instance_security_group", instance_security_group, vpc),
            *group_problems("load_balancer_security_group", load_balancer_security_group, vpc),
            *self._options.add(_variables(environment, secrets)),
            *self._options.override(_by_key(options)),
            *(self._options.add(_database_variables(database)) if database else ()),
        ]
        if balanced:
            problems += _load_balancer_group_problems(
                load_balancer_type, load_balancer_security_group, additional_load_balancer_security_groups
            )
        refuse(self, problems)
        self._options.publish([name for name in published_metrics if name != HEALTH_METRIC])
        self._options.sort()
        for secret in (secrets or {}).values():
            secret.grant_read(self.instance_role)
        self.application: IApplication = application or Application(
            self, "Application", service_role=self.service_role, max_versions=max_versions
        )
        self.application_name = self.application.application_name
        self.resource = beanstalk.CfnEnvironment(
            self,
            "Resource",
            application_name=self.application_name,
            environment_name=environment_name,
            description=description,
            platform_arn=(platform or DockerPlatform.latest()).arn,
            option_settings=self._options.properties(),
        )
        # The instances need their permissions, not only their role, before they start: secrets are read at boot.
        dependencies: list[IDependable] = [self.instance_role, *_network_dependencies(vpc, subnets, balancer)]
        if service_role is not None:
            # Beanstalk needs its policies, too, until the environment is deleted. Those of a new role are part of it.
            dependencies.append(service_role)
        if load_balancer and (logs_bucket := load_balancer.access_logs_bucket):
            # Elastic Load Balancing tries to write when logs are switched on.
            granted = _load_balancer.grant_access_logs(logs_bucket, load_balancer.access_logs_prefix, Stack.of(self))
            if granted.policy_dependable:
                dependencies.append(granted.policy_dependable)
        self.resource.node.add_dependency(*dependencies)
        if "isolated" in subnets.kinds and is_made_here(vpc):
            self.node.add_validation(BeanstalkReachable(vpc))
        remove_reserved_tags(self.resource)
        acknowledge(self.resource, {"EB4": "Logs stream to CloudWatch Logs, with a retention, instead of to S3."})
        self.environment_name = self.resource.ref
        self.environment_endpoint_url = self.resource.attr_endpoint_url
        self.url = domain.url if domain else f"http://{self.environment_endpoint_url}"
        self.dns_records = _load_balancer.missing_records(domain, self.environment_endpoint_url)
        if domain and domain.hosted_zone:
            ipv6 = self._options.value(LOAD_BALANCER, "IpAddressType") == "dualstack"
            _load_balancer.add_records(self, domain, self.record_target, ipv6=ipv6)
        export_network(self, vpc, (instance_security_group, load_balancer_security_group))
        allow_replacement(self.resource)
        if service_role is None:
            allow_replacement(self.service_role)
        if instance_role is None and instance_profile is None:
            allow_replacement(self.instance_role)
        if isinstance(self.application, Application):
            allow_replacement(self.application.resource)
        names = (self.application.replacement_key, environment_name if known(environment_name) else "")
        self._replacement_key = " ".join(filter(None, names))
        if database is not None:
            self._connect(database)

    @classmethod
    def from_environment_attributes(
        cls,
        scope: Construct,
        construct_id: str,
        *,
        environment_name: str,
        application_name: str,
        environment_endpoint_url: str,
        instance_role: iam.IRole,
        security_groups: Sequence[ec2.ISecurityGroup],
        deployment_policy: DeploymentPolicy | None = None,
    ) -> IDockerEnvironment:
        """Import an environment. Its settings cannot be changed.

        Args:
            environment_name: Its name.
            application_name: The name of its application.
            environment_endpoint_url: `EndpointURL` of `aws elasticbeanstalk describe-environments`.
            instance_role: The role of its instances, which grants go to.
            security_groups: The instances', which take the rules of `connections`.
            deployment_policy: Its policy, for `deploy_permissions`. Default: none can be made.

        Raises:
            ValueError: No security group.
        """
        return _ImportedEnvironment(
            scope,
            construct_id,
            environment_name=environment_name,
            application_name=application_name,
            environment_endpoint_url=environment_endpoint_url,
            instance_role=instance_role,
            security_groups=security_groups,
            deployment_policy=deployment_policy,
        )

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
        self._add(_variables(variables))

    def add_secret(self, name: str, secret: EnvironmentSecret) -> None:
        """Add a variable whose value stays where it is kept, and let the instances read it.

        Raises:
            ValueError: The name is taken or no name for a variable.
        """
        self._add(_variables({}, {name: secret}))
        secret.grant_read(self.instance_role)

    def add_option(self, namespace: str, name: str, value: str, resource_name: str | None = None) -> None:
        """Set any option of Beanstalk that has no property here.

        Raises:
            ValueError: The option is set already: `override_option` wins over what is set.
        """
        self._add({(namespace, name, resource_name or ""): value})

    def override_option(self, namespace: str, name: str, value: str | None, resource_name: str | None = None) -> None:
        """Set any option of Beanstalk, in the place of what the properties made of it.

        Args:
            namespace: Such as `aws:ec2:vpc`.
            name: The option's name in the namespace.
            value: None leaves the option out, for Beanstalk's own default.
            resource_name: For scheduled actions only.

        Raises:
            ValueError: What its property would refuse, or another property decides more than this option.
        """
        before = self.deployment_policy
        self._options.adopt(self.resource.option_settings)
        refuse(self, self._options.override({(namespace, name, resource_name or ""): value}))
        if self._permissions_made and self.deployment_policy != before:
            reject(
                self,
                f"DeploymentPolicy {self.deployment_policy} comes after deploy_permissions, which allowed what "
                f"{before} needs: set deployment_strategy instead",
            )
        self.resource.option_settings = self._options.properties()

    def use_database(self, database: IDatabase) -> None:
        """Give the app the variables `RDS_HOSTNAME`, `RDS_PORT`, `RDS_DB_NAME`, `RDS_USERNAME` and `RDS_PASSWORD`.

        The password is a reference to the secret's field. The network path is
        `environment.connections.allow_to_default_port(database)`, unless `ServiceSecurityGroups` opened it.

        Raises:
            ValueError: One of the names is taken, as by another database.
        """
        if self._database is None:
            self._add(_database_variables(database))
            self._connect(database)
        elif self._database is not database:
            reject(
                self,
                f"RDS_HOSTNAME and the others are those of {self._database.node.path} already, got "
                f"{database.node.path}: give it by names of its own with add_environment and add_secret",
            )

    @property
    def deployment_policy(self) -> DeploymentPolicy:
        """How a release is rolled out."""
        policy = self._options.value("aws:elasticbeanstalk:command", "DeploymentPolicy")
        return DeploymentPolicy(policy) if policy in list(DeploymentPolicy) else DeploymentPolicy.ALL_AT_ONCE

    @property
    def published_metrics(self) -> Sequence[str] | None:
        """The metrics that this environment publishes to CloudWatch; None where only CloudFormation knows them."""
        published = self._options.published_metrics
        return None if published is None else [HEALTH_METRIC, *published]

    @property
    def record_target(self) -> route53.RecordTarget:
        """Where a DNS record points: `route53.ARecord(..., target=environment.record_target)`.

        An alias to the load balancer, in the zone of its kind and region; the address of a single instance.
        """
        if self._options.value(ENVIRONMENT, "EnvironmentType") == EnvironmentType.SINGLE_INSTANCE:
            return address_target(self.environment_endpoint_url)
        kind = self._options.value(ENVIRONMENT, "LoadBalancerType") or "classic"
        return load_balancer_target(self, self.environment_endpoint_url, kind)

    def _add(self, options: Mapping[Key, str]) -> None:
        self._options.adopt(self.resource.option_settings)
        refuse(self, self._options.add(options))
        self.resource.option_settings = self._options.properties()

    def _connect(self, database: IDatabase) -> None:
        self._database = database
        database.grant_read_secret(self.instance_role)
        if needs_rule_check(database, self._security_groups[0]):
            self.node.add_validation(DatabaseReachable(database, self._instance_groups))
        if database.replacement_key and in_different_stacks(self, database):
            redeploy_on_change(self.resource, database.replacement_key)

    def _select(self, name: str, vpc: ec2.IVpc, selection: ec2.SubnetSelection) -> Subnets:
        try:
            return select(vpc, selection)
        except RuntimeError as error:
            reject(self, f"{name} must be subnets of vpc {vpc.node.path}: {str(error).splitlines()[0]}")


class _ImportedEnvironment(EnvironmentBase):
    """An environment that exists already: it can be used, monitored and deployed to, but not changed."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment_name: str,
        application_name: str,
        environment_endpoint_url: str,
        instance_role: iam.IRole,
        security_groups: Sequence[ec2.ISecurityGroup],
        deployment_policy: DeploymentPolicy | None,
    ) -> None:
        super().__init__(scope, construct_id)
        if not security_groups:
            reject(self, "security_groups must hold the instances' group, got none: connections need it")
        self.environment_name, self.application_name = environment_name, application_name
        self.environment_endpoint_url, self.instance_role = environment_endpoint_url, instance_role
        self._deployment_policy, self._security_groups = deployment_policy, list(security_groups)

    @property
    def deployment_policy(self) -> DeploymentPolicy | None:
        return self._deployment_policy


def _network_dependencies(vpc: ec2.IVpc, instances: Subnets, balancer: Subnets | None) -> Iterator[IDependable]:
    """Yield the routes and gateways of the subnets, which CloudFormation does not infer.

    As the CDK's own load balancers do: https://github.com/aws/aws-cdk/issues/1129. Imported subnets add no dependency;
    those of another stack make this stack depend on it.
    """
    yield instances.connectivity
    if balancer:
        yield balancer.connectivity
    if "isolated" in instances.kinds:
        # Isolated subnets reach AWS by the VPC's endpoints, which may be added after the environment.
        yield vpc


def _default_subnets(vpc: ec2.IVpc, balanced: bool) -> ec2.SubnetSelection:
    return PRIVATE if balanced and vpc.private_subnets else PUBLIC


def _default_load_balancer_subnets(vpc: ec2.IVpc, internal: bool) -> ec2.SubnetSelection:
    if not internal:
        return PUBLIC
    return PRIVATE if vpc.private_subnets else database_subnets(vpc) or PUBLIC


def _default_max_size(min_size: int, balanced: bool) -> int:
    if not balanced:
        return 1
    # Four may be less than a number that only CloudFormation knows: then the group keeps its size.
    return max(4, min_size) if known(min_size) else min_size


def _default_strategy(balanced: bool) -> DeploymentStrategy:
    return DeploymentStrategy.rolling_with_additional_batch() if balanced else DeploymentStrategy.all_at_once()


def _group_ids(groups: Sequence[ec2.ISecurityGroup]) -> str:
    return ",".join(group.security_group_id for group in groups)


def _variables(
    variables: Mapping[str, str] | None, secrets: Mapping[str, EnvironmentSecret] | None = None
) -> dict[Key, str]:
    references = {(SECRETS, name, ""): secret.reference for name, secret in (secrets or {}).items()}
    return {(VARIABLES, name, ""): value for name, value in (variables or {}).items()} | references


def _database_variables(database: IDatabase) -> dict[Key, str]:
    variables = {
        "RDS_HOSTNAME": database.database_host,
        "RDS_PORT": text(database.database_port),
        "RDS_DB_NAME": database.database_name,
        "RDS_USERNAME": database.database_username,
    }
    password = EnvironmentSecret.from_secrets_manager(database.secret, "password")
    return _variables(variables, {"RDS_PASSWORD": password})


def _by_key(options: Sequence[OptionSetting] | Mapping[str, Mapping[str, str | None]]) -> dict[Key, str | None]:
    if isinstance(options, Mapping):
        return {(namespace, name, ""): value for namespace, it in options.items() for name, value in it.items()}
    return {(it.namespace, it.name, it.resource_name or ""): it.value for it in options}


def _argument_problems(
    *,
    environment_name: str | None,
    description: str | None,
    application: IApplication | None,
    max_versions: int,
    published_metrics: Sequence[str],
    options: Sequence[OptionSetting] | Mapping[str, Mapping[str, str | None]],
) -> Iterator[str | Problem]:
    form = r"[A-Za-z0-9][A-Za-z0-9-]{2,38}[A-Za-z0-9]"
    # https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_CreateEnvironment.html
    if known(environment_name) and not re.fullmatch(form, environment_name):
        yield (
            "environment_name must be 4 to 40 letters, digits and hyphens, without a hyphen at either end, "
            f'got "{environment_name}"'
        )
    yield from description_problems(description)
    if application is not None and max_versions != DEFAULT_MAX_VERSIONS:
        yield f"max_versions is for a new application, got {max_versions} beside application: set it there"
    for name in published_metrics:
        if name not in METRICS:
            yield f'published_metrics must be among {", ".join(METRICS)}, got "{name}"'
    if not isinstance(options, Mapping):
        yield from option_problems((it.namespace, it.name, it.resource_name) for it in options)


def _load_balancer_group_problems(
    kind: LoadBalancerType, group: ec2.ISecurityGroup | None, additional: Sequence[ec2.ISecurityGroup]
) -> Iterator[str]:
    if kind == LoadBalancerType.APPLICATION and group is None:
        yield "load_balancer_security_group is missing: an environment with a load balancer needs it"
    if kind == LoadBalancerType.NETWORK and additional:
        yield (
            "additional_load_balancer_security_groups need an application load balancer: a network one has no "
            "groups, open the instances' group instead"
        )
