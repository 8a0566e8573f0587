"""DockerEnvironment: what CloudFormation gets, and every refusal."""

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import CfnParameter, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from aws_cdk.assertions import Match, Template
from constructs import Construct

from beanpod import Application, DockerEnvironment, DockerPlatform, EnvironmentSecret, OptionSetting
from tests.constructs.databases import existing_database
from tests.constructs.environments import new_environment, new_stack
from tests.constructs.templates import ENVIRONMENT, only, options, statements

ACTION = "aws:autoscaling:scheduledaction"
SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-AbCd12"


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
    environment.add_option("aws:autoscaling:scheduledaction", "MinSize", "2", "Morning")
    environment.add_secret("TOKEN", EnvironmentSecret.from_ssm_parameter(token))
    s3.Bucket.from_bucket_name(stack, "Uploads", "uploads").grant_read(environment)
    return Template.from_stack(stack)


def test_variables_secrets_and_other_options_reach_the_environment(full: Template) -> None:
    found = options(full)
    assert found["elasticbeanstalk:application:environment", "GREETING"] == "hello"
    assert found["elasticbeanstalk:application:environment", "COLOUR"] == "green"
    assert found["elasticbeanstalk:application:environmentsecrets", "STRIPE_KEY"] == f"{SECRET_ARN}:key"
    assert found["elasticbeanstalk:command", "Timeout"] == "900"
    assert found["autoscaling:scheduledaction", "MinSize"] == "2"


def test_a_secret_adds_the_permission_to_read_it_and_no_other(full: Template) -> None:
    secrets = [it for it in statements(full) if "secretsmanager:GetSecretValue" in it["Action"]]
    assert [statement["Resource"] for statement in secrets] == [SECRET_ARN]
    assert any("ssm:GetParameter" in statement["Action"] for statement in statements(full))


def test_a_pinned_platform_is_named_by_arn(full: Template) -> None:
    arn = only(full, ENVIRONMENT)["Properties"]["PlatformArn"]["Fn::Join"][1]
    assert arn[-1] == "::platform/Docker running on 64bit Amazon Linux 2023/4.13.7"


def test_the_latest_platform_is_the_branch_without_a_version() -> None:
    stack = new_stack()
    new_environment(stack)
    arn = ["arn:", {"Ref": "AWS::Partition"}, ":elasticbeanstalk:", {"Ref": "AWS::Region"}]
    branch = "::platform/Docker running on 64bit Amazon Linux 2023"
    Template.from_stack(stack).has_resource_properties(ENVIRONMENT, {"PlatformArn": {"Fn::Join": ["", [*arn, branch]]}})


def test_an_option_can_have_a_resource_name(full: Template) -> None:
    rows = only(full, ENVIRONMENT)["Properties"]["OptionSettings"]
    named = [row for row in rows if "ResourceName" in row]
    assert [(row["OptionName"], row["ResourceName"]) for row in named] == [("MinSize", "Morning")]


def test_an_application_limits_its_versions(full: Template) -> None:
    full.has_resource_properties(
        "AWS::ElasticBeanstalk::Application",
        {"ResourceLifecycleConfig": {"VersionLifecycleConfig": {"MaxCountRule": {"Enabled": True, "MaxCount": 50}}}},
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: e.add_environment("COLOUR", "red"), "COLOUR is set already: set it once"),
        (
            lambda e: e.add_environment("BIG", "x" * 4096),
            "variables take 4,112 bytes as NAME=value, Beanstalk stores 4,096",
        ),
        (lambda e: e.add_environment("B-2", "x"), "variables.B-2 must be named with letters"),
        (lambda e: e.add_secret("COLOUR", _stripe(e)), "secrets.COLOUR is in variables as well"),
        (lambda e: e.add_secret("1", _stripe(e)), "secrets.1 must be named"),
        (lambda e: e.add_secret("STRIPE", _stripe(e)), "STRIPE is set already"),
        (lambda e: e.add_environment("STRIPE", "plain"), "secrets.STRIPE is in variables as well"),
        (lambda e: e.add_option("aws:ec2:vpc", "VPCId", "vpc-2"), "option aws:ec2:vpc VPCId is set already"),
        (
            lambda e: e.add_option(ACTION, "MinSize", "1", "Night"),
            f"option {ACTION} MinSize is set already: set it once, or write override_option",
        ),
    ],
)
def test_later_additions_are_checked_as_well(
    refusing: DockerEnvironment, change: Callable[[DockerEnvironment], None], words: str
) -> None:
    before: Any = refusing.resource.option_settings
    with pytest.raises(ValueError, match=words):
        change(refusing)
    assert refusing.resource.option_settings == before


