from __future__ import annotations

import pytest

from tests.manifests import DATABASE, SERVICE, Finder, Reader

HOST = "guestbook.example.eu-central-1.rds.amazonaws.com"


def test_placeholders_are_filled_in(read: Reader) -> None:
    stage = read(
        SERVICE
        + DATABASE
        + """[variables]
JDBC_URL = "jdbc:mysql://{database.host}:{database.port}/{database.name}?user={database.username}"
FILTER = '{{"level": "{database.name}"}}'
PLAIN = "as it is"
"""
    ).stage()
    assert stage.render_variables({"host": HOST, "port": "3306", "name": "guestbook", "username": "app"}) == {
        "JDBC_URL": f"jdbc:mysql://{HOST}:3306/guestbook?user=app",
        "FILTER": '{"level": "guestbook"}',
        "PLAIN": "as it is",
    }


def test_without_a_database_nothing_needs_filling_in(read: Reader) -> None:
    assert read(f'{SERVICE}[variables]\nA = "{{{{x}}}}"\n').stage().render_variables() == {"A": "{x}"}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("PORT = 8080", 'PORT = 8080: write it in quotes: "8080"'),
        ("DEBUG = true", 'DEBUG = true: write it in quotes: "true"'),
        ("WHEN = 2026-01-01", 'WHEN = 2026-01-01: write it in quotes: "2026-01-01"'),
        ("LIST = [1]", "LIST = [1]: write a string in quotes"),
        ('EMPTY = ""', 'EMPTY = "": must not be empty, Beanstalk removes it: write a value, or leave it out'),
        (
            'KEY = "a\\nb"',
            'KEY = "a\\nb": must be one line of printable characters: write anything else in secrets',
        ),
        (
            '"MY KEY" = "x"',
            '"MY KEY" = "x": must be named with letters, digits and underscores, a letter first: write another name',
        ),
        ('A = "{"', 'A = "{": a single brace: write it twice, "{{" or "}}"'),
        ('A = "{database.hots}"', 'A = "{database.hots}": unknown placeholder {database.hots}: write {database.host}'),
        (
            'A = "{}"',
            (
                'A = "{}": unknown placeholder {}: write one of {database.host}, {database.port}, {database.name}, '
                "{database.username}"
            ),
        ),
        (
            'A = "{database.password}"',
            (
                'A = "{database.password}": passwords are secrets: write NAME = { database = "password" } under '
                "[secrets], or read RDS_PASSWORD"
            ),
        ),
        ('RDS_PORT = "1"', 'RDS_PORT = "1": set from the database: leave it out, or choose another name'),
    ],
)
def test_variable_that_cannot_be(problems: Finder, line: str, problem: str) -> None:
    assert problems(f"{SERVICE}{DATABASE}[variables]\n{line}\n") == [f"variables.{problem}"]


@pytest.mark.parametrize("name", ["COMPOSE_PROJECT_NAME", "COMPOSE_FILE"])
def test_a_setting_of_docker_compose_is_no_variable(read: Reader, problems: Finder, name: str) -> None:
    compose, variables = 'compose = "compose.yaml"\n', f'[variables]\n{name} = "x"\nCOMPOSE_PARALLEL_LIMIT = "1"\n'
    assert problems(f"{SERVICE}{compose}{variables}") == [
        f'variables.{name} = "x": Docker Compose on the instance would run another project by it: leave it out'
    ]
    assert read(f"{SERVICE}{variables}").stage().variables[name] == "x"


def test_placeholder_needs_a_database(problems: Finder) -> None:
    assert problems(f'{SERVICE}[variables]\nA = "{{database.host}}"\n') == [
        'variables.A = "{database.host}": {database.host} needs a database: write [database], or leave the variable out'
    ]


def test_the_password_needs_a_database(problems: Finder) -> None:
    found = problems(f'{SERVICE}[secrets]\nDB_PASSWORD = {{ database = "password" }}\n')
    assert found == ["secrets.DB_PASSWORD: needs a database: write [database], or leave it out"]


