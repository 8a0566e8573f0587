"""Refusals: what AWS would reject after minutes is rejected at synth, every problem at once."""

from collections.abc import Iterable, Sequence
from typing import NoReturn, TypeGuard, TypeVar

from constructs import IConstruct

Value = TypeVar("Value")

# The CDK writes number tokens as -1.8881545897087e+289 and the like: nobody's number of anything.
_ENCODED_NUMBERS = -1e280


def known(value: Value | None) -> TypeGuard[Value]:
    """Whether `value` can be judged at synth: neither absent nor a token, which CloudFormation fills in."""
    if value is None:
        return False
    # Asking `Token.is_unresolved` is a round trip to Node, and it looks for the same marks:
    # https://docs.aws.amazon.com/cdk/v2/guide/tokens.html
    if isinstance(value, str):
        return "${Token[" not in value
    return not isinstance(value, int | float) or value > _ENCODED_NUMBERS


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
