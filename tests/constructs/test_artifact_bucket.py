"""ArtifactBucket: where bundles are stored, and who may read and delete them."""

import pytest
from aws_cdk import App, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from beanpod.artifact_bucket import ArtifactBucket
from beanpod.roles import InstanceRole, ServiceRole
from tests.constructs.templates import statements

BUCKET = "AWS::S3::Bucket"
POLICY = "AWS::S3::BucketPolicy"


@pytest.fixture(scope="module")
def stacks() -> dict[str, Template]:
    """Roles in an earlier stack, the bucket in a later one: as the service is deployed."""
    app = App()
    service = Stack(app, "Service")
    instances, beanstalk = InstanceRole(service, "Instances"), ServiceRole(service, "Beanstalk")
    delivery = Stack(app, "Delivery")
    artifacts = ArtifactBucket(delivery, "Artifacts")
    artifacts.grant_read_bundles(instances.role)
    artifacts.grant_delete_bundles(beanstalk.role)
    return {"service": Template.from_stack(service), "delivery": Template.from_stack(delivery)}


@pytest.fixture(scope="module")
def template(stacks: dict[str, Template]) -> Template:
    return stacks["delivery"]


def test_bucket_is_private_encrypted_and_versioned(template: Template) -> None:
    closed = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)
    encryption = [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    properties = {
        "BucketEncryption": {"ServerSideEncryptionConfiguration": encryption},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "PublicAccessBlockConfiguration": closed,
        "VersioningConfiguration": {"Status": "Enabled"},
        "BucketName": Match.absent(),
    }
    template.has_resource_properties(BUCKET, properties)


def test_bucket_outlives_its_stack(template: Template) -> None:
    # RetainExceptOnCreate: where the creation of the stack fails, the bucket is empty and is deleted with it.
    template.has_resource(BUCKET, {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"})


def test_leftovers_expire_and_current_bundles_do_not(template: Template) -> None:
    rule = {
        "Id": "TidyUp",
        "Status": "Enabled",
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        "ExpiredObjectDeleteMarker": True,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
    }
    template.has_resource_properties(BUCKET, {"LifecycleConfiguration": {"Rules": [rule]}})


def test_plain_http_is_denied(template: Template) -> None:
    (denial,) = [it for it in statements(template, POLICY) if it["Effect"] == "Deny"]
    assert (denial["Action"], denial["Condition"]) == ("s3:*", {"Bool": {"aws:SecureTransport": "false"}})


@pytest.mark.parametrize(
    ("sid", "actions"),
    [
        ("InstancesReadBundles", ["s3:GetObject", "s3:GetObjectVersion"]),
        ("LifecycleDeletesBundles", "s3:DeleteObject"),
    ],
)
def test_roles_of_earlier_stacks_reach_bundles_and_nothing_else(
    template: Template, sid: str, actions: str | list[str]
) -> None:
    (allowed,) = [it for it in statements(template, POLICY) if it.get("Sid") == sid]
    assert (allowed["Effect"], allowed["Action"]) == ("Allow", actions)
    assert list(allowed["Principal"]["AWS"]) == ["Fn::ImportValue"]
    assert allowed["Resource"]["Fn::Join"][1][1:] == ["/bundles/*"]


def test_the_stack_of_the_roles_does_not_depend_on_the_bucket(stacks: dict[str, Template]) -> None:
    assert "Fn::ImportValue" not in str(stacks["service"].to_json())


def test_access_logs_and_removal_are_yours_to_choose() -> None:
    stack = Stack(App(), "Chosen")
    logs = s3.Bucket.from_bucket_name(stack, "Logs", "company-access-logs")
    ArtifactBucket(stack, "Artifacts", access_logs_bucket=logs, removal_policy=RemovalPolicy.DESTROY)
    logging = {"DestinationBucketName": "company-access-logs", "LogFilePrefix": "artifacts/"}
    Template.from_stack(stack).has_resource(
        BUCKET, {"DeletionPolicy": "Delete", "Properties": {"LoggingConfiguration": logging}}
    )


def test_a_bucket_has_no_snapshot() -> None:
    message = "removal_policy must not be SNAPSHOT, which S3 does not have: write RemovalPolicy.RETAIN"
    with pytest.raises(ValueError, match=message):
        ArtifactBucket(Stack(App(), "Shop"), "Artifacts", removal_policy=RemovalPolicy.SNAPSHOT)


def test_imported_roles_are_named_by_arn() -> None:
    stack = Stack(App(), "Imported")
    role = iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::123456789012:role/team/instances")
    ArtifactBucket(stack, "Artifacts").grant_read_bundles(role)
    principals = [it["Principal"] for it in statements(Template.from_stack(stack), POLICY)]
    assert {"AWS": "arn:aws:iam::123456789012:role/team/instances"} in principals


def test_any_grantee_is_granted_by_a_statement_of_its_own() -> None:
    stack = Stack(App(), "Several")
    artifacts = ArtifactBucket(stack, "Artifacts")
    grantees = (InstanceRole(stack, "Web"), iam.AccountPrincipal("123456789012"))
    grants = [artifacts.grant_read_bundles(grantee) for grantee in grantees]
    assert all(grant.success for grant in grants)
    sids = [it.get("Sid") for it in statements(Template.from_stack(stack), POLICY)]
    assert sids == [None, "InstancesReadBundles", "InstancesReadBundles2"]
