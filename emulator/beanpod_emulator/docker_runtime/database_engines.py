"""The database engines of RDS, as images and the arguments of their servers."""

from dataclasses import dataclass

_KEY, _CERTIFICATE = "/certificates/server.key", "/certificates/server.pem"


@dataclass(frozen=True)
class DatabaseEngine:
    """A database engine of RDS.

    Attributes:
        name: The name of its image.
        parts: How many parts of the version the tags of the image have.
        port: Its default port.
        forcing: The parameter that requires TLS.
    """

    name: str
    parts: int
    port: int
    forcing: str

    def image(self, version: str) -> str:
        """Return the image of a version, such as mysql:8.4."""
        return f"{self.name}:{'.'.join(version.split('.')[: self.parts])}"

    def variables(self, *, username: str, database: str, password: str, root: str) -> dict[str, str]:
        """Return the environment variables of the image. root: password of the root user."""
        raise NotImplementedError

    def arguments(self, version: str, port: int, *, forced: bool) -> tuple[str, ...]:
        """Return arguments of `docker run`: options, image, command. forced: whether TLS is required."""
        raise NotImplementedError


class MySql(DatabaseEngine):
    """MySQL or MariaDB."""

    def variables(self, *, username: str, database: str, password: str, root: str) -> dict[str, str]:
        named = {"MYSQL_DATABASE": database} if database else {}
        return named | {"MYSQL_USER": username, "MYSQL_PASSWORD": password, "MYSQL_ROOT_PASSWORD": root}

    def arguments(self, version: str, port: int, *, forced: bool) -> tuple[str, ...]:
        tls = (f"--ssl-cert={_CERTIFICATE}", f"--ssl-key={_KEY}")
        options = (*tls, f"--port={port}", f"--require-secure-transport={'ON' if forced else 'OFF'}")
        return self.image(version), *options


class Postgres(DatabaseEngine):
    """PostgreSQL. Its server rejects a key that others may read, so it is started with a copy."""

    _START = (
        "cp /certificates/server.* /tmp && chown postgres /tmp/server.* && chmod 600 /tmp/server.key && "
        "printf 'local all all trust\\n%s all all all scram-sha-256\\n' \"$BEANPOD_HOSTS\" > /tmp/hba.conf && "
        'exec "$(command -v docker-entrypoint.sh || command -v entrypoint.sh)" postgres "$@"'
    )

    def variables(self, *, username: str, database: str, password: str, root: str) -> dict[str, str]:
        named = {"POSTGRES_DB": database} if database else {}
        return named | {"POSTGRES_USER": username, "POSTGRES_PASSWORD": password}

    def arguments(self, version: str, port: int, *, forced: bool) -> tuple[str, ...]:
        settings = {
            "ssl": "on",
            "ssl_cert_file": "/tmp/server.pem",  # noqa: S108 - in a container of its own
            "ssl_key_file": "/tmp/server.key",  # noqa: S108
            "hba_file": "/tmp/hba.conf",  # noqa: S108
            "port": str(port),
        }
        options = (item for name, value in settings.items() for item in ("-c", f"{name}={value}"))
        hosts = ("--env", f"BEANPOD_HOSTS={'hostssl' if forced else 'host'}")
        return *hosts, "--entrypoint", "sh", self.image(version), "-c", self._START, "postgres", *options


ENGINES: dict[str, DatabaseEngine] = {
    "mysql": MySql("mysql", 2, 3306, "require_secure_transport"),
    "mariadb": MySql("mariadb", 1, 3306, "require_secure_transport"),
    "postgres": Postgres("postgres", 1, 5432, "rds.force_ssl"),
}
