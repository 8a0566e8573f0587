"""Variables of the stage reach the containers through `.env`, which Elastic Beanstalk writes on the instance.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/create_deploy_docker.container.console.html: a value in the
compose file wins over the one in `.env`.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

from beanpod.deploy.bundles.compose.database import (
    holds_password,
    host_in,
    host_of_variable,
    is_of_a_database,
    is_password,
    login_in,
    rds_variable,
    remedy,
    texts_of,
)
from beanpod.deploy.bundles.compose.model import Invalid, ReplacedDatabase, TransformContext, Tree, at

ENV_FILE = ".env"
# A password, an address or a connection string with one.
_HOLDS_PASSWORD = re.compile(r"pass|pwd|://[^/@]*:[^/@]*@|:[^:@]*@tcp", re.IGNORECASE)
# Names of the machine in its containers, and in those with network_mode host.
_HOST = ("host.docker.internal", "172.17.0.1")
_LOOPBACK = ("localhost", "127.0.0.1")


def transform_environment(context: TransformContext) -> None:
    """Give built services all variables of the stage, other services those that they name."""
    for name, service in context.services.items():
        _remove_development_values(context, name, service)
        _ensure_files(context, name, service)
        if context.replaced:
            _check_variables(context, name, service, context.replaced)
            _check_commands(context, name, service, context.replaced)


def _remove_development_values(context: TransformContext, name: str, service: Tree) -> None:
    """Remove values that would win over those of the stage, such as the development database's password."""
    kept = dict(_production_values(context, name, service.get("environment", {})))
    if kept:
        service["environment"] = kept
    else:
        service.pop("environment", None)


def _production_values(context: TransformContext, name: str, values: Tree) -> Iterator[tuple[str, Any]]:
    for variable, value in values.items():
        if "$" in variable:
            context.findings.problem(
                at(name, "environment", variable), "the name of a variable cannot contain a variable: write it out"
            )
        elif variable not in context.settings.provided:
            yield variable, _given(context, name, variable, value)
        elif name not in context.built:
            yield variable, f"${{{variable}}}"


def _given(context: TransformContext, name: str, variable: str, value: Any) -> Any:
    if value is None:
        text = f"{variable} is not set on Elastic Beanstalk: give it a value, or add it to [variables] or [secrets]"
        context.findings.problem(at(name, "environment", variable), text)
    return value


def _ensure_files(context: TransformContext, name: str, service: Tree) -> None:
    """Keep `.env`, and of other env files those that the file for production names."""
    where = at(name, "env_file")
    allowed = [_path(entry) for entry in context.production_entries(name, "env_file")]
    kept: dict[str, Any] = {}
    for entry in service.pop("env_file", ()):
        path = _path(entry)
        if is_of_beanstalk(context, path):
            kept[ENV_FILE] = _as_beanstalk_writes(entry)
        elif path in allowed:
            kept[path] = entry
        elif isinstance(entry, dict) and is_optional(entry):
            context.findings.note(where, f"left out: {path}{_variables_in(context, path)}")
        else:
            text = f"{path} is not uploaded: move what the service needs{_variables_in(context, path, ' of ')}"
            override = f"write env_file: !override .env in {context.production_name}"
            name_it = f"or, if it holds no secret, name it in {context.production_name}"
            context.findings.problem(where, f"{text} to [variables] and [secrets], and {override}, {name_it}")
    if name in context.built and ENV_FILE not in kept:
        kept[ENV_FILE] = ENV_FILE
    if kept:
        service["env_file"] = list(kept.values())


def is_of_beanstalk(context: TransformContext, path: str) -> bool:
    """Whether Elastic Beanstalk writes this env file: `.env` beside the compose file or the manifest."""
    settings = context.settings
    to_yaml = {os.path.normpath(place / ENV_FILE) for place in (settings.root, settings.folder)}
    return os.path.normpath(settings.folder / path) in to_yaml


def is_optional(entry: Tree) -> bool:
    """Whether the file may be missing: https://docs.docker.com/reference/compose-file/services/#required."""
    return str(entry.get("required", True)).lower() == "false"


def _as_beanstalk_writes(entry: Any) -> Any:
    """Remove the format `raw`: Elastic Beanstalk doubles each dollar, which that would not undo."""
    if isinstance(entry, dict):
        return {key: value for key, value in entry.items() if key != "format"}
    return entry


