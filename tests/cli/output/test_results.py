import io
import json

import pytest

from beanpod.cli.output.results import Results, line_writer
from beanpod.cli.output.text import Cell, Masks, Paint, state_cell
from tests.cli.output.runner import ActionsRunner
from tests.cli.output.streams import Tty
from tests.deploy.clocks import START

PLAIN, COLOURED = Paint(colours=False), Paint(colours=True)


def emitted(*texts: str, as_json: bool = True, indent: int | None = 2) -> str:
    out, masks = io.StringIO(), Masks()
    masks.add('hunter"22')
    results = Results(line_writer(out), masks, PLAIN, as_json)
    for text in texts:
        results.emit({"text": text, "at": START, "list": (text, 1)}, [PLAIN(text, "green")], indent=indent)
    return out.getvalue()


def test_json_result_is_one_document() -> None:
    assert json.loads(emitted("hello")) == {"text": "hello", "at": "2026-11-24T12:31:04+00:00", "list": ["hello", 1]}


def test_results_without_an_indent_are_a_line_each() -> None:
    lines = emitted("one\ntwo", "three", indent=None).splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["one\ntwo", "three"]


def test_secret_is_masked_in_text_and_json() -> None:
    written = emitted('is hunter"22') + emitted('is hunter"22', as_json=False)
    assert ("22" in written, written.count("is ***")) == (False, 3)


def test_json_contains_no_workflow_command() -> None:
    written = emitted("##[error]##[x] ###[")
    assert ActionsRunner().read(written).commands == []
    assert json.loads(written)["text"] == "##[error]##[x] ###["


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows: list[list[str | Cell]] = [["INSTANCE", "HEALTH", ""], ["i-1", state_cell("Severe"), "x"]]
    assert list(PLAIN.table(rows)) == ["INSTANCE  HEALTH", "i-1       Severe  x"]
    assert list(COLOURED.table(rows))[1] == "i-1       \x1b[31mSevere\x1b[0m  x"


def test_cell_is_cleaned_before_it_is_measured() -> None:
    assert list(PLAIN.table([["\x1b[31mred", "x"]])) == ["red  x"]


@pytest.mark.parametrize(
    ("state", "colour"), [("Ok", "green"), ("Degraded", "yellow"), ("Failed", "red"), ("NoData", "")]
)
def test_states_have_the_colours_of_the_console(state: str, colour: str) -> None:
    assert state_cell(state) == Cell(state, colour)


@pytest.mark.parametrize(
    ("stream", "environ", "coloured"),
    [
        (Tty(), {"TERM": "xterm"}, True),
        (Tty(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Tty(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
    ids=["terminal", "no colours wanted", "dumb", "pipe"],
)
def test_colours_are_used_on_a_terminal_only(stream: io.StringIO, environ: dict[str, str], coloured: bool) -> None:
    assert ("\x1b" in Paint.for_stream(stream, environ)("x", "green")) is coloured
