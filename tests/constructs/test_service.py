"""DockerService: the pattern that composes all constructs."""

import inspect
from typing import Any, get_type_hints

import pytest
from aws_cdk import App, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Match, Template

from beanpod import (
    Database,
    DatabaseEngine,
    DatabaseSettings,
    DockerService,
    Domain,
    EnvironmentType,
    NetworkSettings,
    ServiceNetwork,
)
from tests.constructs.environments import new_stack
from tests.constructs.imported import certificate
from tests.constructs.templates import ENVIRONMENT, options, statements

VARIABLES = "elasticbeanstalk:application:environment"


@pytest.fixture(scope="module")
def service() -> Template:
    stack = new_stack()
    DockerService(
        stack,
        "Shop",
        database_engine=DatabaseEngine.mysql("8.4"),
        domain=Domain(name="shop.example.com", certificate=certificate(stack)),
    )
    return Template.from_stack(stack)


@pytest.fixture(scope="module")
def brought() -> dict[str, Template]:
    """A service in a VPC, and with a database, of earlier stacks."""
    app = App()
    earlier, later = Stack(app, "Earlier"), Stack(app, "Later")
    vpc = ec2.Vpc(earlier, "Vpc", restrict_default_security_group=False)
    database = Database(earlier, "Database", vpc=vpc, engine=DatabaseEngine.postgres("17"))
    DockerService(later, "Shop", vpc=vpc, database=database)
    app.synth()
    return {stack.stack_name: Template.from_stack(stack) for stack in (earlier, later)}


def test_the_minimal_use_is_one_statement() -> None:
    stack = new_stack()
    service = DockerService(stack, "Shop")
    assert service.database is None
    Template.from_stack(stack).resource_count_is("AWS::RDS::DBInstance", 0)


def test_a_vpc_and_a_database_of_earlier_stacks_are_used(brought: dict[str, Template]) -> None:
    for kind in ("AWS::EC2::VPC", "AWS::RDS::DBInstance"):
        brought["Later"].resource_count_is(kind, 0)
    assert "Fn::GetStackOutput" in options(brought["Later"])[VARIABLES, "RDS_HOSTNAME"]


def test_a_database_of_an_earlier_stack_is_opened_from_the_later_one(brought: dict[str, Template]) -> None:
    group = {"Fn::ImportValue": Match.string_like_regexp("DatabaseSecurityGroup")}
    brought["Later"].has_resource_properties(
        "AWS::EC2::SecurityGroupIngress", {"GroupId": group, "FromPort": 5432, "ToPort": 5432}
    )
    brought["Later"].has_resource_properties(
        "AWS::EC2::SecurityGroupEgress", {"DestinationSecurityGroupId": group, "FromPort": 5432}
    )
    assert "Fn::ImportValue" not in str(brought["Earlier"].to_json())


def test_one_statement_makes_the_whole_service(service: Template) -> None:
    service.resource_count_is("AWS::EC2::SecurityGroup", 3)
    for kind in ("RDS::DBInstance", "ElasticBeanstalk::Application", "S3::Bucket", "IAM::AccessKey"):
        service.resource_count_is(f"AWS::{kind}", 1)
    (database,) = service.find_resources("AWS::RDS::DBInstance")
    host = {"Fn::GetAtt": [database, "Endpoint.Address"]}
    assert options(service)[VARIABLES, "RDS_HOSTNAME"] == host


@pytest.mark.parametrize("github_repository", [None, "octo/shop"])
def test_only_a_repository_deploys_without_a_key_and_both_get_extra_statements(
    github_repository: str | None,
) -> None:
    stack = Stack(App(), "Delivery")
    extra = {"Effect": "Allow", "Action": "cloudformation:TagResource", "Resource": "*"}
    DockerService(
        stack,
        "Shop",
        environment_type=EnvironmentType.SINGLE_INSTANCE,
        github_repository=github_repository,
        extra_statements=[iam.PolicyStatement.from_json(extra)],
    )
    document = {"Version": "2012-10-17", "Statement": [extra]}
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::IAM::AccessKey", int(github_repository is None))
    if github_repository is None:
        template.has_resource_properties("AWS::IAM::ManagedPolicy", {"PolicyDocument": document})
    else:
        policies = Match.array_with([{"PolicyName": "Extra", "PolicyDocument": document}])
        template.has_resource_properties("AWS::IAM::Role", {"Policies": policies})


