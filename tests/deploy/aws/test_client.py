"""The calls, on clients that answer from a script where the emulated AWS does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from beanpod.deploy.aws import Aws

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
    assert (found.on("v2"), found.refreshed) == (1, _NOON)


def test_more_keys_than_one_call_answers_are_unknown() -> None:
    page = {"IsTruncated": True, "Contents": [{"Key": "bundles/guestbook/1.zip"}]}
    client: Any = SimpleNamespace(list_objects_v2=lambda **_: page)
    assert replace(AWS, s3=client).keys("artifacts", "bundles/guestbook/") is None
