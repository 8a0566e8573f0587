"""The user whose key CI deploys with."""

import json
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from beanpod.deploy_policy import DeployPermissions
from beanpod.deploy_user import DeployUser

KEY = "AWS::IAM::AccessKey"
SECRET = "AWS::SecretsManager::Secret"
POLICY = "AWS::IAM::ManagedPolicy"


def permissions(stack: Stack) -> DeployPermissions:
    return DeployPermissions(
        application_name="guestbook",
        environment_names=["guestbook-dev"],
        bucket=s3.Bucket.from_bucket_name(stack, "Bucket", "artifacts"),
        instance_role=iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::123456789012:role/instances"),
        deployment_policy="TrafficSplitting",
    )


@pytest.fixture(scope="module")
def template() -> Template:
    stack = Stack(App(), "Delivery")
    allowed = permissions(stack)
    DeployUser(stack, "Deployer", permissions=allowed, access_key_serial=3)
    locked = DeployUser(stack, "Locked", permissions=allowed, active=False)
    s3.Bucket(stack, "Reports").grant_put(locked)
    return Template.from_stack(stack)


def deployer(suffix: str) -> dict[str, Any]:
    return {"Ref": Match.string_like_regexp(f"^Deployer{suffix}")}


def test_user_has_no_password_and_no_inline_policy(template: Template) -> None:
    properties = {"LoginProfile": Match.absent(), "Policies": Match.absent(), "UserName": Match.absent()}
    template.all_resources_properties("AWS::IAM::User", properties)


@pytest.mark.parametrize(("name", "sid"), [("Release", "DeployVersion"), ("Rollout", "SplitTraffic")])
def test_both_policies_are_attached_to_the_user(template: Template, name: str, sid: str) -> None:
    document = {"Statement": Match.array_with([Match.object_like({"Sid": sid})])}
    properties = {"PolicyDocument": document, "Users": [deployer("[0-9A-F]")]}
    template.has_resource_properties(POLICY, properties)
    assert [logical_id for logical_id in template.find_resources(POLICY) if f"Deployer{name}" in logical_id]


def test_the_serial_rotates_the_key(template: Template) -> None:
    template.has_resource_properties(KEY, {"Serial": 3, "Status": "Active", "UserName": deployer("")})


def test_a_user_can_be_locked_out(template: Template) -> None:
    template.has_resource_properties(KEY, {"Serial": 0, "Status": "Inactive"})


def test_one_secret_holds_both_halves_of_the_key_by_reference(template: Template) -> None:
    identity = {"Ref": Match.string_like_regexp("^DeployerAccessKey")}
    value = [
        '{"AWS_ACCESS_KEY":"',
        identity,
        '","AWS_SECRET_KEY":"',
        {"Fn::GetAtt": [Match.string_like_regexp("^DeployerAccessKey"), "SecretAccessKey"]},
        '"}',
    ]
    template.has_resource_properties(SECRET, {"SecretString": {"Fn::Join": ["", value]}})


def test_the_secret_says_what_to_do_with_it(template: Template) -> None:
    description = Match.string_like_regexp("copy AWS_ACCESS_KEY and AWS_SECRET_KEY into the CI's secrets")
    template.all_resources_properties(SECRET, {"Description": description})


def test_the_secret_is_deleted_with_its_user(template: Template) -> None:
    template.all_resources(SECRET, {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"})


def test_the_secret_key_is_nowhere_else(template: Template) -> None:
    resources = template.to_json()["Resources"]
    holders = [r["Type"] for r in resources.values() if "SecretAccessKey" in json.dumps(r)]
    assert holders == [SECRET, SECRET]
    assert "Outputs" not in template.to_json()


def test_permissions_are_added_with_grants(template: Template) -> None:
    put = Match.object_like({"Action": Match.array_with(["s3:PutObject"])})
    user = {"Ref": Match.string_like_regexp("^Locked")}
    template.has_resource_properties("AWS::IAM::Policy", {"PolicyDocument": {"Statement": [put]}, "Users": [user]})


def test_a_negative_serial_is_refused() -> None:
    stack = Stack(App(), "Refused")
    with pytest.raises(
        ValueError, match=r"Refused/Deployer: 1 problem\n  - access_key_serial must be at least 0, got -1: start"
    ):
        DeployUser(stack, "Deployer", permissions=permissions(stack), access_key_serial=-1)


EXTRA = {"Effect": "Allow", "Action": "cloudformation:TagResource", "Resource": "arn:aws:cloudformation:*:*:stack/a*/*"}


def test_extra_statements_are_in_a_separate_policy() -> None:
    stack = Stack(App(), "Delivery")
    extra = iam.PolicyStatement.from_json(EXTRA)
    DeployUser(stack, "Deployer", permissions=permissions(stack), extra_statements=[extra])
    template = Template.from_stack(stack)
    template.resource_count_is(POLICY, 3)
    document = {"Version": "2012-10-17", "Statement": [EXTRA]}
    template.has_resource_properties(POLICY, {"PolicyDocument": document, "Users": [deployer("")]})
