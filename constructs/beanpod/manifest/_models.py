"""The models of a stage and its sections; their descriptions are the reference of `beanpod.toml`.

A key has the name of the construct's parameter: `database.multi_az` is `multi_az` of `Database`. The name of the table
is left out, as in `environment.type` for `environment_type`. A duration has its unit at the end, such as
`backup_retention_days`, since TOML has no durations; sizes are in GiB, as in AWS's own settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from beanpod import _rules as rules
from beanpod._database_rules import DEFAULT_USERNAME, EngineName
from beanpod.manifest import _types as types
from beanpod.manifest._layers import PresetName
from beanpod.manifest._types import Section, Table

_PROCESS = "aws:elasticbeanstalk:environment:process:default"


class ServiceConfig(Section):
    """The app that runs."""

    name: types.ServiceName = Field(
        description="Name of the service: 2 to 24 lower-case letters, digits, hyphens. Names on AWS begin with it."
    )
    image: types.Repository = Field(
        description='Repository of the image, "user/repository" on Docker Hub or "host:port/path" elsewhere; '
        "without tag and digest, which a release adds."
    )
    dockerfile: types.RelativePath | None = Field(
        default=None,
        description='Dockerfile, relative to the manifest. Default: "Dockerfile" in the context, unless compose is '
        "given.",
    )
    context: types.RelativePath | None = Field(
        default=None,
        description='Build context, relative to the manifest, e.g. "." or "..". Default: the Dockerfile\'s own.',
    )
    args: Table[str] = Field(
        default={},
        description='Build arguments, e.g. NODE_ENV = "production". No secrets: everybody who may pull the image can '
        "read them. Default: none.",
    )
    target: types.BuildTarget | None = Field(
        default=None, description="Stage of the Dockerfile that is deployed. Default: the last one."
    )
    compose: types.RelativePath | None = Field(
        default=None,
        description="Compose file, relative to the manifest, instead of a Dockerfile. Default: none.",
    )
    port: int = Field(
        default=8080,
        ge=1,
        le=65535,
        description="Port on which the container listens. Default: the one that the Dockerfile exposes, else 8080.",
    )
    health_check_path: types.HealthCheckPath = Field(
        default="/health", description='Path that answers 200 while the service is healthy. Default: "/health".'
    )


class GenerateSecret(Section):
    """A password that Secrets Manager generates once and keeps."""

    generate: int = Field(ge=16, le=256, description="Length of the generated value, 16 to 256 characters.")


class SecretsManagerReference(Section):
    """A secret that exists already."""

    secretsmanager: types.SecretArn = Field(description="Whole ARN of the secret, with its six random characters.")
    field: types.JsonField | None = Field(
        default=None, description="Top-level field of the secret's JSON. Default: the whole secret."
    )


class SsmReference(Section):
    """A parameter that exists already."""

    ssm: types.Parameter = Field(description="Path or ARN of the Systems Manager parameter.")


SECRET_FORMS: dict[str, type[Section]] = {
    "generate": GenerateSecret,
    "secretsmanager": SecretsManagerReference,
    "ssm": SsmReference,
}


def _kind_of_secret(value: object) -> str | None:
    if isinstance(value, dict):
        return next((key for key in SECRET_FORMS if key in value), None)
    return next((key for key in SECRET_FORMS if hasattr(value, key)), None)


Secret = Annotated[
    Annotated[GenerateSecret, Tag("generate")]
    | Annotated[SecretsManagerReference, Tag("secretsmanager")]
    | Annotated[SsmReference, Tag("ssm")],
    Discriminator(_kind_of_secret),
]


class ImportedVpc(Section):
    """A VPC that exists already. Subnets are listed in the order of the zones, as many of a kind in each."""

    vpc_id: types.VpcId = Field(description="Id of the VPC.")
    availability_zones: types.Several[types.Zone] = Field(
        min_length=1, description="Zones of the VPC; two or more for a load balancer or a database."
    )
    public_subnet_ids: types.Several[types.SubnetId] = Field(
        default=(), description="Subnets with a route to an internet gateway. Default: none."
    )
    private_subnet_ids: types.Several[types.SubnetId] = Field(
        default=(), description="Subnets that reach the internet through a NAT. Default: none."
    )
    isolated_subnet_ids: types.Several[types.SubnetId] = Field(
        default=(), description="Subnets without a route to the internet, for the database. Default: none."
    )


class HostedZone(Section):
    """A hosted zone of Route 53, which answers for a domain."""

    name: types.DomainName = Field(description='Name of the zone, e.g. "example.com".')
    id: types.HostedZoneId = Field(
        description="Id of the zone, which `aws route53 list-hosted-zones-by-name --dns-name example.com` prints."
    )


class Domain(Section):
    """The name that the service is reached by, over HTTPS."""

    name: types.DomainName = Field(description='Name of the service, e.g. "shop.example.com".')
    aliases: types.Several[types.DomainName] = Field(
        default=(),
        description='More names, e.g. ["www.shop.example.com"], which are redirected to name: by nginx on the instance '
        "with a Dockerfile, by the app with a compose file. Default: none.",
    )
    hosted_zone: HostedZone | None = Field(
        default=None,
        description="Hosted zone of Route 53 with the names: their records are made, and a certificate for them, "
        "unless certificate is given. Delete other records of these names first: CloudFormation replaces none. "
        "Default: DNS elsewhere; the output DnsRecord says which record to make.",
    )
    certificate: types.CertificateArn | None = Field(
        default=None,
        description="ACM certificate for name and aliases, in the stage's region. Default: one is requested, and "
        "validated in hosted_zone.",
    )
    redirects_http: bool = Field(
        default=False,
        description="With a compose file: whether the app itself redirects HTTP to HTTPS, so that port 80 stays open. "
        "Default: false, port 80 is closed. With a Dockerfile nginx on the instance redirects.",
    )

    @property
    def url(self) -> str:
        """Return where the service is reached."""
        return f"https://{self.name}"


class Scaling(Section):
    """When instances are added and removed (namespace aws:autoscaling:trigger)."""

    measure: rules.Measure = Field(
        default="CPUUtilization", description='CloudWatch metric. Default: "CPUUtilization".'
    )
    statistic: rules.Statistic = Field(
        default="Average", description='How the metric is aggregated over the instances. Default: "Average".'
    )
    lower_threshold: Annotated[float, types.limit("scaling.lower_threshold")] = Field(
        default=30, description="An instance is removed below it. Default: 30."
    )
    upper_threshold: Annotated[float, types.limit("scaling.upper_threshold")] = Field(
        default=70, description="An instance is added above it. Default: 70."
    )
    period_minutes: Annotated[int, types.limit("scaling.period_minutes")] = Field(
        default=5, description="Minutes between two evaluations of the metric. Default: 5."
    )
    breach_duration_minutes: Annotated[int, types.limit("scaling.breach_duration_minutes")] = Field(
        default=5,
        description="Minutes for which a threshold must be passed before instances are added or removed. Default: 5.",
    )

    @property
    def unit(self) -> str:
        """Return the unit in which CloudWatch knows the measure."""
        return rules.UNITS[self.measure]


class LoadBalancerConfig(Section):
    """The load balancer's own settings (namespace aws:elbv2:loadbalancer)."""

    scheme: rules.LoadBalancerSchemeName = Field(
        default="public",
        description='"public", or "internal" to be reached from within the VPC and connected networks only. '
        'Default: "public".',
    )
    idle_timeout_seconds: Annotated[int, types.limit("load_balancer.idle_timeout_seconds")] | None = Field(
        default=None,
        description="Seconds for which a connection may be silent, e.g. 300 for slow answers. Default: 60.",
    )
    stickiness_cookie_duration_seconds: (
        Annotated[int, types.limit("load_balancer.stickiness_cookie_duration_seconds")] | None
    ) = Field(
        default=None,
        description="Seconds for which a cookie binds a client to one instance. Default: each request goes to any.",
    )
    access_logs_bucket: types.BucketName | None = Field(
        default=None,
        description="Bucket in the stage's region that gets a log of each request; its policy lets "
        "logdelivery.elasticloadbalancing.amazonaws.com put objects. Default: no access logs.",
    )
    access_logs_prefix: types.LogPrefix | None = Field(
        default=None, description='Folder in the bucket, e.g. "shop/prod". Default: none.'
    )


