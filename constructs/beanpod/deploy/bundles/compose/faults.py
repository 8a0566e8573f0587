"""Text that compose on Beanstalk could not use, kept until it is sure that it stays in the file.

Much of what a developer writes leaves, the database's settings first of all: what is wrong there harms nobody.
"""

from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]


class Faulty(str):
    """A text as it was written. problem: what is wrong with it, and the remedy."""

    problem: str

    def __new__(cls, text: str, problem: str) -> "Faulty":
        faulty = super().__new__(cls, text)
        faulty.problem = problem
        return faulty


def faults(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """The problems that are left in a tree, with their places."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from faults(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from faults(item, path)
    elif isinstance(value, Faulty):
        yield path, value.problem
