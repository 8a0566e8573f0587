"""What RDS would refuse about settings that only `Database` has; the shared rules are in `_database_rules`."""

import re
from collections.abc import Iterator, Mapping

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2

from beanpod._network_rules import zone_problems
from beanpod._subnets import foreign, select
from beanpod._tokens import known
from beanpod.database_engine import DatabaseEngine

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DatabaseInsights.Engines.html
WITHOUT_INSIGHTS = {f"{family}.{size}" for family in ("t2", "t3", "t4g") for size in ("micro", "small")}
# Enough to notice parameters of another engine: names that only one engine has.
_MYSQL_PARAMETERS = re.compile(
    r"innodb_|character_set_|collation_|slow_query_log|long_query_time|sql_mode|max_allowed_packet|general_log|"
    r"lower_case_table_names|log_bin|require_secure_transport|wait_timeout|interactive_timeout|log_output|binlog_"
)
_POSTGRES_PARAMETERS = re.compile(
    r"rds\.|pg_|shared_buffers|work_mem|maintenance_work_mem|effective_cache_size|log_min_duration|log_statement|"
    r"autovacuum|max_wal|shared_preload_libraries|statement_timeout|idle_in_transaction|wal_|random_page_cost"
)

_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
_DAY = r"(mon|tue|wed|thu|fri|sat|sun)"
BACKUP_WINDOW = re.compile(rf"{_CLOCK}-{_CLOCK}")
MAINTENANCE_WINDOW = re.compile(rf"{_DAY}:{_CLOCK}-{_DAY}:{_CLOCK}", re.IGNORECASE)


def insights_problems(engine: DatabaseEngine, size: str, insights: bool | None) -> Iterator[str]:
    """Check that an instance class has Performance Insights if they are asked for."""
    if insights and known(size) and not can_have_insights(engine, size):
        yield f'performance_insights must be off on "{size}" with {engine.name}: choose "t4g.medium" or larger'


def can_have_insights(engine: DatabaseEngine, size: str) -> bool:
    """Return whether the class can run Performance Insights, now the standard mode of Database Insights."""
    return known(size) and (engine.name == "postgres" or size not in WITHOUT_INSIGHTS)


def lifetime_problems(*, protected: bool, removal_policy: RemovalPolicy) -> Iterator[str]:
    """Check that protection and removal policy do not contradict each other."""
    if protected and removal_policy == RemovalPolicy.DESTROY:
        yield (
            "removal_policy must not be DESTROY while deletion_protection is on, got both: "
            "RDS would refuse the deletion, set deletion_protection=False first"
        )


def window_problems(backup: str | None, maintenance: str | None) -> Iterator[str]:
    """Check the form and length of the windows, and that they do not overlap; both are in UTC.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.Maintenance.html
    """
    if known(backup) and not BACKUP_WINDOW.fullmatch(backup):
        yield f'preferred_backup_window must be like "03:00-04:00" (UTC), got "{backup}"'
    if known(maintenance) and not MAINTENANCE_WINDOW.fullmatch(maintenance):
        yield f'preferred_maintenance_window must be like "sun:04:30-sun:05:30" (UTC), got "{maintenance}"'
    backups = _minutes(backup) if known(backup) and BACKUP_WINDOW.fullmatch(backup) else None
    works = _minutes(maintenance) if known(maintenance) and MAINTENANCE_WINDOW.fullmatch(maintenance) else None
    if backups and len(backups) < 30:
        yield f'preferred_backup_window must be 30 minutes or more, got "{backup}": end it later'
    if works and not 30 <= len(works) <= 24 * 60:
        yield f'preferred_maintenance_window must be 30 minutes to 24 hours, got "{maintenance}": change its end'
    if backups and works and {it % _MINUTES_OF_DAY for it in backups} & {it % _MINUTES_OF_DAY for it in works}:
        yield (
            f'preferred_maintenance_window must not overlap preferred_backup_window ("{backup}"), got "{maintenance}": '
            "move one of them"
        )


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTES_OF_DAY = 24 * 60


def _minutes(window: str) -> range:
    """Return the minutes of a window, of a day or a week; they may continue into the next."""
    moments = []
    for moment in window.lower().split("-"):
        *day, hour, minute = moment.split(":")
        days = _DAYS.index(day[0]) if day else 0
        moments.append((days * 24 + int(hour)) * 60 + int(minute))
    start, end = moments
    around = _MINUTES_OF_DAY * (7 if window[0].isalpha() else 1)
    return range(start, end if end >= start else end + around)


def parameter_problems(engine: DatabaseEngine, parameters: Mapping[str, str]) -> Iterator[str]:
    """Check for parameters that allow connections without TLS, and for those of another engine."""
    if engine.tls_parameter in parameters:
        yield f"parameters must not set {engine.tls_parameter}: every connection to the database uses TLS"
    others = _MYSQL_PARAMETERS if engine.name == "postgres" else _POSTGRES_PARAMETERS
    for name in parameters:
        if others.match(name):
            yield f'parameters must be of {engine.name}, got "{name}", which that engine does not have: leave it out'


def subnet_problems(vpc: ec2.IVpc, subnets: ec2.SubnetSelection | None) -> Iterator[str]:
    """Check that there are subnets, none of them public, in two zones."""
    if subnets is None:
        yield "vpc must have isolated or private subnets, got none: a database is never put in public ones"
        return
    try:
        selected = select(vpc, subnets)
    except RuntimeError as error:
        yield f"vpc_subnets must be subnets of vpc {vpc.node.path}: {str(error).splitlines()[0]}"
        return
    if selected.public:
        yield "vpc_subnets must be isolated or private, got public ones: choose others, or leave it out"
    zones = zone_problems("vpc_subnets", selected.number_of_zones, load_balancer=False, database=True)
    yield from map(str, zones)
    for path in foreign(vpc, selected):
        yield f"vpc_subnets must be of vpc {vpc.node.path}, got {path}: choose subnets of that VPC"
