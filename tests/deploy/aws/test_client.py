"""The calls, on clients that answer from a script where the embedded AWS does not."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse, HeadersDict

from beanpod.deploy.aws import Aws, UnansweredError, configuration
from beanpod.deploy.aws.client import ATTEMPTS
from tests.deploy.rollout.sandbox import retry_at_once

_NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
_NONE: Any = None
AWS = Aws("us-east-1", _NONE, _NONE, _NONE, _NONE)
_THROTTLED = b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"


class Endpoint:
    """Answers a client's requests, and counts them."""

    def __init__(self, answers: Iterator[tuple[int, bytes]]) -> None:
        self.requests = 0
        self._answers = answers

    def __call__(self, request: Any, **_: object) -> AWSResponse:
        self.requests += 1
        status, body = next(self._answers)
        headers: Any = HeadersDict()
        raw = SimpleNamespace(stream=lambda: iter([body]), read=io.BytesIO(body).read)
        return AWSResponse(request.url, status, headers, raw)


def _answering(*answers: tuple[int, bytes]) -> tuple[Callable[[], object], Endpoint]:
    client: Any = boto3.client(
        "elasticbeanstalk", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x", config=configuration()
    )
    retry_at_once(client)
    endpoint = Endpoint(iter(answers))
    client.meta.events.register("before-send.elasticbeanstalk", endpoint)
    return lambda: replace(AWS, beanstalk=client).abort_update("guestbook-dev"), endpoint


def test_a_throttled_call_fails_after_six_attempts() -> None:
    call, endpoint = _answering(*[(400, _THROTTLED)] * 9)
    with pytest.raises(UnansweredError, match=r"after several attempts \(Throttling\): try again later"):
        call()
    assert endpoint.requests == ATTEMPTS == 6


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
    assert (found.on("v2"), found.refreshed) == (1, _NOON)


def test_more_keys_than_one_call_answers_are_unknown() -> None:
    page = {"IsTruncated": True, "Contents": [{"Key": "bundles/guestbook/1.zip"}]}
    client: Any = SimpleNamespace(list_objects_v2=lambda **_: page)
    assert replace(AWS, s3=client).keys("artifacts", "bundles/guestbook/") is None
