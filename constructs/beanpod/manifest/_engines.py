"""What RDS takes for each engine.

Versions: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/ (MySQL, MariaDB and PostgreSQL release
calendars, autumn 2026). Names: CreateDBInstance in the RDS API reference. User name lengths are those that
cdk-preflight holds against AWS.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

EngineName = Literal["mysql", "mariadb", "postgres"]


class Engine(NamedTuple):
    """Facts of one engine. versions: the majors one can choose, oldest first; lengths are in characters."""

    port: int
    versions: tuple[str, ...]
    default_version: str
    name_length: int
    username_length: int
    reserved_names: frozenset[str]
    reserved_usernames: frozenset[str]


# Words that both SQL dialects reserve; only those that somebody might call a service.
_WORDS = """
    all analyze and any as between both by case check collate column create cross current_date
    current_user database default delete desc distinct drop else end except exists false fetch for
    foreign from function grant group having in index inner insert interval into is join key lateral
    leading left like limit lock match natural not null of on option or order outer over partition
    primary procedure range rank read references release rename replace return right row rows schema
    select session_user set show signal sql system table then to trailing trigger true union unique
    update usage use user using values when where while window with write
"""
_SQL = frozenset(_WORDS.split())
_MYSQL_NAMES = _SQL | {
    "information_schema",
    "innodb",
    "mysql",
    "performance_schema",
    "rdsadmin",
    "sys",
    "tmp",
}
_MYSQL_USERS = _SQL | {"mysql", "rdsadmin", "rdsrepladmin", "root"}
# RDS publishes no list for PostgreSQL: the first line was seen refused.
_POSTGRES_NAMES = (
    _SQL
    | {"catalog", "comments", "db", "dispatch", "flag", "identity"}
    | {"postgres", "rdsadmin", "template0", "template1"}
)
_POSTGRES_USERS = _SQL | {"admin", "public", "rdsadmin", "rdsrepladmin", "rdstopmgr", "none"}

ENGINES: dict[str, Engine] = {
    "mysql": Engine(3306, ("8.0", "8.4"), "8.4", 64, 16, _MYSQL_NAMES, _MYSQL_USERS),
    "mariadb": Engine(3306, ("10.6", "10.11", "11.4", "11.8"), "11.4", 64, 16, _MYSQL_NAMES, _MYSQL_USERS),
    "postgres": Engine(5432, ("13", "14", "15", "16", "17", "18"), "17", 63, 63, _POSTGRES_NAMES, _POSTGRES_USERS),
}

DEFAULT_USERNAME = "app"

# gp3 storage of these three engines, in GiB: "Amazon RDS DB instance storage" in the user guide.
SMALLEST_GB = 20
LARGEST_GB = 65536


def default_name(engine: Engine, service: str) -> str:
    """A database name made of the service's: hyphens become underscores, a reserved word gets `_db`."""
    name = service.replace("-", "_")
    return f"{name}_db" if name in engine.reserved_names else name


def version_problem(engine: str, version: str) -> str | None:
    """Why RDS has no such version; None if it is a major, or a full version of one."""
    facts = ENGINES[engine]
    majors = "|".join(re.escape(major) for major in facts.versions)
    if re.fullmatch(rf"(?:{majors})(?:\.[0-9]{{1,3}}(?:-(?:rds\.[0-9]{{8}}|R[0-9]))?)?", version):
        return None
    known = ", ".join(facts.versions)
    return f"unsupported {engine} version: write one of {known}, or a full one like {facts.default_version}.4"


def name_problem(engine: str, name: str) -> str | None:
    """Why `name` cannot be the database's; None if it can."""
    facts = ENGINES[engine]
    return _identifier_problem(engine, name, facts.name_length, facts.reserved_names)


def username_problem(engine: str, username: str) -> str | None:
    """Why `username` cannot be the master user's; None if it can."""
    facts = ENGINES[engine]
    if engine == "postgres" and username.lower().startswith("pg_"):
        return f'postgres keeps names that start with pg_ for itself: write e.g. "{DEFAULT_USERNAME}"'
    return _identifier_problem(engine, username, facts.username_length, facts.reserved_usernames)


def _identifier_problem(engine: str, word: str, length: int, reserved: frozenset[str]) -> str | None:
    if not re.fullmatch(rf"[A-Za-z][A-Za-z0-9_]{{0,{length - 1}}}", word):
        return f"{engine} takes a letter, then letters, digits or underscores, at most {length} characters"
    if word.lower() in reserved:
        return f'a word {engine} keeps for itself: write another one, e.g. "{word.lower()}_{DEFAULT_USERNAME}"'
    return None
