"""Variables: what the stage gives reaches the containers through `.env`, which Beanstalk writes on the instance.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/create_deploy_docker.container.console.html: a value in the
compose file wins over the one in `.env`.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from deploy.bundles.compose.draft import Draft, Tree
from deploy.bundles.compose.findings import at

ENV_FILE = ".env"
_MOVE = (
    "move what the service needs to [variables] and [secrets], and write env_file: !override .env in compose.prod.yaml"
)
_ADDRESSES = re.compile(r"HOST|SERVER|ADDR|URL|URI|DSN|ENDPOINT", re.IGNORECASE)


def ensure_variables(draft: Draft) -> None:
    """A service of ours gets all variables of the stage, any other one those that it asks for by name."""
    for name, service in draft.services.items():
        _take_development_values_out(draft, name, service)
        _ensure_files(draft, name, service)
        _check_hosts(draft, name, service)


def _take_development_values_out(draft: Draft, name: str, service: Tree) -> None:
    """The development database's password in the file would win over the real one of the stage."""
    kept = dict(_production_values(draft, name, service.get("environment", {})))
    if kept:
        service["environment"] = kept
    else:
        service.pop("environment", None)


def _production_values(draft: Draft, name: str, values: Tree) -> Iterator[tuple[str, Any]]:
    for variable, value in values.items():
        if "$" in variable:
            draft.findings.problem(at(name, "environment", variable), "a name is no variable itself: write it out")
        elif variable not in draft.setting.provided:
            yield variable, _given(draft, name, variable, value)
        elif name not in draft.built:
            yield variable, f"${{{variable}}}"


def _given(draft: Draft, name: str, variable: str, value: Any) -> Any:
    if value is None:
        text = f"nothing gives {variable} on Beanstalk: give it a value, or put it into [variables] or [secrets]"
        draft.findings.problem(at(name, "environment", variable), text)
    return value


def _ensure_files(draft: Draft, name: str, service: Tree) -> None:
    """Other files than `.env` hold the developer's values, or secrets: only the file for production may name one."""
    allowed = [_path(entry) for entry in draft.said_for_production(name, "env_file")]
    kept = []
    for entry in service.pop("env_file", ()):
        if PurePosixPath(_path(entry)).name == ENV_FILE or _path(entry) in allowed:
            kept.append(entry)
        elif isinstance(entry, dict) and entry.get("required") is False:
            draft.findings.note(at(name, "env_file"), f"left out: {_path(entry)}")
        else:
            draft.findings.problem(at(name, "env_file"), f"{_path(entry)} stays on this machine: {_MOVE}")
    if name in draft.built and ENV_FILE not in map(_path, kept):
        kept.append(ENV_FILE)
    if kept:
        service["env_file"] = kept


def _path(entry: Any) -> str:
    path = str(entry.get("path") if isinstance(entry, dict) else entry)
    return path.removeprefix("./")


def _check_hosts(draft: Draft, name: str, service: Tree) -> None:
    """A variable that names the database's service leads nowhere once RDS has taken its place."""
    database = draft.setting.database_service
    if database is None:
        return
    within = re.compile(rf"(?:@|//){re.escape(database)}(?:[:/?]|$)")
    for variable, value in service.get("environment", {}).items():
        text = str(value)
        host = text.partition(":")[0] == database and _ADDRESSES.search(variable)
        if host or within.search(text):
            remedy = f"read RDS_HOSTNAME and its like instead, or put {variable} into [variables] or [secrets]"
            draft.findings.problem(at(name, "environment", variable), f"names service {database}: {remedy}")
