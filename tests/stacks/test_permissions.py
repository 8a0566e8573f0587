"""Permissions against AWS's reference: of constructs, of the documentation and of the emulator.

Those of every manifest are checked in test_every_key.py, those of every deployment policy in test_deploy_statements.py.
"""

import json
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from aws_cdk.assertions import Template

from beanpod import DatabaseEngine, DockerService, EnvironmentSecret, LoadBalancerSettings, stages
from beanpod.deploy.aws.permissions import MISSING
from beanpod_emulator.beanstalk.downstream import TABLE
from stacks import add_stage
from tests.constructs.test_deployers import EXTRA, permissions
from tests.permissions import problems, resource_types, statements
from tests.stacks.test_every_key import BASE, GITHUB, manifest

STAGE = {**BASE, "alarms": {"email": "ops@example.org"}, "delivery": {"user": True, "github": GITHUB}}


def templates(app: App) -> dict[str, Any]:
    return {stack.stack_name: stack.template for stack in app.synth().stacks}


def found(made: dict[str, Any]) -> list[str]:
    return [problem for statement in statements(made) for problem in problems(statement)]


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1"])
def test_grants_of_constructs_have_an_effect_and_are_narrow(region: str) -> None:
    app = App()
    stack = Stack(app, "Shop", env=Environment(account="123456789012", region=region))
    data, words = kms.Key(stack, "Data"), kms.Key(stack, "Words")
    hidden = ssm.StringParameter.from_secure_string_parameter_attributes(
        stack, "Hidden", parameter_name="/shop/hidden", encryption_key=words
    )
    service = DockerService(
        stack,
        "Service",
        database_engine=DatabaseEngine.postgres("17"),
        database_settings={"encryption_key": data},
        network_settings={"flow_logs": True},
        load_balancer=LoadBalancerSettings(access_logs_bucket=s3.Bucket(stack, "Logs"), access_logs_prefix="shop"),
        secrets={
            "A": EnvironmentSecret.from_secrets_manager(secretsmanager.Secret(stack, "A", encryption_key=words)),
            "B": EnvironmentSecret.from_ssm_parameter(hidden),
        },
    )
    reader = iam.Role(stack, "Reader", assumed_by=iam.AccountRootPrincipal())
    assert service.database is not None
    service.database.grant_connect(service.environment, "app")
    service.database.grant_connect(reader)
    service.artifacts.grant_read_bundles(reader)
    assert found(templates(app)) == []


def test_alarms_may_publish_to_their_topic() -> None:
    """SNS's default policy allows it, but a topic with a policy has that one instead."""
    app = App()
    add_stage(app, manifest(json.dumps(STAGE)))
    made = templates(app)
    (statement,) = [it for it in statements(made) if (it["Action"], it["Effect"]) == ("sns:Publish", "Allow")]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"].endswith(":alarm:alarm")


def test_what_aws_asks_for_besides_is_added_where_the_stacks_make_the_deployers() -> None:
    stack, extra = Stack(App(), "Delivery"), [iam.PolicyStatement.from_json(EXTRA)]
    allowed, stage = permissions(stack), manifest(json.dumps(STAGE)).stage()
    stages.add_deploy_user(stack, stage, allowed, extra_statements=extra)
    stages.add_github_deploy_role(stack, stage, allowed, extra_statements=extra)
    assert list(statements({"": Template.from_stack(stack).to_json()})).count(EXTRA) == 2


@pytest.mark.parametrize("action", [action for action, missing in MISSING.items() if missing.resource])
def test_advice_names_resources_of_the_action(action: str) -> None:
    arn = MISSING[action].resource.partition(",")[0]
    assert list(problems({"Effect": "Allow", "Action": action, "Resource": arn})) == []


def test_the_emulator_requires_every_resource_where_aws_knows_no_narrower_one() -> None:
    assert [row.action for row in TABLE if bool(resource_types(row.action)) is (row.on == "*")] == []


READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/key"}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}}
PASS = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::123456789012:role/instances"}
SUSPEND = {
    "Effect": "Allow",
    "Action": "autoscaling:SuspendProcesses",
    "Resource": "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/awseb-e-*",
}


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (READ | {"Action": "s3:GetObjekt"}, "s3:GetObjekt does not exist"),
        (READ | {"Resource": "arn:aws:s3:::bucket"}, "s3:GetObject is not for"),
        (READ | {"Resource": "*"}, "s3:GetObject should name its resources"),
        (READ | {"Resource": [READ["Resource"], "arn:aws:s3:::bucket"]}, "are of no action here"),
        (SUSPEND | {"Action": "autoscaling:DescribeAutoScalingGroups"}, "is not for"),
        (SUSPEND | {"Condition": {"StringEquals": {"ec2:ResourceTag/a": "b"}}}, "has no condition key ec2:ResourceTag"),
        (SUSPEND | {"Condition": {"StringEquals": {"aws:RequestTag/a": "b"}}}, "has no condition key aws:RequestTag"),
        (PASS, "passes to any service"),
        (TRUST, "may act for any account"),
    ],
)
def test_a_mistake_is_found(statement: dict[str, Any], problem: str) -> None:
    assert problem in "; ".join(problems(statement))
