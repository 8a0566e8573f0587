"""The constructs of a stage: what the keys of `beanpod.toml` mean to them.

A project's `stacks/` calls these functions with the stage that `Manifest.stage` returns, so a new key of the manifest
needs no change there. Construct ids are fixed: a different id replaces the resource.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from aws_cdk import App, CfnOutput, Duration, Size, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from beanpod._checks import ConstructError
from beanpod._nag import acknowledge
from beanpod._settings import (
    BatchSize,
    DeploymentPolicy,
    DeploymentStrategy,
    Domain,
    EnvironmentType,
    HealthCheck,
    LoadBalancerScheme,
    LoadBalancerSettings,
    ManagedUpdates,
    OptionSetting,
    ScalingTrigger,
)
from beanpod._subnets import PUBLIC
from beanpod._tokens import text
from beanpod.database import Database
from beanpod.database_engine import DatabaseEngine
from beanpod.deploy_policy import DeployPermissions
from beanpod.deploy_user import DeployUser
from beanpod.environment import DockerEnvironment
from beanpod.environment_secret import EnvironmentSecret
from beanpod.github_deploy_role import GitHubDeployRole
from beanpod.manifest import (
    DatabaseConfig,
    DatabasePassword,
    EnvironmentConfig,
    GenerateSecret,
    HealthCheckConfig,
    ImportedVpc,
    ManifestError,
    Secret,
    SecretsManagerReference,
    StageConfig,
    table_digests,
)
from beanpod.network import ServiceNetwork
from beanpod.platform import DockerPlatform

# Beanstalk publishes health as a number: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/health-enhanced-cloudwatch.html
_DEGRADED = 20


@contextmanager
def report_errors() -> Iterator[None]:
    """Print what is wrong with the manifest or the templates, and exit without a traceback.

    Any other error is a bug and keeps its traceback.

    Raises:
        SystemExit: With 2 for a ManifestError, 1 for what a construct or the CDK's validation refuses.
    """
    try:
        yield
    except ManifestError as error:
        _exit(error, 2)
    except ConstructError as error:
        _exit(error, 1)
    except RuntimeError as error:
        # How jsii passes on the findings of the CDK's validation.
        if "ValidationFailed" not in str(error):
            raise
        _exit(error, 1)


def apply_rules(app: App) -> None:
    """Check the templates by cdk-preflight's rules at the end of the synthesis, which a finding fails.

    `cdk synth --no-validation` switches them off together with AWS's own: the CDK CLI passes that on in CDK_VALIDATION.
    Deployed so, each stack is updated in its `CDKMetadata`, where the CDK lists what the app uses.
    """
    if os.environ.get("CDK_VALIDATION") != "false":
        # Loading it takes a third of a second.
        from cdk_preflight import Preflight

        Preflight.apply(app)


def _exit(error: Exception, code: int) -> None:
    print(error, file=sys.stderr)  # noqa: T201
    raise SystemExit(code) from None


def add_network(scope: Construct, construct_id: str, stage: StageConfig) -> ServiceNetwork:
    """Add the VPC, new or imported as `Vpc`, and the security groups."""
    config = stage.network
    network = ServiceNetwork(
        scope,
        construct_id,
        vpc=_imported_vpc(scope, config.vpc) if config.vpc else None,
        nat_gateways=config.nat_gateways,
        max_azs=config.max_azs,
        flow_logs=config.flow_logs,
        load_balanced=EnvironmentType(stage.environment.type) == EnvironmentType.LOAD_BALANCED,
        load_balancer_scheme=LoadBalancerScheme(stage.environment.load_balancer.scheme),
        database_port=_engine(stage.database).port if stage.database else None,
        allow_from=None if config.allow_from is None else [_peer(text) for text in config.allow_from],
    )
    if config.vpc is None and not config.flow_logs:
        acknowledge(network, {"VPC7": "Off by choice of the manifest: network.flow_logs."})
    return network


def _peer(text: str) -> ec2.IPeer:
    if text.startswith("pl-"):
        return ec2.Peer.prefix_list(text)
    if text.startswith("sg-"):
        return ec2.Peer.security_group_id(text)
    return ec2.Peer.ipv6(text) if ":" in text else ec2.Peer.ipv4(text)


def _imported_vpc(scope: Construct, config: ImportedVpc) -> ec2.IVpc:
    """Import a VPC by its ids, without a look-up."""
    return ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id=config.vpc_id,
        availability_zones=list(config.availability_zones),
        public_subnet_ids=list(config.public_subnet_ids) or None,
        private_subnet_ids=list(config.private_subnet_ids) or None,
        isolated_subnet_ids=list(config.isolated_subnet_ids) or None,
    )


def add_database(
    scope: Construct, construct_id: str, stage: StageConfig, *, network: ServiceNetwork
) -> Database | None:
    """Add the database and its secret, or nothing where the stage has no database.

    Without a database the stack is empty, if its `analytics_reporting` is False. The CDK CLI deletes a deployed stack
    that became empty and skips one that was never deployed, so removing `[database]` needs no other command than
    `cdk deploy --all`.
    """
    config = stage.database
    if config is None:
        reason = "Empty on purpose: the CDK CLI deletes the database's stack, and a snapshot remains."
        acknowledge(Stack.of(scope), {"CloudFormation-Validate::F0001": reason})
        return None
    database = Database(
        scope,
        construct_id,
        vpc=network.vpc,
        engine=_engine(config),
        instance_type=ec2.InstanceType(config.instance_type),
        allocated_storage=Size.gibibytes(config.allocated_storage),
        max_allocated_storage=Size.gibibytes(config.max_allocated_storage) if config.max_allocated_storage else None,
        multi_az=config.multi_az,
        database_name=config.name,
        username=config.username,
        vpc_subnets=network.database_subnets,
        security_group=network.database_security_group,
        backup_retention=Duration.days(config.backup_retention_days),
        deletion_protection=config.deletion_protection,
        # By a changed `version` only: RDS itself upgrades minor versions.
        allow_major_version_upgrade=True,
    )
    reasons = {}
    if not config.multi_az:
        reasons["RDS3"] = "One zone by choice of the manifest: database.multi_az."
    if not config.deletion_protection:
        reasons["RDS10"] = "Off by choice of the manifest: database.deletion_protection. A snapshot remains."
    if config.backup_retention_days == 0:
        reasons["RDS13"] = "Off by choice of the manifest: database.backup_retention_days."
    acknowledge(database, reasons)
    return database


def _engine(config: DatabaseConfig) -> DatabaseEngine:
    engines = {"mysql": DatabaseEngine.mysql, "mariadb": DatabaseEngine.mariadb, "postgres": DatabaseEngine.postgres}
    return engines[config.engine](config.version)


def add_environment(
    scope: Construct, construct_id: str, stage: StageConfig, *, network: ServiceNetwork, database: Database | None
) -> DockerEnvironment:
    """Add the application, the environment and its health alarm; imports and secrets are children of `scope`."""
    stack, config = Stack.of(scope), stage.environment
    # The CDK knows the days of each member.
    retentions = dict(zip(stack.resolve(list(logs.RetentionDays)), logs.RetentionDays, strict=True))
    placeholders = {}
    if database is not None:
        placeholders = {
            "host": database.database_host,
            "port": text(database.database_port),
            "name": database.database_name,
            "username": database.database_username,
        }
    environment = DockerEnvironment(
        scope,
        construct_id,
        vpc=network.vpc,
        description=f"{stage.service.name}, stage {stage.name}",
        platform=DockerPlatform.latest() if config.platform == "latest" else DockerPlatform.pinned(config.platform),
        environment_type=EnvironmentType(config.type),
        instance_types=[ec2.InstanceType(name) for name in config.instance_types],
        root_volume_size=Size.gibibytes(config.root_volume_size),
        min_size=config.min_size,
        max_size=config.max_size,
        scaling=ScalingTrigger(
            measure=config.scaling.measure,
            statistic=config.scaling.statistic,
            lower_threshold=config.scaling.lower_threshold,
            upper_threshold=config.scaling.upper_threshold,
            period=Duration.minutes(config.scaling.period_minutes),
            breach_duration=Duration.minutes(config.scaling.breach_duration_minutes),
        ),
        deployment_strategy=_deployment_strategy(config),
        load_balancer_scheme=LoadBalancerScheme(config.load_balancer.scheme),
        load_balancer=_load_balancer_settings(scope, config),
        health_check_path=stage.service.health_check_path,
        health_check=_health_check(config.health_check),
        domain=_domain(scope, stage),
        environment=stage.render_variables(placeholders),
        secrets={name: _secret(scope, name, secret, database) for name, secret in stage.secrets.items()},
        database=database,
        instance_security_group=network.instance_security_group,
        load_balancer_security_group=network.load_balancer_security_group,
        instance_subnets=network.instance_subnets if config.private_instances else PUBLIC,
        load_balancer_subnets=network.load_balancer_subnets,
        log_retention=retentions[config.log_retention_days],
        managed_updates=ManagedUpdates(**config.managed_updates.model_dump()) if config.managed_updates else None,
        max_versions=config.max_versions,
        options=[OptionSetting(**option.model_dump()) for option in config.options],
    )
    if environment.dns_records:
        description = "Records to make where the domain's DNS is; ALIAS or ANAME for a name that takes no CNAME"
        CfnOutput(scope, "DnsRecord", value=", ".join(environment.dns_records), description=description)
    description = "The project whose stacks these are: one of the same service.name has another image"
    CfnOutput(scope, "ServiceImage", value=stage.service.image, description=description)
    description = "Digests of the manifest's tables: a release warns about those that have changed since"
    CfnOutput(scope, "ManifestTables", value=table_digests(stage), description=description)
    _add_health_alarm(scope, environment, stage)
    # Delivery stacks of earlier versions import these until their own update, which may have no deployer any more.
    for value in (
        environment.application_name,
        environment.environment_name,
        environment.instance_role.role_arn,
        environment.service_role.role_arn,
    ):
        stack.export_value(value)
    return environment


def _domain(scope: Construct, stage: StageConfig) -> Domain | None:
    """Import the hosted zone and the certificate by their ids, without a look-up."""
    config = stage.domain
    if config is None:
        return None
    zone, certificate = None, None
    if config.hosted_zone:
        zone = route53.HostedZone.from_hosted_zone_attributes(
            scope, "HostedZone", hosted_zone_id=config.hosted_zone.id, zone_name=config.hosted_zone.name
        )
    if config.certificate:
        certificate = acm.Certificate.from_certificate_arn(scope, "Certificate", config.certificate)
    return Domain(
        name=config.name,
        aliases=config.aliases,
        hosted_zone=zone,
        certificate=certificate,
        # With a Dockerfile nginx on the instance does.
        redirects_http=config.redirects_http or not stage.service.compose,
    )


def _load_balancer_settings(scope: Construct, environment: EnvironmentConfig) -> LoadBalancerSettings:
    config = environment.load_balancer
    bucket = None
    if config.access_logs_bucket:
        bucket = s3.Bucket.from_bucket_name(scope, "AccessLogs", config.access_logs_bucket)
    return LoadBalancerSettings(
        idle_timeout=_seconds(config.idle_timeout_seconds),
        stickiness_cookie_duration=_seconds(config.stickiness_cookie_duration_seconds),
        access_logs_bucket=bucket,
        access_logs_prefix=config.access_logs_prefix,
    )


def _health_check(config: HealthCheckConfig) -> HealthCheck:
    return HealthCheck(
        interval=_seconds(config.interval_seconds),
        timeout=_seconds(config.timeout_seconds),
        healthy_threshold_count=config.healthy_threshold_count,
        unhealthy_threshold_count=config.unhealthy_threshold_count,
        healthy_http_codes=config.healthy_http_codes,
    )


def _seconds(value: int | None) -> Duration | None:
    return None if value is None else Duration.seconds(value)


def _deployment_strategy(config: EnvironmentConfig) -> DeploymentStrategy:
    percentage = config.batch_size_type == "Percentage"
    batch = BatchSize.percentage(config.batch_size) if percentage else BatchSize.count(config.batch_size)
    match DeploymentPolicy(config.deployment_policy):
        case DeploymentPolicy.ALL_AT_ONCE:
            return DeploymentStrategy.all_at_once()
        case DeploymentPolicy.ROLLING:
            return DeploymentStrategy.rolling(batch=batch)
        case DeploymentPolicy.ROLLING_WITH_ADDITIONAL_BATCH:
            return DeploymentStrategy.rolling_with_additional_batch(batch=batch)
        case DeploymentPolicy.IMMUTABLE:
            return DeploymentStrategy.immutable()
        case DeploymentPolicy.TRAFFIC_SPLITTING:
            evaluation = Duration.minutes(config.evaluation_minutes)
            return DeploymentStrategy.traffic_splitting(percent=config.traffic_split_percent, evaluation=evaluation)


def _secret(scope: Construct, name: str, config: Secret, database: Database | None) -> EnvironmentSecret:
    """Make a generated secret, or refer to one that exists."""
    if isinstance(config, DatabasePassword):
        if database is None:
            raise ConstructError(f"secret {name} is the password of a database: give database")
        return EnvironmentSecret.from_secrets_manager(database.secret, "password")
    construct_id = f"Secret{name}"
    if isinstance(config, GenerateSecret):
        generate = secretsmanager.SecretStringGenerator(password_length=config.generate, exclude_punctuation=True)
        secret = secretsmanager.Secret(
            scope, construct_id, description=f"{name} of the service", generate_secret_string=generate
        )
        acknowledge(secret, {"SMG4": "A generated value that only the app knows how to replace safely."})
        return EnvironmentSecret.from_secrets_manager(secret)
    if isinstance(config, SecretsManagerReference):
        existing = secretsmanager.Secret.from_secret_complete_arn(scope, construct_id, config.secretsmanager)
        return EnvironmentSecret.from_secrets_manager(existing, config.field)
    if config.ssm.startswith("arn:"):
        parameter = ssm.StringParameter.from_string_parameter_arn(scope, construct_id, config.ssm)
    else:
        parameter = ssm.StringParameter.from_secure_string_parameter_attributes(
            scope, construct_id, parameter_name=config.ssm
        )
    return EnvironmentSecret.from_ssm_parameter(parameter)


def _add_health_alarm(scope: Construct, environment: DockerEnvironment, stage: StageConfig) -> None:
    service = f"The environment of {stage.domain.url}" if stage.domain else "The environment"
    email = stage.alarms.email
    alarm = cloudwatch.Alarm(
        scope,
        "HealthAlarm",
        alarm_description=f"{service} is Degraded or Severe: requests fail or an instance is down.",
        metric=environment.metric_environment_health(),
        threshold=_DEGRADED,
        evaluation_periods=3,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
    )
    if email is not None:
        topic = sns.Topic(scope, "Alarms", enforce_ssl=True)
        topic.add_subscription(subscriptions.EmailSubscription(email))
        # A policy of its own, such as `enforce_ssl`, is in the place of SNS's default one, which lets alarms publish.
        publisher = {"ArnEquals": {"aws:SourceArn": alarm.alarm_arn}}
        topic.grant_publish(iam.ServicePrincipal("cloudwatch.amazonaws.com", conditions=publisher))
        alarm.add_alarm_action(actions.SnsAction(topic))


def add_deploy_user(
    scope: Construct,
    stage: StageConfig,
    permissions: DeployPermissions,
    *,
    extra_statements: Sequence[iam.PolicyStatement] = (),
) -> DeployUser | None:
    """Add the IAM user that deploys with an access key, where the stage has one."""
    if not stage.delivery.user:
        return None
    return DeployUser(
        scope,
        "DeployUser",
        permissions=permissions,
        access_key_serial=stage.delivery.access_key_serial,
        extra_statements=extra_statements,
    )


def add_github_deploy_role(
    scope: Construct,
    stage: StageConfig,
    permissions: DeployPermissions,
    *,
    extra_statements: Sequence[iam.PolicyStatement] = (),
) -> GitHubDeployRole | None:
    """Add the role that GitHub's workflows deploy with, where the stage has one."""
    config = stage.delivery.github
    if config is None:
        return None
    hours = stage.environment.session_hours
    provider = None
    if config.provider_arn:
        provider = iam.OidcProviderNative.from_oidc_provider_arn(scope, "GitHub", config.provider_arn)
    return GitHubDeployRole(
        scope,
        "GitHubDeployRole",
        permissions=permissions,
        repository=config.repository,
        branch=config.branch,
        environment=config.environment,
        provider=provider,
        # An hour is IAM's default.
        max_session_duration=Duration.hours(hours) if hours > 1 else None,
        extra_statements=extra_statements,
    )
