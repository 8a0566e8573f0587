"""The names that services know each other by: a container's name leaves, and stays a name on its networks.

https://docs.docker.com/reference/compose-file/services/#container_name and #aliases. Beanstalk starts a release's
containers while those before may still be there, and no two have one name.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from beanpod.deploy.bundles.compose.draft import Draft, Tree
from beanpod.deploy.bundles.compose.findings import Invalid, at

_SHARED = ("network_mode", "ipc", "pid")


def settle_names(draft: Draft) -> None:
    """Keep reachable by name what is reachable by its container's name, and name services in the place of containers.

    Nothing else runs on an instance: another container is refused.
    """
    named = container_names(draft.services)
    for name, service in draft.services.items():
        _name_services(draft, name, service, named)
    for alias, name in named.items():
        service = draft.services[name]
        if alias != name and "network_mode" not in service:
            service["networks"] = with_alias(service.get("networks") or {"default": None}, alias)
    _keep_given_names(draft)
    for name, service in draft.services.items():
        if container := service.get("container_name"):
            kept = named.get(container) == name and "network_mode" not in service
            how = f"other services still reach it as {container}" if kept else f"the service is named {name}"
            draft.findings.note(at(name, "container_name"), f"left out: {how}")


def _keep_given_names(draft: Draft) -> None:
    """Compose names a container after its project, which is another one on the instance: who says it is found by it."""
    said = " ".join(
        str(value) for service in draft.services.values() for value in (service.get("environment") or {}).values()
    )
    for name, service in draft.services.items():
        for given in given_names(draft, name):
            if re.search(rf"(?<![\w.-]){re.escape(given)}(?![\w.-])", said) and "network_mode" not in service:
                service["networks"] = with_alias(service.get("networks") or {"default": None}, given)
                draft.findings.note(
                    at(name),
                    f"other services still reach it as {given}, which is not its name on the instance",
                )


def given_names(draft: Draft, name: str) -> tuple[str, str]:
    """What compose calls the first container of a service, now and before its second version.

    https://docs.docker.com/compose/how-tos/project-name/: the project is named by the file, or after its folder.
    """
    project = str(draft.tree.get("name") or draft.setting.folder.name).lower()
    project = re.sub(r"[^a-z0-9_-]", "", project)
    return f"{project}-{name}-1", f"{project}_{name}_1"


def container_names(services: Mapping[str, Tree]) -> dict[str, str]:
    """The services by the names of their containers; without those whose name cannot be known here."""
    names = {name: service.get("container_name") for name, service in services.items()}
    return {str(given): name for name, given in names.items() if given and not isinstance(given, Invalid)}


def with_alias(networks: Tree, alias: str) -> Tree:
    """The networks of a service, on each of which it has one more name."""
    return {
        network: {**(keys or {}), "aliases": list(dict.fromkeys([*((keys or {}).get("aliases") or ()), alias]))}
        for network, keys in networks.items()
    }


def _name_services(draft: Draft, name: str, service: Tree, named: Mapping[str, str]) -> None:
    def service_of(container: str, key: str) -> str | None:
        if container in named or container in draft.services:
            return named.get(container, container)
        text = f"there is no container {container} on the instance: name a service of this file"
        draft.findings.problem(at(name, key), text)
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


def names_of(name: str, services: Mapping[str, Tree]) -> Iterator[str]:
    """Every name by which others may reach a service: its own, its container's, and its aliases."""
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
