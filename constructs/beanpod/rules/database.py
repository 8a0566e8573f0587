"""What RDS would refuse about a database: its engines, and the rules that `Database` and the manifest share.

Pure functions of plain values, without aws_cdk; None is a value that is not known yet, and passes. Versions are those
of the release calendars in https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/ (autumn 2026), names and lengths
those of https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Literal, NamedTuple

from beanpod._docs import DOCS
from beanpod.rules.limits import FORMS, setting_problems
from beanpod.rules.problem import Problem

EngineName = Literal["mysql", "mariadb", "postgres"]


class Engine(NamedTuple):
    """Facts of a database engine.

    Attributes:
        port: TCP port on which it listens by default.
        versions: Major versions, the oldest first.
        default_version: Major version of a manifest that names none.
        name_length: Characters of a database's name at most.
        username_length: Characters of the master user's name at most.
        reserved_names: Words that no database can be named.
        reserved_usernames: Words that no master user can be named.
        tls_parameter: Parameter with which the server refuses plain text.
    """

    port: int
    versions: tuple[str, ...]
    default_version: str
    name_length: int
    username_length: int
    reserved_names: frozenset[str]
    reserved_usernames: frozenset[str]
    tls_parameter: str = "require_secure_transport"


# Words that both SQL dialects reserve; only those that a service may be called.
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
_MYSQL_NAMES = _SQL | {"information_schema", "innodb", "mysql", "performance_schema", "rdsadmin", "sys", "tmp"}
_MYSQL_USERS = _SQL | {"mysql", "rdsadmin", "rdsrepladmin", "root"}
# RDS publishes no list for PostgreSQL: the first six were seen refused.
_POSTGRES_NAMES = _SQL | {
    *("catalog", "comments", "db", "dispatch", "flag", "identity"),
    *("postgres", "rdsadmin", "template0", "template1"),
}
_POSTGRES_USERS = _SQL | {"admin", "public", "rdsadmin", "rdsrepladmin", "rdstopmgr", "none"}

ENGINES: dict[str, Engine] = {
    "mysql": Engine(3306, ("8.0", "8.4"), "8.4", 64, 16, _MYSQL_NAMES, _MYSQL_USERS),
    "mariadb": Engine(3306, ("10.6", "10.11", "11.4", "11.8"), "11.4", 64, 16, _MYSQL_NAMES, _MYSQL_USERS),
    "postgres": Engine(
        5432, ("13", "14", "15", "16", "17", "18"), "17", 63, 63, _POSTGRES_NAMES, _POSTGRES_USERS, "rds.force_ssl"
    ),
}
# When RDS's standard support ends: MySQL.Concepts.VersionMgmt, MariaDB.Concepts.VersionMgmt and the release calendar of
# PostgreSQL in AWS's guides, as https://endoflife.date/amazon-rds-mysql and its sisters read them.
_STANDARD_SUPPORT = {
    ("mysql", "8.0"): date(2026, 7, 31),
    ("mysql", "8.4"): date(2029, 7, 31),
    ("mariadb", "10.6"): date(2026, 8, 31),
    ("mariadb", "10.11"): date(2028, 2, 29),
    ("mariadb", "11.4"): date(2029, 5, 31),
    ("mariadb", "11.8"): date(2030, 6, 30),
    ("postgres", "13"): date(2026, 2, 28),
    ("postgres", "14"): date(2027, 2, 28),
    ("postgres", "15"): date(2028, 2, 29),
    ("postgres", "16"): date(2029, 2, 28),
    ("postgres", "17"): date(2030, 2, 28),
}
DEFAULT_USERNAME = "app"

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.html
_WITHOUT_ENCRYPTION = re.compile(r"(m1|m2)\..*|t2\.micro")


def default_name(engine: str, service: str) -> str:
    """Return a database's name made of a service's: hyphens become underscores, a reserved word gets `_db`."""
    name = service.replace("-", "_")
    return f"{name}_db" if name in ENGINES[engine].reserved_names else name


def database_problems(
    engine: str,
    *,
    database_name: str | None = None,
    username: str | None = None,
    allocated_storage: float | None = None,
    max_allocated_storage: float | None = None,
    backup_retention: float | None = None,
    instance_type: str | None = None,
    port: int | None = None,
    performance_insights: bool | None = None,
    preferred_backup_window: str | None = None,
    preferred_maintenance_window: str | None = None,
) -> Iterator[Problem]:
    """Check the settings of a database.

    Args:
        engine: `mysql`, `mariadb` or `postgres`.
        database_name: Name of the database that RDS makes at the start.
        username: Name of the master user.
        allocated_storage: GiB.
        max_allocated_storage: GiB up to which RDS enlarges the storage.
        backup_retention: Days; 0 for no backups.
        instance_type: Instance class without its "db.".
        port: TCP port.
        performance_insights: Whether Performance Insights are asked for.
        preferred_backup_window: Of a day, in UTC.
        preferred_maintenance_window: Of a week, in UTC.
    """
    facts = ENGINES[engine]
    yield from _name_problems("database_name", database_name, engine, facts.name_length, facts.reserved_names)
    yield from _name_problems("username", username, engine, facts.username_length, facts.reserved_usernames)
    if engine == "postgres" and username and username.lower().startswith("pg_"):
        remedy = f'PostgreSQL reserves such roles, write e.g. "{DEFAULT_USERNAME}"'
        yield Problem("username", username, "must not start with pg_", remedy)
    yield from setting_problems(
        {
            "allocated_storage": allocated_storage,
            "max_allocated_storage": max_allocated_storage,
            "backup_retention": backup_retention,
            "instance_type": instance_type,
            "port": port,
            "preferred_backup_window": preferred_backup_window,
            "preferred_maintenance_window": preferred_maintenance_window,
        }
    )
    yield from _storage_problems(allocated_storage, max_allocated_storage)
    yield from _window_problems(preferred_backup_window, preferred_maintenance_window)
    for setting, value, must, remedy in (
        ("backup_retention", backup_retention, "must be whole days", "write Duration.days(...)"),
        ("allocated_storage", allocated_storage, "must be whole GiB", "write Size.gibibytes(...)"),
        ("max_allocated_storage", max_allocated_storage, "must be whole GiB", "write Size.gibibytes(...)"),
    ):
        if value is not None and value != int(value):
            yield Problem(setting, value, must, remedy)
    if instance_type and _WITHOUT_ENCRYPTION.fullmatch(instance_type):
        must = "must be a class that can encrypt its storage"
        yield Problem("instance_type", instance_type, must, "write e.g. t4g.micro")
    if performance_insights and instance_type and not has_insights(engine, instance_type):
        must = f'must be off on "{instance_type}" with {engine}'
        yield Problem("performance_insights", None, must, 'choose "t4g.medium" or larger')


def _name_problems(
    setting: str, value: str | None, engine: str, length: int, reserved: frozenset[str]
) -> Iterator[Problem]:
    if value is None:
        return
    if not re.fullmatch(rf"[A-Za-z][A-Za-z0-9_]{{0,{length - 1}}}", value):
        must = f"must be a letter and up to {length - 1} letters, digits or underscores"
        yield Problem(setting, value, must, "write another name")
    elif value.lower() in reserved:
        remedy = f'write another one, e.g. "{value.lower()}_{DEFAULT_USERNAME}"'
        yield Problem(setting, value, f"must not be a word that {engine} reserves", remedy)


def _storage_problems(allocated: float | None, most: float | None) -> Iterator[Problem]:
    """RDS refuses a smaller step: "Managing capacity automatically with Amazon RDS storage autoscaling"."""
    if allocated is not None and most is not None and most < (least := -(-allocated * 11 // 10)):
        must = f"must be at least a tenth more than allocated_storage ({allocated:g} GiB)"
        yield Problem(
            "max_allocated_storage", most, must, f"write {least:g} or more, or switch storage autoscaling off"
        )


def _window_problems(backup: str | None, maintenance: str | None) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.Maintenance.html"""
    backups = _minutes("preferred_backup_window", backup)
    works = _minutes("preferred_maintenance_window", maintenance)
    if backups and len(backups) < 30:
        yield Problem("preferred_backup_window", backup, "must be 30 minutes or more", "end it later")
    if works and not 30 <= len(works) <= _MINUTES_OF_DAY:
        must = "must be 30 minutes to 24 hours"
        yield Problem("preferred_maintenance_window", maintenance, must, "change its end")
    if backups and works and {it % _MINUTES_OF_DAY for it in backups} & {it % _MINUTES_OF_DAY for it in works}:
        must = f'must not overlap preferred_backup_window ("{backup}")'
        yield Problem("preferred_maintenance_window", maintenance, must, "move one of them")


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTES_OF_DAY = 24 * 60


