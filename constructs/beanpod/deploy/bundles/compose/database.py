"""Find the development database's host and login in what other services use: RDS has others.

Strings that name a host: URLs and libpq's (https://www.postgresql.org/docs/current/libpq-connect.html), .NET's
(https://learn.microsoft.com/dotnet/framework/data/adonet/connection-string-syntax), Go's
(https://pkg.go.dev/github.com/go-sql-driver/mysql#readme-dsn-data-source-name), JDBC's, PHP's, and options of commands.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beanpod.deploy.bundles.files import text_of

Tree = dict[str, Any]

# Before a word, and after the name of a host.
_WORD = r"(?:^|[\s'\"(;&|])"
_END = r"(?![\w.-])"
_KEYS = (
    r"host(?:name|addr)?|server(?:name)?|data ?source|addr(?:ess)?|network ?address|db[_-]?host|database[_-]?host|url|"
    r"dsn|endpoint|node|master|primary"
)
_OPTIONS = r"-h|-H|--host(?:name)?|--db[_-]?host|--server|--address|-wait"
_PROGRAMS = r"ping|nc|ncat|telnet|nslookup|dig|getent hosts|getent ahosts"
_ADDRESS = re.compile(r"HOST|SERVER|ADDR|URL|URI|DSN|ENDPOINT", re.IGNORECASE)
# Not of tools with settings of their own, such as pgAdmin, and not of other stores, such as REDIS_DB.
_OF_A_DATABASE = re.compile(
    r"^(?!.*(?:REDIS|VALKEY|MONGO|ELASTIC|INFLUX|NEO4J|QDRANT|CHROMA|SQLITE|CLICKHOUSE|CASSANDRA|COSMOS)).*?(?:^|_|\W)"
    r"(?:DB|DATABASE|DATASOURCE|SQL|MYSQL|POSTGRES|PG(?!ADMIN|WEB|BOUNCER)|PSQL|MARIADB|JDBC|SEQUELIZE|TYPEORM|KNEX)",
    re.IGNORECASE,
)
_ENGINES = frozenset({"postgres", "postgresql", "pgsql", "mysql", "mariadb", "sqlite", "sqlite3"})
_NO_VALUE = re.compile(r"FILE$|ALLOW_EMPTY|RANDOM|VERIFY", re.IGNORECASE)
_TLS_MODE = re.compile(r"SSL_?MODE$", re.IGNORECASE)
_TLS_SWITCH = re.compile(r"(?:SSL|TLS)(?:_?ENABLED?)?$", re.IGNORECASE)
_WITHOUT_TLS = re.compile(r"ssl-?mode=disabled?\b|usessl=false|\btls=false", re.IGNORECASE)
_PASSWORD = re.compile(r"PASS|PWD|SECRET", re.IGNORECASE)
_USER = re.compile(r"USER|LOGIN|ROLE", re.IGNORECASE)
# Not DB_HOSTNAME and DB_INSTANCE_NAME.
_NAME = re.compile(
    r"^(?!.*(?:HOST|SERVER|(?:APPLICATION|CLASS|CONNECTION|DRIVER|TABLE|INSTANCE|CLUSTER|SERVICE|CONTAINER|BUCKET|VOLUME)"
    r"_)NAME).*(?:NAME|DB$|DATABASE$|SCHEMA)",
    re.IGNORECASE,
)
# The last word says what a variable is: not DB_USERS_TABLE, DB_LOGIN_TIMEOUT and DB_NAMESPACE.
_LAST_WORD = re.compile(
    r"(?:PASS(?:WORD|WD)?|PWD|SECRET|USER(?:_?(?:NAME|ID))?|LOGIN|ROLE|NAME|DB|DATABASE|SCHEMA)(?:_PROD(?:UCTION)?)?$",
    re.IGNORECASE,
)

_URL = re.compile(
    r"(?P<scheme>[a-z0-9+.:-]+)://(?P<login>[^@/]*@)?[^@/?]+(?P<database>/[^?]*)?(?:\?(?P<query>.*))?", re.DOTALL
)
# Of Go's driver for MySQL, with the scheme that tools put before it.
_GO_MYSQL = "go-sql-driver/mysql"
_DSN = re.compile(r"(?P<scheme>[a-z0-9+]+://)?[^@/]*@?tcp\([^)]*\)/[^?]*(?:\?(?P<query>.*))?", re.DOTALL)
# Drivers that use no TLS by themselves, and the query of a URL with which they encrypt. None of these verifies the
# server, as that needs RDS's certificates in the image. docs/variables.md has the others.
_MYSQL_TLS = "ssl=%7B%22rejectUnauthorized%22%3Afalse%7D"
_TLS = {
    "pg": ("postgres", "sslmode=no-verify"),
    "postgres": ("postgres", "sslmode=require"),
    "mysql": ("mysql", _MYSQL_TLS),
    "mysql2": ("mysql", _MYSQL_TLS),
    "mariadb": ("mysql", ""),
}
_GO_TLS, MARIADB_JDBC_TLS = "tls=skip-verify", "sslMode=trust"
# Parameters of the development database's TLS.
_OF_TLS = re.compile(r"(?:use|require)?(?:ssl|tls)", re.IGNORECASE)
_ALL = "${RDS_HOSTNAME}, ${RDS_PORT}, ${RDS_DB_NAME}, ${RDS_USERNAME} and ${RDS_PASSWORD}"


@dataclass(frozen=True)
class Login:
    """The login of the development database: of each part, every value that its service may mean."""

    users: frozenset[str]
    passwords: frozenset[str]
    databases: frozenset[str]

    @classmethod
    def of(cls, environment: Mapping[str, Any]) -> "Login":
        """Read the variables of the official images, such as POSTGRES_USER and MYSQL_ROOT_PASSWORD.

        https://hub.docker.com/_/postgres and https://hub.docker.com/_/mysql: without a name the user is `postgres` or
        `root`.
        """
        found: dict[str, set[str]] = {"user": {"postgres", "root"}, "password": set(), "database": set()}
        for variable, value in environment.items():
            kind = None if _NO_VALUE.search(variable) else _kind(variable)
            if kind and value not in (None, ""):
                found[kind].add(str(value))
        return cls(*(frozenset(found[kind]) for kind in ("user", "password", "database")))

    def without(self, other: "Login") -> "Login":
        """Return the values that another login has not."""
        return Login(self.users - other.users, self.passwords - other.passwords, self.databases - other.databases)


def _kind(variable: str) -> str | None:
    """Return which part of a login a variable holds, by its name."""
    for kind, pattern in (("password", _PASSWORD), ("user", _USER), ("database", _NAME)):
        if pattern.search(variable):
            return kind
    return None


def host_in(text: str, names: Collection[str]) -> str | None:
    """Return the name that a text uses as the host of a connection, None if it uses none."""
    return next((name for name in names if _uses(text, name)), None)


def _uses(text: str, name: str) -> bool:
    host = re.escape(name)
    patterns = (
        rf"(?://|@|\(){host}(?=[:/?,;)\s'\"]|$)",
        rf"(?<![\w.@/-]){host}:[0-9]{{3,5}}(?!\w)",
        rf"(?://|@)[^\s/]*,{host}(?=[:/?,]|$)",
        rf"(?:^|[\W_])(?:{_KEYS})[\"']?\s*[=:]\s*[\"']?(?:tcp:|np:)?{host}{_END}",
        rf"{_WORD}(?:{_OPTIONS})[=\s]*[\"']?{host}{_END}",
        rf"{_WORD}(?:{_PROGRAMS})\s(?:-\S+\s)*{host}{_END}",
        rf"{_WORD}{host}\s+[0-9]{{3,5}}(?![\w.])",
        rf"/dev/tcp/{host}/",
    )
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns)


def host_of_variable(variable: str, value: str, names: Collection[str]) -> str | None:
    """Return the database's host name that a variable holds, alone or in a connection string."""
    if _ADDRESS.search(variable):
        for part in re.split(r"[,;\s]+", value):
            alone, _, rest = part.partition(":")
            # The scheme of postgres://... is no host, although many call the service so.
            if alone in names and not rest.startswith("//"):
                return alone
    return host_in(value, names)


