"""The role that GitHub's workflows assume."""

from typing import Any

import pytest
from aws_cdk import App, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from beanpod.deploy_policy import DeployPermissions
from beanpod.github_deploy_role import GitHubDeployRole

ROLE = "AWS::IAM::Role"
PROVIDER = "AWS::IAM::OIDCProvider"
ISSUER = "token.actions.githubusercontent.com"
KNOWN_PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"


def permissions(stack: Stack) -> DeployPermissions:
    return DeployPermissions(
        application_name="guestbook",
        environment_names=["guestbook-dev"],
        bucket=s3.Bucket.from_bucket_name(stack, "Bucket", "artifacts"),
        instance_role=iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::123456789012:role/instances"),
        deployment_policy="TrafficSplitting",
    )


@pytest.fixture(scope="module")
def stack() -> Stack:
    return Stack(App(), "Delivery")


@pytest.fixture(scope="module")
def allowed(stack: Stack) -> DeployPermissions:
    return permissions(stack)


@pytest.fixture(scope="module")
def template(stack: Stack, allowed: DeployPermissions) -> Template:
    native = iam.OidcProviderNative.from_oidc_provider_arn(stack, "Native", KNOWN_PROVIDER)
    classic = iam.OpenIdConnectProvider.from_open_id_connect_provider_arn(stack, "Classic", KNOWN_PROVIDER)
    made = GitHubDeployRole(
        stack,
        "Main",
        permissions=allowed,
        repository="octo-org/guest.book",
        branch="main",
        max_session_duration=Duration.hours(2),
    )
    s3.Bucket(stack, "Reports").grant_put(made)
    GitHubDeployRole(
        stack,
        "Environment",
        permissions=allowed,
        repository="octo-org/guest.book",
        environment="prod: eu",
        provider=native,
    )
    GitHubDeployRole(
        stack,
        "Immutable",
        permissions=allowed,
        repository="octo-org@123456/guest.book@456789",
        branch="release/1.x",
        provider=classic,
    )
    return Template.from_stack(stack)


def trust(subject: str, provider: Any) -> Any:
    statement = {
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Condition": {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": subject}},
    }
    return {"AssumeRolePolicyDocument": {"Statement": [statement], "Version": "2012-10-17"}}


@pytest.mark.parametrize(
    "subject",
    [
        "repo:octo-org/guest.book:environment:prod%3A eu",
        "repo:octo-org@123456/guest.book@456789:ref:refs/heads/release/1.x",
    ],
    ids=["environment", "repository with ids"],
)
def test_only_the_exact_subject_is_trusted(template: Template, subject: str) -> None:
    template.has_resource_properties(ROLE, trust(subject, KNOWN_PROVIDER))


def test_a_provider_is_made_where_none_is_given(template: Template) -> None:
    made = {"Ref": Match.string_like_regexp("^MainProvider")}
    template.has_resource_properties(ROLE, trust("repo:octo-org/guest.book:ref:refs/heads/main", made))
    template.resource_count_is(PROVIDER, 1)
    template.has_resource_properties(PROVIDER, {"Url": f"https://{ISSUER}", "ClientIdList": ["sts.amazonaws.com"]})


def test_the_provider_needs_no_lambda(template: Template) -> None:
    template.resource_count_is("AWS::Lambda::Function", 0)


def test_every_role_may_do_what_the_user_may(template: Template) -> None:
    policies = [
        {"PolicyName": "Release", "PolicyDocument": Match.any_value()},
        {"PolicyName": "Rollout", "PolicyDocument": Match.any_value()},
    ]
    template.all_resources_properties(ROLE, {"Policies": policies})


def test_sessions_last_as_long_as_asked_and_an_hour_by_default(template: Template) -> None:
    template.resource_properties_count_is(ROLE, Match.object_like({"MaxSessionDuration": 7200}), 1)
    template.resource_properties_count_is(ROLE, Match.object_like({"MaxSessionDuration": Match.absent()}), 2)


def test_permissions_are_added_with_grants(template: Template) -> None:
    put = Match.object_like({"Action": Match.array_with(["s3:PutObject"])})
    role = {"Ref": Match.string_like_regexp("^Main")}
    template.has_resource_properties("AWS::IAM::Policy", {"PolicyDocument": {"Statement": [put]}, "Roles": [role]})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"repository": "octo-org/*"}, r'repository must be .*, got "octo-org/\*"'),
        ({"branch": None}, "branch must be given, or environment: a token of GitHub names one of them"),
        ({"environment": "prod"}, 'environment must not be given beside branch, got "prod": a token'),
        ({"branch": "refs/pull/7/merge"}, 'branch must be the short name of one branch, .* got "refs/pull/7/merge"'),
        ({"branch": "*"}, r'branch must be the short name of one branch, without wildcards .* got "\*"'),
        ({"branch": None, "environment": "prod-*"}, r'environment must be .* without wildcards, got "prod-\*"'),
    ],
)
def test_what_would_trust_more_or_nothing_is_refused(
    stack: Stack, allowed: DeployPermissions, changed: dict[str, Any], message: str
) -> None:
    given: dict[str, Any] = {"repository": "octo-org/guestbook", "branch": "main", **changed}
    with pytest.raises(ValueError, match=rf"1 problem\n  - {message}"):
        GitHubDeployRole(Stack(), "Refused", permissions=allowed, **given)


def test_all_problems_come_at_once(allowed: DeployPermissions) -> None:
    with pytest.raises(ValueError, match=r"Refused: 2 problems\n  - repository.*\n  - branch must be given"):
        GitHubDeployRole(Stack(), "Refused", permissions=allowed, repository="guestbook")
