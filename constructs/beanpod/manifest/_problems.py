"""pydantic's errors in the manifest's terms: for each kind, what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from beanpod.manifest._layers import PLAINTEXT, RENAMED
from beanpod.manifest._messages import KeyPath, dotted, nearest, show
from beanpod.manifest._models import ServiceConfig, StageConfig
from beanpod.manifest._types import Section
from beanpod.manifest.secret_like import looks_secret

_REFERENCES = (
    'write { generate = 32 }, { secretsmanager = "arn:aws:secretsmanager:..." }, { ssm = "/path/of/parameter" } or '
    '{ database = "password" }'
)
# What to write, by pydantic's kind of error, filled in with the error's context.
_REMEDIES = {
    "bool_type": "write true or false",
    "dict_type": "write a table",
    "finite_number": "write a number",
    "float_type": "write a number",
    "greater_than_equal": "write {ge:,} or more",
    "int_type": "write a whole number",
    "less_than_equal": "write at most {le:,}",
    "model_type": "write a table",
    "too_long": "write at most {max_length}",
    "too_short": "write at least {min_length}",
    "tuple_type": "write a list in brackets",
}
_EXAMPLES = {
    "service": 'name = "guestbook" and image = "ada/guestbook" under [service]',
    "service.name": 'name = "guestbook"',
    "service.image": 'image = "ada/guestbook"',
    "database.engine": 'engine = "mysql", "mariadb", "postgres" or "none"',
    "network.vpc.vpc_id": 'vpc_id = "vpc-0a1b2c3d4e5f67890"',
    "network.vpc.availability_zones": 'availability_zones = ["eu-central-1a", "eu-central-1b"]',
    "delivery.github.repository": 'repository = "ada/guestbook"',
    "domain.name": 'name = "shop.example.com"',
    "domain.hosted_zone.name": 'name = "example.com"',
}
_ELSEWHERE: dict[KeyPath, str] = {
    ("environment", "certificate"): "moved: write it in [domain], with the name that browsers ask for, "
    'name = "shop.example.com"',
    ("database", "password"): "RDS makes it: leave it out; the app has it as RDS_PASSWORD",
}
# Words that the file may say and that mean "absent" once it is read.
_SWITCHES: dict[KeyPath, str] = {("database", "engine"): "none", ("environment", "managed_updates", "level"): "none"}


def field_problems(error: ValidationError) -> Iterator[tuple[KeyPath, str]]:
    """Return each wrong key, and what to write instead; a table is not wrong besides because a key in it is."""
    errors = {_path(details): details for details in error.errors(include_url=False)}
    for path, details in errors.items():
        if not any(len(other) > len(path) and other[: len(path)] == path for other in errors):
            yield path, _text(path, details)


def service_problem(key: str, value: object) -> str | None:
    """Return what to write instead of a value in [service]; None if it is right."""
    try:
        ServiceConfig.model_validate({"name": "guestbook", "image": "ada/guestbook", key: value})
    except ValidationError as error:
        return next(text for _, text in field_problems(error))
    return None


def _path(details: ErrorDetails) -> KeyPath:
    """Return pydantic's location without the name of a union's branch."""
    location = details["loc"]
    return location[:2] + location[3:] if location[0] == "secrets" else location


def _text(path: KeyPath, details: ErrorDetails) -> str:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    match kind:
        case "missing" if path == ("domain", "hosted_zone", "id"):
            zone = value.get("name") if isinstance(value, dict) else None
            command = f"aws route53 list-hosted-zones-by-name --dns-name {zone or 'example.com'} --max-items 1"
            return f'missing: write id = "Z...", which `{command}` prints as Id after "/hostedzone/"'
        case "missing":
            return f"missing: write {_EXAMPLES.get(dotted(path), f'{path[-1]} = ...')}"
        case "extra_forbidden" if path[0] == "secrets" and path[-1] in keys_at(path[:-1]):
            return f"does not go with {details['loc'][2]}: {_REFERENCES}"
        case "extra_forbidden" if name := RENAMED.get(tuple(map(str, path))):
            return f"renamed to {name}, which is given as well: leave one of them out"
        case "extra_forbidden" if path in _ELSEWHERE:
            return _ELSEWHERE[path]
        case "extra_forbidden":
            return f"unknown key: {_known_key(path, value)}"
        case "union_tag_not_found":
            return _REFERENCES
        case "literal_error":
            return _choice(path, value, context["expected"].replace("'", '"'))
        case "string_type":
            return _string(path, value)
        case "int_type" if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value):
            return f"write it without quotes: {int(value)}"
        case "tuple_type" if isinstance(value, str):
            return f"write a list: [{show(value)}]"
        case "tuple_type" if isinstance(value, dict) and keys_at(path):
            return f"write it as [[{'.'.join(map(str, path))}]]"
        case _:
            # The messages of the types are complete, and may quote a brace.
            return _REMEDIES[kind].format(**context) if kind in _REMEDIES else details["msg"]


def _known_key(path: KeyPath, value: object) -> str:
    key, known = str(path[-1]), keys_at(path[:-1])
    if guess := nearest(key, sorted(known)):
        return f"write {guess}"
    if table := next((name for name in StageConfig.model_fields if key in keys_at((name,)) - known), None):
        return f"write it in [{table}]"
    if key in keys_at(()):
        return (
            f"write it {f'as [{key}]' if isinstance(value, dict) else 'at the top of the file, before the first table'}"
        )
    return f"write one of {', '.join(sorted(known))}"


def keys_at(path: KeyPath) -> set[str]:
    """Return the keys known in the table at `path`."""
    sections: list[type[Section]] = [StageConfig]
    for part in path:
        fields = [section.model_fields[str(part)] for section in sections if str(part) in section.model_fields]
        if fields:
            sections = [section for field in fields for section in sections_in(field.annotation)]
    keys = {key for section in sections for key in section.model_fields}
    return keys if path else keys - {"name"} | {"stages"}


def sections_in(annotation: Any) -> Iterator[type[Section]]:
    """Yield the tables in the type of a key."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for inner in get_args(annotation):
        yield from sections_in(inner)


def _choice(path: KeyPath, value: object, choices: str) -> str:
    if switch := _SWITCHES.get(path):
        choices = f'{choices.replace(" or ", ", ")} or "{switch}"'
    guess = nearest(value, re.findall('"([^"]+)"', choices)) if isinstance(value, str) else None
    return f'write "{guess}"; known are {choices}' if guess else f"write {choices}"


def _string(path: KeyPath, value: object) -> str:
    if path[0] == "variables" and isinstance(value, dict):
        return f'write a string in quotes, or {{ {PLAINTEXT} = "..." }}'
    if isinstance(value, dict | list) or (isinstance(value, int) and value.bit_length() > 64):
        return "write a string in quotes"
    if path[0] == "variables" and looks_secret(str(path[-1]), show(value)):
        return "write it in quotes"
    return f'write it in quotes: "{show(value)}"'
