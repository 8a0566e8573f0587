"""Tokens: values that CloudFormation fills in. https://docs.aws.amazon.com/cdk/v2/guide/tokens.html"""

import re
from collections.abc import Sequence
from typing import TypeGuard, TypeVar

from aws_cdk import Token, Tokenization

Value = TypeVar("Value")

# How the CDK writes a token into a string. To ask Node for it takes a third more calls a stage: 391 in place of 292.
_TOKEN = re.compile(r"\$\{Token\[[\w:.-]+\]\}", re.ASCII)


def known(value: Value | None) -> TypeGuard[Value]:
    """Return whether `value` can be checked at synth: it is neither None nor a token."""
    if isinstance(value, str):
        return not _TOKEN.search(value)
    # A token among numbers is negative: of others there is nothing to ask Node.
    if isinstance(value, int | float) and value >= 0:
        return True
    return value is not None and not Token.is_unresolved(value)


def is_list_token(values: Sequence[str]) -> bool:
    """Return whether a list holds a list token: the number of its items is not known at synth."""
    return any("#{" in value and Token.is_unresolved([value]) for value in values)


def text(value: str | float | bool) -> str:
    """Return `value` as Beanstalk and environment variables take it: `true`, `80`, `0.5`, or a token."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if not known(value):
        return Tokenization.stringify_number(value)
    # Never as 6e+06, which no service reads.
    return str(int(value)) if value == int(value) else str(value)
