"""Variables that look like secrets: which do, why, and that the remedies are accepted."""

from __future__ import annotations

import re

import pytest

from beanpod.manifest.secret_like import looks_secret
from tests.manifests import SERVICE, Finder, Reader

NAMES = """
    DB_PASSWORD db_password dbPassword DB-PASSWORD spring.datasource.password PGPASSWORD MYSQL_PWD SMTP_PASS PASSPHRASE
    SECRET CLIENT_SECRET SESSION_SECRET SECRET_KEY SECRET_KEY_BASE DJANGO_SECRET_KEY STRIPE_SECRET_KEY
    TOKEN GITHUB_TOKEN ACCESSTOKEN AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN CREDENTIALS GOOGLE_CREDENTIALS_JSON
    API_KEY MAPS_API_KEY APIKEY PRIVATE_KEY ENCRYPTION_KEY SIGNING_KEY APP_KEY NEW_RELIC_LICENSE_KEY
    DB_PASSWORD_PROD DB_PASSWORD2 SMTP_PASSWORD_1
"""


@pytest.mark.parametrize("name", NAMES.split())
def test_a_name_can_look_like_a_secret(name: str) -> None:
    assert [value for value in ("Hunter22", "12345678", "/Ab+cd==") if not looks_secret(name, value)] == []


@pytest.mark.parametrize("name", ["API_KEY_MAPS", "PASSWORD_ADMIN", "TOKENS", "SECRETS"])
def test_a_longer_name_is_judged_by_its_value_too(name: str) -> None:
    assert looks_secret(name, "Hunter22")
    assert looks_secret(name, "4096") is None


@pytest.mark.parametrize(
    "value",
    [
        "AKIAIOSFODNN7EXAMPLE",
        f"ghp_{'a1' * 18}",
        f"github_pat_{'a1' * 20}",
        f"glpat-{'a1' * 10}",
        f"sk_live_{'a1' * 12}",
        f"rk_test_{'a1' * 12}",
        "xoxb-123456789012-abcdef",
        "https://hooks.slack.com/services/T0000/B0000/abcdef",
        f"AIza{'a' * 35}",
        f"dckr_pat_{'a1' * 13}",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0x.c2ln",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        "postgres://ada:hunter22@db/shop",
        "redis://:hunter22@cache:6379",
        "amqps://ada:hunt%40er@mq/",
        "jdbc:mysql://{database.host}/shop?user=ada&password=hunter22",
        "Server=db;Database=shop;User Id=ada;Password=hunter22;",
    ],
)
def test_a_value_has_the_form_of_a_secret(value: str) -> None:
    reason = looks_secret("ADDRESS", value)
    assert reason
    assert reason.startswith("its value has the form of ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PASSWORD_MIN_LENGTH", "8"),
        ("PASSWORD_HASHER", "argon2"),
        ("FEATURE_PASSWORD_RESET", "true"),
        ("REQUIRE_PASSWORD", "false"),
        ("PASSWORDLESS", "magic-link"),
        ("TOKEN_TTL", "3600"),
        ("TOKEN_GRACE_SPAN", "90s"),
        ("TOKEN_URL", "https://id.example.org/token"),
        ("OPENAI_MAX_TOKENS", "4096"),
        ("TOKENIZER", "bert-base"),
        ("SECRET_KEY_FILE", "/run/secrets/key"),
        ("SECRET_MOUNT", "/run/secrets"),
        ("SECRET_NAME", "shop"),
        ("SECRETARY", "Ada"),
        ("AWS_ACCESS_KEY_ID_PARAMETER", "shop"),
        ("PUBLIC_KEY", "abc"),
        ("NEXT_PUBLIC_MAPBOX_TOKEN", "pk.abc"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_live_abc"),
        ("S3_BUCKET_KEY_PREFIX", "uploads/"),
        ("CACHE_KEY", "v2"),
        ("MONKEY", "George"),
        ("KEYBOARD", "de"),
        ("COMPASS", "north"),
        ("BYPASS", "/health"),
        ("PWD", "/app"),
        ("PWD", "unknown"),
        ("GREETING", "Hello"),
        ("EMAIL", "ada@example.org"),
        ("ORIGINS", "http://localhost:3000,http://ada@example.org"),
        ("DATABASE_URL", "mysql://{database.username}@{database.host}:{database.port}/{database.name}"),
        ("DATABASE_URL", "mysql://{database.username}:${RDS_PASSWORD}@{database.host}"),
        ("DATABASE_URL", "mysql://ada:<password>@db/shop"),
        ("JDBC_URL", "jdbc:postgresql://{database.host}:{database.port}/{database.name}?sslmode=require"),
        ("COLOUR", "AKIA"),
        ("NOTE", "-----BEGIN PUBLIC KEY-----"),
    ],
)
def test_a_setting_is_no_secret(name: str, value: str) -> None:
    assert looks_secret(name, value) is None


