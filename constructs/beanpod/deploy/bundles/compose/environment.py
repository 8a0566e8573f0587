"""Variables of the stage reach the containers through `.env`, which Elastic Beanstalk writes on the instance.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/create_deploy_docker.container.console.html: a value in the
compose file wins over the one in `.env`.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

from beanpod.deploy.bundles.compose.database import (
    driver_in,
    holds_password,
    host_in,
    host_of_variable,
    is_of_a_database,
    is_password,
    login_in,
    remedy,
    texts_of,
    turns_off_tls,
)
from beanpod.deploy.bundles.compose.development import is_set_for_development
from beanpod.deploy.bundles.compose.model import ReplacedDatabase, TransformContext, Tree, at, is_optional
from beanpod.deploy.bundles.files import env_values, text_of
from beanpod.manifest.secret_like import looks_secret, secret_line

ENV_FILE = ".env"
# A password, an address or a connection string with one.
_HOLDS_PASSWORD = re.compile(r"pass|pwd|://[^/@]*:[^/@]*@|:[^:@]*@tcp", re.IGNORECASE)
# Names of the machine in its containers, and in those with network_mode host.
_HOST = ("host.docker.internal", "172.17.0.1")
_LOOPBACK = ("localhost", "127.0.0.1")


def transform_environment(context: TransformContext) -> None:
    """Give built services all variables of the stage, other services those that they name."""
    for name, service in context.services.items():
        # Without values that would win over those of the stage, such as the development database's password.
        service["environment"] = dict(_production_values(context, name, service.get("environment", {})))
        service["env_file"] = _env_files(context, name, service.get("env_file", ()))
        if context.replaced:
            _check_variables(context, name, service, context.replaced)
            _check_commands(context, name, service, context.replaced)
        for key in ("environment", "env_file"):
            if not service[key]:
                del service[key]


def _production_values(context: TransformContext, name: str, values: Tree) -> Iterator[tuple[str, Any]]:
    for variable, value in values.items():
        where = at(name, "environment", variable)
        if "$" in variable:
            context.problem(where, "the name of a variable cannot contain a variable: write it out")
        elif variable not in context.variables:
            if value is None:
                remedy = f"give it a value, or add it to [variables] or [secrets]{cdk_app_remedy(context, name)}"
                context.problem(where, f"{variable} is not set on Elastic Beanstalk: {remedy}")
            elif name in context.built:
                _note_value(context, name, variable, str(value))
            yield variable, value
        elif name not in context.built:
            yield variable, f"${{{variable}}}"


def cdk_app_remedy(context: TransformContext, service: str) -> str:
    """Say how a service gets a variable that only the CDK app sets, which the manifest does not know."""
    how = "leave this line out" if service in context.built else "write env_file: .env instead"
    return f"; if your CDK app sets it, {how}"


def _note_value(context: TransformContext, name: str, variable: str, value: str) -> None:
    """Note a value of the file that is hardly meant for production. Those of the stage win over the file."""
    where = at(name, "environment")
    if is_set_for_development(variable, value):
        text = f"{variable}={value} is for development: write another value into [variables], which win over the file"
        context.note(where, text)
    elif _is_secret(context, variable, value):
        text = (
            f"{variable} stands in the file in plain text: move it to [secrets], which wins over the file, such "
            f"as {secret_line(variable, context.stage.service.name)}"
        )
        context.note(where, text)


def _is_secret(context: TransformContext, variable: str, value: str) -> bool:
    """Whether a value of the file looks like a secret. Those of a database have a check of their own."""
    if "$" in value or is_of_a_database(variable) or looks_secret(variable, value) is None:
        return False
    return context.replaced is None or value not in context.replaced.login.passwords


def _env_files(context: TransformContext, name: str, entries: list[Tree]) -> list[Tree]:
    """Return `.env`, and of other env files those that the file for production names."""
    allowed = [_path(entry) for entry in context.production_entries(name, "env_file")]
    kept: dict[str, Tree] = {}
    for entry in entries:
        path = _path(entry)
        variables = ", ".join(assignments(context, path))
        if is_of_beanstalk(context, path):
            # Not in the format `raw`: Elastic Beanstalk doubles each dollar, which that would not undo.
            kept[ENV_FILE] = {key: value for key, value in entry.items() if key != "format"}
        elif path in allowed:
            kept[path] = entry
        elif is_optional(entry):
            and_with_it = f", and with it {variables}" if variables else ""
            context.note(at(name, "env_file"), f"left out: {path}{and_with_it}")
        else:
            needs = f"what the service needs{f' of {variables}' if variables else ''}"
            instead = f"write env_file: !override .env in {context.production_name}"
            named = f"or, if it holds no secret, name it in {context.production_name}"
            text = f"{path} is not uploaded: move {needs} to [variables] and [secrets], and {instead}, {named}"
            context.problem(at(name, "env_file"), text)
    if name in context.built:
        kept.setdefault(ENV_FILE, {"path": ENV_FILE, "required": True})
    return list(kept.values())


def is_of_beanstalk(context: TransformContext, path: str) -> bool:
    """Whether Elastic Beanstalk writes this env file: `.env` beside the compose file or the manifest."""
    written = {os.path.normpath(place / ENV_FILE) for place in (context.root, context.folder)}
    return os.path.normpath(context.folder / path) in written


def assignments(context: TransformContext, path: str) -> dict[str, str]:
    """Return what an env file of the project sets; nothing if it cannot be read."""
    return {} if path.startswith("/") else env_values(text_of(context.folder / path))


def env_paths(service: Tree) -> list[str]:
    """List the env files of a service."""
    return [_path(entry) for entry in service.get("env_file", ())]


def _path(entry: Tree) -> str:
    return str(entry["path"]).removeprefix("./")


def _check_variables(context: TransformContext, name: str, service: Tree, replaced: ReplacedDatabase) -> None:
    """Refuse variables with the development database's host or login, which RDS replaces."""
    values = service["environment"]
    for variable, value in values.items():
        text, where = "" if value is None else str(value), at(name, "environment", variable)
        if problem := _of_the_database(context, name, replaced, variable, text):
            context.problem(where, problem)
        elif is_password(variable) and text in replaced.login.passwords:
            same = f"is also the password of service {replaced.names[0]}: if it is for RDS, write {variable}: "
            context.note(where, f"{same}${{RDS_PASSWORD}}")
        elif turns_off_tls(variable, text):
            how = "docs/variables.md says what the app's driver needs"
            context.note(where, f"turns off TLS, without which RDS accepts no connection: {how}")
    for path in env_paths(service):
        uploaded = {} if is_of_beanstalk(context, path) else assignments(context, path)
        for variable in sorted(uploaded.keys() - values.keys() - context.variables.keys()):
            if problem := _of_the_database(context, name, replaced, variable, uploaded[variable]):
                context.problem(at(name, "env_file"), f"{variable} in {path} {problem}")


