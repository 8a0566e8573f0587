import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from beanpod.cli.output import Masks
from beanpod.cli.output.answers import JsonAnswers, OutcomeAnswer, ReaderGoneError, TextAnswers, printer
from beanpod.cli.output.table import Cell, Paint, severity, state, table
from beanpod.deploy.report import EnvironmentEvent, Outcome
from tests.cli.output.clocks import START
from tests.cli.output.runner import Runner


@dataclass
class Said:
    text: str

    def document(self) -> Any:
        return {"text": self.text, "at": START, "list": (self.text, 1)}

    def lines(self, paint: Paint) -> Iterable[str]:
        return [paint(Cell(self.text, "good"))]


@pytest.fixture
def masks() -> Masks:
    masks = Masks()
    masks.add('hunter"22')
    return masks


def test_answer_for_a_program_is_one_document(masks: Masks) -> None:
    out = io.StringIO()
    JsonAnswers(printer(out), masks).give(Said("hello"))
    assert json.loads(out.getvalue()) == {
        "text": "hello",
        "at": "2026-11-24T12:31:04+00:00",
        "list": ["hello", 1],
    }


def test_answers_that_follow_each_other_are_a_line_each(masks: Masks) -> None:
    out = io.StringIO()
    answers = JsonAnswers(printer(out), masks)
    answers.go_on(Said("one\ntwo"))
    answers.go_on(Said("three"))
    assert [json.loads(line)["text"] for line in out.getvalue().splitlines()] == ["one\ntwo", "three"]


def test_masked_value_is_in_no_answer(masks: Masks) -> None:
    out = io.StringIO()
    JsonAnswers(printer(out), masks).give(Said('is hunter"22'))
    TextAnswers(printer(out), masks, Paint(colours=False)).give(Said('is hunter"22'))
    assert "22" not in out.getvalue()
    assert out.getvalue().count("is ***") == 3


def test_document_holds_no_workflow_command(masks: Masks) -> None:
    out = io.StringIO()
    JsonAnswers(printer(out), masks).give(Said("##[error]x"))
    assert Runner().read(out.getvalue()).commands == []
    assert json.loads(out.getvalue())["text"] == "##[error]x"


def test_outcome_of_a_deployment_is_a_document() -> None:
    event = EnvironmentEvent(START, "INFO", "done")
    document = OutcomeAnswer(Outcome("app-1", changed=True, phases={"Build": 3.0}, events=(event,))).document()
    assert (document["version_label"], document["changed"], document["phases"]) == ("app-1", True, {"Build": 3.0})
    assert document["events"] == ({"time": START, "severity": "INFO", "message": "done"},)


class GoneReader(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_reader_that_is_gone_is_told() -> None:
    with pytest.raises(ReaderGoneError):
        printer(GoneReader())("line")


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [[Cell("INSTANCE"), Cell("HEALTH"), Cell("")], [Cell("i-1"), state("Severe"), Cell("x")]]
    assert table(rows, Paint(colours=False)) == ["INSTANCE  HEALTH", "i-1       Severe  x"]
    assert table(rows, Paint(colours=True))[1] == "i-1       \x1b[31mSevere\x1b[0m  x"


def test_cell_is_cleaned_before_it_is_measured() -> None:
    assert table([[Cell("\x1b[31mred"), Cell("x")]], Paint(colours=False)) == ["red  x"]


@pytest.mark.parametrize(
    ("cell", "style"),
    [
        (state("Ok"), "good"),
        (state("Degraded"), "fair"),
        (state("Failed"), "bad"),
        (state("NoData"), ""),
        (severity("INFO"), "dim"),
        (severity("WARN"), "fair"),
        (severity("FATAL"), "bad"),
    ],
)
def test_only_what_needs_looking_at_stands_out(cell: Cell, style: str) -> None:
    assert cell.style == style


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


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
def test_colours_suit_where_the_answer_goes(stream: io.StringIO, environ: dict[str, str], coloured: bool) -> None:
    assert ("\x1b" in Paint.suiting(stream, environ)(Cell("x", "good"))) is coloured