class HealthCheckConfig(Section):
    """How the load balancer checks an instance, at service.health_check_path."""

    interval_seconds: Annotated[int, types.limit("health_check.interval_seconds")] | None = Field(
        default=None, description="Seconds between two checks. Default: 15."
    )
    timeout_seconds: Annotated[int, types.limit("health_check.timeout_seconds")] | None = Field(
        default=None, description="Seconds for an answer, less than interval_seconds. Default: 5."
    )
    healthy_threshold_count: Annotated[int, types.limit("health_check.healthy_threshold_count")] | None = Field(
        default=None, description="Checks in a row that make an instance healthy. Default: 3."
    )
    unhealthy_threshold_count: Annotated[int, types.limit("health_check.unhealthy_threshold_count")] | None = Field(
        default=None, description="Failed checks in a row that make an instance unhealthy. Default: 5."
    )
    healthy_http_codes: types.HttpCodes | None = Field(
        default=None,
        description='Status codes of a healthy answer, e.g. "200,301" or "200-299"; a release expects them, too. '
        'Default: "200".',
    )


class ManagedUpdates(Section):
    """The weekly window in which Beanstalk updates the platform."""

    level: rules.UpdateLevel = Field(
        description='"minor" (with new Docker versions), "patch", or "none" to switch managed updates off.'
    )
    start: types.WeeklyTime = Field(description='Begin of the two-hour window in UTC, e.g. "Tue:09:00".')


