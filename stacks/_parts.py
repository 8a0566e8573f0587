"""From the manifest's values to what the constructs take."""

from functools import cache

from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm

from beanpod import Database, DatabaseEngine, EnvironmentSecret
from beanpod.manifest import DatabaseConfig, GenerateSecret, ImportedVpc, SecretsManagerReference, SsmReference
from stacks._stage_stack import StageStack


def database_engine(config: DatabaseConfig) -> DatabaseEngine:
    """The manifest's engine and version."""
    make = {
        "mysql": DatabaseEngine.mysql,
        "mariadb": DatabaseEngine.mariadb,
        "postgres": DatabaseEngine.postgres,
    }
    return make[config.engine](config.version)


@cache
def instance_type(instance_class: str) -> ec2.InstanceType:
    """From RDS's name of a class: `db.t4g.micro`. Made once for all stages, like every value that belongs to none."""
    return ec2.InstanceType(instance_class.removeprefix("db."))


@cache
def days(count: int) -> Duration:
    """As long as the manifest says."""
    return Duration.days(count)


def database_values(database: Database) -> dict[str, str]:
    """What the manifest's placeholders stand for: CloudFormation fills them in."""
    return {
        "host": database.host,
        "port": database.port,
        "name": database.name,
        "username": database.username,
    }


def imported_vpc(stack: Stack, config: ImportedVpc) -> ec2.IVpc:
    """A VPC that exists, from its ids: no look-up, so no network call."""
    return ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id=config.vpc_id,
        availability_zones=list(config.availability_zones),
        public_subnet_ids=list(config.public_subnet_ids) or None,
        private_subnet_ids=list(config.private_subnet_ids) or None,
        isolated_subnet_ids=list(config.isolated_subnet_ids) or None,
    )


def environment_secret(
    stack: StageStack, name: str, config: GenerateSecret | SecretsManagerReference | SsmReference
) -> EnvironmentSecret:
    """A generated secret, or one that exists."""
    construct_id = f"Secret{name}"
    if isinstance(config, GenerateSecret):
        generate = secretsmanager.SecretStringGenerator(password_length=config.generate, exclude_punctuation=True)
        secret = secretsmanager.Secret(
            stack, construct_id, description=f"{name} of the service", generate_secret_string=generate
        )
        stack.accept(secret, {"SMG4": "A generated value that only the app knows how to replace safely."})
        return EnvironmentSecret.from_secrets_manager(secret)
    if isinstance(config, SecretsManagerReference):
        known = secretsmanager.Secret.from_secret_complete_arn(stack, construct_id, config.secretsmanager)
        return EnvironmentSecret.from_secrets_manager(known, config.field)
    if config.ssm.startswith("arn:"):
        return EnvironmentSecret.from_ssm_parameter(
            ssm.StringParameter.from_string_parameter_arn(stack, construct_id, config.ssm)
        )
    parameter = ssm.StringParameter.from_secure_string_parameter_attributes(
        stack, construct_id, parameter_name=config.ssm
    )
    return EnvironmentSecret.from_ssm_parameter(parameter)