def _of_the_database(
    context: TransformContext, service: str, replaced: ReplacedDatabase, variable: str, value: str
) -> str | None:
    rds = login_in(variable, value, replaced.login)
    table = "[secrets]" if rds == "RDS_PASSWORD" or _HOLDS_PASSWORD.search(value) else "[variables]"
    elsewhere = f"in {context.production_name}, or put {variable} into {table}"
    on_host = context.services[service].get("network_mode") == "host"
    local = (*_HOST, *(_LOOPBACK if on_host else ())) if is_of_a_database(variable) else ()
    instead = remedy(variable, value, driver_in(context.spec(service).context) if service in context.built else "")
    if host := host_of_variable(variable, value, (*replaced.names, *local)):
        return f"refers to {_titled(host, replaced)}, which RDS replaces: write {instead} {elsewhere}"
    login = f"the login of service {replaced.names[0]}, not that of RDS: write"
    if holds_password(value, replaced.login):
        return f"contains {login} {instead} {elsewhere}"
    return f"is {login} {variable}: ${{{rds}}} {elsewhere}" if rds else None


def _titled(host: str, replaced: ReplacedDatabase) -> str:
    name = replaced.names[0]
    return f"service {name}" if host == name else f"{host} (service {name})"


def _check_commands(context: TransformContext, name: str, service: Tree, replaced: ReplacedDatabase) -> None:
    for key, text in texts_of(service):
        if host := host_in(text, replaced.names):
            # Compose appends the hooks of the second file, and replaces commands.
            override = f"{key}: !override with " if key in ("post_start", "pre_start", "pre_stop") else ""
            context.problem(
                at(name, key),
                f"refers to {_titled(host, replaced)}, which RDS replaces: write {override}${{RDS_HOSTNAME}} and "
                f"${{RDS_PORT}} in {context.production_name}, or do not wait: RDS is available before the release",
            )
