"""The database engines: which image, and how its server is told what RDS would tell it."""

from abc import ABC, abstractmethod

_KEY, _CERTIFICATE = "/certificates/server.key", "/certificates/server.pem"


class Engine(ABC):
    """An engine of RDS's. port: its standard one. forcing: the parameter by which it insists on TLS."""

    port: int
    forcing: str

    @abstractmethod
    def variables(self, *, username: str, database: str, password: str, root: str) -> dict[str, str]:
        """What the image wants to know; root: a password that nobody else gets."""

    @abstractmethod
    def arguments(self, version: str, port: int, *, forced: bool) -> tuple[str, ...]:
        """Further arguments of `docker run`: options, the image, its command. forced: whether all must speak TLS."""


class MySql(Engine):
    """MySQL, and with another image MariaDB. image: its name; parts: of the version that its tags have."""

    port = 3306
    forcing = "require_secure_transport"

    def __init__(self, image: str, parts: int) -> None:
        self._image, self._parts = image, parts

    def variables(self, *, username: str, database: str, password: str, root: str) -> dict[str, str]:
        named = {"MYSQL_DATABASE": database} if database else {}
        return named | {"MYSQL_USER": username, "MYSQL_PASSWORD": password, "MYSQL_ROOT_PASSWORD": root}

    def arguments(self, version: str, port: int, *, forced: bool) -> tuple[str, ...]:
        tls = (f"--ssl-cert={_CERTIFICATE}", f"--ssl-key={_KEY}")
        options = (*tls, f"--port={port}", f"--require-secure-transport={'ON' if forced else 'OFF'}")
        return _image(self._image, version, self._parts), *options


class Postgres(Engine):
    """PostgreSQL. Its server refuses a key that others may read: it is started with a copy of its own."""

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
        image = _image("postgres", version, 1)
        return *hosts, "--entrypoint", "sh", image, "-c", self._START, "postgres", *options


def _image(name: str, version: str, parts: int) -> str:
    return f"{name}:{'.'.join(version.split('.')[:parts])}"


ENGINES: dict[str, Engine] = {"mysql": MySql("mysql", 2), "mariadb": MySql("mariadb", 1), "postgres": Postgres()}