def _minutes(setting: str, window: str | None) -> range | None:
    """Return the minutes of a window, of a day or a week; they may continue into the next. None if it has none."""
    if window is None or not re.fullmatch(FORMS[setting].pattern, window):
        return None
    moments = []
    for moment in window.lower().split("-"):
        *day, hour, minute = moment.split(":")
        days = _DAYS.index(day[0]) if day else 0
        moments.append((days * 24 + int(hour)) * 60 + int(minute))
    start, end = moments
    around = _MINUTES_OF_DAY * (7 if window[0].isalpha() else 1)
    return range(start, end if end >= start else end + around)


# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DatabaseInsights.Engines.html
_WITHOUT_INSIGHTS = {f"{family}.{size}" for family in ("t2", "t3", "t4g") for size in ("micro", "small")}


def has_insights(engine: str, instance_type: str) -> bool:
    """Return whether a class can run Performance Insights, now the standard mode of Database Insights."""
    return engine == "postgres" or instance_type not in _WITHOUT_INSIGHTS


# Enough to notice parameters of another engine: names that only one engine has.
_MYSQL_PARAMETERS = re.compile(
    r"innodb_|character_set_|collation_|slow_query_log|long_query_time|sql_mode|max_allowed_packet|general_log|"
    r"lower_case_table_names|log_bin|require_secure_transport|wait_timeout|interactive_timeout|log_output|binlog_"
)
_POSTGRES_PARAMETERS = re.compile(
    r"rds\.|pg_|shared_buffers|work_mem|maintenance_work_mem|effective_cache_size|log_min_duration|log_statement|"
    r"autovacuum|max_wal|shared_preload_libraries|statement_timeout|idle_in_transaction|wal_|random_page_cost"
)


