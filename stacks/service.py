"""The service: application, environment and the alarms that watch it."""

from typing import Any

from aws_cdk import CfnOutput
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from beanpod import (
    BatchSizeType,
    Database,
    DeploymentPolicy,
    DockerEnvironment,
    DockerPlatform,
    EnvironmentType,
    ManagedUpdates,
    OptionSetting,
    ScalingTrigger,
    ServiceNetwork,
)
from beanpod.manifest import StageConfig
from stacks._parts import database_values, environment_secret
from stacks._stage_stack import StageStack

_DEGRADED = 20
_SERVICE_POLICIES = (
    "service-role/AWSElasticBeanstalkEnhancedHealth",
    "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
)
_PUBLIC = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)


class ServiceStack(StageStack):
    """Changes with the service; can be removed and made again without losing data."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: StageConfig,
        network: ServiceNetwork,
        database: Database | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self.docker_environment = self._make_environment(stage, network, database)
        self._watch(stage.alarms.email)
        self._accept_findings()
        CfnOutput(self, "ApplicationName", value=self.docker_environment.application_name)
        CfnOutput(self, "EnvironmentName", value=self.docker_environment.environment_name)
        CfnOutput(self, "Region", value=self.region)
        self._keep_exports()
        scheme = "https" if stage.environment.certificate else "http"
        CfnOutput(self, "Url", value=f"{scheme}://{self.docker_environment.endpoint}")

    def _keep_exports(self) -> None:
        """Whoever deploys: a delivery stack of an earlier version imports all of these until its own update."""
        environment = self.docker_environment
        names = (environment.application_name, environment.environment_name)
        for value in (*names, environment.instance_role.role_arn, environment.service_role.role_arn):
            self.export_value(value)

    def _make_environment(
        self, stage: StageConfig, network: ServiceNetwork, database: Database | None
    ) -> DockerEnvironment:
        config = stage.environment
        certificate = (
            acm.Certificate.from_certificate_arn(self, "Certificate", config.certificate)
            if config.certificate
            else None
        )
        return DockerEnvironment(
            self,
            "Environment",
            vpc=network.vpc,
            description=f"{stage.service.name}, stage {stage.name}",
            platform=_platform(config.platform),
            environment_type=EnvironmentType(config.type),
            instance_types=config.instance_types,
            root_volume_size=config.root_volume_gb,
            min_size=config.min_size,
            max_size=config.max_size,
            scaling=ScalingTrigger(unit=config.scaling.unit, **config.scaling.model_dump()),
            deployment_policy=DeploymentPolicy(config.deployment_policy),
            batch_size_type=BatchSizeType(config.batch_size_type),
            batch_size=config.batch_size,
            traffic_split_percent=config.traffic_split_percent,
            evaluation_minutes=config.traffic_split_minutes,
            health_check_path=stage.service.health_path,
            certificate=certificate,
            environment=stage.render_variables(database_values(database) if database else None),
            secrets={name: environment_secret(self, name, secret) for name, secret in stage.secrets.items()},
            database=database,
            instance_security_group=network.instance_security_group,
            load_balancer_security_group=network.load_balancer_security_group,
            instance_subnets=network.instance_subnets if config.private_instances else _PUBLIC,
            load_balancer_subnets=network.load_balancer_subnets,
            log_retention_days=config.log_retention_days,
            managed_updates=(ManagedUpdates(**config.managed_updates.model_dump()) if config.managed_updates else None),
            max_versions=config.max_versions,
            options=[OptionSetting(**option.model_dump()) for option in config.options],
        )

    def _accept_findings(self) -> None:
        environment = self.docker_environment
        self.accept(environment.service_role, _managed(*_SERVICE_POLICIES))
        self.accept(environment.instance_role, _managed("AWSElasticBeanstalkWebTier"))
        self.accept(
            environment.resource, {"EB4": "Logs stream to CloudWatch Logs, with a retention, instead of to S3."}
        )

    def _watch(self, email: str | None) -> None:
        alarm = cloudwatch.Alarm(
            self,
            "HealthAlarm",
            alarm_description="The environment is Degraded or Severe: requests fail or an instance is down.",
            metric=self.docker_environment.metric_environment_health(),
            threshold=_DEGRADED,
            evaluation_periods=3,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )
        if email is None:
            return
        topic = sns.Topic(self, "Alarms", enforce_ssl=True)
        topic.add_subscription(subscriptions.EmailSubscription(email))
        alarm.add_alarm_action(actions.SnsAction(topic))


def _platform(version: str) -> DockerPlatform:
    return DockerPlatform.latest() if version == "latest" else DockerPlatform.pinned(version)


def _managed(*names: str) -> dict[str, str]:
    reason = "AWS documents and maintains this policy for this role; docs/permissions.md says how far it reaches."
    return {f"IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{name}]": reason for name in names}