def test_a_second_database_is_refused() -> None:
    stack = new_stack()
    first = DockerService(stack, "First", database_engine=DatabaseEngine.mysql("8.4"))
    with pytest.raises(ValueError, match="database_engine and database exclude each other"):
        DockerService(stack, "Second", database_engine=DatabaseEngine.mysql("8.4"), database=first.database)


def test_a_database_of_the_app_needs_its_vpc() -> None:
    stack = new_stack()
    first = DockerService(stack, "First", database_engine=DatabaseEngine.mysql("8.4"))
    with pytest.raises(ValueError, match="vpc must be given beside a database of this app, got none: give the"):
        DockerService(stack, "Second", database=first.database)


def test_beanstalk_may_delete_the_bundles_of_the_versions_it_deletes(service: Template) -> None:
    found = statements(service, "AWS::S3::BucketPolicy")
    (deleting,) = [it for it in found if it["Effect"] == "Allow" and "s3:DeleteObject" in it["Action"]]
    assert "ServiceRole" in str(deleting["Principal"])


def test_settings_reach_the_parts() -> None:
    stack = new_stack()
    DockerService(
        stack,
        "Shop",
        database_engine=DatabaseEngine.mysql("8.4"),
        deletion_protection=False,
        network_settings={"max_azs": 3},
        database_settings={"multi_az": True, "port": 3307},
        environment_name="shop-prod",
        log_retention=logs.RetentionDays.ONE_WEEK,
        instance_port=8080,
    )
    template = Template.from_stack(stack)
    template.has_resource_properties("AWS::RDS::DBInstance", {"MultiAZ": True, "DeletionProtection": False})
    template.has_resource_properties("AWS::EC2::SecurityGroupIngress", {"FromPort": 3307})
    template.has_resource_properties("AWS::EC2::SecurityGroupIngress", {"FromPort": 8080})
    template.has_resource_properties(ENVIRONMENT, {"EnvironmentName": "shop-prod"})


@pytest.mark.parametrize(
    ("part", "settings", "given"),
    [
        (ServiceNetwork, NetworkSettings, {"vpc", "nat_gateways", "load_balanced", "database_port"}),
        (Database, DatabaseSettings, {"vpc", "engine", "security_group", "deletion_protection", "removal_policy"}),
    ],
)
def test_settings_are_all_parameters_that_the_service_does_not_give(part: Any, settings: Any, given: set[str]) -> None:
    parameters = set(inspect.signature(part.__init__).parameters) - {"self", "scope", "construct_id"}
    assert set(get_type_hints(settings)) == parameters - given


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"network_settings": 3}, "Shop: network_settings must be a dict, got 3"),
        ({"log_retentions": 3}, "Shop: log_retentions is no argument: write log_retention"),
        ({"batch_size": 3}, "batch_size is no argument: write deployment_strategy=DeploymentStr"),
        ({"environment_settings": {"min_size": 2}}, "environment_settings is no argument: write each of them as an a"),
        ({"network_settings": {"colour": 3}}, "Shop/Network: colour is no argument"),
        (
            {"network_settings": {"vpc": None}},
            "Shop: 1 problem\n  - network_settings must not have vpc: write vpc=... beside it",
        ),
        ({"network_settings": {"load_balanced": True}}, "network_settings must not have load_balanced: write environm"),
        (
            {
                "database_engine": DatabaseEngine.mysql("8.4"),
                "database_settings": {"deletion_protection": False, "security_group": None},
            },
            "(?s)2 problems.*database_settings must not have deletion_protection.*database_settings must not have secu",
        ),
        *(
            (
                {"database_engine": DatabaseEngine.mysql("8.4"), "removal_policy": policy},
                f"removal_policy must not be {policy.name} with database_engine: EC2 deletes no network that a ",
            )
            for policy in (RemovalPolicy.RETAIN, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        ),
        ({"database_settings": {"multi_az": True}}, "database_settings belong to a new database: give database_engine"),
    ],
)
def test_settings_that_a_part_does_not_take_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        DockerService(new_stack(), "Shop", **settings)  # type: ignore[arg-type]


def test_the_deployer_reads_the_outputs_of_its_stack() -> None:
    stack = new_stack()
    DockerService(stack, "Shop")
    DockerService(stack, "Blog")
    template = Template.from_stack(stack).to_json()
    names = {"ApplicationName", "EnvironmentName", "Region", "Url", "BucketName", "DeployerSecretArn"}
    assert set(template["Outputs"]) == names | {f"Blog{name}" for name in names}
    assert "cloudformation:DescribeStacks" in str(template["Resources"])
