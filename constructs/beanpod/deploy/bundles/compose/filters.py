"""Leave out what is for development only, and keep the names by which services reach each other."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from beanpod.deploy.bundles.compose.database import Login
from beanpod.deploy.bundles.compose.environment import assignments, env_paths
from beanpod.deploy.bundles.compose.interpolation import undefined
from beanpod.deploy.bundles.compose.model import (
    INITIAL_SCRIPTS,
    REPLACEABLE_IMAGE,
    ReplacedDatabase,
    TransformContext,
    Tree,
    at,
    is_optional,
)

_SHARED = ("network_mode", "ipc", "pid")


def remove_profiles(context: TransformContext) -> None:
    """Remove services with a profile, which Compose on Elastic Beanstalk does not start; not the database for RDS."""
    database = context.database_service
    removed = [name for name, service in context.services.items() if service.get("profiles") and name != database]
    for name in removed:
        context.note(at(name), "left out: it has a profile")
        del context.services[name]
    if removed and not context.services.keys() - {database}:
        text = f"each has a profile, which leaves it out: write profiles: !reset [] in {context.production_name}"
        context.problem(f"services {' and '.join(removed)}", f"{text} for those that are deployed")
        return
    for name, service in context.services.items():
        dependencies = service.get("depends_on", {})
        optional = [other for other in removed if is_optional(dependencies.get(other, {}))]
        for other in optional:
            context.note(at(name, "depends_on"), f"{other} left out, as it is not required")
        _remove_references(service, optional)


def remove_database(context: TransformContext) -> None:
    """Remove the database that RDS replaces, and the tools that exist only for it."""
    database = context.database_service
    if database is None:
        for name, service in context.services.items() if "RDS_HOSTNAME" in context.variables else ():
            if REPLACEABLE_IMAGE.search(str(service.get("image", ""))):
                text = f'runs in addition to RDS; to leave it out, write compose_service = "{name}" in [database]'
                context.note(at(name), text)
        return
    if database not in context.services:
        known = ", ".join(context.services)
        context.problem("database.compose_service", f"there is no service {database}: name one of {known}")
        return
    tools, service = _database_tools(context, database), context.services[database]
    login = _login(context, service)
    for name, other in context.services.items():
        if name != database and REPLACEABLE_IMAGE.search(str(other.get("image", ""))):
            # What both take may be meant for the other one, which stays.
            login = login.without(_login(context, other))
    context.replaced = ReplacedDatabase(
        names=tuple(dict.fromkeys([*host_names(database, context.services), *generated_names(context, database)])),
        login=login,
    )
    _check_shared_secrets(context, database)
    del context.services[database]
    context.note(at(database), "left out: replaced by RDS")
    for script in (volume for volume in service.get("volumes", ()) if volume.target.startswith(INITIAL_SCRIPTS)):
        text = f"left out: {script.source} is not run on RDS, which starts empty: load it with a migration of the app"
        context.note(at(database, "volumes"), text)
    for name in tools:
        del context.services[name]
        context.note(at(name), f"left out with {database}; to keep it, name it in {context.production_name}")
    for other in context.services.values():
        _remove_references(other, {database, *tools})


def _login(context: TransformContext, service: Tree) -> Login:
    files = {key: value for path in env_paths(service) for key, value in assignments(context, path).items()}
    return Login.of({**files, **service.get("environment", {})})


def _check_shared_secrets(context: TransformContext, database: str) -> None:
    """Refuse secrets with the development database's password in a file."""
    own = {name for section, name in resources(context.services[database]) if section == "secrets"}
    files = {name for name, definition in context.declared("secrets") if definition.get("file")}
    for name, service in context.services.items():
        shared = own & files & {used for section, used in resources(service) if section == "secrets"}
        for secret in sorted(shared if name != database else ()):
            text = (
                f"is the password of service {database}: write {secret}: !override {{environment: RDS_PASSWORD}} under "
                f"secrets in {context.production_name}"
            )
            context.problem(f"secrets.{secret}", text)


def _database_tools(context: TransformContext, database: str) -> list[str]:
    """List tools for the database such as adminer: pulled images that depend on it and that nothing else needs.

    Never the service that requests reach, nor one that depends on a built one as a proxy does, nor one that
    `compose.prod.yaml` names, nor anything where no image is ours: there an image off the shelf may be the app.
    """
    reached = {name for name, port in context.ports() if port.is_web}
    kept = {database, *context.built, *context.production.get("services", {}), *reached}
    needs = {name: set(_dependencies(service)) for name, service in context.services.items()}
    kept |= {name for name, names in needs.items() if names & context.built}
    removed = [name for name, names in needs.items() if context.built and name not in kept and database in names]
    while needed := [name for name in removed if any(name in needs[by] for by in needs.keys() - {database, *removed})]:
        removed = [name for name in removed if name not in needed]
    return removed