def parameter_problems(engine: str, parameters: Iterable[str]) -> Iterator[Problem]:
    """Check the names of parameters: none that allows connections without TLS, none of another engine."""
    others = _MYSQL_PARAMETERS if engine == "postgres" else _POSTGRES_PARAMETERS
    for name in parameters:
        if name == ENGINES[engine].tls_parameter:
            yield Problem("parameters", None, f"must not set {name}", "every connection to the database uses TLS")
        elif others.match(name):
            remedy = "that engine does not have it, leave it out"
            yield Problem("parameters", name, f"must be of {engine}", remedy)


def version_problems(engine: str, version: str) -> Iterator[Problem]:
    """Check a version: a major one of RDS, or a newer one than this list has, alone or with its minor version."""
    facts = ENGINES[engine]
    parts = facts.default_version.count(".") + 1
    number = r"\.".join([r"[0-9]{1,3}"] * parts)
    form = re.fullmatch(rf"({number})(?:\.[0-9]{{1,3}}(?:-(?:rds\.[0-9]{{8}}|R[0-9]))?)?", version)
    major = form[1] if form else ""
    if not form or (major not in facts.versions and _numbers(major) < _numbers(facts.versions[-1])):
        must = f"must be a version of {engine} on RDS"
        remedy = f"write one of {', '.join(facts.versions)}, or a full one like {facts.default_version}.4"
        yield Problem("version", version, must, remedy)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def support_note(engine: str, version: str, today: date) -> str | None:
    """Say what follows from a version whose standard support has ended; None for another."""
    major = major_version(engine, version)
    last = _STANDARD_SUPPORT.get((engine, major), today)
    if last >= today:
        return None
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support.html: for MySQL and PostgreSQL only.
    then = "may create no new database of it" if engine == "mariadb" else "charges Extended Support by the hour"
    return (
        f"database.version: RDS ended the standard support of {engine} {major} on {last}, and {then}: write "
        f'"{ENGINES[engine].default_version}" for a new stage; an existing database is upgraded by that, and is down '
        f"meanwhile: see {DOCS}/changes.md"
    )


def major_version(engine: str, version: str) -> str:
    """Return the part of a version that names a family of parameter groups: "8.4" of "8.4.9", "17" of "17.2"."""
    return ".".join(version.split(".")[: ENGINES[engine].default_version.count(".") + 1])
