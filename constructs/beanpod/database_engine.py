"""The database server and its version, and the settings that follow from them."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_rds as rds

from beanpod._arguments import checked
from beanpod._checks import refuse, reject
from beanpod._tokens import known
from beanpod.rules.database import ENGINES, major_version, version_problems

# Without these the exported slow query log stays empty: RDS writes it to a table by default.
_SLOW_QUERY_LOG = {"slow_query_log": "1", "log_output": "FILE", "long_query_time": "2"}


@checked
@dataclass(frozen=True)
class DatabaseEngine:
    """A database server that `Database` runs. Made by `mysql`, `mariadb` or `postgres`, each of a version.

    Attributes:
        version: The major ("8.4", "17") lets RDS choose the minor; a full one ("8.4.9") is the first
            that runs. RDS upgrades both, unless `Database` has `auto_minor_version_upgrade=False`.
        port: Default TCP port of `Database`.
        username: Default master user of `Database`.
        log_exports: The logs that go to CloudWatch Logs; statements over two seconds are in the slow query log.
        parameters: What the parameter group sets, beside `tls_parameter`, which makes the server refuse plain text.
        family: The part of the version that names a family of parameter groups.
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
        """Return the CDK's object for the engine."""
        if self.name == "mysql":
            return rds.DatabaseInstanceEngine.mysql(version=rds.MysqlEngineVersion.of(self.version, self.family))
        if self.name == "mariadb":
            return rds.DatabaseInstanceEngine.maria_db(version=rds.MariaDbEngineVersion.of(self.version, self.family))
        return rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.of(self.version, self.family))

    @classmethod
    def mysql(cls, version: str) -> "DatabaseEngine":
        """Return RDS for MySQL, 8.0 or newer: "8.4" or "8.4.9".

        Raises:
            ValueError: For any other version.
        """
        return cls._of("mysql", version)

    @classmethod
    def mariadb(cls, version: str) -> "DatabaseEngine":
        """Return RDS for MariaDB, 10.6 (the first with IAM authentication) or newer: "11.4" or "11.4.9".

        Raises:
            ValueError: For any other version.
        """
        return cls._of("mariadb", version)

    @classmethod
    def postgres(cls, version: str) -> "DatabaseEngine":
        """Return RDS for PostgreSQL, 13 or newer: "17" or "17.9".

        Raises:
            ValueError: For any other version.
        """
        return cls._of("postgres", version)

    @classmethod
    def _of(cls, name: str, version: str) -> "DatabaseEngine":
        if not known(version):
            remedy = "the parameter group's family follows from it, write it out"
            reject("DatabaseEngine", f"version must be known at synth, got a token: {remedy}")
        refuse("DatabaseEngine", version_problems(name, version))
        postgres = name == "postgres"
        return cls(
            name=name,
            version=version,
            port=ENGINES[name].port,
            username="postgres" if postgres else "admin",
            log_exports=("postgresql", "upgrade") if postgres else ("error", "slowquery"),
            parameters={} if postgres else _SLOW_QUERY_LOG,
            tls_parameter=ENGINES[name].tls_parameter,
            family=major_version(name, version),
        )