class OptionSetting(Section):
    """One Beanstalk option that the manifest has no key for."""

    namespace: types.Namespace = Field(description='Namespace, e.g. "aws:elasticbeanstalk:command".')
    name: types.NonEmpty = Field(description='Option name, e.g. "Timeout".')
    value: str = Field(description='Value, always in quotes, e.g. "900".')
    resource_name: types.NonEmpty | None = Field(
        default=None, description="Resource name, for scheduled actions only. Default: none."
    )


class EnvironmentConfig(Section):
    """The Elastic Beanstalk environment."""

    type: rules.EnvironmentTypeName = Field(
        description="One instance with a fixed address, or several behind an application load balancer."
    )
    instance_types: types.Several[types.InstanceType] = Field(
        min_length=1,
        max_length=40,
        description="EC2 instance types in order of preference, all of one architecture.",
    )
    min_size: Annotated[int, types.limit("min_size")] = Field(description="Minimum number of instances.")
    max_size: Annotated[int, types.limit("max_size")] = Field(description="Maximum number of instances.")
    private_instances: bool = Field(
        description="Whether instances have private addresses only, reached through the load balancer."
    )
    deployment_policy: rules.PolicyName = Field(description="How a release replaces the one before it.")
    batch_size_type: rules.BatchSizeTypeName = Field(
        default="Percentage", description='What batch_size counts in rolling policies. Default: "Percentage".'
    )
    batch_size: Annotated[int, types.limit("batch_size")] = Field(
        default=25,
        description="How much a rolling policy replaces at a time. Default: 25 (percent), or 1 if Fixed.",
    )
    traffic_split_percent: Annotated[int, types.limit("traffic_split_percent")] = Field(
        default=10,
        description="TrafficSplitting: percent of requests for the new release. Default: 10.",
    )
    evaluation_minutes: Annotated[int, types.limit("evaluation_minutes")] = Field(
        default=5,
        description="TrafficSplitting: minutes before the new release gets all requests, 3 to 600. Default: 5.",
    )
    platform: types.PlatformVersion = Field(
        default="latest",
        description='Version of the Docker platform, e.g. "4.13.7"; a pinned one gets no managed updates. '
        'Default: "latest".',
    )
    scaling: Scaling = Field(default=Scaling(), description="When instances are added and removed. Default: by CPU.")
    load_balancer: LoadBalancerConfig = Field(
        default=LoadBalancerConfig(), description="The load balancer's own settings. Default: public, and AWS's."
    )
    health_check: HealthCheckConfig = Field(
        default=HealthCheckConfig(), description="How the load balancer checks an instance. Default: AWS's."
    )
    log_retention_days: rules.LogRetention = Field(description="Days for which CloudWatch keeps the logs.")
    managed_updates: ManagedUpdates | None = Field(
        default=None, description="When Beanstalk updates the platform by itself."
    )
    root_volume_size: Annotated[int, types.limit("root_volume_size")] = Field(
        description="Root volume of an instance in GiB (gp3)."
    )
    options: Annotated[tuple[OptionSetting, ...], Field(strict=False)] = Field(
        default=(), description="Any other Beanstalk option. Default: none."
    )
    max_versions: Annotated[int, types.limit("max_versions")] = Field(
        description="Application versions that Beanstalk keeps; older ones are deleted."
    )

    @property
    def architecture(self) -> Literal["x86_64", "arm64"]:
        """Return the processor that the image is built for."""
        return rules.architecture(self.instance_types[0])


