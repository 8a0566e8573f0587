"""The calls, on clients that answer from a script where the emulated AWS does not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse, HTTPHeaders

from beanpod.deploy.aws import Aws, UnansweredError, assemble, configuration

_NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
_NONE: Any = None
AWS = Aws("us-east-1", _NONE, _NONE, _NONE, _NONE)


def _instance(name: str, label: str) -> dict[str, Any]:
    deployment = {"VersionLabel": label, "Status": "Deployed"}
    return {"InstanceId": name, "HealthStatus": "Ok", "Color": "Green", "Causes": [], "Deployment": deployment}


def test_the_instances_of_all_pages_are_read() -> None:
    pages = {
        None: {"InstanceHealthList": [_instance("i-1", "v2")], "RefreshedAt": _NOON, "NextToken": "more"},
        "more": {"InstanceHealthList": [_instance("i-2", "v1")], "RefreshedAt": _NOON + timedelta(seconds=9)},
    }
    client: Any = SimpleNamespace(describe_instances_health=lambda **request: pages[request.get("NextToken")])
    found = replace(AWS, beanstalk=client).instances("guestbook-dev")
    assert [instance.instance_id for instance in found.all] == ["i-1", "i-2"]
    assert (found.count_on("v2"), found.refreshed) == (1, _NOON)
    del pages[None]["RefreshedAt"]
    assert replace(AWS, beanstalk=client).instances("guestbook-dev").refreshed < _NOON


def test_more_keys_than_one_call_answers_are_unknown() -> None:
    page = {"IsTruncated": True, "Contents": [{"Key": "bundles/guestbook/1.zip"}]}
    client: Any = SimpleNamespace(list_objects_v2=lambda **_: page)
    assert replace(AWS, s3=client).keys("artifacts", "bundles/guestbook/") is None


@pytest.mark.parametrize(
    ("status", "body", "what"),
    [
        (200, "<html><body>Log in to the hotel's network</body></html>", "is cut off or not of AWS"),
        (200, "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws", "is cut off or not of AWS"),
        (403, "<html><body>Blocked</body></html>", "has status 403 and no error code of AWS"),
        (403, "<!DOCTYPE html><p>Blocked", "is cut off or not of AWS"),
    ],
)
def test_an_answer_that_is_not_of_aws_is_none(status: int, body: str, what: str) -> None:
    with pytest.raises(UnansweredError, match=f"^sts:GetCallerIdentity failed: the answer {what}"):
        _answering(status, body).identity()


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("GetObject", lambda aws: aws.read("artifacts", "locks/guestbook-dev")),
        ("PutObject", lambda aws: aws.write("artifacts", "locks/guestbook-dev", b"{}", over=None)),
    ],
)
def test_an_answer_without_the_headers_of_s3_is_none(action: str, call: Callable[[Aws], object]) -> None:
    with pytest.raises(UnansweredError, match=f"^s3:{action} failed: the answer is cut off or not of AWS"):
        call(_answering(200, "<html><body>Log in to the hotel's network</body></html>"))


def _answering(status: int, body: str) -> Aws:
    """Clients that get this answer to every call."""
    session = boto3.Session("id", "secret", region_name="us-east-1")
    aws = assemble(lambda service: session.client(service, config=configuration()))  # type: ignore[call-overload]
    raw = SimpleNamespace(stream=lambda: iter([body.encode()]))

    def respond(**_: object) -> Any:
        return AWSResponse("https://aws.example", status, HTTPHeaders(), raw)

    for client in (aws.sts, aws.s3):
        client.meta.events.register("before-send", respond)
    return aws
