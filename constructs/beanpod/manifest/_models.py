"""The models of a stage and its sections; the docstrings of their keys are the reference of `beanpod.toml`.

A key has the name of the construct's parameter: `database.multi_az` is `multi_az` of `Database`. The name of the table
is left out, as in `environment.type` for `environment_type`. A duration has its unit at the end, such as
`backup_retention_days`, since TOML has no durations; sizes are in GiB, as in AWS's own settings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from beanpod.manifest import _types as types
from beanpod.manifest._layers import PresetName
from beanpod.manifest._types import Section, Table
from beanpod.rules import limits as limits
from beanpod.rules.database import DEFAULT_USERNAME, EngineName
from beanpod.rules.environment import architecture

_PROCESS = "aws:elasticbeanstalk:environment:process:default"
_UPDATE_MINUTES, _BATCH_MINUTES = 30, 5


class ServiceConfig(Section):
    """The app that runs."""

    name: types.ServiceName
    """Name of the service: 2 to 24 lower-case letters, digits, hyphens. Names on AWS begin with it, so that no other
    project may have it in the same account and region: its stacks and releases are refused. Makes a new stage beside
    the old one.
    """
    image: types.Repository
    """Repository of the image, "user/repository" on Docker Hub or "host:port/path" elsewhere; without tag and digest,
    which a release adds. It also tells projects of the same name apart: when it moves, add -c moved-from=BEFORE to the
    next `beanpod cdk deploy --all`. Takes effect with the next release.
    """
    dockerfile: types.RelativePath | None = None
    """Dockerfile, relative to the manifest. Takes effect with the next release. Default: "Dockerfile" in the context,
    unless compose is given.
    """
    context: types.RelativePath | None = None
    """Build context, relative to the manifest, e.g. "." or "..". Takes effect with the next release. Default: the
    Dockerfile's own.
    """
    args: Table[str] = Field(default={})
    """Build arguments, e.g. NODE_ENV = "production". No secrets: everybody who may pull the image can read them. Takes
    effect with the next release. Default: none.
    """
    target: types.BuildTarget | None = None
    """Build stage of the Dockerfile that is deployed. Takes effect with the next release. Default: the last one."""
    compose: types.RelativePath | None = None
    """Compose file, relative to the manifest, instead of a Dockerfile. Takes effect with the next release. Default:
    none.
    """
    port: int = Field(default=8080, ge=1, le=65535)
    """Port on which the container listens. Takes effect with the next release. Default: the one that the Dockerfile
    exposes, else 8080.
    """
    health_check_path: types.HealthCheckPath = "/health"
    """Path that answers 200 while the service is healthy. Updates in place. Default: "/health"."""


class GenerateSecret(Section):
    """A password that Secrets Manager generates once and keeps."""

    generate: int = Field(ge=16, le=256)
    """Length of the generated value, 16 to 256 characters. Updates in place. Another length generates another value:
    what the old one signed or encrypted is lost.
    """


class SecretsManagerReference(Section):
    """A secret that exists already."""

    secretsmanager: types.SecretArn
    """Whole ARN of the secret, with its six random characters. Restarts: the app."""
    field: types.JsonField | None = None
    """Top-level field of the secret's JSON. Restarts: the app. Default: the whole secret."""


class SsmReference(Section):
    """A parameter that exists already."""

    ssm: types.Parameter
    """Path or ARN of the Systems Manager parameter. Restarts: the app."""


class DatabasePassword(Section):
    """The password of the stage's database, for an app that reads it under another name than RDS_PASSWORD."""

    database: Literal["password"]
    """The field of its secret: "password". Restarts: the app."""


_SECRETS = ("generate", "secretsmanager", "ssm", "database")


def _kind_of_secret(value: object) -> str | None:
    return next((key for key in _SECRETS if (key in value if isinstance(value, dict) else hasattr(value, key))), None)


Secret = Annotated[
    Annotated[GenerateSecret, Tag("generate")]
    | Annotated[SecretsManagerReference, Tag("secretsmanager")]
    | Annotated[SsmReference, Tag("ssm")]
    | Annotated[DatabasePassword, Tag("database")],
    Discriminator(_kind_of_secret),
]


