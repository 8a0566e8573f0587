import pytest

from beanpod_emulator.github.expressions import condition, evaluate, interpolated

CONTEXTS = {"vars": {"ON": "true", "EMPTY": ""}, "inputs": {}, "steps": {"role": {"outputs": {"key": "k"}}}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("vars.ON == 'TRUE'", True),
        ("vars.ON != 'true'", False),
        ("vars.MISSING || 'other'", "other"),
        ("vars.EMPTY || vars.ON", "true"),
        ("vars.ON && 'yes' || 'no'", "yes"),
        ("vars.EMPTY && 'yes' || 'no'", "no"),
        ("steps.role.outputs.key", "k"),
        ("steps.none.outputs.key || 'other'", "other"),
        ("vars.EMPTY == null", True),
        ("!(vars.ON == 'true' || vars.EMPTY)", False),
        ("'it''s'", "it's"),
        ("1 == true", True),
        ("'a' == 1", False),
    ],
)
def test_values_are_those_of_github(text: str, value: object) -> None:
    assert evaluate(text, CONTEXTS) == value


@pytest.mark.parametrize(
    ("text", "success", "runs"),
    [
        ("", True, True),
        ("", False, False),
        ("vars.ON == 'true'", False, False),
        ("!cancelled() && vars.ON == 'true'", False, True),
        ("failure()", False, True),
        ("${{ failure() }}", True, False),
        ("always()", False, True),
    ],
)
def test_condition_needs_success_unless_it_asks(text: str, success: bool, runs: bool) -> None:
    assert condition(text, CONTEXTS, success=success) is runs


def test_text_is_filled_in() -> None:
    assert interpolated("${{ vars.ON }}-${{ vars.MISSING }}-${{ 1 == 1 }}", CONTEXTS) == "true--true"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("secrets.X", "no context secrets here"),
        ("hash()", r"no function hash\(\) here"),
        ("vars.ON vars.ON", "goes on after its end"),
        ("vars.ON ==", "ends too early"),
        ("(vars.ON", "is missing"),
        ('"double"', "something unknown"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        evaluate(text, CONTEXTS)
