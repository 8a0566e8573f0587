"""Settings that the tests of options start from."""

from dataclasses import replace

from beanpod._settings import (
    BatchSizeType,
    DeploymentPolicy,
    EnvironmentSettings,
    EnvironmentType,
    ManagedUpdates,
    ScalingTrigger,
)

BALANCED = EnvironmentSettings(
    environment_type=EnvironmentType.LOAD_BALANCED,
    vpc_id="vpc-1",
    instance_subnets="subnet-1,subnet-2",
    load_balancer_subnets="subnet-3,subnet-4",
    public_instances=False,
    instance_security_group="sg-i",
    load_balancer_security_group="sg-l",
    instance_profile="profile",
    service_role="arn:aws:iam::123456789012:role/service",
    instance_types=("t3.small", "t3a.small"),
    root_volume_size=16,
    min_size=2,
    max_size=4,
    scaling=ScalingTrigger(),
    deployment_policy=DeploymentPolicy.ROLLING_WITH_ADDITIONAL_BATCH,
    batch_size_type=BatchSizeType.PERCENTAGE,
    batch_size=50,
    traffic_split_percent=10,
    evaluation_minutes=5,
    health_check_path="/health",
    certificate="arn:aws:acm:eu-west-1:123456789012:certificate/1",
    ssl_policy="ELBSecurityPolicy-TLS13-1-2-2021-06",
    log_retention_days=30,
    managed_updates=ManagedUpdates(),
)
SINGLE = replace(
    BALANCED,
    environment_type=EnvironmentType.SINGLE_INSTANCE,
    load_balancer_subnets=None,
    load_balancer_security_group=None,
    certificate=None,
    min_size=1,
    max_size=1,
    public_instances=True,
    deployment_policy=DeploymentPolicy.ALL_AT_ONCE,
)