def is_of_a_database(variable: str) -> bool:
    """Whether a variable belongs to a database, by its name."""
    return _OF_A_DATABASE.search(variable) is not None


def rds_variable(variable: str) -> str | None:
    """Return the RDS variable that a database variable corresponds to, such as RDS_PASSWORD for DB_PASSWORD."""
    if not is_of_a_database(variable) or _NO_VALUE.search(variable):
        return None
    if (kind := _kind(variable)) and _LAST_WORD.search(variable):
        return {"password": "RDS_PASSWORD", "user": "RDS_USERNAME", "database": "RDS_DB_NAME"}[kind]
    if re.search(r"PORT$", variable, re.IGNORECASE):
        return "RDS_PORT"
    return "RDS_HOSTNAME" if re.search(r"(?:HOST|SERVER)(?:NAME)?$|ADDR(?:ESS)?$", variable, re.IGNORECASE) else None


def names_engine(variable: str, value: str) -> bool:
    """Whether a variable such as KC_DB names the kind of database; one such as POSTGRES_DB has the kind in its name."""
    return (
        value in _ENGINES
        and rds_variable(variable) == "RDS_DB_NAME"
        and not re.search(r"NAME|POSTGRES|MYSQL|MARIADB|^PG", variable, re.IGNORECASE)
    )


def is_tls_mode(variable: str) -> bool:
    """Whether a variable such as DB_SSLMODE says how a database is connected to."""
    return is_of_a_database(variable) and _TLS_MODE.search(variable) is not None


def turns_off_tls(variable: str, value: str) -> bool:
    """Whether a variable of a database, or a connection string for RDS, turns off TLS, which RDS requires."""
    if "RDS_HOSTNAME" in value:
        return _WITHOUT_TLS.search(value) is not None
    if is_tls_mode(variable):
        return value.lower() in ("disable", "disabled")
    switch = is_of_a_database(variable) and _TLS_SWITCH.search(variable)
    return bool(switch) and value.lower() in ("0", "false", "no", "off")


