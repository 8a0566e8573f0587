"""Application versions: validation, quota, lifecycle rules."""

from typing import Any

import pytest

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients, Emulators, client, refusal
from emulator.tests.deployments import Deployments

BUNDLE = {"S3Bucket": "artifacts", "S3Key": "bundles/there.zip"}
MISSING = "Unable to download from S3 location (Bucket: {}  Key: {}). Reason: Not Found"


@pytest.fixture(scope="module")
def aws(emulators: Emulators) -> EmbeddedAws:
    return emulators(virtual_clock=True)


@pytest.fixture(scope="module")
def beanstalk(aws: EmbeddedAws, clients: Clients) -> Any:
    clients("elasticbeanstalk").create_application(ApplicationName="guestbook")
    clients("s3").create_bucket(Bucket="artifacts")
    clients("s3").put_object(Bucket="artifacts", Key="bundles/there.zip", Body=b"zip")
    clients("s3").put_object(Bucket="artifacts", Key="bundles/empty.zip", Body=b"")
    elsewhere = client(aws, "s3", region_name="eu-west-1")
    elsewhere.create_bucket(Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    elsewhere.put_object(Bucket="far-away", Key="bundles/there.zip", Body=b"zip")
    clients.version("once")
    return clients("elasticbeanstalk")


def _refusal(beanstalk: Any, **request: Any) -> tuple[str, str]:
    complete = {"ApplicationName": "guestbook", "VersionLabel": "refused", "SourceBundle": BUNDLE} | request
    return refusal(beanstalk.create_application_version, **complete)


def _labels(beanstalk: Any, application: str) -> list[str]:
    found = beanstalk.describe_application_versions(ApplicationName=application)["ApplicationVersions"]
    return [version["VersionLabel"] for version in found]


def test_creates_a_version_with_bundle_description_and_tags(beanstalk: Any) -> None:
    created = beanstalk.create_application_version(
        ApplicationName="guestbook",
        VersionLabel="full",
        Description="commit 1",
        SourceBundle=BUNDLE,
        Process=True,
        Tags=[{"Key": "commit", "Value": "1"}],
    )["ApplicationVersion"]
    assert (created["SourceBundle"], created["Description"], created["Status"]) == (BUNDLE, "commit 1", "PROCESSED")
    tags = beanstalk.list_tags_for_resource(ResourceArn=created["ApplicationVersionArn"])["ResourceTags"]
    assert tags == [{"Key": "commit", "Value": "1"}]


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        ({"VersionLabel": "l" * 101}, "ValidationError", "at 'versionLabel' failed to satisfy constraint: Member must"),
        ({"Description": "d" * 201}, "ValidationError", "have length less than or equal to 200"),
        ({"SourceBundle": BUNDLE | {"S3Key": "k"}}, "InvalidParameterCombination", MISSING.format("artifacts", "k")),
        ({"SourceBundle": {"S3Bucket": "nobodys", "S3Key": "k"}}, "InvalidParameterCombination",
         MISSING.format("nobodys", "k")),
        ({"SourceBundle": BUNDLE | {"S3Key": "bundles/empty.zip"}}, "InvalidParameterCombination",
         "Source bundle is empty or exceeds maximum allowed size: 524288000"),
        ({"SourceBundle": BUNDLE | {"S3Bucket": "far-away"}}, "S3LocationNotInServiceRegionException",
         "The specified S3 bucket does not belong to the S3 region in which the service is running."),
        ({"ApplicationName": "nobodys"}, "InvalidParameterValue", "No Application named 'nobodys' found."),
        ({"VersionLabel": "once"}, "InvalidParameterValue", "Application Version once already exists."),
    ],
)  # fmt: skip
def test_rejects_invalid_versions(beanstalk: Any, request_: dict[str, Any], code: str, message: str) -> None:
    refused = _refusal(beanstalk, **request_)
    assert refused[0] == code
    assert message in refused[1]
    assert "refused" not in _labels(beanstalk, "guestbook")


def test_the_quota_counts_all_applications(aws: EmbeddedAws, beanstalk: Any) -> None:
    beanstalk.create_application(ApplicationName="other")
    beanstalk.create_application_version(ApplicationName="other", VersionLabel="theirs", SourceBundle=BUNDLE)
    number = len(_labels(beanstalk, "guestbook")) + 1
    aws.set_limits(application_versions=number)
    quotas = beanstalk.describe_account_attributes()["ResourceQuotas"]
    assert quotas["ApplicationVersionQuota"]["Maximum"] == number
    code, message = _refusal(beanstalk)
    assert code == "TooManyApplicationVersionsException"
    assert message.startswith(f"You cannot have more than {number} Application Versions. Either remove some")
    aws.set_limits(application_versions=1000)
    beanstalk.delete_application(ApplicationName="other")


