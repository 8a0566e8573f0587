import pytest
from hypothesis import given
from hypothesis import strategies as st

from beanpod.cli.output.text import clean, duration, status_text
from beanpod.deploy.report import Status


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (183, "3 min 03 s"),
        (3599.7, "1 h 00 min"),
        (3725, "1 h 02 min"),
    ],
)
def test_duration_has_one_or_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (Status("Updating", "Info", 1, 2), "Updating, health Info, 1 of 2 instances updated"),
        (Status("Ready", "Ok", 1, 1), "Ready, health Ok, 1 of 1 instance updated"),
        (Status("Launching", ""), "Launching"),
    ],
)
def test_status_text_has_health_and_instances(status: Status, text: str) -> None:
    assert status_text(status) == text


@pytest.mark.parametrize(
    ("dirty", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;new title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x9b2Jscreen", "screen"),
        ("a\rb\tc\nd", "a b c d"),
        ("safe\u202etxt.exe", "safetxt.exe"),
        ("\x1b", ""),
        ("\x1b]unfinished\nnext", " next"),
    ],
)
def test_control_sequences_are_removed(dirty: str, shown: str) -> None:
    assert clean(dirty) == shown


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("\x1b[]0;m\x07\x9b\x9d\r\n\u2028\u202e")))
def test_cleaned_text_is_one_line_without_control_characters(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned.splitlines()) <= 1
    assert all(character.isprintable() or ord(character) > 0x9F for character in cleaned)
    assert clean(cleaned) == cleaned
