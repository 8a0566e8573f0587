"""`beanpod.toml` of a new project, and the `compose.prod.yaml` that a compose file's app needs beside it."""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from beanpod._docs import DOCS
from beanpod.deploy.bundles.compose.database import (
    Login,
    database_url,
    driver_in,
    host_of_variable,
    is_of_a_database,
    is_tls_mode,
    login_in,
    names_engine,
    rds_variable,
    remedy,
    turns_off_tls,
)
from beanpod.deploy.bundles.compose.development import for_production, starts_for_development
from beanpod.deploy.bundles.compose.interpolation import interpolated
from beanpod.deploy.bundles.compose.reading import mapping
from beanpod.deploy.bundles.files import printable, text_of
from beanpod.deploy.images import Dockerfile, Repository
from beanpod.manifest.secret_like import is_generated, looks_secret, secret_line
from beanpod.project.choices import Choices, chosen_dockerfile
from beanpod.project.discovery import ComposeFacts, Discovery, published_ports
from beanpod.project.frameworks import jdbc_url
from beanpod.rules.environment import DATABASE_VARIABLES

_TLS = f"{DOCS}/variables.md#tls-to-the-database"
_SETTINGS = {
    "RDS_HOSTNAME": "{database.host}",
    "RDS_PORT": "{database.port}",
    "RDS_DB_NAME": "{database.name}",
    "RDS_USERNAME": "{database.username}",
}
# Of the server that a developer runs, or of tests.
_NOT_IN_PRODUCTION = re.compile(r"ROOT|TEST")
# Tools for web pages write them into the pages that they build.
_IN_PAGES = re.compile(r"(?:NEXT_PUBLIC|VITE|REACT_APP|VUE_APP|GATSBY)_")
# Variables without a default: $NAME, ${NAME}, ${NAME?error} and ${NAME:?error}.
_UNSET = re.compile(r"\$(?:\{(\w+)(?::?\?[^}]*)?\}|(\w+))")


def manifest_text(found: Discovery, choices: Choices) -> str:
    """Return the text of `beanpod.toml`. What is not known is a comment.

    Args:
        found: What the folder shows.
        choices: Complete: name, image, and a Dockerfile or a compose file.
    """
    variables, secrets = _variables(found, choices)
    blocks = [_service(found, choices), _table("variables", variables), _table("secrets", secrets)]
    blocks += [_database(choices), "" if found.other_host else _delivery(found, choices), _stages(choices)]
    head = "# What Beanpod deploys, and how. Check it with `beanpod check`."
    return "\n\n".join((head, *filter(None, blocks))) + "\n"


def production_compose(found: Discovery, choices: Choices) -> str | None:
    """Return `compose.prod.yaml`: what the app needs on Elastic Beanstalk and the compose file does not say.

    It gives services RDS in the place of the compose file's database, the build for production in the place of one
    for development, and the app port 80 where no service publishes one, as behind a proxy of another compose file.

    Returns:
        The file's text; None where nothing is needed.
    """
    compose = found.compose
    if compose is None or choices.compose is None:
        return None
    changed: dict[str, list[str]] = {}
    if choices.port and not compose.ports and len(compose.built) == 1:
        changed[compose.built[0]] = [f'    ports: ["80:{choices.port}"]']
    for name in compose.built:
        service = compose.services[name]
        changed.setdefault(name, []).extend(_production_build(service, found.root / compose.folder))
        # The server for development listens on another port.
        ports = compose.ports.get(name, ())
        if ports != tuple(published_ports(service)) and ports == (choices.port,):
            changed[name].append(f'    ports: !override ["80:{choices.port}"]')
    comments = [f"# Merged into {choices.compose} on Elastic Beanstalk."]
    if connected := _rds_variables(found.root, compose, choices):
        comments[0] = f"{comments[0][:-1]}: RDS replaces the service {choices.compose_service}."
        # MySQL and PostgreSQL say it themselves.
        refusal = ', and MariaDB answers others with "Access denied"' if choices.engine == "mariadb" else ""
        comments.append(f"# RDS accepts only connections with TLS{refusal}. What drivers need for that:")
        comments.append(f"# {_TLS}")
    for name, variables in connected.items():
        lines = [f"      {variable}: {json.dumps(value)}" for variable, value in variables.items()]
        changed.setdefault(name, []).extend(["    environment:", *lines])
    lines = [line for service, keys in changed.items() if keys for line in (f"  {service}:", *keys)]
    secrets = [f"  {name}: !override {{environment: RDS_PASSWORD}}" for name in _password_files(compose, choices)]
    blocks = [*(["services:", *lines] if lines else []), *(["secrets:", *secrets] if secrets else [])]
    return "\n".join([*comments, *blocks]) + "\n" if blocks else None


