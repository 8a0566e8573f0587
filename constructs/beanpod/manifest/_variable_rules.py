"""Rules on what the container finds in its environment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from beanpod.manifest._engines import ENGINES
from beanpod.manifest._findings import Case, Finding, Rule
from beanpod.manifest._layers import PLAINTEXT, look_up
from beanpod.manifest._sections import DatabaseConfig, StageConfig
from beanpod.manifest._templates import PLACEHOLDERS, has_stray_brace, placeholders
from beanpod.manifest._wording import nearest, show
from beanpod.manifest.secret_like import looks_secret

# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-cfg-softwaresettings.html
MOST_BYTES = 4096

DATABASE_VARIABLES = ("RDS_HOSTNAME", "RDS_PORT", "RDS_DB_NAME", "RDS_USERNAME", "RDS_PASSWORD")

# The longest an RDS address gets: identifier, the account's own 12 characters, region, suffix.
_LONGEST_HOST = "h" * (63 + 1 + 12 + 1 + len("ap-northeast-1") + len(".rds.amazonaws.com"))

_DATABASE = (("database",),)


def names_are_identifiers(case: Case) -> Iterator[Finding]:
    for section, name in _names(case.stage):
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            yield Finding(
                (section, name),
                "no name of a variable: write letters, digits and underscores, a letter first",
            )


def names_are_free(case: Case) -> Iterator[Finding]:
    for section, name in _names(case.stage):
        if case.stage.database and name in DATABASE_VARIABLES:
            yield Finding((section, name), "set from the database: leave it out, or choose another name", _DATABASE)
    for name in case.stage.secrets:
        if name in case.stage.variables:
            yield Finding(("secrets", name), "stands in [variables] as well: write it in one of the two")


def _names(stage: StageConfig) -> Iterator[tuple[str, str]]:
    yield from (("variables", name) for name in stage.variables)
    yield from (("secrets", name) for name in stage.secrets)


def values_can_be_set(case: Case) -> Iterator[Finding]:
    for name, value in case.stage.variables.items():
        if not value:
            yield Finding(("variables", name), "Beanstalk removes an empty variable: write a value, or leave it out")
        elif not value.isprintable():
            yield Finding(
                ("variables", name),
                "a variable is one line of printable characters: put anything else into [secrets]",
            )


def secrets_stand_elsewhere(case: Case) -> Iterator[Finding]:
    for name, value in case.stage.variables.items():
        told = looks_secret(name, value) if "database.password" not in placeholders(value) else None
        if told and not isinstance(look_up(case.written, ("variables", name)), dict):
            yield Finding(("variables", name), f"looks like a secret, {told}: {_elsewhere(case, name)}")


def _elsewhere(case: Case, name: str) -> str:
    """Where to put a secret: the stage's own in the stage's own table."""
    of_stage = look_up(case.own, ("variables", name)) is not None
    table = f"[stages.{case.stage.name}.secrets]" if of_stage else "[secrets]"
    place = f"{case.stage.service.name}/{case.stage.name}" if of_stage else case.stage.service.name
    key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return (
        "store it in Systems Manager as a SecureString and write "
        f'{name} = {{ ssm = "/{place}/{key}" }} under {table}; '
        f'if everybody may read it, write {name} = {{ {PLAINTEXT} = "..." }} here'
    )


def braces_are_placeholders(case: Case) -> Iterator[Finding]:
    for name, value in case.stage.variables.items():
        if has_stray_brace(value):
            yield Finding(("variables", name), 'a brace stands alone: write it twice, "{{" or "}}"')


def placeholders_are_known(case: Case) -> Iterator[Finding]:
    for name, value in case.stage.variables.items():
        for placeholder in placeholders(value):
            if placeholder not in PLACEHOLDERS:
                yield Finding(("variables", name), _unknown(placeholder))
            elif case.stage.database is None:
                words = f"{{{placeholder}}} needs a database: write [database], or leave the variable out"
                yield Finding(("variables", name), words, _DATABASE)


def _unknown(placeholder: str) -> str:
    if placeholder == "database.password":
        return "a password stays out of variables: read RDS_PASSWORD, which is set as a secret"
    guess = nearest(placeholder, PLACEHOLDERS)
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    return f"no placeholder {{{placeholder[:40]}}}: write {f'{{{guess}}}' if guess else f'one of {known}'}"


def variables_fit(case: Case) -> Iterator[Finding]:
    size = variables_size(case.stage)
    if size > MOST_BYTES:
        largest = max(case.stage.variables, key=lambda name: len(case.stage.variables[name].encode()))
        yield Finding(
            ("variables",),
            f"{size:,} bytes of names and values, Beanstalk takes {MOST_BYTES:,}: shorten them "
            f"(the largest is {show(largest)}), or move some into [secrets]",
            tuple(("database", key) for key in ("engine", "name", "username")),
            of_the_rest=True,
        )


def variables_size(stage: StageConfig) -> int:
    """Bytes of all `NAME=value`, those of the database included, placeholders at their longest."""
    database = _longest(stage.database) if stage.database else {}
    known = dict.fromkeys((name.removeprefix("database.") for name in PLACEHOLDERS), "") | database
    variables = _rendered(stage, known) | dict(zip(DATABASE_VARIABLES, database.values(), strict=False))
    return sum(len(f"{name}={value}".encode()) for name, value in variables.items())


def _rendered(stage: StageConfig, values: dict[str, str]) -> dict[str, str]:
    known = {name for name, text in stage.variables.items() if set(placeholders(text)) <= set(PLACEHOLDERS)}
    partial = stage.model_copy(update={"variables": {name: stage.variables[name] for name in known}})
    return dict(stage.variables) | partial.render_variables(values)


def _longest(database: DatabaseConfig) -> dict[str, str]:
    port = str(ENGINES[database.engine].port)
    return {"host": _LONGEST_HOST, "port": port, "name": database.name, "username": database.username}


VARIABLE_RULES: tuple[Rule, ...] = (
    names_are_identifiers,
    names_are_free,
    values_can_be_set,
    secrets_stand_elsewhere,
    braces_are_placeholders,
    placeholders_are_known,
    variables_fit,
)