@pytest.fixture(scope="module")
def refusing() -> DockerEnvironment:
    environment = new_environment(new_stack(), environment={"COLOUR": "green"})
    environment.add_secret("STRIPE", _stripe(environment))
    # That of another resource is another option.
    for name in ("Night", "Day"):
        environment.add_option(ACTION, "MinSize", "1", name)
    return environment


def _stripe(scope: Construct) -> EnvironmentSecret:
    construct_id = f"Stripe{len(scope.node.children)}"
    secret = secretsmanager.Secret.from_secret_complete_arn(scope, construct_id, SECRET_ARN)
    return EnvironmentSecret.from_secrets_manager(secret)


def test_a_secret_without_its_full_arn_is_refused() -> None:
    secret = secretsmanager.Secret.from_secret_name_v2(new_stack(), "Stripe", "stripe")
    with pytest.raises(ValueError, match="imported without its full ARN"):
        EnvironmentSecret.from_secrets_manager(secret)


def test_a_platform_version_may_be_a_token() -> None:
    version = CfnParameter(new_stack(), "Version").value_as_string
    assert DockerPlatform.pinned(version).arn.endswith(f"/{version}")


def test_a_platform_version_is_three_numbers() -> None:
    with pytest.raises(ValueError, match=r'platform_version must be a platform version, got "4\.13": write e\.g\. "4'):
        DockerPlatform.pinned("4.13")


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


def test_name_description_and_tags_reach_the_environment() -> None:
    stack = new_stack()
    environment = new_environment(stack, environment_name="shop-prod", description="The shop")
    Tags.of(environment).add("team", "shop")
    named = {"EnvironmentName": "shop-prod", "Description": "The shop"}
    Template.from_stack(stack).has_resource_properties(
        ENVIRONMENT, {**named, "Tags": [{"Key": "team", "Value": "shop"}]}
    )


def test_an_application_that_exists_is_used_as_it_is() -> None:
    stack = new_stack()
    new_environment(stack, application=Application.from_application_name(stack, "Shop", "shop"))
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::ElasticBeanstalk::Application", 0)
    template.has_resource_properties(ENVIRONMENT, {"ApplicationName": "shop"})


def test_two_environments_share_an_application() -> None:
    stack = new_stack()
    first = new_environment(stack, "First")
    new_environment(stack, "Second", application=first.application)
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::ElasticBeanstalk::Application", 1)
    template.resource_properties_count_is(
        ENVIRONMENT, {"ApplicationName": {"Ref": Match.string_like_regexp("^FirstApplication")}}, 2
    )


@pytest.mark.parametrize("when", ["at once", "afterwards"])
def test_database_gives_its_variables_and_its_password_by_reference(when: str) -> None:
    stack = new_stack()
    database = existing_database(stack)
    if when == "at once":
        new_environment(stack, database=database)
    else:
        new_environment(stack).use_database(database)
    template = Template.from_stack(stack)
    found = options(template)
    for name, value in (("HOSTNAME", "db.example.com"), ("PORT", "5432"), ("DB_NAME", "shop"), ("USERNAME", "keeper")):
        assert found["elasticbeanstalk:application:environment", f"RDS_{name}"] == value
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"
    assert found["elasticbeanstalk:application:environmentsecrets", "RDS_PASSWORD"] == f"{arn}:password"
    reading = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    assert [it["Resource"] for it in statements(template) if it["Action"] == reading] == [arn]


def test_database_does_not_replace_a_variable_of_the_same_name() -> None:
    stack = new_stack()
    with pytest.raises(ValueError, match="RDS_HOSTNAME is set already"):
        new_environment(stack, environment={"RDS_HOSTNAME": "elsewhere"}, database=existing_database(stack))