def login_in(variable: str, value: str, login: Login) -> str | None:
    """Return the RDS variable to use where a variable holds part of the development database's login.

    Only where the variable is one of a database by its name: `shop` may be the name of many things.
    """
    rds = rds_variable(variable)
    if names_engine(variable, value):
        return None
    known = {"RDS_PASSWORD": login.passwords, "RDS_USERNAME": login.users, "RDS_DB_NAME": login.databases}
    return rds if value in known.get(rds or "", ()) else None


def is_password(variable: str) -> bool:
    """Whether a variable holds a password, by its name."""
    return _kind(variable) == "password" and not _NO_VALUE.search(variable)


def holds_password(value: str, login: Login) -> bool:
    """Whether a connection string holds the development database's password."""
    return any(
        re.search(
            rf"(?:://[^/@]*:|pass(?:word)?\s*=|pwd\s*=)\s*['\"]?{re.escape(password)}(?=[@;&'\"\s]|$)",
            value,
            re.IGNORECASE,
        )
        for password in login.passwords
    )


def driver_in(folder: Path) -> str:
    """Return the database's driver of an app, where its URL is known to need more than host and login; "" otherwise."""
    if _GO_MYSQL in text_of(folder / "go.mod"):
        return _GO_MYSQL
    try:
        dependencies = json.loads(text_of(folder / "package.json"))["dependencies"].keys()
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    driver, *others = [name for name in _TLS if name in dependencies] or [""]
    # Sequelize and TypeORM do not read the query as MySQL's drivers do.
    unread = _TLS.get(driver, ("", ""))[0] == "mysql" and dependencies & {"sequelize", "typeorm"}
    return "" if others or unread else driver


def database_url(engine: str, example: str, driver: str) -> str:
    """Return the URL of RDS's database in the form that an app takes.

    Args:
        engine: Of the database.
        example: The URL of a database for development; "" without one.
        driver: As of `driver_in`.
    """
    # A scheme such as postgresql+asyncpg names the driver too.
    schemes = r"postgres[\w+]*" if engine == "postgres" else r"(?:mysql|mariadb)[\w+]*"
    scheme = re.match(f"{schemes}(?=://)", example)
    if not _DSN.fullmatch(example):
        example = f"{scheme[0] if scheme else {'postgres': 'postgresql'}.get(engine, engine)}://user@host/name"
        if driver == _GO_MYSQL and engine != "postgres" and not scheme:
            example = "user@tcp(host)/name"
    return remedy("", example, driver).removeprefix(": ")


def remedy(variable: str, value: str, driver: str = "") -> str:
    """Say what to write for a variable that names the development database. driver: as of `driver_in`."""
    if dsn := _DSN.fullmatch(value):
        address = "${RDS_USERNAME}:${RDS_PASSWORD}@tcp(${RDS_HOSTNAME}:${RDS_PORT})/${RDS_DB_NAME}"
        return f"{variable}: {dsn['scheme'] or ''}{address}{_query(dsn['query'], _GO_TLS)}"
    if url := _URL.fullmatch(value):
        login = "${RDS_USERNAME}:${RDS_PASSWORD}@" if url["login"] else ""
        database = "/${RDS_DB_NAME}" if url["database"] or login else ""
        query = _query(url["query"], _tls(url["scheme"], driver))
        return f"{variable}: {url['scheme']}://{login}${{RDS_HOSTNAME}}:${{RDS_PORT}}{database}{query}"
    if re.fullmatch(r"[\w.-]+", value):
        return f"{variable}: ${{RDS_HOSTNAME}}"
    if re.fullmatch(r"[\w.-]+:[0-9]+", value):
        return f"{variable}: ${{RDS_HOSTNAME}}:${{RDS_PORT}}"
    return f"{variable} with {_ALL}"


def _tls(scheme: str, driver: str) -> str:
    if scheme == "jdbc:mariadb":
        # Of the three drivers of JDBC, only this one uses no TLS by itself.
        return MARIADB_JDBC_TLS
    engine, query = _TLS.get(driver, ("", ""))
    return query if scheme.replace("mariadb", "mysql").startswith(engine) else ""


def _query(given: str | None, tls: str) -> str:
    """Return the query of a URL of RDS: the given one, with other parameters of TLS."""
    parameters = [one for one in (given or "").split("&") if one and not _OF_TLS.match(one)]
    return "?" + "&".join(filter(None, (*parameters, tls))) if parameters or tls else ""


def texts_of(service: Tree) -> Iterator[tuple[str, str]]:
    """Yield the commands and health checks of a service by their keys, each in one line."""
    for key in ("command", "entrypoint"):
        yield key, _line(service.get(key))
    yield "healthcheck.test", _line((service.get("healthcheck") or {}).get("test"))
    for key in ("post_start", "pre_start", "pre_stop"):
        for hook in service.get(key) or ():
            yield key, _line(hook.get("command") if isinstance(hook, dict) else hook)


def _line(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value or "")
