"""`${VARIABLE}` in a compose file: kept if the environment has the variable, else interpolated here.

Compose on the instance finds the environment's variables in `.env`. Whatever else it would find there, such as HOME
or PORT of Beanstalk's own process, must not decide what runs: a variable that the stage does not set is unset.
https://docs.docker.com/reference/compose-file/interpolation/
"""

import re
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

# A dollar before a name or a brace is a variable; two, or one before anything else, are a dollar.
_DOLLAR = re.compile(r"\$(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<braced>\{)|\$?)")
_BRACED = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<operator>:?[-?+])(?P<word>.*))?", re.DOTALL)
_OF_THIS_MACHINE = re.compile(r"\$(?:\{(?=\w+\}))?(?P<name>PWD|HOME)(?:\}|(?!\w))")

ON_THE_INSTANCE = (
    "${{{name}}} is not set on Elastic Beanstalk: add {name} to [variables] or [secrets], write $$ for a dollar "
    "itself, or write ${{{name}:-default}}"
)
IN_A_BUILD = "a build finds no ${{{name}}}: add {name} to [variables], or write the value or ${{{name}:-default}}"
_OF_COMPOSE = "${{{name}}} is a setting of Docker Compose: write the value, or ${{{name}:-default}}"
_NONE: Mapping[str, str] = MappingProxyType({})


class InterpolationError(Exception):
    """Why a text cannot be interpolated, and the remedy."""


def interpolated(value: Any, names: Collection[str], values: Mapping[str, str] = _NONE) -> Any:
    """Interpolate every text of a tree; one that cannot be interpolated stays, as it may be left out later.

    Args:
        value: The tree.
        names: The variables that are kept, because the environment has them.
        values: The variables that are replaced by a value.
    """
    if isinstance(value, dict):
        return {key: interpolated(item, names, values) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item, names, values) for item in value]
    if not isinstance(value, str) or "$" not in value:
        return value
    try:
        return interpolate(value, names, values=values)
    except (InterpolationError, RecursionError):
        return value


def undefined(
    value: Any, names: Collection[str], remedy: str = ON_THE_INSTANCE, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the places of a tree whose text cannot be interpolated, each with its problem."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from undefined(item, names, remedy, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from undefined(item, names, remedy, path)
    elif isinstance(value, str) and "$" in value:
        try:
            interpolate(value, names, remedy)
        except InterpolationError as error:
            yield path, _path_remedy(value) or str(error)
        except RecursionError:
            yield path, "variables are nested too deeply: write fewer"


def _path_remedy(text: str) -> str:
    """Say what to write for a path that begins with ${PWD} or ${HOME}; "" for anything else."""
    match = _OF_THIS_MACHINE.match(text)
    rest = text[match.end() :] if match else ""
    if match is None:
        return ""
    if match["name"] == "PWD":
        # A colon or nothing after it: the folder itself.
        path = f".{rest}" if rest[:1] in ("", "/", ":") else f"./{rest}"
        return f"${{PWD}} is a folder of this machine: write {path}"
    path = f"./{rest.lstrip('/')}"
    return (
        f"${{HOME}} is your home directory: move it into the project and write {path}, or use a named volume for data"
    )


def interpolate(
    text: str, names: Collection[str], remedy: str = ON_THE_INSTANCE, values: Mapping[str, str] = _NONE
) -> str:
    """Replace the variables without these names by values or defaults. Raises InterpolationError with the remedy."""
    return "".join(_pieces(text, names, remedy, values))


def _pieces(text: str, names: Collection[str], remedy: str, values: Mapping[str, str]) -> Iterator[str]:
    place = 0
    while match := _DOLLAR.search(text, place):
        yield text[place : match.start()]
        place = match.end()
        if match["braced"]:
            end = _closing(text, place)
            inside = _BRACED.fullmatch(text, place, end)
            if inside is None:
                # The rest may be a secret.
                name = re.sub(r"\W.*", "", text[place:end], flags=re.DOTALL)
                raise InterpolationError(f"${{{name}...}} is no variable: write ${{NAME}} or ${{NAME:-default}}")
            operator, word = inside["operator"] or "", inside["word"] or ""
            yield _variable(inside["name"], operator, word, names, remedy, values)
            place = end + 1
        else:
            yield _variable(match["name"], "", "", names, remedy, values) if match["name"] else "$$"
    yield text[place:]


def _closing(text: str, start: int) -> int:
    """Return the position of the brace that closes the one before `start`."""
    depth = 1
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return place
    raise InterpolationError("a brace is opened and not closed: close it")


def _variable(
    name: str, operator: str, word: str, names: Collection[str], remedy: str, values: Mapping[str, str]
) -> str:
    if name in names:
        kept = word if operator.endswith("?") else interpolate(word, names, remedy, values)
        return f"${{{name}{operator}{kept}}}"
    if name in values and not operator.endswith("+"):
        return values[name].replace("$", "$$")
    if operator.endswith("-") or name in values:
        return interpolate(word, names, remedy, values)
    if operator.endswith("+"):
        return ""
    reason = f" ({word})" if operator.endswith("?") and word else ""
    text = _OF_COMPOSE if name.startswith("COMPOSE_") else remedy
    raise InterpolationError(f"{text.format(name=name)}{reason}")
