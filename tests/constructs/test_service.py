"""DockerService: the pattern that composes all constructs."""

import pytest
from aws_cdk import aws_certificatemanager as acm
from aws_cdk.assertions import Match, Template

from beanpod import DatabaseEngine, DockerService, EnvironmentType
from tests.constructs.environments import ENVIRONMENT, new_stack, option


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