@pytest.mark.parametrize("database", ['[stages.dev.database]\nengine = "none"', '[stages.dev]\npreset = "small"'])
def test_what_needs_a_database_moves_to_the_stages_that_have_one(database: str, problems: Finder) -> None:
    lines = '[variables]\nA = "{database.host}"\n[secrets]\nB = { database = "password" }\n'
    other = '[stages.prod.database]\nengine = "mysql"\n'
    remedy = "needs a database: write [database], or move it to the stages that have one (stage dev)"
    assert problems(f"{SERVICE}{lines}{other}{database}\n") == [
        f"secrets.B: {remedy}",
        f'variables.A = "{{database.host}}": {{database.host}} {remedy}',
    ]


def test_own_database_may_use_the_usual_names(read: Reader) -> None:
    assert read(f'{SERVICE}[variables]\nRDS_PORT = "1"\n').stage().variables["RDS_PORT"] == "1"


def test_variables_may_fill_beanstalks_4096_bytes(read: Reader) -> None:
    read(f'{SERVICE}[variables]\nA = "{"x" * 4094}"\n')


def test_variables_beyond_beanstalks_4096_bytes(problems: Finder) -> None:
    assert problems(f'{SERVICE}[variables]\nA = "{"x" * 4090}"\nB = "é€"\n') == [
        (
            "variables: take 4,099 bytes as NAME=value, Beanstalk stores 4,096: shorten them (the largest is A), "
            "or move some to secrets"
        )
    ]


def test_variables_of_the_database_count(problems: Finder) -> None:
    (problem,) = problems(f'{SERVICE}{DATABASE}[variables]\nA = "{"x" * 4000}"\n')
    assert problem.startswith("variables: take 4,17")


ONE_OF = (
    'write { generate = 32 }, { secretsmanager = "arn:aws:secretsmanager:..." }, { ssm = "/path/of/parameter" } or '
    '{ database = "password" }'
)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('KEY = "hunter2"', f"KEY = ...: {ONE_OF}"),
        ("KEY = {}", f"KEY: {ONE_OF}"),
        ("KEY = { generate = 8 }", "KEY.generate = 8: write 16 or more"),
        (
            'KEY = { secretsmanager = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCd12", fild = "x" }',
            "KEY.fild = ...: unknown key: write field",
        ),
        ('KEY = { generate = 32, ssm = "/x" }', f'KEY.ssm = "/x": does not go with generate: {ONE_OF}'),
        ('KEY = { ssm = "/x", field = "y" }', f"KEY.field = ...: does not go with ssm: {ONE_OF}"),
        ('KEY = { database = "user" }', 'KEY.database = ...: write "password"'),
        ('KEY = { ssm = "key" }', 'KEY.ssm = ...: write a parameter\'s path or ARN, e.g. "/guestbook/prod/api-key"'),
        (
            'KEY = { secretsmanager = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x" }',
            (
                'KEY.secretsmanager = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x": write the whole ARN '
                'with its six random characters, "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCd12"'
            ),
        ),
        (
            'KEY = { secretsmanager = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCd12", field = "a:b" }',
            'KEY.field = ...: write the name of one field of the secret\'s JSON, e.g. "password"',
        ),
        (
            '"1KEY" = { generate = 32 }',
            "1KEY: must be named with letters, digits and underscores, a letter first: write another name",
        ),
        (
            "RDS_PASSWORD = { generate = 32 }",
            "RDS_PASSWORD: set from the database: leave it out, or choose another name",
        ),
    ],
)
def test_secret_that_cannot_be(problems: Finder, line: str, problem: str) -> None:
    assert problems(f"{SERVICE}{DATABASE}[secrets]\n{line}\n") == [f"secrets.{problem}"]


def test_name_in_variables_and_secrets(problems: Finder) -> None:
    assert problems(f'{SERVICE}[variables]\nA = "x"\n[secrets]\nA = {{ generate = 32 }}\n') == [
        "secrets.A: is in variables as well: write it in one of the two"
    ]


@pytest.mark.parametrize(
    "line", ['KEY = "hunter2"', 'KEY = ["hunter2"]', 'KEY = { ssm = "hunter2" }', 'KEY = { valu = "hunter2" }']
)
def test_a_value_that_may_be_a_secret_is_not_shown(problems: Finder, line: str) -> None:
    (problem,) = problems(f"{SERVICE}[secrets]\n{line}\n")
    assert "hunter2" not in problem
