"""DockerEnvironment and DockerService: what CloudFormation gets, and every refusal."""

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from aws_cdk.assertions import Match, Template

from beanpod import (
    DatabaseEngine,
    DockerEnvironment,
    DockerPlatform,
    DockerService,
    EnvironmentSecret,
    EnvironmentType,
    OptionSetting,
)

SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-AbCd12"
ENVIRONMENT = "AWS::ElasticBeanstalk::Environment"


def new_stack() -> Stack:
    return Stack(App(), "Test")


def new_environment(stack: Stack, construct_id: str = "Environment", **settings: Any) -> DockerEnvironment:
    """A single instance in an imported VPC: the least there is to synthesise."""
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        f"{construct_id}Vpc",
        vpc_id="vpc-1",
        availability_zones=["a", "b"],
        public_subnet_ids=["subnet-a", "subnet-b"],
    )
    group = ec2.SecurityGroup.from_security_group_id(stack, f"{construct_id}Group", "sg-1")
    defaults: dict[str, Any] = {"environment_type": EnvironmentType.SINGLE_INSTANCE}
    return DockerEnvironment(stack, construct_id, vpc=vpc, instance_security_group=group, **(defaults | settings))


def option(name: str, value: Any, namespace: Any = None) -> Any:
    return Match.array_with(
        [Match.object_like({"OptionName": name, "Value": value} | ({"Namespace": namespace} if namespace else {}))]
    )


@pytest.fixture(scope="module")
def full() -> Template:
    """One environment that uses everything a test below looks at."""
    stack = new_stack()
    stripe = secretsmanager.Secret.from_secret_complete_arn(stack, "Stripe", SECRET_ARN)
    token = ssm.StringParameter.from_secure_string_parameter_attributes(stack, "Token", parameter_name="/app/token")
    environment = new_environment(
        stack,
        platform=DockerPlatform.pinned("4.13.7"),
        environment={"GREETING": "hello"},
        secrets={"STRIPE_KEY": EnvironmentSecret.from_secrets_manager(stripe, "key")},
        options=[OptionSetting(namespace="aws:elasticbeanstalk:command", name="Timeout", value="900")],
    )
    environment.add_environment("COLOUR", "green")
    environment.add_secret("TOKEN", EnvironmentSecret.from_ssm_parameter(token))
    s3.Bucket.from_bucket_name(stack, "Uploads", "uploads").grant_read(environment)
    return Template.from_stack(stack)


@pytest.mark.parametrize(
    ("name", "value", "namespace"),
    [
        ("GREETING", "hello", "aws:elasticbeanstalk:application:environment"),
        ("COLOUR", "green", "aws:elasticbeanstalk:application:environment"),
        ("STRIPE_KEY", f"{SECRET_ARN}:key", "aws:elasticbeanstalk:application:environmentsecrets"),
        ("Timeout", "900", "aws:elasticbeanstalk:command"),
    ],
)
def test_variables_secrets_and_other_options_reach_the_environment(
    full: Template, name: str, value: str, namespace: str
) -> None:
    full.has_resource_properties(ENVIRONMENT, {"OptionSettings": option(name, value, namespace)})


def test_a_secret_adds_the_permission_to_read_it_and_no_other(full: Template) -> None:
    policies = full.find_resources("AWS::IAM::Policy")
    (policy,) = policies.values()
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    secrets = [s for s in statements if "secretsmanager:GetSecretValue" in s["Action"]]
    assert [statement["Resource"] for statement in secrets] == [SECRET_ARN]
    assert any("ssm:GetParameter" in statement["Action"] for statement in statements)


def test_a_grant_to_the_environment_reaches_its_instances(full: Template) -> None:
    full.has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with([Match.object_like({"Action": Match.array_with(["s3:GetObject*"])})])
            }
        },
    )


def test_a_pinned_platform_is_named_by_arn(full: Template) -> None:
    (environment,) = full.find_resources(ENVIRONMENT).values()
    arn = environment["Properties"]["PlatformArn"]["Fn::Join"][1]
    assert arn[-1] == "::platform/Docker running on 64bit Amazon Linux 2023/4.13.7"


def test_options_stand_in_order_so_that_a_template_changes_only_with_its_settings(full: Template) -> None:
    (environment,) = full.find_resources(ENVIRONMENT).values()
    rows = [(row["Namespace"], row["OptionName"]) for row in environment["Properties"]["OptionSettings"]]
    assert rows == sorted(rows)


