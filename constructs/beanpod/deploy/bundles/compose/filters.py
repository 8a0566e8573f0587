"""Leave out what is for development only, and keep the names by which services reach each other."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from beanpod.deploy.bundles.compose.database import Login
from beanpod.deploy.bundles.compose.environment import assignments, paths_of
from beanpod.deploy.bundles.compose.model import WEB_PORT, Invalid, ReplacedDatabase, TransformContext, Tree, Volume, at

# The scripts that database images run at their first start: https://hub.docker.com/_/postgres.
_INITIAL = "/docker-entrypoint-initdb.d"
_DATABASE_IMAGE = re.compile(
    r"(?:^|/)(?:postgres(?:ql)?|postgis|timescaledb|mysql(?:-server)?|mariadb|percona)(?:[:@]|$)"
)
_SHARED = ("network_mode", "ipc", "pid")


def remove_profiles(context: TransformContext) -> None:
    """Remove services with a profile, which Compose on Elastic Beanstalk does not start."""
    removed = [
        name for name, service in context.services.items() if service.get("profiles") and not _is_rds(context, name)
    ]
    for name in removed:
        context.findings.note(at(name), "left out: it has a profile")
        del context.services[name]
    for name, service in context.services.items():
        optional = [other for other in removed if _is_optional(service.get("depends_on", {}).get(other))]
        for other in optional:
            context.findings.note(at(name, "depends_on"), f"{other} left out, as it is not required")
        _remove_references(service, optional)


def _is_rds(context: TransformContext, name: str) -> bool:
    return name == context.settings.database_service


def _is_optional(dependency: Tree | None) -> bool:
    """Whether a service starts without this one: https://docs.docker.com/reference/compose-file/services/#depends_on."""
    return str((dependency or {}).get("required", True)).lower() == "false"


def remove_database(context: TransformContext) -> None:
    """Remove the database that RDS replaces, and the tools that exist only for it."""
    database = context.settings.database_service
    if database is None:
        _note_beside_rds(context)
        return
    if database not in context.services:
        known = ", ".join(context.services)
        context.findings.problem("database.compose_service", f"there is no service {database}: name one of {known}")
        return
    companions = _database_tools(context, database)
    context.replaced = ReplacedDatabase(
        names=tuple(dict.fromkeys([*host_names(database, context.services), *generated_names(context, database)])),
        login=Login.of(_environment(context, context.services[database])),
    )
    _check_shared_secrets(context, database)
    scripts = [volume for volume in _volumes(context.services[database]) if volume.target.startswith(_INITIAL)]
    del context.services[database]
    context.findings.note(at(database), "left out: replaced by RDS")
    for script in scripts:
        text = f"left out: {script.source} is not run on RDS, which starts empty: load it with a migration of the app"
        context.findings.note(at(database, "volumes"), text)
    for name in companions:
        del context.services[name]
        context.findings.note(at(name), f"left out with {database}; to keep it, name it in {context.production_name}")
    for service in context.services.values():
        _remove_references(service, {database, *companions})


def _note_beside_rds(context: TransformContext) -> None:
    """Note databases that run in addition to RDS."""
    for name, service in context.services.items() if "RDS_HOSTNAME" in context.settings.provided else ():
        if _DATABASE_IMAGE.search(str(service.get("image", ""))):
            text = f'runs in addition to RDS; to leave it out, write compose_service = "{name}" in [database]'
            context.findings.note(at(name), text)


def _environment(context: TransformContext, service: Tree) -> Tree:
    """Return the variables of a service, those of its env files included."""
    files = {key: value for path in paths_of(service) for key, value in assignments(context, path).items()}
    return {**files, **(service.get("environment") or {})}