def _variables_in(context: TransformContext, path: str, introduction: str = ", and with it ") -> str:
    """List the variables that an env file sets for a message; none if it cannot be read."""
    names = assignments(context, path)
    return f"{introduction}{', '.join(names)}" if names else ""


def assignments(context: TransformContext, path: str) -> dict[str, str]:
    """Return what an env file of the project sets; nothing if it cannot be read.

    https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
    """
    if path.startswith("/"):
        return {}
    try:
        lines = (context.settings.folder / path).read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError):
        return {}
    pairs = (line.strip().removeprefix("export ").partition("=") for line in lines)
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs if name and not name.startswith("#")}


def paths_of(service: Tree) -> list[str]:
    """List the env files of a service."""
    return [_path(entry) for entry in service.get("env_file", ())]


def _path(entry: Any) -> str:
    path = str(entry.get("path") if isinstance(entry, dict) else entry)
    return path.removeprefix("./")


def _check_variables(context: TransformContext, name: str, service: Tree, replaced: ReplacedDatabase) -> None:
    """Refuse variables with the development database's host or login, which RDS replaces."""
    values = service.get("environment", {})
    on_host = service.get("network_mode") == "host"
    for variable, value in values.items():
        if isinstance(value, Invalid):
            values[variable] = _with_rds(variable, value)
        elif problem := _of_the_database(context, variable, "" if value is None else str(value), on_host=on_host):
            context.findings.problem(at(name, "environment", variable), problem)
        elif is_password(variable) and str(value) in replaced.login.passwords:
            text = (
                f"is also the password of service {replaced.names[0]}: if it is for RDS, write {variable}: "
                "${RDS_PASSWORD}"
            )
            context.findings.note(at(name, "environment", variable), text)
    for path in paths_of(service):
        travelling = {} if is_of_beanstalk(context, path) else assignments(context, path)
        for variable in sorted(travelling.keys() - values.keys() - context.settings.provided):
            if problem := _of_the_database(context, variable, travelling[variable], on_host=on_host):
                context.findings.problem(at(name, "env_file"), f"{variable} in {path} {problem}")


def _of_the_database(context: TransformContext, variable: str, value: str, *, on_host: bool) -> str | None:
    replaced = context.replaced
    if replaced is None:
        return None
    rds = login_in(variable, value, replaced.login)
    table = "[secrets]" if rds == "RDS_PASSWORD" or _HOLDS_PASSWORD.search(value) else "[variables]"
    elsewhere = f"in {context.production_name}, or put {variable} into {table}"
    local = (*_HOST, *(_LOOPBACK if on_host else ())) if is_of_a_database(variable) else ()
    if host := host_of_variable(variable, value, (*replaced.names, *local)):
        return f"refers to {_titled(host, replaced)}, which RDS replaces: write {remedy(variable, value)} {elsewhere}"
    if holds_password(value, replaced.login):
        text = f"contains the login of service {replaced.names[0]}, not that of RDS"
        return f"{text}: write {remedy(variable, value)} {elsewhere}"
    if rds:
        return f"is the login of service {replaced.names[0]}, not that of RDS: write {variable}: ${{{rds}}} {elsewhere}"
    return None


def _with_rds(variable: str, value: Invalid) -> Invalid:
    rds = rds_variable(variable)
    return Invalid(value, f"{value.problem}; for RDS write {variable}: ${{{rds}}}") if rds else value


def _titled(host: str, replaced: ReplacedDatabase) -> str:
    name = replaced.names[0]
    return f"service {name}" if host == name else f"{host} (service {name})"


def _check_commands(context: TransformContext, name: str, service: Tree, replaced: ReplacedDatabase) -> None:
    for key, text in texts_of(service):
        if host := host_in(text, replaced.names):
            # Compose appends the hooks of the second file, and replaces commands.
            override = f"{key}: !override with " if key in ("post_start", "pre_start", "pre_stop") else ""
            context.findings.problem(
                at(name, key),
                f"refers to {_titled(host, replaced)}, which RDS replaces: write {override}${{RDS_HOSTNAME}} and "
                f"${{RDS_PORT}} in {context.production_name}, or do not wait: RDS is available before the release",
            )
