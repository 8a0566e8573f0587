"""`beanpod rollback`: a release of an earlier version."""

import json

import pytest

from beanpod.deploy.errors import NotRolledBackError, RolledBackError, UsageError
from beanpod.deploy.preflight import Settings, Target
from tests.deploy.rollout.sandbox import Sandbox, bundle, source


def test_rolls_back_to_a_version_by_its_label(sandbox: Sandbox, target: Target) -> None:
    for minute, text in enumerate(("one", "two", "three")):
        sandbox.rollout(target, source=source(minute))[0].release(bundle(text))
    sandbox.rollout(target, source=source(0))[0].roll_back(bundle("one").label)
    assert sandbox.version_label(target) == bundle("one").label


def test_a_rollback_skips_a_failed_release_and_a_second_one_ends_at_the_first(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "one", "two")
    sandbox.emulator.inject_fault("error-event", version_label=bundle("failing").label)
    with pytest.raises(RolledBackError):
        sandbox.rollout(target)[0].release(bundle("failing"))
    for text in ("one", "two"):
        sandbox.rollout(target)[0].roll_back()
        assert sandbox.version_label(target) == bundle(text).label


def _leave_sick(sandbox: Sandbox, target: Target, text: str) -> None:
    """Release a bundle that fails, and leave it."""
    sandbox.emulator.inject_fault("error-event", version_label=bundle(text).label)
    with pytest.raises(NotRolledBackError, match="it is not rolled back, because of --no-rollback"):
        sandbox.rollout(target, settings=Settings(roll_back=False))[0].release(bundle(text))
    assert sandbox.version_label(target) == bundle(text).label


def test_rolls_back_from_a_failed_release_to_the_last_good_one_and_then_to_the_one_before(
    sandbox: Sandbox, target: Target
) -> None:
    sandbox.release(target, "one", "two")
    _leave_sick(sandbox, target, "left sick")
    for text in ("two", "one"):
        sandbox.rollout(target)[0].roll_back()
        assert sandbox.version_label(target) == bundle(text).label


def test_a_failed_rollback_from_a_failed_release_goes_to_the_one_before(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "one", "two")
    _leave_sick(sandbox, target, "left very sick")
    sandbox.emulator.inject_fault("error-event", version_label=bundle("two").label)
    with pytest.raises(RolledBackError, match=f"{bundle('one').label} runs again"):
        sandbox.rollout(target)[0].roll_back()


def test_a_failed_release_is_no_target_of_a_rollback(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "one")
    for text, settings in (("left unwell", Settings(roll_back=False)), ("worse", Settings())):
        sandbox.emulator.inject_fault("error-event", version_label=bundle(text).label)
        with pytest.raises((NotRolledBackError, RolledBackError)):
            sandbox.rollout(target, settings=settings)[0].release(bundle(text))
    assert sandbox.version_label(target) == bundle("one").label


def test_the_lock_of_an_earlier_version_of_beanpod_is_read(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "one", "two")
    key = f"locks/{target.environment}"
    record = json.loads(sandbox.s3.get_object(Bucket=target.bucket, Key=key)["Body"].read())
    earlier = {"holder": None, "last": record["last_good"], "unfinished": []}
    sandbox.s3.put_object(Bucket=target.bucket, Key=key, Body=json.dumps(earlier).encode())
    sandbox.rollout(target)[0].roll_back()
    assert sandbox.version_label(target) == bundle("one").label


def test_a_version_whose_bundle_was_deleted_is_refused(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "one", "two")
    sandbox.s3.delete_object(Bucket=target.bucket, Key=bundle("one").key)
    with pytest.raises(UsageError, match=f"the bundle of {bundle('one').label} no longer exists: choose another"):
        sandbox.rollout(target)[0].roll_back()
    assert sandbox.version_label(target) == bundle("two").label


def test_without_an_earlier_version_a_rollback_needs_a_label(sandbox: Sandbox, target: Target) -> None:
    with pytest.raises(UsageError, match="no previous version is known: choose one"):
        sandbox.rollout(target)[0].roll_back()


def test_a_rollback_that_fails_is_rolled_back(sandbox: Sandbox, target: Target) -> None:
    sandbox.release(target, "one", "two")
    sandbox.emulator.inject_fault("error-event", version_label=bundle("one").label)
    with pytest.raises(RolledBackError, match=f"{bundle('two').label} runs again"):
        sandbox.rollout(target)[0].roll_back()
    assert sandbox.version_label(target) == bundle("two").label