class NetworkConfig(Section):
    """The network around the service."""

    vpc: ImportedVpc | None = Field(default=None, description="A VPC of your own. Default: a new one.")
    nat_gateways: Annotated[int, types.limit("nat_gateways")] = Field(
        description="NAT gateways, each billed by the hour; private instances need at least one."
    )
    max_azs: Annotated[int, types.limit("max_azs")] = Field(
        default=2, description="Availability zones of a new VPC, 2 or 3. Default: 2."
    )
    allow_from: types.Several[types.Peer] = Field(
        default=(),
        description='Who may reach the load balancer or the single instance: ranges, e.g. "203.0.113.0/24", and ids of '
        "prefix lists (pl-...) and security groups (sg-...). Default: everybody.",
    )
    flow_logs: bool = Field(description="Whether the VPC's traffic is recorded in CloudWatch Logs.")


class DatabaseConfig(Section):
    """The database on Amazon RDS."""

    engine: EngineName = Field(description='"mysql", "mariadb" or "postgres"; "none" for no database.')
    version: str = Field(
        description='Version, e.g. "8.4" or "8.4.9". Default: mysql 8.4, mariadb 11.4, postgres 17. '
        "AWS bills extended support for mysql 8.0 and postgres 13."
    )
    instance_type: types.DatabaseInstanceType = Field(
        description='RDS instance class, with or without its "db.", e.g. "t4g.micro".'
    )
    allocated_storage: Annotated[int, types.limit("allocated_storage")] = Field(
        default=20, description="Storage in GiB (gp3). Default: 20."
    )
    max_allocated_storage: Annotated[int, types.limit("max_allocated_storage")] | None = Field(
        default=None,
        description="Size in GiB up to which RDS enlarges a full disk; 0 never enlarges it. "
        "At least twice allocated_storage if not given.",
    )
    backup_retention_days: Annotated[int, types.limit("backup_retention")] = Field(
        description="Days for which backups are kept, 0 to 35."
    )
    multi_az: bool = Field(description="Whether a standby in a second zone takes over.")
    deletion_protection: bool = Field(description="Whether RDS refuses to delete the database.")
    name: str = Field(description="Name of the database inside the server. Default: made of service.name.")
    username: str = Field(
        default=DEFAULT_USERNAME, description=f'Name of the master user. Default: "{DEFAULT_USERNAME}".'
    )
    compose_service: types.ComposeService | None = Field(
        default=None, description="Service of the compose file that RDS replaces on AWS. Default: none."
    )


class GitHubConfig(Section):
    """Which GitHub workflow may deploy without a stored key."""

    repository: types.GitHubRepository = Field(description='Repository, "owner/repository".')
    branch: types.Branch | None = Field(default=None, description="Branch that deploys; or give environment.")
    environment: types.GitHubEnvironment | None = Field(
        default=None, description="GitHub environment that deploys; or give branch."
    )
    provider_arn: types.ProviderArn | None = Field(
        default=None,
        description="The account's OIDC provider for GitHub. Default: a new one; an account holds only one.",
    )