def _check_shared_secrets(context: TransformContext, database: str) -> None:
    """Refuse secrets with the development database's password in a file."""
    own = {name for section, name in _resources(context.services[database]) if section == "secrets"}
    files = {name for name, definition in context.declared("secrets") if definition.get("file")}
    for name, service in context.services.items():
        shared = own & files & {used for section, used in _resources(service) if section == "secrets"}
        for secret in sorted(shared if name != database else ()):
            text = f"is the password of service {database}: write environment: RDS_PASSWORD there instead of file"
            context.findings.problem(f"secrets.{secret}", text)


def _database_tools(context: TransformContext, database: str) -> list[str]:
    """List tools for the database such as adminer: pulled images that depend on it and that nothing else needs.

    Never the service that requests reach, nor one that `compose.prod.yaml` names, nor anything where no image is
    ours: there an image off the shelf may be the app.
    """
    kept = {database, *context.built, *context.production.get("services", {}), *_reached(context)}
    removed = [
        name
        for name, service in context.services.items()
        if context.built and name not in kept and database in set(dependencies(service))
    ]
    while needed := [name for name in removed if name in _needed_by_others(context, {database, *removed})]:
        removed = [name for name in removed if name not in needed]
    return removed


def _reached(context: TransformContext) -> Iterator[str]:
    return (name for name, port in context.ports() if port.published_at(WEB_PORT))


def _needed_by_others(context: TransformContext, removed: Collection[str]) -> set[str]:
    staying = (service for name, service in context.services.items() if name not in removed)
    return {name for service in staying for name in dependencies(service)}


def dependencies(service: Tree) -> Iterator[str]:
    """Yield the services that a service refers to."""
    yield from service.get("depends_on", {})
    for key in ("links", "volumes_from"):
        yield from (_referred(entry) for entry in service.get(key, ()) if not str(entry).startswith("container:"))
    for key in _SHARED:
        kind, colon, name = str(service.get(key, "")).partition(":")
        if kind == "service" and colon:
            yield name


def _referred(entry: Any) -> str:
    return str(entry).partition(":")[0]


def _remove_references(service: Tree, dropped: Collection[str]) -> None:
    """Remove the references to services that are left out."""
    if "depends_on" in service:
        service["depends_on"] = {name: how for name, how in service["depends_on"].items() if name not in dropped}
    if "links" in service:
        service["links"] = [entry for entry in service["links"] if _referred(entry) not in dropped]
    for key in ("depends_on", "links"):
        if key in service and not service[key]:
            del service[key]


def remove_unused(context: TransformContext) -> None:
    """Remove networks, volumes, secrets and configs that no service uses."""
    used = {resource for service in context.services.values() for resource in _resources(service)}
    used.add(("networks", "default"))
    for section in ("networks", "volumes", "secrets", "configs"):
        declared = context.tree.get(section) or {}
        context.tree[section] = {name: value for name, value in declared.items() if (section, name) in used}


def _volumes(service: Tree) -> Iterator[Volume]:
    return (volume for volume in service.get("volumes", ()) if isinstance(volume, Volume))


def _resources(service: Tree) -> Iterator[tuple[str, str]]:
    yield from (("networks", name) for name in service.get("networks", {}))
    yield from (("volumes", volume.source) for volume in _volumes(service) if volume.is_named)
    for section in ("secrets", "configs"):
        for entry in service.get(section, ()):
            yield section, str(entry.get("source") if isinstance(entry, dict) else entry)


_SHARED = ("network_mode", "ipc", "pid")


def transform_names(context: TransformContext) -> None:
    """Replace container names by aliases and by references to services.

    Nothing else runs on an instance: another container is refused.
    """
    named = container_names(context.services)
    for name, service in context.services.items():
        _name_services(context, name, service, named)
    for alias, name in named.items():
        service = context.services[name]
        if alias != name and "network_mode" not in service:
            service["networks"] = with_alias(service.get("networks") or {"default": None}, alias)
    _keep_generated_names(context)
    for name, service in context.services.items():
        if container := service.get("container_name"):
            kept = named.get(container) == name and "network_mode" not in service
            how = f"other services still reach it as {container}" if kept else f"the service is named {name}"
            context.findings.note(at(name, "container_name"), f"left out: {how}")


