"""DeployUser and GitHubDeployRole: the user whose key CI has, and the role that GitHub's workflows assume."""

import json
from typing import Any

import pytest
from aws_cdk import App, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from beanpod._settings import DeploymentPolicy
from beanpod.deploy_policy import DeployPermissions
from beanpod.deploy_user import DeployUser
from beanpod.github_deploy_role import GitHubDeployRole

KEY = "AWS::IAM::AccessKey"
SECRET = "AWS::SecretsManager::Secret"
POLICY = "AWS::IAM::ManagedPolicy"
ROLE = "AWS::IAM::Role"
PROVIDER = "AWS::IAM::OIDCProvider"
ISSUER = "token.actions.githubusercontent.com"
KNOWN_PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"
EXTRA = {"Effect": "Allow", "Action": "cloudformation:TagResource", "Resource": "arn:aws:cloudformation:*:*:stack/a*/*"}


def permissions(stack: Stack) -> DeployPermissions:
    return DeployPermissions(
        application_name="guestbook",
        environment_names=["guestbook-dev"],
        bucket=s3.Bucket.from_bucket_name(stack, "Bucket", "artifacts"),
        instance_role=iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::123456789012:role/instances"),
        deployment_policy=DeploymentPolicy.TRAFFIC_SPLITTING,
    )


@pytest.fixture(scope="module")
def users() -> Template:
    stack = Stack(App(), "Delivery")
    allowed, extra = permissions(stack), iam.PolicyStatement.from_json(EXTRA)
    DeployUser(stack, "Deployer", permissions=allowed, access_key_serial=3, extra_statements=[extra])
    locked = DeployUser(stack, "Locked", permissions=allowed, active=False)
    s3.Bucket(stack, "Reports").grant_put(locked)
    return Template.from_stack(stack)


def deployer(suffix: str) -> dict[str, Any]:
    return {"Ref": Match.string_like_regexp(f"^Deployer{suffix}")}


def test_user_has_no_password_and_no_inline_policy(users: Template) -> None:
    properties = {"LoginProfile": Match.absent(), "Policies": Match.absent(), "UserName": Match.absent()}
    users.all_resources_properties("AWS::IAM::User", properties)


@pytest.mark.parametrize(("name", "sid"), [("Release", "DeployVersion"), ("Rollout", "SplitTraffic")])
def test_both_policies_are_attached_to_the_user(users: Template, name: str, sid: str) -> None:
    document = {"Statement": Match.array_with([Match.object_like({"Sid": sid})])}
    properties = {"PolicyDocument": document, "Users": [deployer("[0-9A-F]")]}
    users.has_resource_properties(POLICY, properties)
    assert [logical_id for logical_id in users.find_resources(POLICY) if f"Deployer{name}" in logical_id]


def test_the_serial_rotates_the_key_and_a_user_can_be_locked_out(users: Template) -> None:
    users.has_resource_properties(KEY, {"Serial": 3, "Status": "Active", "UserName": deployer("")})
    users.has_resource_properties(KEY, {"Serial": 0, "Status": "Inactive"})


def test_one_secret_holds_both_halves_of_the_key_by_reference(users: Template) -> None:
    key = Match.string_like_regexp("^DeployerAccessKey")
    secret = {"Fn::GetAtt": [key, "SecretAccessKey"]}
    value = ['{"AWS_ACCESS_KEY":"', {"Ref": key}, '","AWS_SECRET_KEY":"', secret, '"}']
    users.has_resource_properties(SECRET, {"SecretString": {"Fn::Join": ["", value]}})


