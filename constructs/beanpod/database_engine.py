"""Which database server, which version, and what follows from that."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from aws_cdk import aws_rds as rds

from beanpod._arguments import checked
from beanpod._checks import refuse

# Without these two the exported slow query log stays empty: RDS writes to a table unless told otherwise.
_SLOW_QUERY_LOG = {"slow_query_log": "1", "log_output": "FILE", "long_query_time": "2"}


@checked
@dataclass(frozen=True)
class DatabaseEngine:
    """A database server that `Database` runs. Made by `mysql`, `mariadb` or `postgres`, each of a version.

    version: the major ("8.4", "17") lets RDS choose and upgrade the minor; a full one ("8.4.9") pins it.
    port: where it listens unless `Database` is told otherwise.
    username: the master user unless `Database` is told otherwise.
    log_exports: the logs that go to CloudWatch Logs; statements over two seconds are in the slow query log.
    parameters: what the parameter group sets, beside `tls_parameter`, which makes the server refuse plain text.
    family: the part of the version that names a family of parameter groups.
    """

    name: str
    version: str
    port: int
    username: str
    log_exports: tuple[str, ...]
    parameters: Mapping[str, str]
    tls_parameter: str
    family: str

    @property
    def instance_engine(self) -> rds.IInstanceEngine:
        """The CDK's description of the engine."""
        return _instance_engine(self.name, self.version, self.family)

    @classmethod
    def mysql(cls, version: str) -> "DatabaseEngine":
        """RDS for MySQL, 8.0 or newer: "8.4" or "8.4.9". Raises ValueError for anything else."""
        return cls._mysql_family("mysql", version, _major("mysql", version, "8.4", oldest=(8, 0)))

    @classmethod
    def mariadb(cls, version: str) -> "DatabaseEngine":
        """RDS for MariaDB, 10.6 (the first with IAM authentication) or newer: "11.4" or "11.4.9".

        Raises ValueError for anything else.
        """
        return cls._mysql_family("mariadb", version, _major("mariadb", version, "11.4", oldest=(10, 6)))

    @classmethod
    def postgres(cls, version: str) -> "DatabaseEngine":
        """RDS for PostgreSQL, 13 or newer: "17" or "17.9". Raises ValueError for anything else."""
        return cls(
            name="postgres",
            version=version,
            port=5432,
            username="postgres",
            log_exports=("postgresql", "upgrade"),
            parameters={},
            tls_parameter="rds.force_ssl",
            family=_major("postgres", version, "17", oldest=(13,)),
        )

    @classmethod
    def _mysql_family(cls, name: str, version: str, family: str) -> "DatabaseEngine":
        return cls(
            name=name,
            version=version,
            port=3306,
            username="admin",
            log_exports=("error", "slowquery"),
            parameters=_SLOW_QUERY_LOG,
            tls_parameter="require_secure_transport",
            family=family,
        )


@cache
def _instance_engine(name: str, version: str, family: str) -> rds.IInstanceEngine:
    if name == "mysql":
        return rds.DatabaseInstanceEngine.mysql(version=rds.MysqlEngineVersion.of(version, family))
    if name == "mariadb":
        return rds.DatabaseInstanceEngine.maria_db(version=rds.MariaDbEngineVersion.of(version, family))
    return rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.of(version, family))


def _major(engine: str, version: str, example: str, *, oldest: tuple[int, ...]) -> str:
    """The part of `version` that names a parameter group family, as long as `oldest` is."""
    number = r"\.".join([r"\d{1,3}"] * len(oldest))
    form = re.fullmatch(rf"({number})(\.\d{{1,3}}(-(rds\.\d{{8}}|R\d))?)?", version)
    major = form.group(1) if form else ""
    refuse("DatabaseEngine", _version_problems(engine, version, example, major, oldest))
    return major


def _version_problems(engine: str, version: str, example: str, major: str, oldest: tuple[int, ...]) -> Iterator[str]:
    if not major:
        yield f'{engine} version must be like "{example}" or "{example}.9", got "{version}"'
    elif tuple(map(int, major.split("."))) < oldest:
        first = ".".join(map(str, oldest))
        yield f'{engine} version must be {first} or newer, got "{version}"'