def _keep_generated_names(context: TransformContext) -> None:
    """Add aliases for the container names that Compose generates, which differ on the instance, where they are used."""
    values = " ".join(
        str(value) for service in context.services.values() for value in (service.get("environment") or {}).values()
    )
    for name, service in context.services.items():
        for given in generated_names(context, name):
            if re.search(rf"(?<![\w.-]){re.escape(given)}(?![\w.-])", values) and "network_mode" not in service:
                service["networks"] = with_alias(service.get("networks") or {"default": None}, given)
                context.findings.note(
                    at(name),
                    f"other services still reach it as {given}, which is not its name on the instance",
                )


def generated_names(context: TransformContext, name: str) -> tuple[str, str]:
    """Return the names that Compose generates for the first container of a service, in its versions 2 and 1.

    https://docs.docker.com/compose/how-tos/project-name/: the project is named by the file, or after its folder.
    """
    project = str(context.tree.get("name") or context.settings.folder.name).lower()
    project = re.sub(r"[^a-z0-9_-]", "", project)
    return f"{project}-{name}-1", f"{project}_{name}_1"


def container_names(services: Mapping[str, Tree]) -> dict[str, str]:
    """Return the services by their container names, without those that hold an undefined variable."""
    names = {name: service.get("container_name") for name, service in services.items()}
    return {str(given): name for name, given in names.items() if given and not isinstance(given, Invalid)}


def with_alias(networks: Tree, alias: str) -> Tree:
    """Return the networks of a service with one more alias on each."""
    return {
        network: {**(keys or {}), "aliases": list(dict.fromkeys([*((keys or {}).get("aliases") or ()), alias]))}
        for network, keys in networks.items()
    }


def _name_services(context: TransformContext, name: str, service: Tree, named: Mapping[str, str]) -> None:
    def service_of(container: str, key: str) -> str | None:
        if container in named or container in context.services:
            return named.get(container, container)
        text = f"there is no container {container} on the instance: name a service of this file"
        context.findings.problem(at(name, key), text)
        return None

    for key in _SHARED:
        kind, colon, container = str(service.get(key, "")).partition(":")
        if kind == "container" and colon:
            other = service_of(container, key)
            service[key] = f"service:{other}" if other else None
    for key, converted in (("volumes_from", _volumes_from), ("external_links", _link)):
        entries = [converted(str(entry), service_of) for entry in service.pop(key, ())]
        if kept := [entry for entry in entries if entry]:
            into = "links" if key == "external_links" else key
            service[into] = [*service.get(into, ()), *kept]


def _volumes_from(entry: str, service_of: Callable[[str, str], str | None]) -> str | None:
    kind, _, rest = entry.partition(":")
    if kind != "container":
        return entry
    container, colon, mode = rest.partition(":")
    other = service_of(container, "volumes_from")
    return f"{other}{colon}{mode}" if other else None


def _link(entry: str, service_of: Callable[[str, str], str | None]) -> str | None:
    container, _, alias = entry.partition(":")
    other = service_of(container, "external_links")
    return f"{other}:{alias or container}" if other else None


def host_names(name: str, services: Mapping[str, Tree]) -> Iterator[str]:
    """Yield every host name of a service: its own, its container's, and its aliases."""
    service = services[name]
    yield name
    for key in ("container_name", "hostname"):
        if service.get(key):
            yield str(service[key])
    if service.get("hostname") and service.get("domainname"):
        yield f"{service['hostname']}.{service['domainname']}"
    for keys in (service.get("networks") or {}).values():
        yield from map(str, (keys or {}).get("aliases") or ())
    for other in services.values():
        yield from _linked(name, other, str(service.get("container_name") or name))


def _linked(name: str, other: Tree, container: str) -> Iterator[str]:
    entries: list[Any] = [*(other.get("links") or ()), *(other.get("external_links") or ())]
    for entry in map(str, entries):
        target, _, alias = entry.partition(":")
        if target in (name, container) and alias:
            yield alias