def _application(beanstalk: Any, name: str, **rules: dict[str, Any]) -> None:
    config = {"ServiceRole": "arn:aws:iam::123456789012:role/service", "VersionLifecycleConfig": rules}
    beanstalk.create_application(ApplicationName=name, ResourceLifecycleConfig=config)


def test_max_count_deletes_the_oldest_versions_and_bundles(clients: Clients, beanstalk: Any) -> None:
    _application(beanstalk, "short", MaxCountRule={"Enabled": True, "MaxCount": 2, "DeleteSourceFromS3": True})
    for label in ("first", "second", "third"):
        clients.version(label, application="short")
    assert _labels(beanstalk, "short") == ["third", "second"]
    bucket = beanstalk.create_storage_location()["S3Bucket"]
    assert not clients.exists("s3", "head_object", Bucket=bucket, Key="first.zip")
    assert clients.exists("s3", "head_object", Bucket=bucket, Key="second.zip")


def test_max_age_deletes_old_versions(aws: EmbeddedAws, clients: Clients, beanstalk: Any) -> None:
    _application(beanstalk, "aging", MaxAgeRule={"Enabled": True, "MaxAgeInDays": 30, "DeleteSourceFromS3": False})
    clients.version("old", application="aging")
    aws.advance(31 * 86400)
    clients.version("new", application="aging")
    assert _labels(beanstalk, "aging") == ["new"]
    bucket = beanstalk.create_storage_location()["S3Bucket"]
    assert clients.exists("s3", "head_object", Bucket=bucket, Key="old.zip")


def test_a_disabled_rule_deletes_nothing(clients: Clients, beanstalk: Any) -> None:
    _application(beanstalk, "hoard", MaxCountRule={"Enabled": False, "MaxCount": 1})
    clients.version("h1", application="hoard")
    clients.version("h2", application="hoard")
    assert len(_labels(beanstalk, "hoard")) == 2


def test_keeps_versions_in_use_during_an_update(aws: EmbeddedAws, clients: Clients, beanstalk: Any) -> None:
    _application(beanstalk, "busy", MaxCountRule={"Enabled": True, "MaxCount": 1})
    running = Deployments.launch(aws, clients, "busy-dev", application="busy")
    running.deployed("b1")
    running.deploy("b2")
    clients.version("b3", application="busy")
    assert _labels(beanstalk, "busy") == ["b3", "b2", "b1"]
    for label in ("b1", "b2"):
        _, message = refusal(beanstalk.delete_application_version, ApplicationName="busy", VersionLabel=label)
        assert message.startswith(f"Unable to delete application version {label} because it is still")
    aws.advance(183)
    beanstalk.delete_application_version(ApplicationName="busy", VersionLabel="b1")


def test_keeps_versions_of_recently_terminated_environments(aws: EmbeddedAws, clients: Clients, beanstalk: Any) -> None:
    _application(beanstalk, "ended", MaxCountRule={"Enabled": True, "MaxCount": 1})
    ended = Deployments.launch(aws, clients, "ended-dev", application="ended")
    ended.deployed("e1")
    beanstalk.terminate_environment(EnvironmentName="ended-dev")
    aws.advance(90)
    clients.version("e2", application="ended")
    assert "e1" in _labels(beanstalk, "ended")
    aws.advance(71 * 86400)
    clients.version("e3", application="ended")
    assert _labels(beanstalk, "ended") == ["e3"]


def test_a_version_without_its_bundle_fails_to_deploy(aws: EmbeddedAws, clients: Clients, beanstalk: Any) -> None:
    running = Deployments.launch(aws, clients, "gone-dev")
    running.deployed("kept")
    bucket = beanstalk.create_storage_location()["S3Bucket"]
    clients.version("gone")
    clients("s3").delete_object(Bucket=bucket, Key="gone.zip")
    running.deploy("gone", exists=True)
    aws.advance(183)
    assert (running.look().status, running.look().label) == ("Ready", "kept")
    assert running.messages("ERROR")[:2] == [
        "Service:Amazon S3, Message:The specified key does not exist.",
        "Failed to deploy application.",
    ]