def _dependencies(service: Tree) -> Iterator[str]:
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
    used = {resource for service in context.services.values() for resource in resources(service)}
    used.add(("networks", "default"))
    for section in ("networks", "volumes", "secrets", "configs"):
        declared = context.tree.get(section) or {}
        context.tree[section] = {name: value for name, value in declared.items() if (section, name) in used}


def resources(service: Tree) -> Iterator[tuple[str, str]]:
    """Yield the networks, volumes, secrets and configs of a service, each with its section of the file."""
    yield from (("networks", name) for name in service.get("networks", {}))
    yield from (("volumes", volume.source) for volume in service.get("volumes", ()) if volume.is_named)
    for section in ("secrets", "configs"):
        yield from ((section, str(entry["source"])) for entry in service.get(section, ()))


def transform_names(context: TransformContext) -> None:
    """Replace container names by aliases and by references to services.

    Nothing else runs on an instance: another container is refused.
    """
    names = context.variables
    given = {name: str(service.get("container_name") or "") for name, service in context.services.items()}
    named = {container: name for name, container in given.items() if container and not any(undefined(container, names))}
    for name, service in context.services.items():
        _name_services(context, name, service, named)
    for container, name in named.items():
        if container != name:
            _add_alias(context.services[name], container)
    values = " ".join(str(service.get("environment", {}).values()) for service in context.services.values())
    for name, service in context.services.items():
        # The names that Compose generates differ on the instance.
        for generated in generated_names(context, name):
            if re.search(rf"(?<![\w.-]){re.escape(generated)}(?![\w.-])", values) and _add_alias(service, generated):
                text = f"other services still reach it as {generated}, which is not its name on the instance"
                context.note(at(name), text)
    for name, service in context.services.items():
        if container := given[name]:
            kept = named.get(container) == name and "network_mode" not in service
            how = f"other services still reach it as {container}" if kept else f"the service is named {name}"
            context.note(at(name, "container_name"), f"left out: {how}")


def generated_names(context: TransformContext, name: str) -> tuple[str, str]:
    """Return the names that Compose generates for the first container of a service, in its versions 2 and 1.

    https://docs.docker.com/compose/how-tos/project-name/: the project is named by the file, or after its folder.
    """
    project = str(context.tree.get("name") or context.folder.name).lower()
    project = re.sub(r"[^a-z0-9_-]", "", project)
    return f"{project}-{name}-1", f"{project}_{name}_1"


def _add_alias(service: Tree, alias: str) -> bool:
    """Add an alias to each network of a service; False where it uses another one's network."""
    if "network_mode" in service:
        return False
    networks = {name: keys or {} for name, keys in (service.get("networks") or {"default": None}).items()}
    service["networks"] = {
        name: {**keys, "aliases": list(dict.fromkeys([*(keys.get("aliases") or ()), alias]))}
        for name, keys in networks.items()
    }
    return True


def _name_services(context: TransformContext, name: str, service: Tree, named: Mapping[str, str]) -> None:
    def service_of(container: str, key: str) -> str:
        if container not in named and container not in context.services:
            text = f"there is no container {container} on the instance: name a service of this file"
            context.problem(at(name, key), text)
        return named.get(container, container)

    for key in _SHARED:
        kind, colon, container = str(service.get(key, "")).partition(":")
        if kind == "container" and colon:
            service[key] = f"service:{service_of(container, key)}"
    for place, entry in enumerate(map(str, service.get("volumes_from", ()))):
        if entry.startswith("container:"):
            container, colon, mode = entry.removeprefix("container:").partition(":")
            service["volumes_from"][place] = f"{service_of(container, 'volumes_from')}{colon}{mode}"
    for entry in map(str, service.pop("external_links", ())):
        container, _, alias = entry.partition(":")
        link = f"{service_of(container, 'external_links')}:{alias or container}"
        service["links"] = [*service.get("links", ()), link]


def host_names(name: str, services: Mapping[str, Tree]) -> Iterator[str]:
    """Yield every host name of a service: its own, its container's, and its aliases."""
    service = services[name]
    container, host = service.get("container_name"), service.get("hostname")
    yield from (str(one) for one in (name, container, host) if one)
    if host and service.get("domainname"):
        yield f"{host}.{service['domainname']}"
    for keys in (service.get("networks") or {}).values():
        yield from map(str, (keys or {}).get("aliases") or ())
    for other in services.values():
        for entry in (*(other.get("links") or ()), *(other.get("external_links") or ())):
            target, _, alias = str(entry).partition(":")
            if alias and target in (name, str(container or name)):
                yield alias
