"""The options of an environment: what its settings become, and what may be added."""

from typing import Any

import pytest
from aws_cdk import Duration, Size
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from beanpod import (
    BatchSize,
    DeploymentStrategy,
    DockerEnvironment,
    DockerPlatform,
    Domain,
    EnvironmentType,
    HealthCheck,
    LoadBalancerSettings,
    ManagedUpdates,
    ScalingTrigger,
)
from tests.constructs.environments import balanced_environment, new_environment, new_stack
from tests.constructs.imported import CERTIFICATE, certificate
from tests.constructs.templates import ENVIRONMENT, only, statements
from tests.constructs.templates import options as template_options

COMMAND = "elasticbeanstalk:command"


def balanced(**settings: Any) -> DockerEnvironment:
    stack = new_stack()
    group = ec2.SecurityGroup.from_security_group_id(stack, "LoadBalancer", "sg-l")
    defaults: dict[str, Any] = {
        "environment_type": EnvironmentType.LOAD_BALANCED,
        "load_balancer_security_group": group,
    }
    if settings.pop("https", False):
        more = settings.pop("of_domain", {})
        defaults["domain"] = Domain(name="shop.example.com", certificate=certificate(stack), **more)
    return new_environment(stack, **(defaults | settings))


def options(environment: DockerEnvironment) -> dict[tuple[str, str], str]:
    rows: Any = environment.resource.option_settings
    return {(row.namespace.removeprefix("aws:"), row.option_name): row.value for row in rows}


# A namespace and its options in a line; after "no", what is in no key.
BY_DEFAULT = """
    autoscaling:launchconfiguration DisableIMDSv1=true RootVolumeType=gp3 RootVolumeSize=16 SecurityGroups=sg-1
    autoscaling:launchconfiguration DisableDefaultEC2SecurityGroup=true
    elasticbeanstalk:environment LoadBalancerType=application
    elbv2:loadbalancer SecurityGroups=sg-l ManagedSecurityGroup=sg-l
    elasticbeanstalk:environment:process:default HealthCheckPath=/
    elasticbeanstalk:healthreporting:system SystemType=enhanced
    elasticbeanstalk:cloudwatch:logs StreamLogs=true DeleteOnTerminate=false RetentionInDays=30
    elasticbeanstalk:cloudwatch:logs:health HealthStreamingEnabled=true RetentionInDays=30
    elasticbeanstalk:command DeploymentPolicy=RollingWithAdditionalBatch BatchSizeType=Percentage BatchSize=25
    no elbv2:listener:443 elasticbeanstalk:trafficsplitting
"""
UNITS = """
    ec2:instances InstanceTypes=t3.small,t3a.small
    autoscaling:asg MinSize=2 MaxSize=4
    autoscaling:trigger MeasureName=CPUUtilization Unit=Percent Statistic=Average LowerThreshold=12.5 UpperThreshold=80
    autoscaling:trigger Period=5 BreachDuration=60 EvaluationPeriods=12
    autoscaling:launchconfiguration RootVolumeSize=1024
    elasticbeanstalk:cloudwatch:logs RetentionInDays=3653
    elasticbeanstalk:managedactions ManagedActionsEnabled=true PreferredStartTime=Sun:03:00
    elasticbeanstalk:managedactions:platformupdate UpdateLevel=patch
"""
OF_THE_LOAD_BALANCER = """
    elbv2:loadbalancer IdleTimeout=300 SecurityGroups=sg-l
    elasticbeanstalk:environment:process:default StickinessEnabled=true StickinessLBCookieDuration=86400
    elasticbeanstalk:environment:process:default HealthCheckPath=/health HealthCheckInterval=30 HealthCheckTimeout=10
    elasticbeanstalk:environment:process:default HealthyThresholdCount=2 UnhealthyThresholdCount=4
    elasticbeanstalk:environment:process:default MatcherHTTPCode=200-299
"""
HTTPS = f"""
    elbv2:listener:443 Protocol=HTTPS SSLCertificateArns={CERTIFICATE}
    elbv2:listener:443 SSLPolicy=ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09
    elbv2:listener:default ListenerEnabled=false
"""
ROLLING = "elasticbeanstalk:command DeploymentPolicy=Rolling BatchSizeType=Fixed BatchSize=2\nno trafficsplitting"
SPLITTING = """
    elasticbeanstalk:command DeploymentPolicy=TrafficSplitting
    elasticbeanstalk:trafficsplitting NewVersionPercent=20 EvaluationTime=60
    no BatchSize
"""


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({}, BY_DEFAULT, id="defaults"),
        pytest.param(
            {
                "instance_types": [ec2.InstanceType("t3.small"), ec2.InstanceType("t3a.small")],
                "min_size": 2,
                "scaling": ScalingTrigger(lower_threshold=12.5, upper_threshold=80, breach_duration=Duration.hours(1)),
                "root_volume_size": Size.tebibytes(1),
                "log_retention": logs.RetentionDays.TEN_YEARS,
                "managed_updates": ManagedUpdates(start="Sun:03:00", level="patch"),
            },
            UNITS,
            id="sizes and durations in Beanstalk's units",
        ),
        pytest.param(
            {
                "scaling": ScalingTrigger(
                    measure="RequestCount", statistic="Sum", lower_threshold=100, upper_threshold=1000
                ),
                "managed_updates": None,
            },
            "autoscaling:trigger Unit=Count\nelasticbeanstalk:managedactions ManagedActionsEnabled=false\n"
            "no platformupdate",
            id="a trigger in the unit of its measure, and no managed updates",
        ),
        pytest.param(
            {"platform": DockerPlatform.pinned("4.13.7")},
            "elasticbeanstalk:managedactions ManagedActionsEnabled=false\nno platformupdate",
            id="no managed updates of a pinned platform",
        ),
        pytest.param(
            {
                "health_check_path": "/health",
                "load_balancer": LoadBalancerSettings(
                    idle_timeout=Duration.minutes(5), stickiness_cookie_duration=Duration.days(1)
                ),
                "health_check": HealthCheck(
                    interval=Duration.seconds(30),
                    timeout=Duration.seconds(10),
                    healthy_threshold_count=2,
                    unhealthy_threshold_count=4,
                    healthy_http_codes="200-299",
                ),
            },
            OF_THE_LOAD_BALANCER,
            id="the load balancer's own settings",
        ),
        pytest.param({"https": True}, HTTPS, id="HTTPS"),
        pytest.param(
            {"https": True, "of_domain": {"ssl_policy": elbv2.SslPolicy.TLS13_RES, "redirects_http": True}},
            "elbv2:listener:443 SSLPolicy=ELBSecurityPolicy-TLS13-1-2-Res-2021-06\nno elbv2:listener:default",
            id="a TLS policy",
        ),
        pytest.param({"deployment_strategy": DeploymentStrategy.rolling(batch=BatchSize.count(2))}, ROLLING, id="two"),
        pytest.param(
            {"deployment_strategy": DeploymentStrategy.rolling_with_additional_batch(batch=BatchSize.percentage(50))},
            "elasticbeanstalk:command BatchSize=50",
            id="rolling by half with an additional batch",
        ),
        pytest.param(
            {"deployment_strategy": DeploymentStrategy.immutable()},
            "elasticbeanstalk:command DeploymentPolicy=Immutable\nno BatchSize trafficsplitting",
            id="immutable",
        ),
        pytest.param(
            {"deployment_strategy": DeploymentStrategy.traffic_splitting(percent=20, evaluation=Duration.hours(1))},
            SPLITTING,
            id="traffic splitting",
        ),
    ],
)
def test_settings_become_options(settings: dict[str, Any], expected: str) -> None:
    found = options(balanced(**settings))
    for namespace, *words in map(str.split, expected.strip().splitlines()):
        if namespace == "no":
            assert not [key for key in found for word in words if word in " ".join(key)]
        for name, _, value in (word.partition("=") for word in words if namespace != "no"):
            assert found.get((namespace, name)) == value, (namespace, name)