class ImportedVpc(Section):
    """A VPC that exists already. Subnets are listed in the order of the zones, as many of a kind in each."""

    vpc_id: types.VpcId
    """Id of the VPC. Fixed at creation."""
    availability_zones: types.Several[types.Zone] = Field(min_length=1)
    """Zones of the VPC; two or more for a load balancer or a database. Changes nothing that is deployed."""
    public_subnet_ids: types.Several[types.SubnetId] = ()
    """Subnets with a route to an internet gateway. Replaces: the instances. Default: none."""
    private_subnet_ids: types.Several[types.SubnetId] = ()
    """Subnets that reach the internet through a NAT. Replaces: the instances. Default: none."""
    isolated_subnet_ids: types.Several[types.SubnetId] = ()
    """Subnets without a route to the internet, for the database. Updates in place. Default: none."""


class HostedZone(Section):
    """A hosted zone of Route 53, which answers for a domain."""

    name: types.DomainName
    """Name of the zone, e.g. "example.com". Changes nothing that is deployed."""
    id: types.HostedZoneId
    """Id of the zone, which `aws route53 list-hosted-zones-by-name --dns-name example.com` prints. Updates in place."""


class Domain(Section):
    """The name that the service is reached by, over HTTPS."""

    name: types.DomainName
    """Name of the service, e.g. "shop.example.com". Updates in place."""
    aliases: types.Several[types.DomainName] = ()
    """More names, e.g. ["www.shop.example.com"], which are redirected to name: by nginx on the instance with a
    Dockerfile, by the app with a compose file. Updates in place. Default: none.
    """
    hosted_zone: HostedZone | None = None
    """Public hosted zone of Route 53 with the names: their records are made, and a certificate, unless certificate is
    given. Delete other records of these names first: CloudFormation replaces none. Updates in place. Default: DNS
    elsewhere; the output DnsRecord says which record to make.
    """
    certificate: types.CertificateArn | None = None
    """ACM certificate for name and aliases, in the stage's region. Updates in place. Default: one is requested, and
    validated in hosted_zone.
    """
    redirects_http: bool = False
    """With a compose file: whether the app itself redirects HTTP to HTTPS, so that port 80 stays open. Updates in
    place. Default: false, port 80 is closed. With a Dockerfile nginx on the instance redirects.
    """

    @property
    def url(self) -> str:
        """Return where the service is reached."""
        return f"https://{self.name}"


class Scaling(Section):
    """When instances are added and removed (namespace aws:autoscaling:trigger)."""

    measure: limits.Measure = "CPUUtilization"
    """CloudWatch metric. Updates in place. Default: "CPUUtilization"."""
    statistic: limits.Statistic = "Average"
    """How the metric is aggregated; RequestCount needs "Sum". Updates in place. Default: "Average"."""
    lower_threshold: Annotated[float, types.limit("scaling.lower_threshold")] = 30
    """An instance is removed below it. Updates in place. Default: 30."""
    upper_threshold: Annotated[float, types.limit("scaling.upper_threshold")] = 70
    """An instance is added above it. Updates in place. Default: 70."""
    period_minutes: Annotated[int, types.limit("scaling.period_minutes")] = 5
    """Minutes between two evaluations of the metric. Updates in place. Default: 5."""
    breach_duration_minutes: Annotated[int, types.limit("scaling.breach_duration_minutes")] = 5
    """Minutes for which a threshold must be passed before instances are added or removed, a multiple of period_minutes.
    Updates in place. Default: 5.
    """

    @property
    def unit(self) -> str:
        """Return the unit in which CloudWatch knows the measure."""
        return limits.UNITS[self.measure]


class LoadBalancerConfig(Section):
    """The load balancer's own settings (namespace aws:elbv2:loadbalancer)."""

    scheme: limits.LoadBalancerSchemeName = "public"
    """
    "public", or "internal" to be reached from within the VPC and connected networks only. Replaces: the instances.
    Default: "public".
    """
    idle_timeout_seconds: Annotated[int, types.limit("load_balancer.idle_timeout_seconds")] | None = None
    """Seconds for which a connection may be silent, e.g. 300 for slow answers. With a Dockerfile nginx waits as long
    for an answer, from the next release on. Updates in place. Default: 60.
    """
    stickiness_cookie_duration_seconds: (
        Annotated[int, types.limit("load_balancer.stickiness_cookie_duration_seconds")] | None
    ) = None
    """Seconds for which a cookie binds a client to one instance. Updates in place. Default: each request goes to any.
    """
    access_logs_bucket: types.BucketName | None = None
    """Bucket in the stage's region that gets a log of each request; its policy lets
    logdelivery.elasticloadbalancing.amazonaws.com put objects. Updates in place. Default: no access logs.
    """
    access_logs_prefix: types.LogPrefix | None = None
    """Folder in the bucket, e.g. "shop/prod". Updates in place. Default: none."""


