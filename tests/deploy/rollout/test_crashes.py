"""A deployment that is killed at any AWS call succeeds when it is run again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from beanpod.deploy.aws import Aws
from beanpod.deploy.bundles import Bundle
from beanpod.deploy.errors import BusyError
from beanpod.deploy.lock import LEASE_SECONDS, LockStore
from beanpod.deploy.preflight import Target
from tests.deploy.rollout.sandbox import Sandbox, bundle, handling

CHANGES = {"PutObject", "CreateApplicationVersion", "UpdateEnvironment"}
POLLS = {"DescribeEvents", "DescribeEnvironments"}


class KilledError(BaseException):
    """The process is dead: none of its calls reaches AWS, those of its `finally` blocks included."""


@contextmanager
def _killed_before_call(aws: Aws, number: int) -> Iterator[list[str]]:
    """Fail all AWS calls from a number on, counted from 0. Yields the names of those that AWS received."""
    calls: list[str] = []

    def count(model: Any, **_: object) -> None:
        if len(calls) >= number:
            raise KilledError
        calls.append(model.name)

    with handling(aws, "before-call", count):
        yield calls


def _bundles(sandbox: Sandbox) -> set[str]:
    found = sandbox.s3.list_objects_v2(Bucket=sandbox.bucket, Prefix="bundles/")
    return {item["Key"] for item in found.get("Contents", ())}


def _check_convergence(sandbox: Sandbox, target: Target, new: Bundle, where: str) -> None:
    """Deploy again: the right version, no bundle uploaded twice, one bundle a label, no lasting lock."""
    uploaded = _bundles(sandbox)
    sandbox.clear_calls()
    busy = ""
    try:
        sandbox.rollout(target)[0].release(new)
    except BusyError as error:
        busy = str(error)
    if busy:
        assert "if it was killed, after" in busy, where
        sandbox.emulator.advance(LEASE_SECONDS)
        sandbox.rollout(target)[0].release(new)
    assert sandbox.version_label(target) == new.label, where
    put = {call.key for call in sandbox.emulator.calls() if call.action == "PutObject"}
    assert not uploaded & put, where
    (version,) = sandbox.beanstalk.describe_application_versions(VersionLabels=[new.label])["ApplicationVersions"]
    assert version["SourceBundle"]["S3Key"] == new.key, where
    owner = LockStore(target, sandbox.aws()).read().owner
    if owner:
        # Only where nothing was left to do, and until its lease expires.
        assert owner.release.label == new.label, where
        assert (owner.until - sandbox.emulator.now()).total_seconds() <= LEASE_SECONDS, where
        sandbox.emulator.advance(LEASE_SECONDS)


def test_a_release_killed_before_any_aws_call_converges(sandbox: Sandbox, target: Target) -> None:
    """After a call is before the next one: what the process knew is lost in either case."""
    sandbox.release(target, "before the crashes")
    sandbox.emulator.set_pace(update=8)
    aws = sandbox.aws()
    with _killed_before_call(aws, 1000) as calls:
        sandbox.rollout(target, aws=aws)[0].release(bundle("complete"))
    assert set(calls) >= CHANGES
    for number, call in enumerate(calls):
        if call in POLLS and number and calls[number - 1] == call:
            continue
        new = bundle(f"killed before call {number}")
        with _killed_before_call(aws, number) as received, pytest.raises(KilledError):
            sandbox.rollout(target, aws=aws)[0].release(new)
        assert received == calls[:number]
        _check_convergence(sandbox, target, new, f"before call {number}, {call}")
