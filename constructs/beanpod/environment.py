"""The environment: an app on Elastic Beanstalk's Docker platform."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Unpack

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticbeanstalk as beanstalk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_route53 as route53
from constructs import Construct, IDependable

from beanpod import _load_balancer
from beanpod._arguments import checked
from beanpod._checks import plain, refuse, region_problems, reject
from beanpod._connectivity import (
    BeanstalkReachable,
    ClientsAdmitted,
    DatabaseReachable,
    exchange_problems,
    needs_rule_check,
)
from beanpod._cross_stack import allow_replacement, export_network, redeploy_on_change
from beanpod._environment_options import EnvironmentOptions, Key, database_options, options_by_key, variable_options
from beanpod._nag import acknowledge
from beanpod._record_target import address_target, load_balancer_target
from beanpod._reserved_tags import remove_reserved_tags
from beanpod._settings import RENAMED_ARGUMENTS, DeploymentPolicy, EnvironmentType, LoadBalancerType
from beanpod._subnets import (
    Subnets,
    group_problems,
    instance_subnets,
    is_made_here,
    load_balancer_subnets,
    placement_problems,
    select,
)
from beanpod._tokens import known
from beanpod.application import Application, IApplication
from beanpod.database_interface import IDatabase
from beanpod.environment_interface import HEALTH_METRIC, EnvironmentBase, IDockerEnvironment
from beanpod.environment_properties import EnvironmentProperties, argument_problems, beanstalk_options, with_defaults
from beanpod.environment_secret import EnvironmentSecret
from beanpod.platform import DockerPlatform
from beanpod.roles import InstanceRole, ServiceRole, check_trust
from beanpod.rules.option_keys import ENVIRONMENT, LOAD_BALANCER


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
        stack: The stack that it is in.
    """

    _renamed_arguments = RENAMED_ARGUMENTS

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        instance_security_group: ec2.ISecurityGroup,
        load_balancer_security_group: ec2.ISecurityGroup | None = None,
        database: IDatabase | None = None,
        **properties: Unpack[EnvironmentProperties],
    ) -> None:
        """Create the environment, its roles and, unless one is given, its application.

        Args:
            vpc: The VPC. `ServiceNetwork` makes one, `ec2.Vpc.from_lookup` imports yours. Fixed at creation.
            instance_security_group: The instances'. `ServiceSecurityGroups` makes it. Updates in place.
            load_balancer_security_group: The load balancer's; mandatory with an application load balancer. Updates in
                place.
            database: Gives the app its `RDS_*` variables, as `use_database` does afterwards. Default: none. Updates in
                place.
            properties: As of `EnvironmentProperties`.

        Raises:
            ValueError: With every problem found.
        """
        super().__init__(scope, construct_id)
        given = with_defaults(properties)
        domain, secrets = given.get("domain"), given.get("secrets") or {}
        service_role, role = given.get("service_role"), given.get("instance_role")
        profile, application = given.get("instance_profile"), given.get("application")
        self._database: IDatabase | None = None
        self._security_groups = [instance_security_group]
        self._instance_groups = [instance_security_group, *given["additional_instance_security_groups"]]
        if service_role:
            check_trust(self, "service_role", service_role, "elasticbeanstalk.amazonaws.com")
        self.service_role: iam.IRole = service_role or ServiceRole(self, "ServiceRole").role
        instances = InstanceRole(self, "InstanceRole", role=role, instance_profile=profile)
        self.instance_role = instances.role
        subnets, balancer_subnets = self._select_subnets(vpc, given)
        values = beanstalk_options(
            given,
            vpc=vpc,
            instance_subnets=subnets,
            load_balancer_subnets=balancer_subnets,
            instance_groups=self._instance_groups,
            load_balancer_groups=(
                [load_balancer_security_group, *given["additional_load_balancer_security_groups"]]
                if load_balancer_security_group
                else []
            ),
            service_role_arn=self.service_role.role_arn,
            instance_profile_name=instances.profile_name,
            # Python has the names of an enumeration's members, the CDK knows their values.
            log_retention_days=self.stack.resolve(given["log_retention"]),
        )
        domain_problems = list(_load_balancer.problems(domain, self.stack)) if domain else []
        if domain and not domain_problems:
            values |= _load_balancer.listeners(self, domain, _load_balancer.certificate_of(self, domain))
        self._options = EnvironmentOptions(self, values, instance_security_group)
        problems = [
            *argument_problems(given, load_balancer_security_group),
            *domain_problems,
            *region_problems(self.stack, "vpc", vpc),
            # An imported application has a name only, which may be of any region.
            *region_problems(
                self.stack, "application", application.resource if isinstance(application, Application) else None
            ),
            *_load_balancer.log_bucket_problems(self.stack, given.get("load_balancer")),
            *self._options.problems(),
            *placement_problems(
                vpc, subnets, balancer_subnets, given["load_balancer_type"], given["load_balancer_scheme"]
            ),
            *group_problems(
                vpc,
                instance_security_group=[instance_security_group],
                load_balancer_security_group=[load_balancer_security_group],
                additional_instance_security_groups=given["additional_instance_security_groups"],
                additional_load_balancer_security_groups=given["additional_load_balancer_security_groups"],
            ),
            *exchange_problems(instance_security_group, load_balancer_security_group),
            *self._options.add(variable_options(given.get("environment"), secrets)),
            *self._options.override(options_by_key(given["options"])),
            *(self._options.add(database_options(database)) if database else ()),
            *(_place_problems(self.stack, database) if database else ()),
        ]
        refuse(self, problems)
        self._options.publish([name for name in given["published_metrics"] if name != HEALTH_METRIC])
        self._options.sort()
        for secret in secrets.values():
            secret.grant_read(self.instance_role)
        self.application: IApplication = application or Application(
            self, "Application", service_role=self.service_role, max_versions=given.get("max_versions", 50)
        )
        self.application_name = self.application.application_name
        self.resource = beanstalk.CfnEnvironment(
            self,
            "Resource",
            application_name=self.application_name,
            environment_name=given.get("environment_name"),
            description=given.get("description"),
            platform_arn=(given.get("platform") or DockerPlatform.latest()).arn,
            option_settings=self._options.properties(),
        )
        remove_reserved_tags(self.resource)
        acknowledge(self.resource, {"EB4": "Logs stream to CloudWatch Logs, with a retention, instead of to S3."})
        self.environment_name = self.resource.ref
        self.environment_endpoint_url = self.resource.attr_endpoint_url
        self.url = domain.url if domain else f"http://{self.environment_endpoint_url}"
        self.dns_records = _load_balancer.missing_records(domain, self.environment_endpoint_url)
        names = (self.application.replacement_key, plain(given.get("environment_name")))
        self._replacement_key = " ".join(filter(None, names))
        self._add_dependencies(vpc, subnets, balancer_subnets, given)
        if "isolated" in subnets.kinds and is_made_here(vpc):
            self.node.add_validation(BeanstalkReachable(vpc))
        if balancer_subnets and given["load_balancer_type"] == LoadBalancerType.NETWORK:
            self.node.add_validation(ClientsAdmitted(self._instance_groups, given["instance_port"]))
        if domain and domain.hosted_zone:
            ipv6 = self._options.value(LOAD_BALANCER, "IpAddressType") == "dualstack"
            _load_balancer.add_records(self, domain, self.record_target, ipv6=ipv6)
        export_network(self.stack, vpc, (instance_security_group, load_balancer_security_group))
        allow_replacement(
            self.resource,
            *([] if service_role else [self.service_role]),
            *([] if role or profile else [self.instance_role]),
            *([self.application.resource] if isinstance(self.application, Application) else []),
        )
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
        imported = _ImportedEnvironment(scope, construct_id)
        if not security_groups:
            reject(imported, "security_groups must hold the instances' group, got none: connections need it")
        imported.environment_name, imported.application_name = environment_name, application_name
        imported.environment_endpoint_url, imported.instance_role = environment_endpoint_url, instance_role
        imported._security_groups, imported._imported_policy = list(security_groups), deployment_policy
        return imported

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
        self._add(variable_options(variables))

    def add_secret(self, name: str, secret: EnvironmentSecret) -> None:
        """Add a variable whose value stays where it is kept, and let the instances read it.

        Raises:
            ValueError: The name is taken or no name for a variable.
        """
        self._add(variable_options({}, {name: secret}))
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
        `environment.connections.allow_to_default_port(database)`, unless `ServiceSecurityGroups` opened it: without
        one, the CDK refuses the app at synth.

        Raises:
            ValueError: One of the names is taken, as by another database, or the database is elsewhere.
        """
        if self._database is None:
            refuse(self, _place_problems(self.stack, database))
            self._add(database_options(database))
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
        network = self._options.value(ENVIRONMENT, "LoadBalancerType") == LoadBalancerType.NETWORK
        return load_balancer_target(self, self.environment_endpoint_url, "network" if network else "application")

    def _add(self, options: Mapping[Key, str]) -> None:
        self._options.adopt(self.resource.option_settings)
        refuse(self, self._options.add(options))
        self.resource.option_settings = self._options.properties()

    def _connect(self, database: IDatabase) -> None:
        self._database = database
        database.grant_read_secret(self.instance_role)
        if needs_rule_check(database, self._security_groups[0]):
            self.node.add_validation(DatabaseReachable(database, self._instance_groups))
        if database.replacement_key and Stack.of(database) is not self.stack:
            redeploy_on_change(self.resource, database.replacement_key)

    def _add_dependencies(
        self, vpc: ec2.IVpc, instances: Subnets, balancer: Subnets | None, given: EnvironmentProperties
    ) -> None:
        """Have CloudFormation make first, and delete last, what it does not infer that the environment needs.

        Routes and gateways, as for the CDK's own load balancers: https://github.com/aws/aws-cdk/issues/1129. Imported
        subnets add no dependency; those of another stack make this stack depend on it.
        """
        # The instances need their permissions, not only their role, before they start: secrets are read at boot.
        needed: list[IDependable] = [self.instance_role, instances.connectivity]
        if balancer:
            needed.append(balancer.connectivity)
        if "isolated" in instances.kinds:
            # Isolated subnets reach AWS by the VPC's endpoints, which may be added after the environment.
            needed.append(vpc)
        if service_role := given.get("service_role"):
            # Beanstalk needs its policies, too, until the environment is deleted. Those of a new role are part of it.
            needed.append(service_role)
        load_balancer = given.get("load_balancer")
        if load_balancer and (bucket := load_balancer.access_logs_bucket):
            # Elastic Load Balancing tries to write when logs are switched on.
            granted = _load_balancer.grant_access_logs(bucket, load_balancer.access_logs_prefix, self.stack)
            if granted.policy_dependable:
                needed.append(granted.policy_dependable)
        self.resource.node.add_dependency(*needed)

    def _select_subnets(self, vpc: ec2.IVpc, given: EnvironmentProperties) -> tuple[Subnets, Subnets | None]:
        """Return the subnets of the instances and those of the load balancer; None for a single instance."""
        balanced = given["environment_type"] == EnvironmentType.LOAD_BALANCED
        instances = given.get("instance_subnets") or instance_subnets(vpc, load_balanced=balanced)
        selected = self._select("instance_subnets", vpc, instances)
        if not balanced:
            return selected, None
        chosen = given.get("load_balancer_subnets")
        balancer = chosen or load_balancer_subnets(vpc, given["load_balancer_scheme"])
        return selected, self._select("load_balancer_subnets", vpc, balancer)

    def _select(self, name: str, vpc: ec2.IVpc, selection: ec2.SubnetSelection) -> Subnets:
        try:
            return select(vpc, selection)
        except RuntimeError as error:
            reject(self, f"{name} must be subnets of vpc {vpc.node.path}: {str(error).splitlines()[0]}")


def _place_problems(stack: Stack, database: IDatabase) -> Iterator[str]:
    """Check that a database of this app, or its secret, is in the stack's account and region.

    Security groups are of one region, and a secret is encrypted with a key of its account.
    """
    for name in ("account", "region"):
        wanted = getattr(stack, name)
        for part in (database, database.secret) if known(wanted) else ():
            found = getattr(Stack.of(part), name)
            if known(found) and wanted != found:
                yield (
                    f"database must be in the stack's {name}, {wanted}, got {part.node.path} in {found}: make both in "
                    f"one {name}, or import the database, and a secret that this account may read, into this stack "
                    "with Database.from_database_attributes"
                )
                break


class _ImportedEnvironment(EnvironmentBase):
    """An environment that exists already: it can be used, monitored and deployed to, but not changed."""
