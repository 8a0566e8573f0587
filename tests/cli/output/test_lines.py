import io
from typing import Any, TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beanpod.cli.output.display import Failure
from beanpod.deploy.report import EnvironmentEvent, Outcome, Phase, Status
from tests.cli.output.shown import Shown
from tests.cli.output.streams import ClosedPipe
from tests.deploy.clocks import START

UPDATING = Status("Updating", "Info", 0, 2)


class Lines(Shown):
    def __init__(self) -> None:
        super().__init__("lines")

    @property
    def text(self) -> list[str]:
        return self.out.getvalue().splitlines()


@pytest.fixture
def shown() -> Lines:
    return Lines()


def test_phase_is_shown_with_start_end_and_duration(shown: Lines) -> None:
    with shown.display.phase(Phase.BUILD):
        shown.clock.sleep(35)
        shown.display.output("Step 1/3 : FROM node")
        shown.display.say("guestbook:3f9a")
    assert shown.text == [
        "12:31:04Z  Build",
        "12:31:39Z    | Step 1/3 : FROM node",
        "12:31:39Z    guestbook:3f9a",
        "12:31:39Z  Build: done in 35 s",
    ]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_phase_that_raises_is_shown_as_failed(shown: Lines, error: type[BaseException]) -> None:
    with pytest.raises(error), shown.display.phase(Phase.PUSH):
        raise error
    assert shown.text[-1] == "12:31:04Z  Push: failed after 0.0 s"


def test_unchanged_status_is_shown_every_30_seconds(shown: Lines) -> None:
    for _ in range(14):
        shown.display.status(UPDATING)
        shown.clock.sleep(5)
    sentence = "Updating, health Info, 0 of 2 instances updated"
    assert shown.text == [
        f"12:31:04Z  {sentence}",
        f"12:31:34Z  {sentence}, unchanged for 30 s",
        f"12:32:04Z  {sentence}, unchanged for 1 min 00 s",
    ]


def test_changed_status_is_shown_at_once(shown: Lines) -> None:
    shown.display.status(UPDATING)
    shown.clock.sleep(1)
    shown.display.status(Status("Updating", "Info", 1, 2))
    assert "1 of 2" in shown.text[1]


def test_events_are_shown_with_their_severity(shown: Lines) -> None:
    shown.display.event(EnvironmentEvent(START, "WARN", "Health is\nYellow."))
    assert shown.text == ["12:31:04Z  WARN  Health is Yellow."]


@given(text=st.text())
def test_any_message_is_one_line(text: str) -> None:
    shown = Lines()
    shown.display.say(text)
    shown.display.status(Status(text, text))
    assert len(shown.text) == 2
    assert all(line.startswith("12:31:04Z") for line in shown.text)


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        ({"health": "Ok", "changed": True}, "Deployed app-1 to http://app, health Ok"),
        ({"health": "Ok", "changed": True, "plain_http": True}, "Deployed app-1 to http://app (plain HTTP), health Ok"),
        ({}, "Nothing to do: app-1 is deployed already to http://app"),
    ],
)
def test_last_line_names_version_url_and_health(shown: Lines, outcome: dict[str, Any], line: str) -> None:
    shown.clock.sleep(200)
    shown.display.finish(Outcome("app-1", url="http://app", **outcome))
    assert shown.text == [f"12:34:24Z  {line}, after 3 min 20 s"]


def test_durations_of_a_repeated_phase_are_added(shown: Lines) -> None:
    for seconds in (2, 3):
        with shown.display.phase(Phase.PREFLIGHT):
            shown.clock.sleep(seconds)
    assert shown.display.phases == {"Preflight": 5.0}


def test_failure_goes_to_the_error_stream(shown: Lines) -> None:
    shown.display.fail(Failure("app-1 failed: mend it", 6, causes=("disk full", "i-1: exit 1")))
    assert shown.out.getvalue() == ""
    assert shown.errors.getvalue() == "beanpod: app-1 failed: mend it\n  disk full\n  i-1: exit 1\n"


def test_cause_that_the_message_contains_is_not_repeated(shown: Lines) -> None:
    shown.display.fail(Failure("docker build failed: no such file", 3, causes=("no such file", "Step 2/3")))
    assert shown.errors.getvalue() == "beanpod: docker build failed: no such file\n  Step 2/3\n"


class Latin(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="latin-1")


@pytest.mark.parametrize("stream", [ClosedPipe(), Latin()], ids=["nobody reads", "no such character"])
def test_output_that_fails_does_not_end_the_deployment(stream: TextIO) -> None:
    display = Shown("lines", out=stream, errors=stream).display
    with display.phase(Phase.BUILD):
        display.say("✓ done")
    display.fail(Failure("✗", 1))