class HealthCheckConfig(Section):
    """How the load balancer checks an instance, at service.health_check_path."""

    interval_seconds: Annotated[int, types.limit("health_check.interval_seconds")] | None = None
    """Seconds between two checks. Updates in place. Default: 15."""
    timeout_seconds: Annotated[int, types.limit("health_check.timeout_seconds")] | None = None
    """Seconds for an answer, less than interval_seconds. Updates in place. Default: 5."""
    healthy_threshold_count: Annotated[int, types.limit("health_check.healthy_threshold_count")] | None = None
    """Checks in a row that make an instance healthy. Updates in place. Default: 3."""
    unhealthy_threshold_count: Annotated[int, types.limit("health_check.unhealthy_threshold_count")] | None = None
    """Failed checks in a row that make an instance unhealthy. Updates in place. Default: 5."""
    healthy_http_codes: types.HttpCodes | None = None
    """Status codes of a healthy answer, e.g. "200,301" or "200-299"; a release expects them, too. Updates in place.
    Default: "200".
    """


class ManagedUpdates(Section):
    """The weekly window in which Beanstalk updates the platform."""

    level: limits.UpdateLevel
    """
    "minor" (with new Docker versions), "patch", or "none" to switch managed updates off. Updates in place.
    """
    start: types.WeeklyTime
    """Begin of the two-hour window in UTC, e.g. "Tue:09:00". Updates in place."""


class OptionSetting(Section):
    """One Beanstalk option that the manifest has no key for."""

    namespace: types.Namespace
    """Namespace, e.g. "aws:elasticbeanstalk:command"."""
    name: types.NonEmpty
    """Option name, e.g. "Timeout"."""
    value: str
    """Value, always in quotes, e.g. "900"."""
    resource_name: types.NonEmpty | None = None
    """Resource name, for scheduled actions only. Default: none."""


class EnvironmentConfig(Section):
    """The Elastic Beanstalk environment."""

    type: limits.EnvironmentTypeName
    """One instance with a fixed address, or several behind an application load balancer. Replaces: the instances."""
    instance_types: types.Several[types.InstanceType] = Field(min_length=1, max_length=40)
    """EC2 instance type, of the architecture that the environment was created with. Further ones count with Spot
    instances only (option EnableSpot). Replaces: the instances.
    """
    min_size: Annotated[int, types.limit("min_size")]
    """Minimum number of instances. Updates in place."""
    max_size: Annotated[int, types.limit("max_size")]
    """Maximum number of instances. Updates in place."""
    private_instances: bool
    """Whether instances have private addresses only, reached through the load balancer. Replaces: the instances."""
    deployment_policy: limits.PolicyName
    """How a release replaces the one before it. Updates in place."""
    batch_size_type: limits.BatchSizeTypeName = "Percentage"
    """What batch_size counts in rolling policies. Updates in place. Default: "Percentage"."""
    batch_size: Annotated[int, types.limit("batch_size")] = 25
    """How much a rolling policy replaces at a time. Updates in place. Default: 25 (percent), or 1 if Fixed."""
    traffic_split_percent: Annotated[int, types.limit("traffic_split_percent")] = 10
    """TrafficSplitting: percent of requests for the new release. Updates in place. Default: 10."""
    evaluation_minutes: Annotated[int, types.limit("evaluation_minutes")] = 5
    """TrafficSplitting: minutes before the new release gets all requests, 3 to 600. Updates in place. Default: 5."""
    platform: types.PlatformVersion = "latest"
    """Version of the Docker platform, e.g. "4.13.7"; a pinned one gets no managed updates. Updates in place. Default:
    "latest".
    """
    scaling: Scaling = Scaling()
    """When instances are added and removed. Default: by CPU."""
    load_balancer: LoadBalancerConfig = LoadBalancerConfig()
    """The load balancer's own settings. Default: public, and AWS's."""
    health_check: HealthCheckConfig = HealthCheckConfig()
    """How the load balancer checks an instance. Default: AWS's."""
    log_retention_days: limits.LogRetention
    """Days for which CloudWatch keeps the logs. Updates in place."""
    managed_updates: ManagedUpdates | None = None
    """When Beanstalk updates the platform by itself. Updates in place."""
    root_volume_size: Annotated[int, types.limit("root_volume_size")]
    """Root volume of an instance in GiB (gp3). Replaces: the instances."""
    options: Annotated[tuple[OptionSetting, ...], Field(strict=False)] = ()
    """Any other Beanstalk option. A stage's list replaces the file's: write all of them there. Updates in place.
    Those of launch configuration, instances and VPC: Replaces: the instances. Default: none.
    """
    max_versions: Annotated[int, types.limit("max_versions")]
    """Application versions that Beanstalk keeps; older ones are deleted. Updates in place."""

    @property
    def architecture(self) -> Literal["x86_64", "arm64"]:
        """Return the processor that the image is built for."""
        return architecture(self.instance_types[0])

    @property
    def update_seconds(self) -> int:
        """Return how long a release may take: half an hour, more with many batches or a long evaluation."""
        minutes = _UPDATE_MINUTES
        if self.deployment_policy in ("Rolling", "RollingWithAdditionalBatch"):
            share = 100 if self.batch_size_type == "Percentage" else self.max_size
            minutes = max(minutes, _BATCH_MINUTES * min(self.max_size, math.ceil(share / self.batch_size)))
        if self.deployment_policy == "TrafficSplitting":
            minutes += self.evaluation_minutes
        return minutes * 60

    @property
    def session_hours(self) -> int:
        """Return how long the session of a deployer's role should last: a release that fails is also rolled back."""
        return min(math.ceil(2 * self.update_seconds / 3600), limits.LIMITS["max_session_duration"].high)


