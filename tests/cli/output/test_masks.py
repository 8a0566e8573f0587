import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beanpod.cli.output.text import Masks

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
