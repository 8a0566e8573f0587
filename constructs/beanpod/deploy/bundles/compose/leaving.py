"""What is for development only leaves: services with a profile, the database, and what only these need."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from beanpod.deploy.bundles.compose.database import Login
from beanpod.deploy.bundles.compose.draft import WEB_PORT, Draft, Replaced, Tree
from beanpod.deploy.bundles.compose.entries import Volume
from beanpod.deploy.bundles.compose.environment import assignments, paths_of
from beanpod.deploy.bundles.compose.findings import at
from beanpod.deploy.bundles.compose.names import given_names, names_of

# Where the images of databases look for what to run at their first start: https://hub.docker.com/_/postgres.
_INITIAL = "/docker-entrypoint-initdb.d"
_DATABASE_IMAGE = re.compile(
    r"(?:^|/)(?:postgres(?:ql)?|postgis|timescaledb|mysql(?:-server)?|mariadb|percona)(?:[:@]|$)"
)
_SHARED = ("network_mode", "ipc", "pid")


def remove_profiles(draft: Draft) -> None:
    """Compose on Beanstalk starts no profile: a service that has one would be dead text."""
    leaving = [name for name, service in draft.services.items() if service.get("profiles") and not _is_rds(draft, name)]
    for name in leaving:
        draft.findings.note(at(name), "left out: it has a profile")
        del draft.services[name]
    for name, service in draft.services.items():
        optional = [other for other in leaving if _is_optional(service.get("depends_on", {}).get(other))]
        for other in optional:
            draft.findings.note(at(name, "depends_on"), f"{other} left out, as it is not required")
        _forget(service, optional)


def _is_rds(draft: Draft, name: str) -> bool:
    return name == draft.setting.database_service


def _is_optional(dependency: Tree | None) -> bool:
    """Whether a service is started without this one: https://docs.docker.com/reference/compose-file/services/#depends_on."""
    return str((dependency or {}).get("required", True)).lower() == "false"


def remove_database(draft: Draft) -> None:
    """RDS takes the place of the service that the manifest names; what is only there for it goes as well."""
    database = draft.setting.database_service
    if database is None:
        _note_beside_rds(draft)
        return
    if database not in draft.services:
        known = ", ".join(draft.services)
        draft.findings.problem("database.compose_service", f"there is no service {database}: name one of {known}")
        return
    companions = _companions(draft, database)
    draft.replaced = Replaced(
        names=tuple(dict.fromkeys([*names_of(database, draft.services), *given_names(draft, database)])),
        login=Login.of(_environment(draft, draft.services[database])),
    )
    _check_shared_secrets(draft, database)
    scripts = [volume for volume in _volumes(draft.services[database]) if volume.target.startswith(_INITIAL)]
    del draft.services[database]
    draft.findings.note(at(database), "left out: replaced by RDS")
    for script in scripts:
        text = f"left out: {script.source} is not run on RDS, which starts empty: load it with a migration of the app"
        draft.findings.note(at(database, "volumes"), text)
    for name in companions:
        del draft.services[name]
        draft.findings.note(at(name), f"left out with {database}; to keep it, name it in {draft.production_name}")
    for service in draft.services.values():
        _forget(service, {database, *companions})


def _note_beside_rds(draft: Draft) -> None:
    """A stage with a database of RDS whose compose file still runs one of its own."""
    for name, service in draft.services.items() if "RDS_HOSTNAME" in draft.setting.provided else ():
        if _DATABASE_IMAGE.search(str(service.get("image", ""))):
            text = f'runs in addition to RDS; to leave it out, write compose_service = "{name}" in [database]'
            draft.findings.note(at(name), text)


def _environment(draft: Draft, service: Tree) -> Tree:
    """What a service finds as variables, of its files as well."""
    files = {key: value for path in paths_of(service) for key, value in assignments(draft, path).items()}
    return {**files, **(service.get("environment") or {})}


def _check_shared_secrets(draft: Draft, database: str) -> None:
    """The development database's password, as a file: of no use with RDS, and not for a bundle."""
    own = {name for section, name in _resources(draft.services[database]) if section == "secrets"}
    files = {name for name, definition in draft.declared("secrets") if definition.get("file")}
    for name, service in draft.services.items():
        shared = own & files & {used for section, used in _resources(service) if section == "secrets"}
        for secret in sorted(shared if name != database else ()):
            text = f"is the password of service {database}: write environment: RDS_PASSWORD there instead of file"
            draft.findings.problem(f"secrets.{secret}", text)


def _companions(draft: Draft, database: str) -> list[str]:
    """Tools for the database such as adminer: an image off the shelf that depends on it and that nothing else needs.

    Never the service that requests reach, nor one that `compose.prod.yaml` names, nor anything where no image is
    ours: there an image off the shelf may be the app.
    """
    kept = {database, *draft.built, *draft.production.get("services", {}), *_reached(draft)}
    leaving = [
        name
        for name, service in draft.services.items()
        if draft.built and name not in kept and database in set(needs(service))
    ]
    while needed := [name for name in leaving if name in _needed_by_others(draft, {database, *leaving})]:
        leaving = [name for name in leaving if name not in needed]
    return leaving


def _reached(draft: Draft) -> Iterator[str]:
    return (name for name, port in draft.ports() if port.published_at(WEB_PORT))


def _needed_by_others(draft: Draft, leaving: Collection[str]) -> set[str]:
    staying = (service for name, service in draft.services.items() if name not in leaving)
    return {name for service in staying for name in needs(service)}


def needs(service: Tree) -> Iterator[str]:
    """The services that a service refers to."""
    yield from service.get("depends_on", {})
    for key in ("links", "volumes_from"):
        yield from (_referred(entry) for entry in service.get(key, ()) if not str(entry).startswith("container:"))
    for key in _SHARED:
        kind, colon, name = str(service.get(key, "")).partition(":")
        if kind == "service" and colon:
            yield name


def _referred(entry: Any) -> str:
    return str(entry).partition(":")[0]


def _forget(service: Tree, gone: Collection[str]) -> None:
    """Take the references to services out that need no other remedy."""
    if "depends_on" in service:
        service["depends_on"] = {name: how for name, how in service["depends_on"].items() if name not in gone}
    if "links" in service:
        service["links"] = [entry for entry in service["links"] if _referred(entry) not in gone]
    for key in ("depends_on", "links"):
        if key in service and not service[key]:
            del service[key]


def remove_unused(draft: Draft) -> None:
    """Networks, volumes, secrets and configs that no service uses any more."""
    used = {resource for service in draft.services.values() for resource in _resources(service)}
    used.add(("networks", "default"))
    for section in ("networks", "volumes", "secrets", "configs"):
        declared = draft.tree.get(section) or {}
        draft.tree[section] = {name: value for name, value in declared.items() if (section, name) in used}


def _volumes(service: Tree) -> Iterator[Volume]:
    return (volume for volume in service.get("volumes", ()) if isinstance(volume, Volume))


def _resources(service: Tree) -> Iterator[tuple[str, str]]:
    yield from (("networks", name) for name in service.get("networks", {}))
    yield from (("volumes", volume.source) for volume in _volumes(service) if volume.is_named)
    for section in ("secrets", "configs"):
        for entry in service.get(section, ()):
            yield section, str(entry.get("source") if isinstance(entry, dict) else entry)