class NetworkConfig(Section):
    """The network around the service."""

    vpc: ImportedVpc | None = None
    """A VPC of your own. Fixed at creation. Default: a new one."""
    nat_gateways: Annotated[int, types.limit("nat_gateways")]
    """NAT gateways, each billed by the hour; private instances need at least one. Updates in place."""
    max_azs: Annotated[int, types.limit("max_azs")] = 2
    """Availability zones of a new VPC, 2 or 3. Replaces: the instances. Default: 2."""
    allow_from: types.Peers | None = None
    """Who may reach the load balancer or the single instance: ranges, e.g. "203.0.113.0/24", and ids of prefix lists
    (pl-...) and security groups (sg-...). Updates in place. Default: everybody.
    """
    flow_logs: bool
    """Whether the VPC's traffic is recorded in CloudWatch Logs. Updates in place."""


class DatabaseConfig(Section):
    """The database on Amazon RDS."""

    engine: EngineName
    """
    "mysql", "mariadb" or "postgres"; "none" for no database. Replaces: the database. Restarts: the app.
    """
    version: str
    """Version, e.g. "8.4" or "8.4.9", which RDS upgrades to newer minor versions. A newer major one upgrades the data,
    without a way back. Restarts: the database. Default: mysql 8.4, mariadb 11.4, postgres 17. AWS bills extended
    support for mysql 8.0 and postgres 13, and may create no new database of mariadb 10.6.
    """
    instance_type: types.DatabaseInstanceType
    """RDS instance class, with or without its "db.", e.g. "t4g.micro". Restarts: the database."""
    allocated_storage: Annotated[int, types.limit("allocated_storage")] = 20
    """Storage in GiB (gp3), which can only be raised. Updates in place. Default: 20."""
    max_allocated_storage: Annotated[int, types.limit("max_allocated_storage")] | None = None
    """Size in GiB up to which RDS enlarges a full disk; 0 never enlarges it. At least twice allocated_storage if not
    given. Updates in place.
    """
    backup_retention_days: Annotated[int, types.limit("backup_retention")]
    """Days for which backups are kept, 0 to 35. Updates in place. From or to 0: Restarts: the database."""
    multi_az: bool
    """Whether a standby in a second zone takes over. Updates in place."""
    deletion_protection: bool
    """Whether RDS refuses to delete the database. Updates in place."""
    name: str
    """Name of the database inside the server. Replaces: the database. Restarts: the app. Default: from service.name.
    """
    username: str = DEFAULT_USERNAME
    """Name of the master user. Replaces: the database. Restarts: the app. Default: "app"."""
    compose_service: types.ComposeService | None = None
    """Service of the compose file that RDS replaces on AWS. Takes effect with the next release. Default: none."""