def test_a_variable_that_looks_like_a_secret_is_refused_without_its_value(problems: Finder) -> None:
    text = SERVICE + '[stages.dev.variables]\nSTRIPE_SECRET_KEY = "hunter22"\n[stages.prod]\n'
    (problem,) = problems(text)
    assert problem == (
        "stages.dev.variables.STRIPE_SECRET_KEY = ...: looks like a secret, its name contains SECRET_KEY: "
        "store it in Systems Manager as a SecureString and write "
        'STRIPE_SECRET_KEY = { ssm = "/guestbook/dev/stripe-secret-key" } under [stages.dev.secrets]; '
        'if everybody may read it, write STRIPE_SECRET_KEY = { plaintext = "..." } here'
    )


@pytest.mark.parametrize("table", ["variables", "stages.dev.variables"])
def test_a_reference_as_the_message_says_passes(table: str, read: Reader, problems: Finder) -> None:
    (problem,) = problems(f'{SERVICE}[{table}]\nDB_PASSWORD = "hunter22"\n')
    line, home = re.findall(r"write (DB_PASSWORD = .*?) under (\[.*?\])", problem)[0]

    assert "DB_PASSWORD" in read(f"{SERVICE}{home}\n{line}\n").stage().secrets


@pytest.mark.parametrize("table", ["variables", "stages.dev.variables"])
def test_plaintext_as_the_message_says_passes(table: str, read: Reader, problems: Finder) -> None:
    (problem,) = problems(f'{SERVICE}[{table}]\nMAP_TOKEN = "pk.abc"\n')
    line = re.findall(r"write (MAP_TOKEN = \S* plaintext .*?) here", problem)[0].replace("...", "pk.abc")

    assert read(f"{SERVICE}[{table}]\n{line}\n").stage().variables == {"MAP_TOKEN": "pk.abc"}


def test_a_stage_that_overrides_plaintext_writes_it_again(read: Reader, problems: Finder) -> None:
    base = SERVICE + '[variables]\nMAP_TOKEN = { plaintext = "pk.abc" }\n[stages.dev.variables]\nMAP_TOKEN = '
    assert [problem.partition(" = ")[0] for problem in problems(f'{base}"pk.def"')] == [
        "stages.dev.variables.MAP_TOKEN"
    ]
    assert read(base + '{ plaintext = "pk.def" }').stage().variables == {"MAP_TOKEN": "pk.def"}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('A = { plaintext = "a", b = 1 }', 'A: write a string in quotes, or { plaintext = "..." }'),
        ('A = { secret = "a" }', 'A: write a string in quotes, or { plaintext = "..." }'),
        ("A = { plaintext = 3 }", 'A = 3: write it in quotes: "3"'),
        ("DB_PASSWORD = 12345678", "DB_PASSWORD = ...: write it in quotes"),
        (
            'DB_PASSWORD = "{database.password}"',
            (
                'DB_PASSWORD = ...: passwords are secrets: write NAME = { database = "password" } under [secrets], or '
                "read RDS_PASSWORD"
            ),
        ),
    ],
)
def test_a_problem_in_plaintext_shows_no_secret(line: str, problem: str, problems: Finder) -> None:
    assert problems(f"{SERVICE}[variables]\n{line}\n") == [f"variables.{problem}"]


@pytest.mark.parametrize(
    "line",
    [
        'DB_PASSWORD = "hunter22{"',
        'DB_PASSWORD = "hunter22\\nhunter22"',
        'URL = "https://ada:hunter22@host/{"',
        'DB_PASSWORD = ["hunter22"]',
        'DB_PASSWORD = "hunter22{database.hots}"',
    ],
)
def test_no_problem_shows_the_value(line: str, problems: Finder) -> None:
    assert "hunter22" not in "\n".join(problems(f"{SERVICE}[variables]\n{line}\n"))