def test_a_single_instance_has_no_options_of_a_load_balancer() -> None:
    check = HealthCheck(healthy_http_codes="200,401")
    found = options(new_environment(new_stack(), scaling=ScalingTrigger(), health_check=check))
    assert not [key for key in found if any(word in key[0] for word in ("elbv2", "trigger", "process"))]
    assert ("ec2:vpc", "ELBSubnets") not in found
    assert found["elasticbeanstalk:application", "Application Healthcheck URL"] == "/"
    assert found[COMMAND, "DeploymentPolicy"] == "AllAtOnce"


def test_access_logs_may_be_written_to_a_bucket_of_the_app() -> None:
    stack = new_stack()
    bucket = s3.Bucket(stack, "Bucket")
    settings = LoadBalancerSettings(access_logs_bucket=bucket, access_logs_prefix="shop")
    balanced_environment(stack, load_balancer=settings)
    template = Template.from_stack(stack)
    (statement,) = statements(template, "AWS::S3::BucketPolicy")
    assert statement["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    assert "/shop/AWSLogs/" in str(statement["Resource"])
    (name,) = template.find_resources("AWS::S3::BucketPolicy")
    assert name in only(template, ENVIRONMENT)["DependsOn"]
    found = {name: value for (_, name), value in template_options(template).items() if "Logs" in name}
    assert found["AccessLogsS3Enabled"] == "true"
    assert found["AccessLogsS3Prefix"] == "shop"
    assert found["AccessLogsS3Bucket"]["Ref"]


def test_access_logs_are_not_encrypted_with_a_key_of_kms() -> None:
    stack = new_stack()
    bucket = s3.Bucket(stack, "Bucket", encryption=s3.BucketEncryption.KMS)
    words = "load_balancer.access_logs_bucket must be encrypted with S3's own keys, got the key Test/Bucket/Key"
    with pytest.raises(ValueError, match=words):
        balanced_environment(stack, load_balancer=LoadBalancerSettings(access_logs_bucket=bucket))


def test_a_domain_needs_a_load_balancer() -> None:
    with pytest.raises(ValueError, match="domain needs a load balancer"):
        balanced(https=True, environment_type=EnvironmentType.SINGLE_INSTANCE)


def test_later_options_follow_in_order_and_positions_stay() -> None:
    environment = new_environment(new_stack(), environment={"Z": "1", "Y": "1"})
    before = list(options(environment))
    environment.add_variables({"B": "2", "A": "1"})
    variables = "elasticbeanstalk:application:environment"
    assert before == sorted(before)
    assert list(options(environment)) == [*before, (variables, "A"), (variables, "B")]
