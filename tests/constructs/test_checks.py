"""The helpers every construct refuses with."""

import pytest
from aws_cdk import App, Stack
from constructs import Construct

from beanpod._checks import refuse


def test_all_problems_come_in_one_error() -> None:
    with pytest.raises(ValueError, match="problems") as error:
        refuse("Dev/Database", (f"{name} is wrong" for name in ("port", "size")))
    assert str(error.value) == "Dev/Database: 2 problems\n  - port is wrong\n  - size is wrong"


def test_a_single_problem_is_counted_as_one() -> None:
    with pytest.raises(ValueError, match=r"^Database: 1 problem\n  - port is wrong$"):
        refuse("Database", ["port is wrong"])


def test_nothing_is_raised_without_problems() -> None:
    refuse("Database", [])


def test_a_construct_is_named_by_its_path() -> None:
    database = Construct(Stack(App(), "Dev"), "Database")
    with pytest.raises(ValueError, match=r"^Dev/Database: 1 problem\n  - port is wrong$"):
        refuse(database, ["port is wrong"])
