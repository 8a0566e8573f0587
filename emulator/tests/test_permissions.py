"""Permissions under enforced IAM, with AWS's error messages."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients, Emulators, client, key_arguments, option, refusal
from emulator.tests.requests import send, signed

USER = "arn:aws:iam::123456789012:user/deployer"
BEANSTALK = "arn:aws:elasticbeanstalk:us-east-1:123456789012"


@pytest.fixture(scope="module")
def aws(emulators: Emulators) -> EmbeddedAws:
    return emulators(enforce_iam=True)


@pytest.fixture(scope="module")
def key(clients: Clients) -> dict[str, str]:
    clients("s3").create_bucket(Bucket="artifacts")
    clients("s3").put_object(Bucket="artifacts", Key="bundles/there.zip", Body=b"zip")
    clients.launch("guestbook-dev")
    return clients.user("deployer")


def document(*statements: dict[str, Any]) -> str:
    """Return a policy; by default a statement allows, on all resources."""
    complete = [{"Effect": "Allow"} | ({} if "Principal" in it else {"Resource": "*"}) | it for it in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": complete})


class User:
    """A user with a key and one inline policy."""

    def __init__(self, aws: EmbeddedAws, clients: Clients, key: dict[str, str]) -> None:
        self._aws, self._key = aws, key
        self._iam = clients("iam")

    def __call__(self, service: str, **other: str) -> Any:
        return client(self._aws, service, **(self._key | other))

    def may(self, *statements: dict[str, Any]) -> None:
        self._iam.put_user_policy(UserName="deployer", PolicyName="own", PolicyDocument=document(*statements))


@pytest.fixture
def user(aws: EmbeddedAws, clients: Clients, key: dict[str, str]) -> User:
    user = User(aws, clients, key)
    user.may({"Action": "ec2:*"})
    return user


APPLICATION = {"ApplicationName": "guestbook"}
ENVIRONMENT = {"EnvironmentName": "guestbook-dev"}
VERSION = {"VersionLabel": "v1"}
THERE = {"Bucket": "artifacts", "Key": "bundles/there.zip"}
ON_ENVIRONMENT = f"{BEANSTALK}:environment/guestbook/guestbook-dev"
CALLS = [
    ("DescribeApplications", {"ApplicationNames": ["guestbook"]}, f"{BEANSTALK}:application/guestbook"),
    ("DescribeEnvironments", APPLICATION, f"{BEANSTALK}:environment/guestbook/*"),
    ("DescribeEnvironments", {"EnvironmentNames": ["guestbook-dev"]}, ON_ENVIRONMENT),
    ("DescribeEnvironmentHealth", ENVIRONMENT, ON_ENVIRONMENT),
    ("DescribeInstancesHealth", ENVIRONMENT, ON_ENVIRONMENT),
    ("DescribeEvents", ENVIRONMENT, ON_ENVIRONMENT),
    ("DescribeEvents", APPLICATION, f"{BEANSTALK}:application/guestbook"),
    ("UpdateEnvironment", ENVIRONMENT | VERSION, ON_ENVIRONMENT),
    ("AbortEnvironmentUpdate", ENVIRONMENT, ON_ENVIRONMENT),
    ("CreateApplicationVersion", APPLICATION | VERSION, f"{BEANSTALK}:applicationversion/guestbook/v1"),
    ("DescribeApplicationVersions", APPLICATION, f"{BEANSTALK}:applicationversion/guestbook/*"),
    ("DescribeConfigurationSettings", APPLICATION | ENVIRONMENT, ON_ENVIRONMENT),
    (
        "DescribeConfigurationSettings",
        APPLICATION | {"TemplateName": "saved"},
        f"{BEANSTALK}:configurationtemplate/guestbook/saved",
    ),
    ("CreateStorageLocation", {}, "*"),
    ("DescribeStacks", {"StackName": "Guestbook"}, "arn:aws:cloudformation:us-east-1:123456789012:stack/Guestbook/*"),
    ("GetSecretValue", {"SecretId": "key"}, "*"),
    ("ListHostedZones", {}, "*"),
    ("DescribeFileSystems", {"FileSystemId": "fs-1"}, "*"),
    ("PutObject", THERE | {"Body": b"zip"}, "arn:aws:s3:::artifacts/bundles/there.zip"),
    ("GetObject", THERE, "arn:aws:s3:::artifacts/bundles/there.zip"),
    ("PutObjectLegalHold", THERE | {"LegalHold": {"Status": "ON"}}, "arn:aws:s3:::artifacts/bundles/there.zip"),
    ("GetObjectAcl", THERE, "arn:aws:s3:::artifacts/bundles/there.zip"),
    ("DeleteObject", {"Bucket": "artifacts", "Key": "locks/a"}, "arn:aws:s3:::artifacts/locks/a"),
    ("GetBucketLocation", {"Bucket": "artifacts"}, "arn:aws:s3:::artifacts"),
]
SERVICES = {
    "DescribeFileSystems": "elasticfilesystem",
    "DescribeStacks": "cloudformation",
    "GetSecretValue": "secretsmanager",
    "ListHostedZones": "route53",
}


def _service(operation: str) -> str:
    of_s3 = operation.endswith(("Object", "ObjectAcl", "ObjectLegalHold", "BucketLocation"))
    return "s3" if of_s3 else SERVICES.get(operation, "elasticbeanstalk")


def _error_code(call: Callable[..., Any], request: dict[str, Any]) -> str:
    try:
        call(**request)
    except ClientError as failed:
        return str(failed.response["Error"]["Code"])
    return ""


@pytest.mark.parametrize(("operation", "request_", "resource"), CALLS)
def test_a_call_requires_exactly_its_permission(
    aws: EmbeddedAws, user: User, operation: str, request_: dict[str, Any], resource: str
) -> None:
    service = _service(operation)
    call = getattr(user("efs" if service == "elasticfilesystem" else service), xform_name(operation))
    code, message = refusal(call, **request_)
    shown = f'"{resource}"' if service == "s3" else resource
    assert (code, aws.calls()[-1].status) == ("AccessDenied", 403)
    assert message.startswith(f"User: {USER} is not authorized to perform: {service}:{operation} on resource: {shown} ")
    assert message.endswith(f"because no identity-based policy allows the {service}:{operation} action")
    if service in ("cloudformation", "elasticbeanstalk", "s3"):
        # Of other services the emulator knows no resources.
        user.may({"Action": f"{service}:{operation}", "Resource": f"{BEANSTALK}:environment/guestbook/other"})
        assert _error_code(call, request_) == "AccessDenied"
    user.may({"Action": f"{service}:{operation}", "Resource": resource})
    # With it, a call may fail for another reason, such as a version that does not exist.
    assert _error_code(call, request_) != "AccessDenied"


UNMENTIONED = "because no identity-based policy allows the s3:PutObject action"
DENIED = "with an explicit deny in an identity-based policy"


def deny(**condition: dict[str, Any]) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": "s3:PutObject", "Condition": condition}


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        ([{"Action": "S3:put*", "Resource": "arn:aws:s3:::artifacts/b?ndles/*"}], ""),
        ([{"Action": "s3:PutObject", "Resource": "arn:aws:s3:::artifacts/locks/*"}], UNMENTIONED),
        ([{"NotAction": "s3:PutObject"}], UNMENTIONED),
        ([{"Action": "s3:*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "web"}}}], UNMENTIONED),
        ([{"Action": "s3:*", "Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "60"}}}], UNMENTIONED),
        ([{"Action": "s3:*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "us-east-2"]}}}],
         UNMENTIONED),
        ([{"Action": "s3:*", "Condition": {"ArnNotLikeIfExists": {"aws:PrincipalArn": "arn:aws:iam::*:user/deploy*"}}}],
         UNMENTIONED),
        ([{"Action": "s3:*", "Condition": {"ForAnyValue:StringNotEquals": {"aws:ResourceTag/team": "web"}}}],
         UNMENTIONED),
        ([{"Action": "s3:*"}, {"Effect": "Deny", "Action": "s3:PutObject"}], DENIED),
        ([{"Action": "s3:*"}, deny(StringNotEquals={"aws:ResourceTag/team": "web"})], DENIED),
        ([{"Action": "s3:*"}, deny(Null={"aws:ResourceTag/team": "true"})], DENIED),
        ([{"Action": "s3:*"}, deny(Null={"aws:ResourceTag/team": False})], ""),
        ([{"Action": "s3:*"}, deny(**{"ForAnyValue:StringEquals": {"aws:RequestedRegion": ["us-east-1"]}})], DENIED),
        ([{"Action": "s3:*"}, deny(**{"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}})], DENIED),
    ],
)  # fmt: skip
def test_statements_allow_and_deny(user: User, statements: list[dict[str, Any]], reason: str) -> None:
    user.may(*statements)
    request = {"Bucket": "artifacts", "Key": "bundles/a.zip", "Body": b"zip"}
    if reason:
        code, message = refusal(user("s3").put_object, **request)
        assert (code, message.endswith(reason)) == ("AccessDenied", True), message
    else:
        user("s3").put_object(**request)


def test_a_deny_outside_a_region_holds(user: User) -> None:
    outside = {"StringNotEquals": {"aws:RequestedRegion": "eu-central-1"}}
    user.may({"Action": "s3:*"}, {"Effect": "Deny", "Action": "*", "Condition": outside})
    with pytest.raises(ClientError, match=DENIED):
        user("s3").list_objects_v2(Bucket="artifacts")
    user("s3", region_name="eu-central-1").list_objects_v2(Bucket="artifacts")


def test_managed_policies_and_groups_count(aws: EmbeddedAws, clients: Clients, user: User) -> None:
    listing = document({"Action": "s3:ListBucket"})
    managed = clients("iam").create_policy(PolicyName="listing", PolicyDocument=listing)["Policy"]["Arn"]
    clients("iam").create_group(GroupName="readers")
    clients("iam").attach_group_policy(GroupName="readers", PolicyArn=managed)
    clients("iam").add_user_to_group(GroupName="readers", UserName="deployer")
    user("s3").list_objects_v2(Bucket="artifacts")
    clients("iam").remove_user_from_group(GroupName="readers", UserName="deployer")
    clients("iam").attach_user_policy(UserName="deployer", PolicyArn=managed)
    user("s3").list_objects_v2(Bucket="artifacts")
    clients("iam").detach_user_policy(UserName="deployer", PolicyArn=managed)


def test_a_missing_object_is_404_only_with_list_permission(user: User) -> None:
    user.may({"Action": "s3:GetObject"})
    with pytest.raises(ClientError, match="is not authorized to perform: s3:ListBucket"):
        user("s3").get_object(Bucket="artifacts", Key="bundles/missing.zip")
    user.may({"Action": ["s3:GetObject", "s3:ListBucket"]})
    assert refusal(user("s3").get_object, Bucket="artifacts", Key="bundles/missing.zip")[0] == "NoSuchKey"


def test_a_denied_head_request_has_no_body(user: User) -> None:
    assert refusal(user("s3").head_object, **THERE) == ("403", "Forbidden")


def test_tags_and_acls_of_an_upload_require_more_permissions(user: User) -> None:
    user.may({"Action": "s3:PutObject"})
    with pytest.raises(ClientError, match="not authorized to perform: s3:PutObjectTagging"):
        user("s3").put_object(Bucket="artifacts", Key="bundles/a.zip", Body=b"zip", Tagging="a=b")
    with pytest.raises(ClientError, match="not authorized to perform: s3:PutObjectAcl"):
        user("s3").put_object(Bucket="artifacts", Key="bundles/a.zip", Body=b"zip", ACL="private")


def test_a_copy_requires_access_to_its_source(user: User) -> None:
    user.may({"Action": "s3:*", "Resource": "arn:aws:s3:::artifacts/bundles/copies/*"})
    copy = {"Bucket": "artifacts", "Key": "bundles/copies/a.zip", "CopySource": {**THERE}}
    with pytest.raises(ClientError, match=r's3:GetObject on resource: "arn:aws:s3:::artifacts/bundles/there\.zip"'):
        user("s3").copy_object(**copy)
    user.may({"Action": ["s3:PutObject", "s3:GetObject"], "Resource": "arn:aws:s3:::artifacts/bundles/*"})
    user("s3").copy_object(**copy)


def test_an_upload_in_parts_requires_what_one_in_a_piece_does(user: User) -> None:
    user.may({"Action": "s3:PutObject"})
    place = {"Bucket": "artifacts", "Key": "bundles/parts.zip"}
    upload = user("s3").create_multipart_upload(**place)["UploadId"]
    tag = user("s3").upload_part(**place, UploadId=upload, PartNumber=1, Body=b"zip")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    user("s3").complete_multipart_upload(**place, UploadId=upload, MultipartUpload=parts)


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("get_bucket_cors", "GetBucketCORS"),
        ("list_multipart_uploads", "ListBucketMultipartUploads"),
        ("delete_bucket_encryption", "PutEncryptionConfiguration"),
        ("delete_bucket_policy", "DeleteBucketPolicy"),
        ("list_bucket_inventory_configurations", "GetInventoryConfiguration"),
    ],
)
def test_settings_of_a_bucket_have_permissions_of_their_own(user: User, operation: str, action: str) -> None:
    user.may({"Action": ["s3:CreateBucket", "s3:DeleteBucket", "s3:ListBucket"]})
    with pytest.raises(ClientError, match=f"not authorized to perform: s3:{action} on"):
        getattr(user("s3"), operation)(Bucket="artifacts")


def test_only_the_named_role_is_assumed(clients: Clients, user: User) -> None:
    roles = "arn:aws:iam::123456789012:role"
    user.may({"Action": "sts:AssumeRole", "Resource": f"{roles}/ci-*"})
    with pytest.raises(ClientError, match=f"not authorized to perform: sts:AssumeRole on resource: {roles}/admin "):
        user("sts").assume_role(RoleArn=f"{roles}/admin", RoleSessionName="lint")
    named = {"RoleArn": f"{roles}/ci-lint", "RoleSessionName": "lint"}
    for sts, arn in ((user("sts"), USER), (clients("sts"), "arn:aws:iam::123456789012:root")):
        message = f"User: {arn} is not authorized to perform: sts:AssumeRole on resource: {roles}/ci-lint"
        assert refusal(sts.assume_role, **named) == ("AccessDenied", message)
    clients("iam").create_role(RoleName="ci-lint", AssumeRolePolicyDocument="{}")
    user("sts").assume_role(**named)


def test_a_service_has_the_name_that_policies_have(user: User) -> None:
    user.may({"Action": ["cloudwatch:DescribeAlarms", "tag:GetResources"]})
    user("cloudwatch").describe_alarms()
    user("resourcegroupstaggingapi").get_resources()


def test_tags_of_a_version_require_another_permission(user: User) -> None:
    user.may({"Action": "elasticbeanstalk:CreateApplicationVersion"})
    tagged = APPLICATION | {"VersionLabel": "tagged", "Tags": [{"Key": "commit", "Value": "1"}]}
    version = f"{BEANSTALK}:applicationversion/guestbook/tagged"
    with pytest.raises(
        ClientError, match=f"not authorized to perform: elasticbeanstalk:AddTags on resource: {version}"
    ):
        user("elasticbeanstalk").create_application_version(**tagged)
    user.may({"Action": ["elasticbeanstalk:CreateApplicationVersion", "elasticbeanstalk:AddTags"], "Resource": version})
    user("elasticbeanstalk").create_application_version(**tagged)
    with pytest.raises(ClientError, match="not authorized to perform: elasticbeanstalk:RemoveTags on resource"):
        user("elasticbeanstalk").update_tags_for_resource(ResourceArn=version, TagsToRemove=["commit"])


def test_get_caller_identity_requires_no_permission(user: User) -> None:
    identity = user("sts").get_caller_identity()
    assert (identity["Arn"], identity["Account"]) == (USER, "123456789012")


@pytest.mark.parametrize(
    ("query", "target", "named"),
    [
        ("?Action=GetUser", None, "CreateUser"),
        ("", "AWSIam.GetUser", "CreateUser"),
        ("?Action=CreateUser", None, "GetUser"),
    ],
)
def test_rejects_a_request_that_names_two_actions(
    aws: EmbeddedAws, clients: Clients, user: User, key: dict[str, str], query: str, target: str | None, named: str
) -> None:
    user.may({"Action": "iam:GetUser"})
    body = f"Action={named}&Version=2010-05-08&UserName=intruder".encode()
    headers = {"content-type": "application/x-www-form-urlencoded"} | ({"x-amz-target": target} if target else {})
    own = {"key": key["aws_access_key_id"], "secret": key["aws_secret_access_key"]}
    answer = send(aws, "POST", f"/{query}", signed(aws, "iam", "POST", f"/{query}", headers, body, **own), body)
    assert answer.status == 403
    assert not clients.exists("iam", "get_user", UserName="intruder")


def test_the_path_of_a_rest_service_decides_not_a_parameter(aws: EmbeddedAws, user: User, key: dict[str, str]) -> None:
    user.may({"Action": "route53:ListHostedZones"})
    own = {"key": key["aws_access_key_id"], "secret": key["aws_secret_access_key"]}
    path = "/2013-04-01/hostedzone/Z1?Action=ListHostedZones"
    answer = send(aws, "DELETE", path, signed(aws, "route53", "DELETE", path, {}, b"", **own), b"")
    assert (answer.status, aws.calls()[-1].action) == (403, "DeleteHostedZone")


GITHUB = "token.actions.githubusercontent.com"
SUBJECT = "repo:me/app:ref:refs/heads/main"


@pytest.fixture(scope="module")
def github(clients: Clients) -> str:
    """GitHub as an identity provider of the account; its ARN."""
    made = clients("iam").create_open_id_connect_provider(Url=f"https://{GITHUB}", ClientIDList=["sts.amazonaws.com"])
    return str(made["OpenIDConnectProviderArn"])


@pytest.mark.parametrize("name", ["ci", "github"])
def test_a_session_has_the_permissions_of_its_role(
    aws: EmbeddedAws, clients: Clients, user: User, github: str, name: str
) -> None:
    for_workflow = name == "github"
    trust = document({"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    role = _role(clients, name, document(_trust(github)) if for_workflow else trust)
    listing = document({"Action": "s3:ListBucket"})
    clients("iam").put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=listing)
    identity = {"WebIdentityToken": aws.web_identity_token(SUBJECT)} if for_workflow else {}
    assume = clients("sts").assume_role_with_web_identity if for_workflow else clients("sts").assume_role
    own = key_arguments(assume(RoleArn=role, RoleSessionName="run-1", **identity)["Credentials"])
    user("s3", **own).list_objects_v2(Bucket="artifacts")
    assert user("sts", **own).get_caller_identity()["Arn"].endswith(f":assumed-role/{name}/run-1")
    with pytest.raises(ClientError, match=f"assumed-role/{name}/run-1 is not authorized to perform: s3:GetObject"):
        user("s3", **own).get_object(Bucket="artifacts", Key="bundles/there.zip")
    clients("iam").delete_role_policy(RoleName=name, PolicyName="own")
    clients("iam").delete_role(RoleName=name)
    assert refusal(user("s3", **own).list_objects_v2, Bucket="artifacts")[0] == "InvalidAccessKeyId"


def _role(clients: Clients, name: str, trust: str) -> str:
    return str(clients("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"])


def _trust(provider: str, **claims: str) -> dict[str, Any]:
    """What github_deploy_role.py writes: the audience, and the subject."""
    wanted = {"aud": "sts.amazonaws.com", "sub": SUBJECT} | claims
    condition = {"StringEquals": {f"{GITHUB}:{name}": value for name, value in wanted.items()}}
    return {
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }


@pytest.mark.parametrize(
    ("claims", "trusted", "code"),
    [
        ({"subject": "repo:me/app:ref:refs/heads/other"}, {}, "AccessDenied"),
        ({"subject": "repo:somebody/fork:ref:refs/heads/main"}, {}, "AccessDenied"),
        ({"subject": SUBJECT, "audience": "https://github.com/me"}, {"aud": "https://github.com/me"},
         "InvalidIdentityToken"),
        ({"subject": SUBJECT}, {"aud": "https://github.com/me"}, "AccessDenied"),
        ({"subject": SUBJECT}, {"environment": "prod"}, "AccessDenied"),
        ({"subject": SUBJECT, "issuer": "https://gitlab.com"}, {}, "InvalidIdentityToken"),
    ],
)  # fmt: skip
def test_checks_web_identity_claims_against_the_trust_policy(
    aws: EmbeddedAws, clients: Clients, github: str, claims: dict[str, str], trusted: dict[str, str], code: str
) -> None:
    role = _role(clients, f"for-{len(clients('iam').list_roles()['Roles'])}", document(_trust(github, **trusted)))
    token = aws.web_identity_token(**claims)
    request = {"RoleArn": role, "RoleSessionName": "run-1", "WebIdentityToken": token}
    assert refusal(clients("sts").assume_role_with_web_identity, **request)[0] == code


def test_rejects_a_foreign_web_identity_token(
    aws: EmbeddedAws, clients: Clients, github: str, emulators: Emulators
) -> None:
    role = _role(clients, "for-nobody", document(_trust(github)))
    ours = aws.web_identity_token(SUBJECT)
    unsigned = "eyJhbGciOiJub25lIn0." + ours.split(".")[1] + "."
    tokens = ["made up by somebody", unsigned, ours[:-4] + "AAAA", emulators().web_identity_token(SUBJECT)]
    assume = partial(clients("sts").assume_role_with_web_identity, RoleSessionName="me")
    for token in tokens:
        assert refusal(assume, RoleArn=role, WebIdentityToken=token)[0] == "InvalidIdentityToken"
    assert refusal(assume, RoleArn=f"{role}s", WebIdentityToken=ours)[0] == "AccessDenied"


def test_create_version_requires_access_to_the_bundle(user: User) -> None:
    user.may({"Action": "elasticbeanstalk:CreateApplicationVersion"})
    request = APPLICATION | {"VersionLabel": "unreadable", "SourceBundle": {"S3Bucket": "artifacts", "S3Key": "k"}}
    unreadable = "Unable to download from S3 location (Bucket: artifacts  Key: k). Reason: Forbidden"
    create = user("elasticbeanstalk").create_application_version
    assert refusal(create, **request) == ("InvalidParameterCombination", unreadable)


@pytest.fixture(scope="module")
def deployable(clients: Clients, key: dict[str, str]) -> str:
    return clients.version("deployable")


def test_an_update_without_a_permission_ends_with_an_error_event(clients: Clients, user: User, deployable: str) -> None:
    """Of every permission: test_downstream.py."""
    action = "autoscaling:SuspendProcesses"
    user.may({"Action": "*"}, {"Effect": "Deny", "Action": action})
    before = clients.environment("guestbook-dev")["VersionLabel"]
    answer = user("elasticbeanstalk").update_environment(VersionLabel=deployable, **ENVIRONMENT)
    *_, failed, first = clients.errors(RequestId=answer["ResponseMetadata"]["RequestId"])
    assert first.startswith("Service:Amazon")
    assert f"Message:User: {USER} is not authorized to perform: {action} on resource: " in first
    assert failed == "Failed to deploy application."
    environment = clients.environment("guestbook-dev")
    assert (environment["Status"], environment["VersionLabel"]) == ("Ready", before)


def test_rejects_an_update_without_access_to_the_storage_bucket(aws: EmbeddedAws, user: User, deployable: str) -> None:
    user.may({"Action": "*"}, {"Effect": "Deny", "Action": "s3:PutObjectAcl"})
    code, message = refusal(user("elasticbeanstalk").update_environment, VersionLabel=deployable, **ENVIRONMENT)
    assert (code, aws.calls()[-1].status) == ("InsufficientPrivilegesException", 403)
    assert message.startswith("You do not have permission to perform the 's3:PutObjectAcl' action. Verify that your S3")


OF_ENVIRONMENT = {"StringEquals": {"aws:ResourceTag/elasticbeanstalk:environment-name": "guestbook-dev"}}


def test_only_what_beanstalk_tags_has_the_environments_tags(clients: Clients, user: User, deployable: str) -> None:
    update = user("elasticbeanstalk").update_environment
    user.may({"NotAction": "s3:PutObject"}, {"Action": "s3:PutObject", "Condition": OF_ENVIRONMENT})
    assert refusal(update, VersionLabel=deployable, **ENVIRONMENT)[0] == "InsufficientPrivilegesException"
    suspend = "autoscaling:SuspendProcesses"
    user.may({"NotAction": suspend}, {"Action": suspend, "Condition": OF_ENVIRONMENT})
    answer = update(VersionLabel=deployable, **ENVIRONMENT)
    assert clients.errors(RequestId=answer["ResponseMetadata"]["RequestId"]) == []


def test_an_instance_has_the_tag_of_its_stack(clients: Clients, user: User, deployable: str, aws: EmbeddedAws) -> None:
    """As docs/permissions.md advises to allow it."""
    policy = option("aws:elasticbeanstalk:command", "DeploymentPolicy", "Immutable")
    name = clients.launch("guestbook-immutable", policy)
    terminate, stacks = "ec2:TerminateInstances", "arn:aws:cloudformation:*:*:stack/awseb-e-*"
    tag = {"StringLike": {"ec2:ResourceTag/aws:cloudformation:stack-id": stacks}}
    for condition, enough in ((tag, True), (OF_ENVIRONMENT, False)):
        user.may({"NotAction": terminate}, {"Action": terminate, "Condition": condition})
        aws.inject_fault("requires-permission", permission=terminate)
        answer = user("elasticbeanstalk").update_environment(VersionLabel=deployable, EnvironmentName=name)
        assert (clients.errors(RequestId=answer["ResponseMetadata"]["RequestId"]) == []) is enough
