"""An existing environment: metrics, grants and deployments work as for a new one."""

import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from beanpod import ArtifactBucket, DockerEnvironment, IDockerEnvironment
from tests.constructs.databases import existing_database
from tests.constructs.environments import existing_environment, new_environment, new_stack
from tests.constructs.templates import statements

POLICY = "AWS::IAM::Policy"


@pytest.fixture(scope="module", params=[new_environment, existing_environment], ids=["made here", "imported"])
def used(request: pytest.FixtureRequest) -> Template:
    """One environment, made here or elsewhere, with all that others do with it."""
    stack = new_stack()
    environment: IDockerEnvironment = request.param(stack)
    database = existing_database(stack, "db-ABC")
    database.connections.allow_default_port_from(environment)
    database.grant_connect(environment, "guestbook")
    database.grant_read_secret(environment)
    s3.Bucket.from_bucket_name(stack, "Uploads", "uploads").grant_read(environment)
    environment.connections.allow_from(ec2.Peer.ipv4("10.1.0.0/16"), ec2.Port.tcp(9000), "Metrics")
    return Template.from_stack(stack)


@pytest.mark.parametrize("action", ["rds-db:connect", "secretsmanager:GetSecretValue", "s3:GetObject*"])
def test_grants_reach_the_instances_role(used: Template, action: str) -> None:
    (allowed,) = [it for it in statements(used) if action in it["Action"]]
    assert allowed["Effect"] == "Allow"
    if action == "rds-db:connect":
        assert allowed["Resource"]["Fn::Join"][1][-1] == ":dbuser:db-ABC/guestbook"


def test_the_database_opens_to_the_instances_and_they_open_to_others(used: Template) -> None:
    group = Match.string_like_regexp("^sg-(1|instances)$")
    for rule in (
        {"GroupId": "sg-db", "SourceSecurityGroupId": group, "FromPort": 5432},
        {"GroupId": group, "CidrIp": "10.1.0.0/16", "FromPort": 9000},
    ):
        used.has_resource_properties("AWS::EC2::SecurityGroupIngress", rule)


def test_an_imported_environment_has_its_attributes_and_adds_no_resources() -> None:
    stack = new_stack()
    environment = existing_environment(stack)
    assert (environment.environment_name, environment.application_name) == ("shop-prod", "shop")
    arn = stack.resolve(environment.environment_arn)["Fn::Join"][1]
    assert arn[-1] == ":environment/shop/shop-prod"
    assert environment.environment_endpoint_url == "awseb-1.eu-west-1.elb.amazonaws.com"
    assert "Resources" not in Template.from_stack(stack).to_json()


def test_an_existing_environment_needs_a_security_group() -> None:
    with pytest.raises(ValueError, match="security_groups must hold the instances' group, got none: connections need"):
        existing_environment(new_stack(), security_groups=[])


def test_a_deployer_may_release_to_an_existing_environment() -> None:
    stack = new_stack()
    permissions = existing_environment(stack).deploy_permissions(ArtifactBucket(stack, "Artifacts"))
    updates = [it for it in permissions.statements if "elasticbeanstalk:UpdateEnvironment" in it.actions]
    assert [resource.split(":", 5)[-1] for it in updates for resource in it.resources] == ["environment/shop/shop-prod"]
    assert any("ec2:RunInstances" in it.actions for it in permissions.statements)


def test_a_deployer_needs_the_deployment_policy() -> None:
    stack = new_stack()
    environment = existing_environment(stack, deployment_policy=None)
    words = r"^Test/Existing: 1 problem\n  - deployment_policy must be given for deploy_permissions, got none: import"
    with pytest.raises(ValueError, match=words):
        environment.deploy_permissions(ArtifactBucket(stack, "Artifacts"))


def test_an_imported_environment_has_no_methods_that_change_it() -> None:
    made, imported = new_environment(new_stack()), existing_environment(new_stack())
    changes = [name for name in dir(DockerEnvironment) if name.startswith(("add_", "use_", "override_"))]
    assert "add_environment" in changes
    assert [name for name in changes if hasattr(imported, name)] == []
    assert [name for name in changes if not hasattr(made, name)] == []
    with pytest.raises(AttributeError):
        # mypy reports the attribute: without the error, it would report the comment.
        imported.add_environment("COLOUR", "red")  # type: ignore[attr-defined]


def test_roles_given_by_arn_take_grants_in_a_policy_of_this_stack() -> None:
    stack = new_stack()
    role = iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::123456789012:role/team/app")
    s3.Bucket.from_bucket_name(stack, "Uploads", "uploads").grant_read(existing_environment(stack, instance_role=role))
    Template.from_stack(stack).has_resource_properties(POLICY, {"Roles": ["app"]})
