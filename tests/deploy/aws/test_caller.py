"""Patience with what passes."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from beanpod.deploy.aws import AwsError, UnansweredError
from beanpod.deploy.aws.caller import ATTEMPTS, Caller


class Watch:
    """A clock that only remembers for how long it was slept on."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Shaky:
    """Fails so often before it answers."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.calls, self._failures, self._error = 0, failures, error

    def __call__(self, *, name: str) -> str:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error
        return name


THROTTLED = ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "Look")
REFUSED = ClientError({"Error": {"Code": "InvalidParameterValue", "Message": "No."}}, "Look")


def test_a_throttled_call_is_made_again_after_growing_pauses() -> None:
    watch, shaky = Watch(), Shaky(3, THROTTLED)
    caller = Caller(watch, chance=lambda: 1.0)
    assert caller("x:Look", shaky, name="answer") == "answer"
    assert watch.slept == [1.0, 2.0, 4.0]


def test_pauses_are_shortened_by_chance_but_not_below_half() -> None:
    watch = Watch()
    Caller(watch, chance=lambda: 0.0)("x:Look", Shaky(1, THROTTLED), name="answer")
    assert watch.slept == [0.5]


def test_patience_ends() -> None:
    watch, shaky = Watch(), Shaky(99, EndpointConnectionError(endpoint_url="https://aws.example"))
    with pytest.raises(UnansweredError, match="AWS does not answer x:Look"):
        Caller(watch, chance=lambda: 1.0)("x:Look", shaky, name="answer")
    assert shaky.calls == ATTEMPTS
    assert max(watch.slept) <= 20


def test_what_is_refused_for_good_is_not_tried_again() -> None:
    watch, shaky = Watch(), Shaky(1, REFUSED)
    with pytest.raises(AwsError, match=r"AWS refused x:Look: No\."):
        Caller(watch)("x:Look", shaky, name="answer")
    assert (shaky.calls, watch.slept) == (1, [])


def test_a_poll_is_tried_once() -> None:
    watch, shaky = Watch(), Shaky(1, THROTTLED)
    with pytest.raises(UnansweredError):
        Caller(watch).once()("x:Look", shaky, name="answer")
    assert shaky.calls == 1
