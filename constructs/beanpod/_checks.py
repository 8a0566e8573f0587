"""Refusals: what AWS would reject after minutes is rejected at synth, every problem at once."""

from collections.abc import Iterable
from typing import TypeGuard, TypeVar

from aws_cdk import Token
from constructs import IConstruct

Value = TypeVar("Value")


def known(value: Value | None) -> TypeGuard[Value]:
    """Whether `value` can be judged at synth: neither absent nor a token, which CloudFormation fills in."""
    if value is None:
        return False
    # Asking the CDK is a round trip to Node; number tokens are floats and string tokens carry this marker.
    if isinstance(value, int) or (isinstance(value, str) and "${Token[" not in value):
        return True
    return not Token.is_unresolved(value)


def refuse(where: IConstruct | str, problems: Iterable[str]) -> None:
    """Raise one `ValueError` that lists every problem, or return when there is none.

    where: what is refused, a construct (named by its path) or a public name: the first words of the message.
    problems: one line each, in the form "name must be ..., got ...: what to do"; may be a generator.
    """
    found = list(problems)
    if not found:
        return
    name = where if isinstance(where, str) else where.node.path
    count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
    raise ValueError("\n  - ".join([f"{name}: {count}", *found]))
