"""Tokens: values that CloudFormation fills in. How they look: https://docs.aws.amazon.com/cdk/v2/guide/tokens.html"""

from collections.abc import Sequence
from typing import TypeGuard, TypeVar

from aws_cdk import Tokenization

Value = TypeVar("Value")

# The CDK writes number tokens as -1.8881545897087e+289 and the like: nobody's number of anything.
_ENCODED_NUMBERS = -1e280
# And a list token as a list of one such string.
_LIST = "#{Token["


def known(value: Value | None) -> TypeGuard[Value]:
    """Whether `value` can be judged at synth: neither absent nor a token."""
    if value is None:
        return False
    # Asking `Token.is_unresolved` is a round trip to Node, and it looks for the same marks.
    if isinstance(value, str):
        return "${Token[" not in value and _LIST not in value
    return not isinstance(value, int | float) or value > _ENCODED_NUMBERS


def is_list_token(values: Sequence[str]) -> bool:
    """Whether a list is a token as a whole: how many there are is not known at synth."""
    return any(_LIST in value for value in values)


def text(value: str | float | bool) -> str:
    """`value` as Beanstalk and environment variables take it: `true`, `80`, `0.5`, or a token that becomes such."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if not known(value):
        return Tokenization.stringify_number(value)
    # Never as 6e+06, which no service reads.
    return str(int(value)) if value == int(value) else str(value)