def test_the_secret_is_deleted_with_its_user_and_its_key_is_nowhere_else(users: Template) -> None:
    users.all_resources(SECRET, {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"})
    resources = users.to_json()["Resources"]
    holders = [r["Type"] for r in resources.values() if "SecretAccessKey" in json.dumps(r)]
    assert holders == [SECRET, SECRET]
    assert "Outputs" not in users.to_json()


def test_permissions_of_a_user_are_added_with_grants(users: Template) -> None:
    put = Match.object_like({"Action": Match.array_with(["s3:PutObject"])})
    user = {"Ref": Match.string_like_regexp("^Locked")}
    users.has_resource_properties("AWS::IAM::Policy", {"PolicyDocument": {"Statement": [put]}, "Users": [user]})


def test_a_negative_serial_is_refused() -> None:
    stack = Stack(App(), "Refused")
    words = r"Refused/Deployer: 1 problem\n  - access_key_serial must be 0 to 2147483647, got -1"
    with pytest.raises(ValueError, match=words):
        DeployUser(stack, "Deployer", permissions=permissions(stack), access_key_serial=-1)


def test_extra_statements_are_in_a_separate_policy(users: Template) -> None:
    users.resource_count_is(POLICY, 5)
    document = {"Version": "2012-10-17", "Statement": [EXTRA]}
    users.has_resource_properties(POLICY, {"PolicyDocument": document, "Users": [deployer("")]})


@pytest.fixture(scope="module")
def stack() -> Stack:
    return Stack(App(), "Delivery")


@pytest.fixture(scope="module")
def allowed(stack: Stack) -> DeployPermissions:
    return permissions(stack)


@pytest.fixture(scope="module")
def roles(stack: Stack, allowed: DeployPermissions) -> Template:
    native = iam.OidcProviderNative.from_oidc_provider_arn(stack, "Native", KNOWN_PROVIDER)
    classic = iam.OpenIdConnectProvider.from_open_id_connect_provider_arn(stack, "Classic", KNOWN_PROVIDER)
    plain: dict[str, Any] = {"permissions": allowed, "repository": "octo-org/guest.book"}
    made = GitHubDeployRole(stack, "Main", **plain, branch="main", max_session_duration=Duration.hours(2))
    s3.Bucket(stack, "Reports").grant_put(made)
    GitHubDeployRole(stack, "Environment", **plain, environment="prod: eu", provider=native)
    with_ids: dict[str, Any] = {"permissions": allowed, "repository": "octo-org@123456/guest.book@456789"}
    GitHubDeployRole(stack, "Immutable", **with_ids, branch="release/1.x", provider=classic)
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
def test_only_the_exact_subject_is_trusted(roles: Template, subject: str) -> None:
    roles.has_resource_properties(ROLE, trust(subject, KNOWN_PROVIDER))


def test_a_provider_is_made_where_none_is_given(roles: Template) -> None:
    made = {"Ref": Match.string_like_regexp("^MainProvider")}
    roles.has_resource_properties(ROLE, trust("repo:octo-org/guest.book:ref:refs/heads/main", made))
    roles.resource_count_is(PROVIDER, 1)
    roles.has_resource_properties(PROVIDER, {"Url": f"https://{ISSUER}", "ClientIdList": ["sts.amazonaws.com"]})


def test_every_role_may_do_what_the_user_may(roles: Template) -> None:
    policies = [{"PolicyName": name, "PolicyDocument": Match.any_value()} for name in ("Release", "Rollout")]
    roles.all_resources_properties(ROLE, {"Policies": policies})


def test_sessions_last_as_long_as_asked_and_an_hour_by_default(roles: Template) -> None:
    roles.resource_properties_count_is(ROLE, Match.object_like({"MaxSessionDuration": 7200}), 1)
    roles.resource_properties_count_is(ROLE, Match.object_like({"MaxSessionDuration": Match.absent()}), 2)


def test_permissions_of_a_role_are_added_with_grants(roles: Template) -> None:
    put = Match.object_like({"Action": Match.array_with(["s3:PutObject"])})
    role = {"Ref": Match.string_like_regexp("^Main")}
    roles.has_resource_properties("AWS::IAM::Policy", {"PolicyDocument": {"Statement": [put]}, "Roles": [role]})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"repository": "octo-org/*"}, r'repository must be .*, got "octo-org/\*"'),
        ({"branch": None}, "branch must be given, or environment: a token of GitHub names one of them"),
        ({"environment": "prod"}, 'environment must not be given beside branch, got "prod": a token'),
        ({"branch": "refs/pull/7/merge"}, 'branch must be the short name of one branch, .* got "refs/pull/7/merge"'),
        ({"branch": "*"}, r'branch must be the short name of one branch, without wildcards .* got "\*"'),
        ({"max_session_duration": Duration.minutes(30)}, "max_session_duration must be 1 to 12 hours, got 0.5"),
        ({"branch": None, "environment": "prod-*"}, r'environment must be .* without wildcards, got "prod-\*"'),
    ],
)
def test_what_would_trust_more_or_nothing_is_refused(
    stack: Stack, allowed: DeployPermissions, changed: dict[str, Any], message: str
) -> None:
    given: dict[str, Any] = {"repository": "octo-org/guestbook", "branch": "main", **changed}
    with pytest.raises(ValueError, match=rf"1 problem\n  - {message}"):
        GitHubDeployRole(Stack(), "Refused", permissions=allowed, **given)


def test_a_description_has_only_what_iam_takes(allowed: DeployPermissions) -> None:
    stack = Stack(App(), "Shop")
    GitHubDeployRole(stack, "Role", permissions=allowed, repository="ada/shop", branch="배포/é")
    description = "Deploys from GitHub: repo:ada/shop:ref:refs/heads/??/é"
    Template.from_stack(stack).has_resource_properties(ROLE, {"Description": description})


def test_all_problems_come_at_once(allowed: DeployPermissions) -> None:
    with pytest.raises(ValueError, match=r"Refused: 2 problems\n  - repository.*\n  - branch must be given"):
        GitHubDeployRole(Stack(), "Refused", permissions=allowed, repository="guestbook")
