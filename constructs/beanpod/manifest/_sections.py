"""What a stage is, section by section. The descriptions are the reference of `beanpod.toml` as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from beanpod.manifest import _fields as fields
from beanpod.manifest._base import Section, Table
from beanpod.manifest._engines import DEFAULT_USERNAME, LARGEST_GB, SMALLEST_GB, EngineName
from beanpod.manifest._environment import EnvironmentConfig
from beanpod.manifest._presets import PresetName
from beanpod.manifest._templates import render

_PROCESS = "aws:elasticbeanstalk:environment:process:default"


class ServiceConfig(Section):
    """The app that runs."""

    name: fields.ServiceName = Field(
        description="Name of the service: 2 to 24 lower-case letters, digits, hyphens. AWS names begin so."
    )
    image: fields.Repository = Field(
        description='Repository of the image, "user/repository" on Docker Hub or "host:port/path" elsewhere; '
        "without tag and digest, which the deploy script adds."
    )
    dockerfile: fields.RelativePath | None = Field(
        default=None,
        description='Dockerfile, relative to the manifest. Default: "Dockerfile" in the context, unless compose is '
        "given.",
    )
    context: fields.RelativePath | None = Field(
        default=None,
        description='Folder that the build sees, relative to the manifest, e.g. "." or "..". '
        "Default: the Dockerfile's own.",
    )
    args: Table[str] = Field(
        default={},
        description='Build arguments, e.g. NODE_ENV = "production". No secrets: everybody who may pull the image can '
        "read them. Default: none.",
    )
    target: fields.BuildTarget | None = Field(
        default=None, description="Stage of the Dockerfile that is deployed. Default: the last one."
    )
    compose: fields.RelativePath | None = Field(
        default=None,
        description="Compose file, relative to the manifest, instead of a Dockerfile. Default: none.",
    )
    port: int = Field(
        default=8080,
        ge=1,
        le=65535,
        description="Port on which the container listens. Default: the one that the Dockerfile exposes, else 8080.",
    )
    health_path: fields.HealthPath = Field(
        default="/health", description='Path that answers 200 while the service is well. Default: "/health".'
    )


class GenerateSecret(Section):
    """A password that Secrets Manager makes once and keeps."""

    generate: int = Field(ge=16, le=256, description="Length of the generated value, 16 to 256 characters.")


class SecretsManagerReference(Section):
    """A secret that exists already."""

    secretsmanager: fields.SecretArn = Field(description="Whole ARN of the secret, with its six random characters.")
    field: fields.JsonField | None = Field(
        default=None, description="Top-level field of the secret's JSON. Default: the whole secret."
    )


class SsmReference(Section):
    """A parameter that exists already."""

    ssm: fields.Parameter = Field(description="Path or ARN of the Systems Manager parameter.")


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

    vpc_id: fields.VpcId = Field(description="Id of the VPC.")
    availability_zones: fields.Several[fields.Zone] = Field(
        min_length=1, description="Zones of the VPC; two or more for a load balancer or a database."
    )
    public_subnet_ids: fields.Several[fields.SubnetId] = Field(
        default=(), description="Subnets with a route to an internet gateway. Default: none."
    )
    private_subnet_ids: fields.Several[fields.SubnetId] = Field(
        default=(), description="Subnets that reach the internet through a NAT. Default: none."
    )
    isolated_subnet_ids: fields.Several[fields.SubnetId] = Field(
        default=(), description="Subnets without a route to the internet, for the database. Default: none."
    )


class NetworkConfig(Section):
    """The network around the service."""

    vpc: ImportedVpc | None = Field(default=None, description="A VPC of your own. Default: a new one.")
    nat_gateways: int = Field(
        ge=0, le=3, description="NAT gateways, each billed by the hour; private instances need at least one."
    )
    max_azs: int = Field(default=2, ge=2, le=3, description="Availability zones of a new VPC, 2 or 3. Default: 2.")
    flow_logs: bool = Field(description="Whether the VPC's traffic is recorded in CloudWatch Logs.")


class DatabaseConfig(Section):
    """The database on Amazon RDS."""

    engine: EngineName = Field(description='"mysql", "mariadb" or "postgres"; "none" for no database.')
    version: str = Field(
        description='Version, e.g. "8.4" or "8.4.9". Default: mysql 8.4, mariadb 11.4, postgres 17. '
        "AWS bills extended support for mysql 8.0 and postgres 13."
    )
    instance_class: fields.InstanceClass = Field(description='RDS instance class, e.g. "db.t4g.micro".')
    storage_gb: int = Field(
        default=SMALLEST_GB, ge=SMALLEST_GB, le=LARGEST_GB, description="Storage in GiB (gp3). Default: 20."
    )
    max_storage_gb: int | None = Field(
        default=None,
        ge=SMALLEST_GB,
        le=LARGEST_GB,
        description="Size in GiB up to which RDS enlarges a full disk; 0 never enlarges it. "
        "At least twice storage_gb if not given.",
    )
    backup_days: int = Field(ge=0, le=35, description="Days for which backups are kept, 0 to 35.")
    multi_az: bool = Field(description="Whether a standby in a second zone takes over.")
    deletion_protection: bool = Field(description="Whether RDS refuses to delete the database.")
    name: str = Field(description="Name of the database inside the server. Default: made of service.name.")
    username: str = Field(
        default=DEFAULT_USERNAME, description=f'Name of the master user. Default: "{DEFAULT_USERNAME}".'
    )
    compose_service: fields.ComposeService | None = Field(
        default=None, description="Service of the compose file that RDS stands in for on AWS. Default: none."
    )


class GitHubConfig(Section):
    """Which GitHub workflow may deploy without a stored key."""

    repository: fields.GitHubRepository = Field(description='Repository, "owner/repository".')
    branch: fields.Branch | None = Field(default=None, description="Branch that deploys; or give environment.")
    environment: fields.GitHubEnvironment | None = Field(
        default=None, description="GitHub environment that deploys; or give branch."
    )
    provider_arn: fields.ProviderArn | None = Field(
        default=None,
        description="The account's OIDC provider for GitHub. Default: a new one; an account holds only one.",
    )


class DeliveryConfig(Section):
    """Who may deploy."""

    user: bool = Field(
        default=True,
        description="Whether an IAM user with an access key is made. Default: true, unless github is given.",
    )
    access_key_serial: int = Field(
        default=0, ge=0, le=2_147_483_647, description="Raise it to replace the access key. Default: 0."
    )
    github: GitHubConfig | None = Field(default=None, description="Deploy through GitHub's OIDC. Default: none.")
    stack: fields.StackName | None = Field(
        default=None,
        description="A stack of a CDK app of your own that holds the environment, the bucket and the deployer, as "
        "DockerService makes it. Default: the two stacks SERVICE-STAGE-service and SERVICE-STAGE-delivery.",
    )


class AlarmsConfig(Section):
    """Who is told when something is wrong."""

    email: fields.Email | None = Field(default=None, description="Address that gets the alarms. Default: none.")


class StageConfig(Section):
    """One stage, every setting resolved."""

    name: fields.StageName
    preset: PresetName = Field(
        default="small",
        description='Defaults to start from: "small" (one instance, no hourly extras) or "production" '
        '(load balanced, private, over two zones). Default: "small".',
    )
    account: fields.AccountId | None = Field(
        default=None, description="AWS account, twelve digits in quotes. Default: that of the credentials."
    )
    region: fields.Region | None = Field(default=None, description="AWS region. Default: that of the credentials.")
    service: ServiceConfig = Field(description="The app that runs.")
    variables: Table[str] = Field(
        default={},
        description='Environment variables, e.g. LOG_LEVEL = "info". {database.host}, {database.port}, '
        "{database.name} and {database.username} are filled in; {{ and }} stand for braces. What looks like a secret "
        'belongs in [secrets]; if it is none, write { plaintext = "..." }.',
    )
    secrets: Table[Secret] = Field(
        default={},
        description="Environment variables whose values stand in Secrets Manager or Systems Manager.",
    )
    network: NetworkConfig = Field(description="The network around the service.")
    environment: EnvironmentConfig = Field(description="The Elastic Beanstalk environment.")
    database: DatabaseConfig | None = Field(
        default=None, description="The database on Amazon RDS. Default: no database."
    )
    delivery: DeliveryConfig = Field(default=DeliveryConfig(), description="Who may deploy.")
    alarms: AlarmsConfig = Field(default=AlarmsConfig(), description="Who is told when something is wrong.")

    @property
    def delivery_stack(self) -> str:
        """The stack whose outputs name the bucket and the deployer."""
        return self.delivery.stack or f"{self.service.name}-{self.name}-delivery"

    @property
    def health_codes(self) -> str:
        """What the health path may answer, as in MatcherHTTPCode, e.g. "200,301" or "200-299". Default: "200"."""
        given = (it for it in self.environment.options if (it.namespace, it.name) == (_PROCESS, "MatcherHTTPCode"))
        return next((option.value for option in given), "200")

    def render_variables(self, database: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables with their placeholders filled in.

        database: values for host, port, name and username; CDK tokens are welcome. May be left out if there
        is no database, because a manifest that refers to none has no placeholders.
        """
        values = {f"database.{key}": value for key, value in (database or {}).items()}
        return {name: render(text, values) for name, text in self.variables.items()}