class GitHubConfig(Section):
    """Which GitHub workflow may deploy without a stored key."""

    repository: types.GitHubRepository
    """Repository, "owner/repository", or with the ids that GitHub's tokens contain since July 2026,
    "owner@1001/repository@2002". Updates in place.
    """
    branch: types.Branch | None = None
    """Branch that deploys; or give environment. Updates in place."""
    environment: types.GitHubEnvironment | None = None
    """GitHub environment that deploys; or give branch. Updates in place."""
    provider_arn: types.ProviderArn | None = None
    """The account's OIDC provider for GitHub. Updates in place. Default: a new one; an account holds only one."""


class DeliveryConfig(Section):
    """Who may deploy."""

    user: bool = True
    """Whether an IAM user with an access key is created. If switched off: Removes: the user, the access key, the
    secret. Default: true, unless github is given.
    """
    access_key_serial: Annotated[int, types.limit("access_key_serial")] = 0
    """Raise it to replace the access key. Replaces: the access key. Default: 0."""
    github: GitHubConfig | None = None
    """Deploy through GitHub's OIDC. Removes: the user, the access key, the secret. Default: none."""
    stack: types.StackName | None = None
    """A stack of a CDK app of your own that holds the environment, the bucket and the deployer, as DockerService makes
    it. Changes nothing that is deployed. Default: the two stacks SERVICE-STAGE-service and SERVICE-STAGE-delivery.
    """


class AlarmsConfig(Section):
    """Notifications about the environment's health."""

    email: types.Email | None = None
    """Address that gets the alarms, once the link in AWS's first mail to it is opened. A single instance with a Compose
    file raises none when requests fail. Updates in place. Default: none.
    """


class StageConfig(Section):
    """One stage, every setting resolved."""

    name: types.StageName
    preset: PresetName = "small"
    """Defaults to start from: "small" (one instance, no hourly extras) or "production" (load balanced, private, over
    two zones). A change has the effect of each key whose default differs. Default: "small".
    """
    account: types.AccountId | None = None
    """AWS account, twelve digits in quotes. Makes a new stage beside the old one. Default: that of the credentials."""
    region: types.Region | None = None
    """AWS region. Makes a new stage beside the old one. Default: that of the credentials."""
    allow_replacement: types.Several[types.Replaceable] = ()
    """What `beanpod cdk deploy` may replace: "database", "environment", "network". It refuses any other replacement of
    one. Remove it afterwards. Changes nothing that is deployed. Default: nothing.
    """
    service: ServiceConfig
    """The app that runs."""
    domain: Domain | None = None
    """The name that the service is reached by, over HTTPS; it needs a load balancer. Updates in place. Default: none,
    HTTP at the address of the load balancer or the instance.
    """
    variables: Table[str] = Field(default={})
    """Environment variables, e.g. LOG_LEVEL = "info". {database.host}, {database.port}, {database.name} and
    {database.username} are filled in; {{ and }} are braces. What looks like a secret belongs in [secrets]; if it is
    none, write { plaintext = "..." }. Restarts: the app.
    """
    secrets: Table[Secret] = Field(default={})
    """Environment variables whose values are in Secrets Manager or Systems Manager. Restarts: the app."""
    network: NetworkConfig
    """The network around the service."""
    environment: EnvironmentConfig
    """The Elastic Beanstalk environment."""
    database: DatabaseConfig | None = None
    """The database on Amazon RDS. Restarts: the app. Left out again: Removes: the database; a snapshot stays. Default:
    no database.
    """
    delivery: DeliveryConfig = DeliveryConfig()
    """Who may deploy."""
    alarms: AlarmsConfig = AlarmsConfig()
    """Notifications about the environment's health."""

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

    @property
    def fixed_variables(self) -> dict[str, str]:
        """The variables without placeholders, whose values are known before there is a database."""
        return {name: types.render(text, {}) for name, text in self.variables.items() if not types.placeholders(text)}

    def render_variables(self, database: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the variables with their placeholders filled in.

        Args:
            database: Values for host, port, name and username, which may be tokens of the CDK. Default: none, for a
                stage without a database.
        """
        values = {f"database.{key}": value for key, value in (database or {}).items()}
        return {name: types.render(text, values) for name, text in self.variables.items()}