def test_application_keeps_a_limited_number_of_versions(full: Template) -> None:
    full.has_resource_properties(
        "AWS::ElasticBeanstalk::Application",
        {"ResourceLifecycleConfig": {"VersionLifecycleConfig": {"MaxCountRule": {"Enabled": True, "MaxCount": 50}}}},
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"environment_type": EnvironmentType.LOAD_BALANCED}, "load_balancer_security_group is missing"),
        ({"min_size": 0}, "min_size must be at least 1, got 0"),
        ({"environment": {"A B": "x"}}, 'variable "A B" must be letters'),
        ({"environment": {"A": "x" * 5000}}, "variables take 5002 bytes"),
        ({"max_versions": 0}, "max_versions must be 1 to 1000, got 0"),
        (
            {"options": [OptionSetting(namespace="aws:ec2:vpc", name="VPCId", value="vpc-2")]},
            "option aws:ec2:vpc VPCId is set already",
        ),
    ],
)
def test_what_beanstalk_would_refuse_is_refused_at_once(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        new_environment(new_stack(), **settings)


def test_every_problem_is_named_in_one_error() -> None:
    with pytest.raises(ValueError, match=r"2 problems[\s\S]*min_size[\s\S]*health_check_path"):
        new_environment(new_stack(), min_size=0, health_check_path="health")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: e.add_environment("COLOUR", "red"), "COLOUR is set already"),
        (lambda e: e.add_environment("BIG", "x" * 4096), "variables take"),
        (lambda e: e.add_secret("COLOUR", _stripe(e)), "COLOUR is set already"),
        (lambda e: e.add_secret("1", _stripe(e)), 'variable "1" must be letters'),
        (lambda e: e.add_option("aws:ec2:vpc", "VPCId", "vpc-2"), "VPCId is set already"),
    ],
)
def test_later_additions_are_checked_as_well(change: Callable[[DockerEnvironment], None], words: str) -> None:
    environment = new_environment(new_stack(), environment={"COLOUR": "green"})
    with pytest.raises(ValueError, match=words):
        change(environment)


def _stripe(environment: DockerEnvironment) -> EnvironmentSecret:
    secret = secretsmanager.Secret.from_secret_complete_arn(environment, "Stripe", SECRET_ARN)
    return EnvironmentSecret.from_secrets_manager(secret)


def test_a_secret_without_its_full_arn_is_refused() -> None:
    secret = secretsmanager.Secret.from_secret_name_v2(new_stack(), "Stripe", "stripe")
    with pytest.raises(ValueError, match="imported without its full ARN"):
        EnvironmentSecret.from_secrets_manager(secret)


@pytest.mark.parametrize("version", ["4.13", "latest", "4.13.7.1", ""])
def test_a_platform_version_is_three_numbers(version: str) -> None:
    with pytest.raises(ValueError, match="platform version must look like"):
        DockerPlatform.pinned(version)


def test_your_own_roles_stay_as_they_are() -> None:
    stack = new_stack()
    arn = "arn:aws:iam::123456789012:role"
    new_environment(
        stack,
        service_role=iam.Role.from_role_arn(stack, "Service", f"{arn}/service"),
        instance_role=iam.Role.from_role_arn(stack, "Instances", f"{arn}/instances"),
    )
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::IAM::Role", 0)
    template.has_resource_properties("AWS::IAM::InstanceProfile", {"Roles": ["instances"]})


@pytest.fixture(scope="module")
def service() -> Template:
    stack = new_stack()
    DockerService(
        stack,
        "Shop",
        database_engine=DatabaseEngine.mysql("8.4"),
        certificate=acm.Certificate.from_certificate_arn(
            stack, "Certificate", "arn:aws:acm:eu-west-1:123456789012:certificate/1"
        ),
    )
    return Template.from_stack(stack)


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("AWS::EC2::SecurityGroup", 3),
        ("AWS::RDS::DBInstance", 1),
        (ENVIRONMENT, 1),
        ("AWS::ElasticBeanstalk::Application", 1),
        ("AWS::S3::Bucket", 1),
        ("AWS::IAM::AccessKey", 1),
    ],
)
def test_one_statement_makes_the_whole_service(service: Template, kind: str, count: int) -> None:
    service.resource_count_is(kind, count)


def test_the_services_environment_knows_its_database(service: Template) -> None:
    service.has_resource_properties(
        ENVIRONMENT,
        {"OptionSettings": option("RDS_HOSTNAME", {"Fn::GetAtt": [Match.any_value(), "Endpoint.Address"]})},
    )


def test_a_github_repository_deploys_without_a_key() -> None:
    stack = new_stack()
    service = DockerService(
        stack, "Shop", environment_type=EnvironmentType.SINGLE_INSTANCE, github_repository="octo/shop"
    )
    assert service.deploy_user is None
    Template.from_stack(stack).resource_count_is("AWS::IAM::AccessKey", 0)


def test_two_databases_are_one_too_many() -> None:
    stack = new_stack()
    first = DockerService(stack, "First", database_engine=DatabaseEngine.mysql("8.4"))
    with pytest.raises(ValueError, match="database_engine and database exclude each other"):
        DockerService(stack, "Second", database_engine=DatabaseEngine.mysql("8.4"), database=first.database)


def test_beanstalk_may_delete_the_bundles_of_the_versions_it_deletes(service: Template) -> None:
    (policy,) = service.find_resources("AWS::S3::BucketPolicy").values()
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    deleting = [it for it in statements if it["Effect"] == "Allow" and "s3:DeleteObject" in it["Action"]]
    assert len(deleting) == 1
    assert "ServiceRole" in str(deleting[0]["Principal"])
