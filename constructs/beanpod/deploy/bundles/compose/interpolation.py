"""`${VARIABLE}` in a compose file: kept if the environment has the variable, else interpolated here.

Compose on the instance finds the environment's variables in `.env`. Whatever else it would find there, such as HOME
or PORT of Beanstalk's own process, must not decide what runs: a variable that the stage does not set is unset.
https://docs.docker.com/reference/compose-file/interpolation/
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from beanpod.deploy.bundles.compose.model import Invalid

# A dollar before a name or a brace is a variable; two, or one before anything else, are a dollar.
_DOLLAR = re.compile(r"\$(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<braced>\{)|\$?)")
_BRACED = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<operator>:?[-?+])(?P<word>.*))?", re.DOTALL)
_OF_THIS_MACHINE = re.compile(r"\$(?:\{(?=\w+\}))?(?P<name>PWD|HOME)(?:\}|(?!\w))")
Place = tuple[str, ...]


@dataclass(frozen=True)
class Scope:
    """The variables that a text may use.

    Attributes:
        names: Their names.
        remedy: What to do about any other variable.
    """

    names: Collection[str]
    remedy: str


ON_THE_INSTANCE = (
    "${{{name}}} is not set on Elastic Beanstalk: add {name} to [variables] or [secrets], or write ${{{name}:-default}}"
)
IN_A_BUILD = "a build finds no ${{{name}}}: write the value, or ${{{name}:-default}}"


class _InterpolationError(Exception):
    """Why a text cannot be interpolated, and the remedy."""


def interpolated(value: Any, scope_of: Callable[[Place], Scope], path: Place = ()) -> Any:
    """Interpolate every text of a tree; one that cannot be interpolated becomes `Invalid`.

    Args:
        value: The tree.
        scope_of: Gives the scope of a place in the tree.
        path: The place of the value.
    """
    if isinstance(value, dict):
        return {key: interpolated(item, scope_of, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item, scope_of, path) for item in value]
    if not isinstance(value, str) or "$" not in value:
        return value
    try:
        return interpolate(value, scope_of(path))
    except _InterpolationError as error:
        return Invalid(value, _path_remedy(value) or str(error))
    except RecursionError:
        return Invalid(value, "variables are nested too deeply: write fewer")


def _path_remedy(text: str) -> str:
    """Say what to write for a path that begins with ${PWD} or ${HOME}; "" for anything else."""
    match = _OF_THIS_MACHINE.match(text)
    if match is None:
        return ""
    rest = text[match.end() :]
    if match["name"] == "PWD":
        # A colon or nothing after it: the folder itself.
        path = f".{rest}" if rest[:1] in ("", "/", ":") else f"./{rest}"
        return f"${{PWD}} is a folder of this machine: write {path}"
    path = f"./{rest.lstrip('/')}"
    return (
        f"${{HOME}} is your home directory: move it into the project and write {path}, or use a named volume for data"
    )


def interpolate(text: str, scope: Scope) -> str:
    """Replace the variables that are not in scope by their defaults."""
    return "".join(_pieces(text, scope))


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
    """Return the position of the brace that closes the one before `start`."""
    depth = 1
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return place
    raise _InterpolationError("a brace is opened and not closed: close it")


def _braces(inside: str, scope: Scope) -> str:
    match = _BRACED.fullmatch(inside)
    if match is None:
        # The rest may be a secret.
        name = re.sub(r"\W.*", "", inside, flags=re.DOTALL)
        raise _InterpolationError(f"${{{name}...}} is no variable: write ${{NAME}} or ${{NAME:-default}}")
    return _variable(match["name"], match["operator"] or "", match["word"] or "", scope)


def _variable(name: str, operator: str, word: str, scope: Scope) -> str:
    if name in scope.names:
        rest = word if operator.endswith("?") else interpolate(word, scope)
        return f"${{{name}{operator}{rest}}}"
    if operator.endswith("-"):
        return interpolate(word, scope)
    if operator.endswith("+"):
        return ""
    reason = f" ({word})" if operator.endswith("?") and word else ""
    raise _InterpolationError(f"{scope.remedy.format(name=name)}{reason}")
