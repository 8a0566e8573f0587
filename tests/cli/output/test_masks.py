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
LATIN = os.fsdecode(b"p\xe4ssw0rd1")


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


@pytest.mark.parametrize(
    ("values", "text", "hidden"),
    [
        pytest.param(["-----BEGIN KEY-----\nMIIEvQ\n"], "key: MIIEvQ.", "key: ***.", id="a line of several"),
        # A variable may have bytes of another encoding, which Docker's output, say, shows as U+FFFD.
        pytest.param([LATIN], LATIN, "***", id="not UTF-8"),
        pytest.param([LATIN], b"p\xe4ssw0rd1".decode(errors="replace"), "***", id="not UTF-8, as it is read"),
        pytest.param(["hunter22"], "hun\x1b[31mter22", "***", id="with a colour in it"),
        pytest.param(["secret", "secret-two"], "secret-two", "***", id="the longest first"),
        pytest.param(["abcd", "a"], "an abcdarian", "an ***arian", id="four characters, not one"),
        pytest.param(["a", "abc", " abc\n", "  a  "], "an abcdarian", "an abcdarian", id="fewer than four"),
        pytest.param(["", "  ", "\n"], "a b c", "a b c", id="blank"),
    ],
)
def test_values_are_masked_with_their_lines_unless_they_are_short(values: list[str], text: str, hidden: str) -> None:
    assert masks(*values).clean(text) == hidden


@pytest.mark.parametrize("kind", ["lines", "terminal", "github"])
def test_masked_value_is_in_no_output_and_no_file(kind: str, tmp_path: Path) -> None:
    files = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    shown = Shown(kind, {"TERM": "xterm", **files}, verbose=True)
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
