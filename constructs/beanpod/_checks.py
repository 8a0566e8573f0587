"""Errors of constructs: one ValueError with every problem that AWS would report after minutes."""

from collections.abc import Iterable, Iterator
from typing import NoReturn, TypeVar

from aws_cdk import IResource, Size, SizeRoundingBehavior, Stack
from constructs import IConstruct

from beanpod._tokens import known
from beanpod.rules.problem import Problem

Value = TypeVar("Value")


class ConstructError(ValueError):
    """What a construct is given would be refused by AWS, or cannot be meant."""


def refuse(where: IConstruct | str, problems: Iterable[str | Problem]) -> None:
    """Raise one `ConstructError` that lists every problem, or return when there is none.

    Args:
        where: The construct, which the message names by its path, or another name for the message to begin with.
        problems: One line each, in the form "name must be ..., got ...: what to do"; may be a generator.

    Raises:
        ConstructError: There is a problem.
    """
    found = list(map(str, problems))
    if found:
        reject(where, *found)


def reject(where: IConstruct | str, *problems: str) -> NoReturn:
    """Raise a `ConstructError` with these problems, as `refuse` does."""
    name = where if isinstance(where, str) else where.node.path
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    raise ConstructError("\n  - ".join([f"{name}: {count}", *problems]))


def region_problems(stack: Stack, name: str, resource: IResource | None) -> Iterator[str]:
    """Check that a resource is in the region of a stack, as far as the app knows.

    The CDK hands its name to a stack of any region, where AWS finds nothing of that name.
    """
    if resource is None or not known(wanted := stack.region):
        return
    found = resource.env.region
    if known(found) and found != wanted:
        yield f"{name} must be in the stack's region, {wanted}, got one in {found}: give one of that region"


def plain(value: Value | None) -> Value | None:
    """Return a value as the rules take it: None in the place of a token, which only CloudFormation knows."""
    return value if known(value) else None


def gibibytes(size: Size | None) -> float | None:
    """Return a size in GiB, with its fraction."""
    return None if size is None else size.to_gibibytes(rounding=SizeRoundingBehavior.NONE)
