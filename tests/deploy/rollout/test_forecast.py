"""When the end is likely, and how often it is worth looking."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beanpod.deploy.aws import Event
from beanpod.deploy.rollout.forecast import HERALD, Said, pause, window
from beanpod.deploy.rollout.history import COMPLETED, STARTING, History, wording

DEPLOYING = "Deploying new version to instance(s)."
_NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def _update(request: str, begins: float, *told: tuple[float, str]) -> list[Event]:
    return [Event(_NOON + timedelta(seconds=begins + at), "INFO", message, request) for at, message in told]


def _release(request: str, begins: float, seconds: float) -> list[Event]:
    return _update(
        request, begins, (0, STARTING), (5, DEPLOYING), (seconds - 7, HERALD), (seconds, COMPLETED)
    )  # fmt: skip


def test_the_history_is_how_long_before_the_end_each_message_came() -> None:
    events = [*_release("a", 0, 100), *_release("b", 1000, 120)]
    history = History.of(events)
    assert history.known
    assert history.remaining[STARTING] == (120, 100)
    assert history.remaining[HERALD] == (7, 7)


@pytest.mark.parametrize(
    "events",
    [
        _update("a", 0, (0, STARTING), (5, DEPLOYING), (60, "Failed to deploy application.")),
        _update("a", 0, (0, STARTING), (5, "Updating environment e's configuration settings."), (60, COMPLETED)),
        _update("a", 0, (60, COMPLETED)),
        _update("", 0, (0, STARTING), (5, DEPLOYING), (60, COMPLETED)),
        [],
    ],
    ids=["failed", "a configuration", "cut off by the page", "the health monitor", "nothing"],
)
def test_only_releases_that_went_well_are_remembered(events: list[Event]) -> None:
    assert not History.of(events).known


def test_the_latest_six_releases_are_remembered() -> None:
    events = [event for number in range(8) for event in _release(str(number), number * 1000, 100 + number)]
    assert History.of(events).remaining[STARTING] == (107, 106, 105, 104, 103, 102)


def test_messages_are_the_same_whatever_instance_they_are_about() -> None:
    assert wording("Batch 1: on [i-0abc, i-0def].") == wording("Batch 1: on [i-0123, i-0456].")
    assert wording("Batch 1: done.") != wording("Batch 2: done.")


def test_looks_are_rare_until_the_end_is_near() -> None:
    history = History.of(_release("a", 0, 183))
    early = window(history, [])
    assert early
    assert early.pause(0) == 10
    assert early.earliest == pytest.approx(183 * 0.74 - 7)
    assert early.pause(150) == pytest.approx(4.2)


def test_a_sign_of_the_end_narrows_the_window() -> None:
    history = History.of([*_release("a", 0, 183), *_release("b", 1000, 190)])
    narrow = window(history, [Said(STARTING, 0), Said(HERALD, 171)])
    assert narrow
    assert narrow.sharp
    assert 171 < narrow.earliest < 178 < narrow.latest < 181


def test_the_more_releases_are_known_the_narrower_the_window() -> None:
    one, six = ([event for i in range(count) for event in _release(str(i), i * 1000, 183)] for count in (1, 6))
    wide, narrow = window(History.of(one), []), window(History.of(six), [])
    assert wide
    assert narrow
    assert wide.earliest < narrow.earliest
    assert narrow.latest < wide.latest


def test_an_overdue_end_is_looked_for_less_and_less_often() -> None:
    late = window(History.of(_release("a", 0, 100)), [])
    assert late
    pauses = [late.pause(seconds) for seconds in (130, 200, 300, 1000)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 20


@pytest.mark.parametrize(("seconds", "far"), [(60, 20), (183, 10), (600, 10), (900, 15)])
def test_looks_before_the_end_is_near_are_as_rare_as_the_update_is_long(seconds: float, far: float) -> None:
    early = window(History.of(_release("a", 0, seconds)), [])
    assert early
    assert early.pause(0) == far


def test_the_first_release_is_looked_at_early_and_then_steadily() -> None:
    assert window(History(), []) is None
    assert [pause(seconds, None) for seconds in (0, 3, 18, 192, 900)] == [3, 15, 5, 8, 11.5]


def test_an_error_is_followed_closely() -> None:
    failing = window(History(), [], failing=40)
    assert failing
    assert max(failing.pause(seconds) for seconds in range(40, 100)) == 2.5


@given(
    seconds=st.lists(st.floats(1, 5000), max_size=8),
    elapsed=st.floats(0, 10_000),
    heard=st.sets(st.sampled_from([STARTING, DEPLOYING, HERALD])),
)
def test_the_pause_is_never_too_short_and_never_too_long(seconds: list[float], elapsed: float, heard: set[str]) -> None:
    events = [event for i, each in enumerate(seconds) for event in _release(str(i), i * 10_000, each + 8)]
    said = [Said(words, elapsed / 2) for words in heard]
    assert 0 < pause(elapsed, window(History.of(events), said)) <= 110
