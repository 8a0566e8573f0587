"""pydantic's errors, told in the manifest's words: what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic_core import ErrorDetails

from beanpod.manifest._base import Section
from beanpod.manifest._layers import PLAINTEXT
from beanpod.manifest._sections import SECRET_FORMS, StageConfig
from beanpod.manifest._wording import Path, nearest, show
from beanpod.manifest.secret_like import looks_secret

REFERENCE_FORMS = (
    'write { generate = 32 }, { secretsmanager = "arn:aws:secretsmanager:..." } or { ssm = "/path/of/parameter" }'
)

_TABLE = "write a table"
_WORDS = {
    "bool_type": "write true or false",
    "dict_type": _TABLE,
    "finite_number": "write a number",
    "float_type": "write a number",
    "int_from_float": "write a whole number",
    "is_instance_of": _TABLE,
    "mapping_type": _TABLE,
    "model_attributes_type": _TABLE,
    "model_type": _TABLE,
    "union_tag_not_found": REFERENCE_FORMS,
}

# Words that the file may say and that mean "absent" once it is read.
_SWITCHES: dict[Path, str] = {("database", "engine"): "none", ("environment", "managed_updates", "level"): "none"}

_EXAMPLES = {
    "service": 'name = "guestbook" and image = "ada/guestbook" under [service]',
    "service.name": 'name = "guestbook"',
    "service.image": 'image = "ada/guestbook"',
    "database.engine": 'engine = "mysql", "mariadb", "postgres" or "none"',
    "network.vpc.vpc_id": 'vpc_id = "vpc-0a1b2c3d4e5f67890"',
    "network.vpc.availability_zones": 'availability_zones = ["eu-central-1a", "eu-central-1b"]',
    "delivery.github.repository": 'repository = "ada/guestbook"',
}


def path_of(error: ErrorDetails) -> Path:
    """Where the error is in the tables: pydantic's location without the name of a union's branch."""
    location = error["loc"]
    return location[:2] + location[3:] if location[0] == "secrets" else location


def text_of(error: ErrorDetails) -> str:
    """What is wrong and what to write instead."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    match kind:
        case "words":
            return str(context["words"])
        case "missing":
            return _missing(path_of(error))
        case "extra_forbidden" if error["loc"][0] == "secrets":
            return _unknown_in_secret(path_of(error), str(error["loc"][2]))
        case "extra_forbidden":
            return _unknown(path_of(error), value)
        case "literal_error":
            return _choice(path_of(error), value, context["expected"])
        case "string_type" if error["loc"][0] == "variables":
            return _variable(str(error["loc"][-1]), value)
        case "string_type":
            return _string(value)
        case "int_type":
            return _integer(value)
        case "tuple_type":
            return _list(path_of(error), value)
        case "greater_than_equal":
            return f"write {context['ge']:,} or more"
        case "less_than_equal":
            return f"write at most {context['le']:,}"
        case "too_short" | "too_long":
            return f"write {_length(context)}"
        case _:
            return _WORDS.get(kind, error["msg"])


def _missing(path: Path) -> str:
    example = _EXAMPLES.get(".".join(map(str, path)), f"{path[-1]} = ...")
    return f"missing: write {example}"


def _unknown(path: Path, value: object) -> str:
    known = keys_at(path[:-1])
    guess = guessed_key(path)
    if guess:
        return f"unknown key: write {guess}"
    home = next((name for name in StageConfig.model_fields if path[-1] in keys_at((name,)) - known), None)
    if home:
        return f"unknown key: write it in [{home}]"
    if path[-1] in keys_at(()):
        table = f"as [{path[-1]}]" if isinstance(value, dict) else "at the top of the file, before the first table"
        return f"unknown key: write it {table}"
    return _one_of(known)


def _one_of(known: set[str]) -> str:
    return f"unknown key: write one of {', '.join(sorted(known))}"


def _unknown_in_secret(path: Path, form: str) -> str:
    known = keys_at(path[:-1])
    if path[-1] in known:
        return f"does not go with {form}: {REFERENCE_FORMS}"
    guess = nearest(str(path[-1]), SECRET_FORMS[form].model_fields)
    return f"unknown key: write {guess}" if guess else _one_of(known)


def guessed_key(path: Path) -> str | None:
    """The key that an unknown one is most likely a slip of."""
    return nearest(str(path[-1]), sorted(keys_at(path[:-1])))


def keys_at(path: Path) -> set[str]:
    """The keys known in the table at `path`."""
    sections: list[type[Section]] = [StageConfig]
    for part in path:
        annotations = [
            section.model_fields[str(part)].annotation for section in sections if str(part) in section.model_fields
        ]
        if annotations:
            sections = [section for annotation in annotations for section in _sections_in(annotation)]
    keys = {key for section in sections for key in section.model_fields}
    return keys if path else keys - {"name"} | {"stages"}


def _sections_in(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for inner in get_args(annotation):
        yield from _sections_in(inner)


def _choice(path: Path, value: object, expected: str) -> str:
    choices = expected.replace("'", '"')
    switch = _SWITCHES.get(path)
    if switch:
        choices = f'{choices.replace(" or ", ", ")} or "{switch}"'
    guess = nearest(value, re.findall('"([^"]+)"', choices)) if isinstance(value, str) else None
    return f'write "{guess}"; known are {choices}' if guess else f"write {choices}"


def _string(value: object) -> str:
    if isinstance(value, dict | list) or (isinstance(value, int) and value.bit_length() > 64):
        return "write a string in quotes"
    return f'write it in quotes: "{show(value)}"'


def _variable(name: str, value: object) -> str:
    if isinstance(value, dict):
        return f'write a string in quotes, or {{ {PLAINTEXT} = "..." }}'
    return "write it in quotes" if looks_secret(name, show(value)) else _string(value)


def _integer(value: object) -> str:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value):
        return f"write it without quotes: {int(value)}"
    return "write a whole number"


def _list(path: Path, value: object) -> str:
    if isinstance(value, dict) and keys_at(path):
        return f"write it as [[{'.'.join(map(str, path))}]]"
    return f"write a list: [{show(value)}]" if isinstance(value, str) else "write a list in brackets"


def _length(context: dict[str, Any]) -> str:
    if "min_length" in context:
        return f"at least {context['min_length']}"
    return f"at most {context['max_length']}"
