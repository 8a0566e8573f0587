"""The helpers every construct refuses with."""

import pytest
from aws_cdk import App, Aws, Stack, Token
from constructs import Construct

from beanpod._checks import known, refuse


def test_all_problems_come_in_one_error() -> None:
    with pytest.raises(ValueError, match="problems") as error:
        refuse("Dev/Database", (f"{name} is wrong" for name in ("port", "size")))
    assert str(error.value) == "Dev/Database: 2 problems\n  - port is wrong\n  - size is wrong"


def test_a_single_problem_is_counted_as_one() -> None:
    with pytest.raises(ValueError, match=r"^Database: 1 problem\n  - port is wrong$"):
        refuse("Database", ["port is wrong"])


def test_nothing_is_raised_without_problems() -> None:
    refuse("Database", [])


# Tokens are numbered as they are made: without ids of their own, parallel workers would disagree on the tests' names.
@pytest.mark.parametrize(
    "value",
    [None, Aws.REGION, Token.as_number({"Ref": "Size"}), f"db-{Aws.REGION}"],
    ids=["absent", "string", "number", "inside a string"],
)
def test_absent_values_and_tokens_are_not_judged(value: object) -> None:
    assert not known(value)


@pytest.mark.parametrize("value", ["", 0, "name", 20])
def test_plain_values_are_judged(value: object) -> None:
    assert known(value)


def test_a_construct_is_named_by_its_path() -> None:
    database = Construct(Stack(App(), "Dev"), "Database")
    with pytest.raises(ValueError, match=r"^Dev/Database: 1 problem\n  - port is wrong$"):
        refuse(database, ["port is wrong"])
