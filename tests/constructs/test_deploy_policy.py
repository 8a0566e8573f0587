"""The deployer's policy, from constructs to documents."""

import json
from typing import Any

import pytest
from aws_cdk import App, Fn, Stack
from aws_cdk import aws_elasticbeanstalk as beanstalk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from beanpod._settings import DeploymentPolicy
from beanpod.deploy_policy import DeployPermissions


@pytest.fixture(scope="module")
def stack() -> Stack:
    return Stack(App(), "Delivery")


@pytest.fixture(scope="module")
def given(stack: Stack) -> dict[str, Any]:
    return {
        "application_name": beanstalk.CfnApplication(stack, "Application").ref,
        "environment_names": ["guestbook-dev", "guestbook-prod"],
        "bucket": s3.Bucket.from_bucket_name(stack, "Bucket", "artifacts"),
        "instance_role": iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::123456789012:role/instances"),
        "deployment_policy": DeploymentPolicy.IMMUTABLE,
    }


def resolved(stack: Stack, permissions: DeployPermissions) -> dict[str, list[dict[str, Any]]]:
    documents = permissions.documents()
    return {name: stack.resolve(document)["Statement"] for name, document in documents.items()}


def test_every_statement_reaches_one_of_two_documents(stack: Stack, given: dict[str, Any]) -> None:
    permissions = DeployPermissions(**given)
    documents = resolved(stack, permissions)
    sids = [statement["Sid"] for name in ("Release", "Rollout") for statement in documents[name]]
    assert sids == [statement.sid for statement in permissions.statements]
    assert {"DeployVersion", "StoreBundles"} <= {statement["Sid"] for statement in documents["Release"]}


def test_reasons_stay_out_of_the_template(stack: Stack, given: dict[str, Any]) -> None:
    permissions = DeployPermissions(**given)
    text = json.dumps(resolved(stack, permissions))
    assert not [statement.why for statement in permissions.statements if statement.why in text]


def test_names_that_only_cloudformation_knows_are_filled_in(stack: Stack, given: dict[str, Any]) -> None:
    deploy = next(s for s in resolved(stack, DeployPermissions(**given))["Release"] if s["Sid"] == "DeployVersion")
    start = ["arn:", {"Ref": "AWS::Partition"}, ":elasticbeanstalk:", {"Ref": "AWS::Region"}, ":"]
    place = [*start, {"Ref": "AWS::AccountId"}, ":environment/", {"Ref": "Application"}]
    assert deploy["Resource"] == [
        {"Fn::Join": ["", [*place, f"/{name}"]]} for name in ("guestbook-dev", "guestbook-prod")
    ]


def test_conditions_reach_the_document(stack: Stack, given: dict[str, Any]) -> None:
    pause = next(s for s in resolved(stack, DeployPermissions(**given))["Rollout"] if s["Sid"] == "PauseScaling")
    names = ["guestbook-dev", "guestbook-prod"]
    assert pause["Condition"] == {"StringEquals": {"aws:ResourceTag/elasticbeanstalk:environment-name": names}}


def test_policies_may_come_as_text(given: dict[str, Any]) -> None:
    permissions = DeployPermissions(**{**given, "deployment_policy": "Rolling"})
    assert "LaunchInstances" not in {statement.sid for statement in permissions.statements}
    with pytest.raises(TypeError, match=r'deployment_policy must be one of DeploymentPolicy.ALL_AT_ONCE.*"Canary"'):
        DeployPermissions(**{**given, "deployment_policy": "Canary"})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"application_name": ""}, r'application_name must be one whole name, got "": write it without wildcards'),
        ({"application_name": "guest*"}, r'application_name must be one whole name, got "guest\*"'),
        ({"environment_names": []}, r"environment_names must hold at least one name, got none: name what may"),
        (
            {"environment_names": Fn.split(",", Fn.import_value("names"))},
            "environment_names must be known at synth, got a list token: name each",
        ),
        ({"instance_role": []}, r"instance_role must hold at least one role, got none: give each environment's"),
        ({"environment_names": ["prod-*"]}, r'environment_names must be whole names, got "prod-\*": write each'),
    ],
)
def test_what_would_open_more_or_nothing_is_refused(
    given: dict[str, Any], changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=rf"DeployPermissions: 1 problem\n  - {message}"):
        DeployPermissions(**{**given, **changed})


def test_all_problems_come_at_once(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="DeployPermissions: 2 problems"):
        DeployPermissions(**{**given, "application_name": "", "environment_names": []})


def test_one_deployer_of_two_environments_passes_both_roles(stack: Stack, given: dict[str, Any]) -> None:
    roles = [iam.Role.from_role_arn(stack, name, f"arn:aws:iam::123456789012:role/{name}") for name in ("Web", "Jobs")]
    permissions = DeployPermissions(**{**given, "instance_role": roles})
    (passing,) = [it for it in permissions.statements if "iam:PassRole" in it.actions]
    assert passing.resources == tuple(role.role_arn for role in roles)
