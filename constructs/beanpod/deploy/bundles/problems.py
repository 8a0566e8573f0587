"""All problems of a bundle at once, as one error."""

from collections.abc import Iterable

from beanpod.deploy.errors import BuildError


def printable(text: str) -> str:
    """One line without anything that moves a terminal's cursor."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def refuse(subject: str, problems: Iterable[str], *, beside: Iterable[str] = ()) -> None:
    """Raise BuildError if there are problems: the only one in its message, several as its causes.

    subject: the file that the problems are of. beside: problems of other files, which they name.
    """
    others = tuple(beside)
    found = tuple(dict.fromkeys((*problems, *others)))
    if len(found) == 1 and found[0] in others:
        raise BuildError(found[0])
    if len(found) == 1:
        raise BuildError(found[0] if found[0].startswith(f"{subject}:") else f"{subject}: {found[0]}")
    if found:
        raise BuildError(f"{subject}: {len(found)} problems, listed below", causes=found)
