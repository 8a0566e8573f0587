"""`${VARIABLE}` in a compose file: kept where the environment on Beanstalk has the variable, settled here otherwise.

Compose on the instance finds the environment's variables in `.env`. Whatever else it would find there, such as HOME
or PORT of Beanstalk's own process, must not decide what runs: a variable that the stage does not give is unset.
https://docs.docker.com/reference/compose-file/interpolation/
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from deploy.bundles.compose.reading import Override

# A dollar before a name or a brace asks for a variable; twice, or before anything else, it is a dollar.
_DOLLAR = re.compile(r"\$(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<braced>\{)|\$?)")
_BRACED = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<operator>:?[-?+])(?P<word>.*))?", re.DOTALL)
# In a settled text, where every other dollar is doubled.
_LEFT = re.compile(r"\$(?:\$|\{(\w+))")

Place = tuple[str, ...]


@dataclass(frozen=True)
class Scope:
    """The variables that a text finds where it is settled. remedy: what to do about one that it does not find."""

    names: Collection[str]
    remedy: str


ON_THE_INSTANCE = (
    "nothing gives ${{{name}}} on Beanstalk: put {name} into [variables] or [secrets], or write ${{{name}:-default}}"
)
IN_A_BUILD = "a build finds no ${{{name}}}: write the value, or ${{{name}:-default}}"


class _UnsettledError(Exception):
    """Why a text cannot be settled, and the remedy."""


def interpolated(tree: Any, scope_of: Callable[[Place], Scope], refuse: Callable[[Place, str], None]) -> Any:
    """The tree with every text settled.

    scope_of: what a place finds. refuse: told the place and the reason where a text cannot be settled.
    """
    return _settled(tree, (), scope_of, refuse)


def _settled(value: Any, path: Place, scope_of: Callable[[Place], Scope], refuse: Callable[[Place, str], None]) -> Any:
    if isinstance(value, dict):
        return {key: _settled(item, (*path, key), scope_of, refuse) for key, item in value.items()}
    if isinstance(value, list):
        return [_settled(item, path, scope_of, refuse) for item in value]
    if isinstance(value, Override):
        return Override(_settled(value.value, path, scope_of, refuse))
    if not isinstance(value, str) or "$" not in value:
        return value
    try:
        return settle(value, scope_of(path))
    except _UnsettledError as error:
        refuse(path, str(error))
        return value


def settle(text: str, scope: Scope) -> str:
    """The text with the variables that are not in scope replaced by their defaults."""
    return "".join(_pieces(text, scope))


def variables(text: str) -> frozenset[str]:
    """The variables that a settled text still asks for."""
    return frozenset(match[1] for match in _LEFT.finditer(text) if match[1])


def _pieces(text: str, scope: Scope) -> Iterator[str]:
    place = 0
    while match := _DOLLAR.search(text, place):
        yield text[place : match.start()]
        place = match.end()
        if match["name"]:
            yield _variable(match["name"], "", "", scope)
        elif match["braced"]:
            end = _closing(text, place)
            yield _braces(text[place:end], scope)
            place = end + 1
        else:
            yield "$$"
    yield text[place:]


def _closing(text: str, start: int) -> int:
    """Where the brace that opened before `start` closes, past the braces within."""
    depth = 1
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return place
    raise _UnsettledError(f"{_shown(text)} opens a brace that it does not close: close it")


def _braces(inside: str, scope: Scope) -> str:
    match = _BRACED.fullmatch(inside)
    if match is None:
        raise _UnsettledError(f"${{{_shown(inside)}}} is no variable: write ${{NAME}} or ${{NAME:-default}}")
    return _variable(match["name"], match["operator"] or "", match["word"] or "", scope)


def _variable(name: str, operator: str, word: str, scope: Scope) -> str:
    if name in scope.names:
        rest = word if operator.endswith("?") else settle(word, scope)
        return f"${{{name}{operator}{rest}}}"
    if operator.endswith("-"):
        return settle(word, scope)
    if operator.endswith("+"):
        return ""
    said = f" ({_shown(word)})" if word else ""
    raise _UnsettledError(f"{scope.remedy.format(name=name)}{said}")


def _shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
