"""Refusals: what AWS would reject after minutes is rejected at synth, every problem at once."""

from collections.abc import Iterable, Sequence
from typing import NoReturn, TypeVar

from constructs import IConstruct

from beanpod._tokens import known

Value = TypeVar("Value")


def refuse(where: IConstruct | str, problems: Iterable[str]) -> None:
    """Raise one `ValueError` that lists every problem, or return when there is none.

    where: what is refused, a construct (named by its path) or a public name: the first words of the message.
    problems: one line each, in the form "name must be ..., got ...: what to do"; may be a generator.
    """
    found = list(problems)
    if found:
        _raise(where, found)


def reject(where: IConstruct | str, problem: str) -> NoReturn:
    """`refuse` for one problem that is there for sure."""
    _raise(where, [problem])


def _raise(where: IConstruct | str, found: Sequence[str]) -> NoReturn:
    name = where if isinstance(where, str) else where.node.path
    count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
    raise ValueError("\n  - ".join([f"{name}: {count}", *found]))


def plain(value: Value | None) -> Value | None:
    """Return a value as the rules take it: None in the place of a token, which only CloudFormation knows."""
    return value if known(value) else None
