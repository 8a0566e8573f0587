"""Going back on request."""

import json

import pytest

from beanpod.deploy.errors import NotRolledBackError, RolledBackError, UsageError
from beanpod.deploy.rollout import Settings
from tests.deploy.rollout.ground import Ground, bundle, source


def test_the_version_before_comes_back(ground: Ground) -> None:
    target = ground.environment()
    ground.deployed(target, "one", "two")
    rollout, witness = ground.rollout(target)
    outcome = rollout.roll_back()
    assert (outcome.version_label, outcome.previous_version) == (bundle("one").label, bundle("two").label)
    assert (outcome.changed, outcome.rolled_back, outcome.health) == (True, False, "Ok")
    assert ground.runs(target) == bundle("one").label
    assert witness.failed == []


def test_going_back_twice_goes_forth(ground: Ground) -> None:
    target = ground.environment()
    ground.deployed(target, "one", "two")
    ground.rollout(target)[0].roll_back()
    ground.rollout(target)[0].roll_back()
    assert ground.runs(target) == bundle("two").label


def test_a_version_that_is_named_comes_back_though_it_is_older(ground: Ground) -> None:
    target = ground.environment()
    for minute, text in enumerate(("one", "two", "three")):
        ground.rollout(target, source=source(minute))[0].release(bundle(text))
    ground.rollout(target, source=source(0))[0].roll_back(bundle("one").label)
    assert ground.runs(target) == bundle("one").label


def test_after_a_failed_release_going_back_skips_it(ground: Ground) -> None:
    target = ground.environment()
    ground.deployed(target, "one", "two")
    ground.emulator.order("error-event", version_label=bundle("failing").label)
    with pytest.raises(Exception, match="rolled back"):
        ground.rollout(target)[0].release(bundle("failing"))
    ground.rollout(target)[0].roll_back()
    assert ground.runs(target) == bundle("one").label


def test_a_failed_release_that_was_left_is_gone_back_from(ground: Ground) -> None:
    target = ground.environment()
    ground.deployed(target, "one")
    ground.emulator.order("error-event", version_label=bundle("left sick").label)
    with pytest.raises(NotRolledBackError, match="it is not rolled back, as you asked"):
        ground.rollout(target, settings=Settings(roll_back=False))[0].release(bundle("left sick"))
    assert ground.runs(target) == bundle("left sick").label
    ground.rollout(target)[0].roll_back()
    assert ground.runs(target) == bundle("one").label


def test_nothing_goes_back_to_a_failed_release_that_was_left(ground: Ground) -> None:
    target = ground.environment()
    ground.deployed(target, "one")
    for text, settings in (("left unwell", Settings(roll_back=False)), ("worse", Settings())):
        ground.emulator.order("error-event", version_label=bundle(text).label)
        with pytest.raises((NotRolledBackError, RolledBackError)):
            ground.rollout(target, settings=settings)[0].release(bundle(text))
    assert ground.runs(target) == bundle("one").label


@pytest.mark.parametrize("earlier", ["none", "one"])
def test_a_page_that_an_earlier_script_wrote_is_understood(ground: Ground, earlier: str) -> None:
    target = ground.environment()
    ground.deployed(target, "one", "two")
    key = f"locks/{target.environment}"
    page = json.loads(ground.s3.get_object(Bucket=target.bucket, Key=key)["Body"].read())
    assert page.pop("unfinished") == []
    if earlier == "one":
        # That script remembered a single one, and no list.
        page |= {"unfinished": page["last"], "last": None}
    ground.s3.put_object(Bucket=target.bucket, Key=key, Body=json.dumps(page).encode())
    ground.rollout(target)[0].roll_back()
    assert ground.runs(target) == bundle("one").label


def test_a_version_that_is_not_there_is_named(ground: Ground) -> None:
    target = ground.environment()
    with pytest.raises(UsageError, match="application guestbook has no version v9: choose one of those that"):
        ground.rollout(target)[0].roll_back("v9")


def test_without_an_earlier_version_one_has_to_be_named(ground: Ground) -> None:
    target = ground.environment()
    with pytest.raises(UsageError, match="it is not known what ran before: name a version"):
        ground.rollout(target)[0].roll_back()


def test_a_version_that_does_not_come_back_leaves_what_ran_before(ground: Ground) -> None:
    target = ground.environment()
    ground.deployed(target, "one", "two")
    ground.emulator.order("error-event", version_label=bundle("one").label)
    with pytest.raises(RolledBackError, match=f"{bundle('two').label} serves again"):
        ground.rollout(target)[0].roll_back()
    assert ground.runs(target) == bundle("two").label