def _password_files(compose: ComposeFacts, choices: Choices) -> list[str]:
    """Return the secrets, read from a file, that the database shares with another service: they hold its password."""
    used = {
        name: {str(it["source"]) for it in service.get("secrets") or ()} for name, service in compose.services.items()
    }
    own = used.pop(str(choices.compose_service), set())
    return sorted(own & compose.secrets & set().union(*used.values()))


def _production_build(service: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Yield the lines that build a service for production where the compose file builds it for development."""
    for key, value in for_production(service["build"], folder).items():
        yield "    build:"
        written = "!reset null" if value is None else json.dumps(value)
        yield f"      {key}: {written}  # in the place of {printable(str(service['build'][key]))}"
        if starts_for_development(service.get("command")):
            yield "    command: !reset null"


def _service(found: Discovery, choices: Choices) -> str:
    where = "on Docker Hub; " if Repository(str(choices.image)).registry == "Docker Hub" else ""
    lines = [
        "[service]",
        f"name = {_toml(choices.name)}  # names the stacks: no other project in the AWS account may have it",
        f"image = {_toml(choices.image)}  # {where}a release adds tag and digest",
    ]
    file = ("compose", choices.compose) if choices.compose else ("dockerfile", choices.dockerfile)
    lines.append(f"{file[0]} = {_toml(file[1])}")
    facts = None if choices.compose else chosen_dockerfile(found, choices)
    if facts and facts.context != posixpath.dirname(facts.path):
        lines.append(f"context = {_toml(facts.context or '.')}")
    arguments, given = _build_arguments(found, choices)
    if arguments and choices.compose and (absent := ", ".join(name for name in arguments if name not in given)):
        lines.append(f"# The build reads {absent}: give it in the compose file, as build.args")
    elif arguments and not choices.compose:
        values = ", ".join(f"{name} = {_toml(value)}" for name, value in arguments.items())
        lines.append(f"# args = {{ {values} }}  # for ARG lines of the Dockerfile, as the build reads them")
    if choices.port:
        lines.append(f"port = {choices.port}")
    elif _reads_port(found, choices):
        lines.append("port = 8080  # where PORT in [variables] lets the app listen")
    elif not choices.compose:
        lines.append("# port = 8080  # where the container listens; the Dockerfile has no EXPOSE")
    if choices.health_check_path:
        lines.append(f"health_check_path = {_toml(choices.health_check_path)}")
    else:
        lines.append('health_check_path = "/"  # no health check was found: any path that answers 200 without a login')
    if found.framework and found.framework.migrate:
        lines.append(f"# Migrations: {_migration(found, choices)}")
    return "\n".join(lines)


def _build_arguments(found: Discovery, choices: Choices) -> tuple[dict[str, str], set[str]]:
    """Return the variables of an example file that a build reads, and the build arguments of the compose file."""
    file, given = Dockerfile.parse(""), set[str]()
    if choices.compose and found.compose:
        builds = (found.compose.services[name]["build"] for name in found.compose.built)
        given = {name for build in builds for name in environment_of({"environment": build.get("args")})}
    else:
        file = Dockerfile.parse(text_of(found.root / str(choices.dockerfile)))
    read = {
        name: value
        for name, value in found.variables.items()
        if (_IN_PAGES.match(name) or name in given or file.declares(name))
        and not (is_of_a_database(name) or looks_secret(name, value))
    }
    return read, given


def _reads_port(found: Discovery, choices: Choices) -> bool:
    """Whether the app listens where `PORT` says, as on other platforms, and nothing else names its port."""
    if choices.port or choices.compose:
        return False
    text = text_of(found.root / str(choices.dockerfile))
    return "PORT" in found.variables_read or re.search(r"\$\{?PORT\b", text) is not None


def _migration(found: Discovery, choices: Choices) -> str:
    command = found.framework.migrate if found.framework else ""
    if choices.compose:
        return f"add a service that runs `{command}` with the app's image; it runs on every release"
    return f"have the image's start command run `{command}` first; it runs whenever an instance starts"


def _variables(found: Discovery, choices: Choices) -> tuple[list[str], list[str]]:
    """Return the lines of [variables] and [secrets]."""
    variables: dict[str, str] = {}
    if choices.engine not in (None, "none") and not choices.compose and found.framework:
        variables = dict(found.framework.variables)
    if _reads_port(found, choices):
        variables["PORT"] = "8080"
    secrets: dict[str, str] = {}
    comments: list[str] = []
    if choices.engine not in (None, "none"):
        for name in _own_variables(found, choices):
            if name in variables or name in DATABASE_VARIABLES or _NOT_IN_PRODUCTION.search(name):
                continue
            rds = None if names_engine(name, found.variables.get(name, "")) else rds_variable(name)
            if rds == "RDS_DB_NAME" and not _names_the_database(name, found, choices):
                continue
            if rds == "RDS_PASSWORD" and "SECRET" in name:
                comments.append(f"# {name}: if it is JSON, as Copilot's, see {DOCS}/coming-from/copilot.md")
            elif rds == "RDS_PASSWORD":
                secrets[name] = f'{name} = {{ database = "password" }}'
            elif rds:
                variables[name] = _SETTINGS[rds]
            elif is_tls_mode(name):
                variables[name] = _tls_mode(
                    found.variables.get(name, ""), found.framework.driver if found.framework else ""
                )
            elif is_of_a_database(name) and re.search(r"UR[IL]$|DSN$", name):
                comments += _url(name, found, choices)
        url = found.framework.url if found.framework and not choices.compose else None
        read = url in (*found.variables, *found.variables_read)
        if url and not read and "{database.host}" not in variables.values():
            comments += _url(url, found, choices)
    lines = [*comments, *(f"{name} = {_toml(value)}" for name, value in variables.items())]
    needed, given = _needed(found, choices), _given(found, choices)
    given |= _build_arguments(found, choices)[0].keys()
    examples = {name: value for name, value in found.variables.items() if name not in needed.keys() | given}
    # Django does not start without its SECRET_KEY, whether or not an example file names it.
    examples |= {name: "" for name in found.variables_read if is_generated(name) and name not in given}
    examples |= {name: "" for name in (found.framework.secrets if found.framework else ()) if name not in given}
    for name, value in (needed | examples).items():
        replaced = is_of_a_database(name) and not names_engine(name, value)
        # Docker Compose's own settings are a developer's.
        if name in variables or (choices.engine not in (None, "none") and replaced) or name.startswith("COMPOSE_"):
            continue
        secret = looks_secret(name, value or "unknown")
        if secret and _IN_PAGES.match(name) and name not in needed:
            lines.append(
                f"# {name} is built into the pages: if everybody may read it, write it into the Dockerfile, as ARG"
            )
        elif secret:
            secrets[name] = _secret(name, choices, required=name in needed)
        else:
            lines.append(f"# {name} = {_toml(value)}")
    for name in _secrets_in_the_file(found, choices):
        secrets.setdefault(name, _secret(name, choices, required=False))
    return lines, list(secrets.values())


def _names_the_database(name: str, found: Discovery, choices: Choices) -> bool:
    """Whether a variable is the database's name: not PostgreSQL's schema, nor a switch such as STORE_IN_DATABASE."""
    if "SCHEMA" in name and choices.engine == "postgres":
        return False
    first = name.partition("_")[0]
    # SHOP_DB_NAME is one where the app has another variable of that prefix for the database, such as SHOP_DB_HOST.
    return is_of_a_database(first) or any(
        one.startswith(f"{first}_") and rds_variable(one) in ("RDS_HOSTNAME", "RDS_USERNAME", "RDS_PASSWORD")
        for one in (*found.variables, *found.variables_read)
    )


def _url(name: str, found: Discovery, choices: Choices) -> Iterator[str]:
    """Yield comments that say how the app gets the database's URL, which holds the password."""
    engine = str(choices.engine)
    if "JDBC" in name or (found.framework and found.framework.language == "Java"):
        yield f"# {name} = {_toml(jdbc_url(engine))}"
        return
    driver = found.framework.driver if found.framework else ""
    url = database_url(engine, found.variables.get(name, ""), driver)
    if choices.compose:
        yield f"# {name} holds the password: have the compose file for production give it to the service:"
        yield f"# {name}: {url}"
    else:
        yield f"# {name} holds the password: have the Dockerfile's command make it, before it starts the app as now:"
        # A shell takes unquoted parentheses for its own.
        quoted = f'\\"{url}\\"' if "(" in url else url
        yield f'# CMD ["sh", "-c", "export {name}={quoted}; exec COMMAND"]'


def _tls_mode(value: str, driver: str) -> str:
    """Return what a variable such as DB_SSLMODE must be, in the letters of the value that it has."""
    # Node.js's `pg` takes `require` for a verification of the server.
    if driver == "pg":
        return "no-verify"
    return "REQUIRED" if value.isupper() else "require"


def _secrets_in_the_file(found: Discovery, choices: Choices) -> Iterator[str]:
    """Yield the variables whose values in the compose file everybody knows who may read it; [secrets] wins over it."""
    if found.compose is None or choices.compose is None:
        return
    replaced = _rds_variables(found.root, found.compose, choices)
    literal: dict[str, str] = {}
    for service in found.compose.built:
        values = environment_of(found.compose.services[service])
        literal |= {name: value for name, value in values.items() if value and name not in replaced.get(service, {})}
    yield from (
        name
        for name, value in literal.items()
        if "$" not in value and not is_of_a_database(name) and looks_secret(name, value)
    )


def _own_variables(found: Discovery, choices: Choices) -> Iterator[str]:
    """Yield the variables that the app reads, as of its source and an example file, and that the stage is to set."""
    if choices.compose and found.compose and len(found.compose.databases) > 1:
        # They may be another database's.
        return
    given = _given(found, choices)
    yield from (name for name in dict.fromkeys((*found.variables, *found.variables_read)) if name not in given)


def _given(found: Discovery, choices: Choices) -> set[str]:
    """Return the variables that the compose file gives services which are built; these get all of the stage's too."""
    if found.compose is None or choices.compose is None:
        return set()
    services = map(found.compose.services.__getitem__, found.compose.built)
    return {name for service in services for name in environment_of(service)}


def _secret(name: str, choices: Choices, *, required: bool) -> str:
    line = secret_line(name, str(choices.name))
    if line.endswith("{ generate = 64 }"):
        return line
    # A compose file cannot be deployed without a variable that it names; an example file may name others.
    return line if required else f"# {line}"


def _needed(found: Discovery, choices: Choices) -> dict[str, str]:
    """Return the variables that services of the compose file take from its environment, with example values."""
    compose = found.compose
    if compose is None or choices.compose is None:
        return {}
    databases = {one.service for one in compose.databases if one.service == choices.compose_service}
    replaced = _rds_variables(found.root, compose, choices)
    needed: dict[str, str] = {}
    for name, service in compose.services.items():
        if name in databases or service.get("profiles"):
            continue
        kept = {key: value for key, value in environment_of(service).items() if key not in replaced.get(name, {})}
        needed |= {key: "" for key, value in kept.items() if value is None}
        texts = (str(value) for value in kept.values() if value is not None)
        needed |= {match[1] or match[2]: "" for text in texts for match in _UNSET.finditer(text)}
    return {name: found.variables.get(name, "") for name in needed if name not in DATABASE_VARIABLES}


def _rds_variables(root: Path, compose: ComposeFacts, choices: Choices) -> dict[str, dict[str, str]]:
    """Return, by service, the variables that name the database or hold its login, with RDS's instead."""
    database = next((one for one in compose.databases if one.service == choices.compose_service), None)
    if database is None:
        return {}
    service = compose.services[database.service]
    names = {database.service, *(str(service[key]) for key in ("container_name", "hostname") if service.get(key))}
    login = Login.of(environment_of(service))
    # Without POSTGRES_DB, PostgreSQL's image gives the database the name of POSTGRES_USER.
    login = replace(login, databases=login.databases or login.users)
    databases = {one.service for one in compose.databases}
    changed: dict[str, dict[str, str]] = {}
    for name, other in compose.services.items():
        # A tool such as phpMyAdmin is left out with the database, unless the file for production names it.
        if name not in compose.apps or other.get("profiles"):
            continue
        values = environment_of(other)
        if len(databases) > 1 and not any(host_of_variable(key, value or "", names) for key, value in values.items()):
            # It may use another one, by variables of the same names.
            continue
        build = other.get("build")
        driver = driver_in(root / compose.folder / build.get("context", "")) if build else ""
        for variable, value in values.items():
            if is_tls_mode(variable) and turns_off_tls(variable, value or ""):
                changed.setdefault(name, {})[variable] = _tls_mode(value or "", driver)
            elif instead := _rds_value(variable, value, names, login, driver):
                changed.setdefault(name, {})[variable] = instead
    return changed


def _rds_value(variable: str, value: str | None, names: set[str], login: Login, driver: str) -> str | None:
    if value is not None and host_of_variable(variable, value, names):
        found = remedy(variable, value, driver).removeprefix(f"{variable}: ")
        return found if "${" in found and " with " not in found else None
    # Of a file that holds the password, `_password_files` replaces the content.
    rds = None if (value or "").startswith("/run/secrets/") else rds_variable(variable)
    if rds in ("RDS_PASSWORD", "RDS_USERNAME", "RDS_DB_NAME") and (value is None or login_in(variable, value, login)):
        return f"${{{rds}}}"
    if rds == "RDS_PASSWORD" or (rds and value and _UNSET.fullmatch(value)):
        return f"${{{rds}}}"
    return "${RDS_PORT}" if rds == "RDS_PORT" else None


def environment_of(service: Mapping[str, Any]) -> dict[str, str | None]:
    """Return a service's `environment` as a mapping, with defaults for variables; None where there is no value."""
    environment = mapping(interpolated(service.get("environment") or {}, ()))
    return {name: None if value is None else str(value) for name, value in environment.items()}


def _database(choices: Choices) -> str:
    if choices.engine in (None, "none"):
        return '# [database]\n# engine = "postgres"  # or "mysql", "mariadb"'
    lines = ["[database]", f"engine = {_toml(choices.engine)}"]
    if choices.version:
        lines.append(f"version = {_toml(choices.version)}")
    if choices.compose_service:
        lines.append(f"compose_service = {_toml(choices.compose_service)}  # development only: RDS replaces it")
    else:
        *names, last = DATABASE_VARIABLES
        lines.insert(1, f"# The app finds {', '.join(names)} and {last} in its environment.")
        lines.insert(2, "# RDS accepts only connections with TLS. What drivers need for that:")
        lines.insert(3, f"# {_TLS}")
    return "\n".join(lines)


def _delivery(found: Discovery, choices: Choices) -> str:
    repository = found.repository or "OWNER/NAME"
    environment = f"{choices.name}-dev" if found.prefix else "dev"
    return (
        "# Deploy from GitHub without an access key, also for [stages.prod]:\n"
        f'# [stages.dev.delivery.github]\n# repository = "{repository}"\n# environment = "{environment}"'
    )


def _stages(choices: Choices) -> str:
    stages = []
    # The presets' own sizes, for x86_64, are t3.micro and t3.small.
    for name, preset, size in (("dev", "small", "micro"), ("prod", "production", "small")):
        types = f'\n\n[stages.{name}.environment]\ninstance_types = ["t4g.{size}"]' if choices.arm64 else ""
        stages.append(f'[stages.{name}]\npreset = "{preset}"{types}')
    return "\n".join(("# Each stage starts from a preset and overrides anything above.", "\n\n".join(stages)))


def _toml(value: str | None) -> str:
    """Return a string of TOML, whose escapes are JSON's."""
    return json.dumps(value, ensure_ascii=False)


def _table(name: str, lines: list[str]) -> str:
    if not lines:
        return ""
    commented = all(line.startswith("#") for line in lines)
    return "\n".join((f"# [{name}]" if commented else f"[{name}]", *lines))