class DeliveryConfig(Section):
    """Who may deploy."""

    user: bool = Field(
        default=True,
        description="Whether an IAM user with an access key is created. Default: true, unless github is given.",
    )
    access_key_serial: int = Field(
        default=0, ge=0, le=2_147_483_647, description="Raise it to replace the access key. Default: 0."
    )
    github: GitHubConfig | None = Field(default=None, description="Deploy through GitHub's OIDC. Default: none.")
    stack: types.StackName | None = Field(
        default=None,
        description="A stack of a CDK app of your own that holds the environment, the bucket and the deployer, as "
        "DockerService makes it. Default: the two stacks SERVICE-STAGE-service and SERVICE-STAGE-delivery.",
    )


class AlarmsConfig(Section):
    """Notifications about the environment's health."""

    email: types.Email | None = Field(default=None, description="Address that gets the alarms. Default: none.")


class StageConfig(Section):
    """One stage, every setting resolved."""

    name: types.StageName
    preset: PresetName = Field(
        default="small",
        description='Defaults to start from: "small" (one instance, no hourly extras) or "production" '
        '(load balanced, private, over two zones). Default: "small".',
    )
    account: types.AccountId | None = Field(
        default=None, description="AWS account, twelve digits in quotes. Default: that of the credentials."
    )
    region: types.Region | None = Field(default=None, description="AWS region. Default: that of the credentials.")
    allow_replacement: types.Several[types.Replaceable] = Field(
        default=(),
        description='What `beanpod cdk deploy` may replace: "database", "environment", "network". It refuses any other '
        "replacement of one. Remove it afterwards. Default: nothing.",
    )
    service: ServiceConfig = Field(description="The app that runs.")
    domain: Domain | None = Field(
        default=None,
        description="The name that the service is reached by, over HTTPS; it needs a load balancer. Default: none, "
        "HTTP at the address of the load balancer or the instance.",
    )
    variables: Table[str] = Field(
        default={},
        description='Environment variables, e.g. LOG_LEVEL = "info". {database.host}, {database.port}, '
        "{database.name} and {database.username} are filled in; {{ and }} are braces. What looks like a secret "
        'belongs in [secrets]; if it is none, write { plaintext = "..." }.',
    )
    secrets: Table[Secret] = Field(
        default={},
        description="Environment variables whose values are in Secrets Manager or Systems Manager.",
    )
    network: NetworkConfig = Field(description="The network around the service.")
    environment: EnvironmentConfig = Field(description="The Elastic Beanstalk environment.")
    database: DatabaseConfig | None = Field(
        default=None, description="The database on Amazon RDS. Default: no database."
    )
    delivery: DeliveryConfig = Field(default=DeliveryConfig(), description="Who may deploy.")
    alarms: AlarmsConfig = Field(default=AlarmsConfig(), description="Notifications about the environment's health.")

    @property
    def delivery_stack(self) -> str:
        """Return the stack whose outputs name the bucket and the deployer."""
        return self.delivery.stack or f"{self.service.name}-{self.name}-delivery"

    @property
    def health_codes(self) -> str:
        """Return the status codes of a healthy answer, as in MatcherHTTPCode: "200,301", "200-299". Default: "200"."""
        given = (it for it in self.environment.options if (it.namespace, it.name) == (_PROCESS, "MatcherHTTPCode"))
        codes = self.environment.health_check.healthy_http_codes or "200"
        return next((option.value for option in given), codes)

    def render_variables(self, database: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the variables with their placeholders filled in.

        Args:
            database: Values for host, port, name and username, which may be tokens of the CDK. Default: none, for a
                stage without a database.
        """
        values = {f"database.{key}": value for key, value in (database or {}).items()}
        return {name: types.render(text, values) for name, text in self.variables.items()}
