import json
import os
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beanpod.cli.output.display import Failure
from beanpod.cli.output.text import Masks
from beanpod.deploy.report import EnvironmentEvent, Outcome, Phase
from tests.cli.output.shown import Shown
from tests.deploy.clocks import START

# An asterisk could make up the value anew beside three others, which would tell nobody anything.
VALUES = st.text(st.characters(exclude_characters="*", codec="utf-8"), min_size=4)


def masks(*values: str) -> Masks:
    hidden = Masks()
    for value in values:
        hidden.add(value)
    return hidden


@given(value=VALUES.filter(str.strip), before=st.text(), after=st.text())
def test_masked_value_is_in_no_text(value: str, before: str, after: str) -> None:
    assert value not in masks(value).clean(f"{before}{value}{after}")


@given(value=VALUES.filter(str.strip))
def test_value_is_masked_in_urls_json_and_python(value: str) -> None:
    hidden = masks(value)
    for written in (quote(value, safe=""), repr(value)[1:-1], json.dumps(value)[1:-1]):
        assert hidden.hide(written) == "***"


def test_each_line_of_a_value_is_masked() -> None:
    assert masks("-----BEGIN KEY-----\nMIIEvQ\n").hide("key: MIIEvQ.") == "key: ***."


def test_value_that_is_not_utf8_is_masked() -> None:
    """A variable may have bytes of another encoding, which Docker's output, say, shows as U+FFFD."""
    hidden = masks(os.fsdecode(b"p\xe4ssw0rd1"))
    for written in (os.fsdecode(b"p\xe4ssw0rd1"), b"p\xe4ssw0rd1".decode(errors="replace")):
        assert hidden.hide(written) == "***"


def test_value_with_colour_codes_in_it_is_masked() -> None:
    assert masks("hunter22").clean("hun\x1b[31mter22") == "***"


def test_longest_value_is_masked_first() -> None:
    assert masks("secret", "secret-two").hide("secret-two") == "***"


@pytest.mark.parametrize("short", ["a", "abc", " abc\n", "  a  "])
def test_values_shorter_than_four_characters_are_not_masked(short: str) -> None:
    assert masks(short).hide("an abcdarian") == "an abcdarian"


def test_value_of_four_characters_is_masked() -> None:
    assert masks("abcd", "a").hide("an abcdarian") == "an ***arian"


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_blank_value_masks_nothing(blank: str) -> None:
    assert masks(blank).hide("a b\nc") == "a b\nc"


@pytest.mark.parametrize("kind", ["lines", "terminal", "github"])
def test_masked_value_is_in_no_output_and_no_file(kind: str, tmp_path: Path) -> None:
    files = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    # GitHub masks it already, since it is a secret's variable.
    shown = Shown(kind, {"TERM": "xterm", "DOCKER_PASSWORD": "hunter22", **files}, verbose=True)
    display = shown.display
    display.mask("hunter22")
    with display.phase(Phase.BUILD):
        for show in (display.output, display.say, display.warn):
            show("hunter22")
        display.event(EnvironmentEvent(START, "ERROR", "hunter22"))
    display.finish(Outcome("hunter22", url="http://hunter22@app", changed=True))
    display.fail(Failure("hunter22", 1, ("hunter22",), trace=("password = 'hunter22'",)))
    written = [path.read_text() for path in tmp_path.iterdir()]
    assert len(written) == (2 if kind == "github" else 0)
    assert "hunter22" not in "".join([shown.out.getvalue(), shown.errors.getvalue(), *written])
    assert "***" in shown.out.getvalue()
