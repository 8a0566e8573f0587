"""What is found in a compose file: problems that refuse the release, and notes that its owner should read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from beanpod.deploy.bundles.problems import printable


@dataclass
class Findings:
    """What is wrong with a compose file, and what the release changes in it.

    Attributes:
        problems: What cannot run on Elastic Beanstalk, each with its remedy.
        notes: What is left out or changed.
    """

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def problem(self, where: str, text: str) -> None:
        """Add something that has to be fixed."""
        self.problems.append(printable(f"{where}: {text}"))

    def note(self, where: str, text: str) -> None:
        """Add something to know."""
        self.notes.append(printable(f"{where}: {text}"))


def at(service: str, *keys: str) -> str:
    """Name a place in a service, as messages do."""
    return f"service {service}, {'.'.join(keys)}" if keys else f"service {service}"


def place(path: tuple[str, ...]) -> str:
    """Name a place in the file, as messages do."""
    return at(*path[1:]) if path[0] == "services" and len(path) > 1 else ".".join(path)


class Invalid(str):
    """A text that Compose on the instance could not use, kept until it is known whether the text is deployed.

    Development services, the database's above all, hold many such texts, and they are left out.

    Attributes:
        problem: What is wrong with it, and the remedy.
    """

    problem: str

    def __new__(cls, text: str, problem: str) -> "Invalid":
        invalid = super().__new__(cls, text)
        invalid.problem = problem
        return invalid


def invalid_texts(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the places of the invalid texts in a tree, each with its problem."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from invalid_texts(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from invalid_texts(item, path)
    elif isinstance(value, Invalid):
        yield path, value.problem
