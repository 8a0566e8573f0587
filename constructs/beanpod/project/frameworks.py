"""Web frameworks: how to recognise one in a folder, and what Beanpod has to know about it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beanpod.deploy.bundles.compose.database import MARIADB_JDBC_TLS, driver_in
from beanpod.deploy.bundles.files import text_of

_HOST, _PORT, _NAME, _USER = ("{database.host}", "{database.port}", "{database.name}", "{database.username}")
# Beanstalk passes the variable as it is; Spring resolves it from RDS_PASSWORD, which is a secret.
# https://docs.spring.io/spring-boot/reference/features/external-config.html#features.external-config.files.property-placeholders
_RDS_LOGIN = "${{RDS_PASSWORD}}"
# What the files of other languages say where the app uses a database.
_DRIVERS = {
    "*.csproj": {r"\bNpgsql\b": "postgres", r"\bMySql(?:Connector|\.Data)?\b": "mysql"},
    "composer.json": {r"\"ext-(?:pdo_)?pgsql\"": "postgres", r"\"ext-(?:pdo_mysql|mysqli)\"": "mysql"},
    "Gemfile": {r"^\s*gem ['\"]pg['\"]": "postgres", r"^\s*gem ['\"](?:mysql2|trilogy)['\"]": "mysql"},
    "mix.exs": {r":postgrex\b": "postgres", r":myxql\b": "mysql"},
    "Cargo.toml": {r"\b(?:tokio-)?postgres\b": "postgres", r"\bmysql(?:_async)?\b": "mysql"},
}


@dataclass(frozen=True)
class Framework:
    """A web framework that was found in a folder.

    Attributes:
        name: As its own documentation writes it.
        language: `Node.js`, `Python`, `Java`, `PHP`, `Ruby`, `Go`, `.NET`, `Elixir` or `Rust`.
        health_path: The path of its own health check, where the project has it switched on. Default: None.
        migrate: The command that applies the database's migrations. Default: None.
        engine: The database's engine, where the project's own files name it. Default: None.
        variables: Environment variables that connect it to the database of the manifest. Default: none.
        driver: The database's driver, where its URL is known to need more than host and login. Default: none.
        secrets: Variables with secrets without which the app does not start. Default: none.
        url: The variable of the database's URL that it reads by itself. Default: none.
    """

    name: str
    language: str
    health_path: str | None = None
    migrate: str | None = None
    engine: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    driver: str = ""
    secrets: tuple[str, ...] = ()
    url: str | None = None


def find_framework(folder: Path) -> Framework | None:
    """Find the framework of the app in a folder.

    Args:
        folder: The folder with the app's own `package.json`, `pom.xml`, `manage.py` or the like.

    Returns:
        The framework, or only its language where that is all there is to see; None without either.
    """
    return next((found for find in _FINDERS if (found := find(folder))), None)


def jdbc_url(engine: str) -> str:
    """Return the JDBC URL of the database of the manifest, without a login."""
    query = f"?{MARIADB_JDBC_TLS}" if engine == "mariadb" else ""
    return f"jdbc:{'postgresql' if engine == 'postgres' else engine}://{_HOST}:{_PORT}/{_NAME}{query}"


def _laravel(folder: Path) -> Framework | None:
    if not (folder / "artisan").is_file():
        return None
    route = re.search(r"health:\s*['\"]([^'\"]+)", text_of(folder / "bootstrap/app.php"))
    engine = re.search(r"^DB_CONNECTION=(\w+)", text_of(folder / ".env.example"), re.MULTILINE)
    return Framework(
        "Laravel",
        "PHP",
        health_path=route[1] if route else None,
        migrate="php artisan migrate --force",
        engine={"mysql": "mysql", "mariadb": "mariadb", "pgsql": "postgres"}.get(engine[1]) if engine else None,
        variables={"DB_HOST": _HOST, "DB_PORT": _PORT, "DB_DATABASE": _NAME, "DB_USERNAME": _USER},
    )


def _rails(folder: Path) -> Framework | None:
    if not re.search(r"^\s*gem ['\"]rails['\"]", text_of(folder / "Gemfile"), re.MULTILINE):
        return None
    route = re.search(r"get ['\"]/?([\w/-]+)['\"]\s*=>\s*['\"]rails/health#show", text_of(folder / "config/routes.rb"))
    return Framework(
        "Rails",
        "Ruby",
        health_path=f"/{route[1]}" if route else None,
        migrate="bin/rails db:migrate",
        engine=_engine_in(folder, "Gemfile"),
        # Its config/master.key is in no image.
        secrets=("RAILS_MASTER_KEY",) if (folder / "config/credentials.yml.enc").is_file() else (),
        url="DATABASE_URL",
    )


def _django(folder: Path) -> Framework | None:
    # Flask's apps have had a file of this name too.
    if "django" not in text_of(folder / "manage.py"):
        return None
    return Framework("Django", "Python", migrate="python manage.py migrate", engine=_python_engine(folder))


def _python(folder: Path) -> Framework | None:
    requirements = _python_requirements(folder)
    if not requirements:
        return None
    known = (("fastapi", "FastAPI"), ("flask", "Flask"))
    name = next((name for package, name in known if _requires(requirements, package)), "Python")
    return Framework(name, "Python", engine=_python_engine(folder))


def _python_requirements(folder: Path) -> str:
    texts = (text_of(folder / name) for name in ("requirements.txt", "pyproject.toml", "Pipfile"))
    # Of any app, a second `beanpod init` finds the requirements that the first one wrote.
    return "\n".join(text for text in texts if not text.startswith("beanpod[")).strip()


def _requires(requirements: str, package: str) -> bool:
    return re.search(rf"(?<![\w.-]){package}(?![\w-])", requirements, re.IGNORECASE) is not None


def _python_engine(folder: Path) -> str | None:
    requirements = _python_requirements(folder)
    drivers = {"psycopg": "postgres", "psycopg2": "postgres", "psycopg2-binary": "postgres", "asyncpg": "postgres"}
    drivers |= {"mysqlclient": "mysql", "pymysql": "mysql", "aiomysql": "mysql", "mariadb": "mariadb"}
    return _only({engine for driver, engine in drivers.items() if _requires(requirements, driver)})


# Settings that move Spring Boot's health check to another path, or another port.
# https://docs.spring.io/spring-boot/reference/actuator/monitoring.html
_MOVES_HEALTH = re.compile(
    r"context-?path|base-?path|path-mapping|management\.server|^management:\s*\n(?:(?:[ \t].*)?\n)*?[ \t]+server:",
    re.IGNORECASE | re.MULTILINE,
)


def _spring(folder: Path) -> Framework | None:
    build = "\n".join(text_of(folder / name) for name in ("pom.xml", "build.gradle", "build.gradle.kts"))
    if "spring-boot" not in build:
        return Framework("Java", "Java") if build.strip() else None
    settings = "\n".join(
        text_of(folder / f"src/main/resources/application.{suffix}") for suffix in ("properties", "yml", "yaml")
    )
    url = re.search(r"jdbc:(mysql|mariadb|postgresql):", settings)
    drivers = {"mysql-connector": "mysql", "mariadb-java-client": "mariadb", "postgresql": "postgres"}
    engine = url[1] if url else _only({engine for driver, engine in drivers.items() if driver in build})
    engine = "postgres" if engine == "postgresql" else engine
    variables = {
        "SPRING_DATASOURCE_URL": jdbc_url(str(engine)),
        "SPRING_DATASOURCE_USERNAME": _USER,
        "SPRING_DATASOURCE_PASSWORD": _RDS_LOGIN,
    }
    return Framework(
        "Spring Boot",
        "Java",
        health_path="/actuator/health"
        if "spring-boot-starter-actuator" in build and not _MOVES_HEALTH.search(settings)
        else None,
        engine=engine,
        variables=variables if engine else {},
    )


def _node(folder: Path) -> Framework | None:
    try:
        package = json.loads(text_of(folder / "package.json") or "null")
    except ValueError:
        package = {}
    if not isinstance(package, dict):
        return None
    dependencies = package.get("dependencies")
    packages = set(dependencies) if isinstance(dependencies, dict) else set()
    drivers = {"pg": "postgres", "postgres": "postgres", "mysql": "mysql", "mysql2": "mysql", "mariadb": "mariadb"}
    engine = _only({drivers[name] for name in packages & drivers.keys()})
    known = (("next", "Next.js"), ("express", "Express"), ("fastify", "Fastify"), ("react", "React"))
    name = next((name for dependency, name in known if dependency in packages), "Node.js")
    return Framework(name, "Node.js", engine=engine, driver=driver_in(folder))


def _go(folder: Path) -> Framework | None:
    module = text_of(folder / "go.mod")
    drivers = {"lib/pq": "postgres", "jackc/pgx": "postgres", "go-sql-driver/mysql": "mysql"}
    engine = _only({engine for driver, engine in drivers.items() if driver in module})
    return Framework("Go", "Go", engine=engine, driver=driver_in(folder)) if module else None


def _language(folder: Path) -> Framework | None:
    files = {"*.csproj": ".NET", "composer.json": "PHP", "Gemfile": "Ruby", "mix.exs": "Elixir", "Cargo.toml": "Rust"}
    found = next(((file, name) for file, name in files.items() if any(folder.glob(file))), None)
    return Framework(found[1], found[1], engine=_engine_in(folder, found[0])) if found else None


def _engine_in(folder: Path, file: str) -> str | None:
    text = "\n".join(map(text_of, sorted(folder.glob(file))))
    return _only({engine for driver, engine in _DRIVERS[file].items() if re.search(driver, text, re.MULTILINE)})


# The most specific first: a Rails or Laravel app has a package.json too.
_FINDERS: tuple[Callable[[Path], Framework | None], ...] = (
    _laravel,
    _rails,
    _django,
    _spring,
    _go,
    _language,
    _python,
    _node,
)


def _only(engines: set[str]) -> str | None:
    return engines.pop() if len(engines) == 1 else None
