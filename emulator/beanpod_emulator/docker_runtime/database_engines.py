"""The database engines of RDS, as images and the arguments of their servers."""

from abc import ABC, abstractmethod

_KEY, _CERTIFICATE = "/certificates/server.key", "/certificates/server.pem"


class DatabaseEngine(ABC):
    """A database engine of RDS.

    Attributes:
        port: Its default port.
        forcing: The parameter that requires TLS.
    """

    port: int
    forcing: str

    @abstractmethod
    def variables(self, *, username: str, database: str, password: str, root: str) -> dict[str, str]:
        """Return the environment variables of the image. root: password of the root user."""

    @abstractmethod
    def image(self, version: str) -> str:
        """Return the image of a version, such as mysql:8.4."""

    @abstractmethod
    def arguments(self, version: str, port: int, *, forced: bool) -> tuple[str, ...]:
        """Return arguments of `docker run`: options, image, command. forced: whether TLS is required."""


class MySql(DatabaseEngine):
    """MySQL or MariaDB. parts: how many parts of the version the tags of the image have."""

    port = 3306
    forcing = "require_secure_transport"

    def __init__(self, image: str, parts: int) -> None:
        self._image, self._parts = image, parts

    def variables(self, *, username: str, database: str, password: str, root: str) -> dict[str, str]:
        named = {"MYSQL_DATABASE": database} if database else {}
        return named | {"MYSQL_USER": username, "MYSQL_PASSWORD": password, "MYSQL_ROOT_PASSWORD": root}

    def image(self, version: str) -> str:
        return _tagged(self._image, version, self._parts)

    def arguments(self, version: str, port: int, *, forced: bool) -> tuple[str, ...]:
        tls = (f"--ssl-cert={_CERTIFICATE}", f"--ssl-key={_KEY}")
        options = (*tls, f"--port={port}", f"--require-secure-transport={'ON' if forced else 'OFF'}")
        return self.image(version), *options


class Postgres(DatabaseEngine):
    """PostgreSQL. Its server rejects a key that others may read, so it is started with a copy."""

    port = 5432
    forcing = "rds.force_ssl"
    _START = (
        "cp /certificates/server.* /tmp && chown postgres /tmp/server.* && chmod 600 /tmp/server.key && "
        "printf 'local all all trust\\n%s all all all scram-sha-256\\n' \"$BEANPOD_HOSTS\" > /tmp/hba.conf && "
        'exec "$(command -v docker-entrypoint.sh || command -v entrypoint.sh)" postgres "$@"'
    )

    def variables(self, *, username: str, database: str, password: str, root: str) -> dict[str, str]:
        named = {"POSTGRES_DB": database} if database else {}
        return named | {"POSTGRES_USER": username, "POSTGRES_PASSWORD": password}

    def image(self, version: str) -> str:
        return _tagged("postgres", version, 1)

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


def _tagged(name: str, version: str, parts: int) -> str:
    return f"{name}:{'.'.join(version.split('.')[:parts])}"


ENGINES: dict[str, DatabaseEngine] = {
    "mysql": MySql("mysql", 2),
    "mariadb": MySql("mariadb", 1),
    "postgres": Postgres(),
}
