"""The one service that requests reach: Beanstalk sends them to port 80 of the instance, with no proxy of its own.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/create_deploy_docker.container.console.html
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from beanpod.deploy.bundles.compose.draft import WEB_PORT, Draft
from beanpod.deploy.bundles.compose.entries import Port
from beanpod.deploy.bundles.compose.findings import at

_PUBLISHED_BY_VARIABLE = re.compile(r"[^$]*\$.*:(?P<target>[0-9]{1,5})(?:/tcp)?")


def ensure_web_port(draft: Draft) -> str | None:
    """Have exactly one service publish port 80: the one that does, or the one that publishes the manifest's port.

    Returns:
        The service that requests reach, None where that is not one.
    """
    _drop_discarded_ports(draft)
    reached = _names(name for name, port in draft.ports() if port.published_at(WEB_PORT))
    if not reached:
        _take_the_only_port(draft)
        reached = _on_the_instances_network(draft) or _publish(draft)
    if len(reached) > 1 and all(_is_on_host(draft.services[name]) for name in reached):
        text = f'each use network_mode host: write expose: ["{WEB_PORT}"] for the one that listens on that port'
        draft.findings.problem(f"services {' and '.join(reached)}", text)
    elif len(reached) > 1:
        names = " and ".join(reached)
        draft.findings.problem(f"services {names}", f"each publish port {WEB_PORT}: publish it from one of them only")
    for name in reached[:1]:
        _check_alone(draft, name)
    return reached[0] if len(reached) == 1 else None


def _take_the_only_port(draft: Draft) -> None:
    """Where the manifest says no port and one alone is published, for everybody, that one is meant."""
    published = {(name, port.target) for name, port in draft.ports() if port.protocol == "tcp"}
    for_some = any(port.host_ip for _, port in draft.ports())
    if not draft.setting.port_said and len(published) == 1 and not for_some and not any(draft.faulty_ports()):
        ((_, port),) = published
        draft.setting = replace(draft.setting, port=port)


def _is_on_host(service: dict[str, Any]) -> bool:
    return service.get("network_mode") == "host"


def _drop_discarded_ports(draft: Draft) -> None:
    """A container on the instance's own network has its ports there: compose discards what it publishes."""
    for name, service in draft.services.items():
        if _is_on_host(service) and service.get("ports"):
            targets = {port.target for port in service["ports"] if isinstance(port, Port)}
            service["expose"] = [*service.get("expose", ()), *sorted(targets)]
            draft.findings.note(at(name, "ports"), "left out: published ports are discarded with network_mode host")
            del service["ports"]


def _on_the_instances_network(draft: Draft) -> list[str]:
    """The service that listens on port 80 of the instance itself; none where another one may be meant.

    https://docs.docker.com/engine/network/drivers/host/. It says so by `expose`, or the manifest by its port.
    """
    services = {name: service for name, service in draft.services.items() if _is_on_host(service)}
    exposing = [name for name, service in services.items() if str(WEB_PORT) in map(str, service.get("expose", ()))]
    meant = draft.setting.port == WEB_PORT and not any(port.target == WEB_PORT for _, port in draft.ports())
    built = [name for name in services if name in draft.built]
    found = exposing or (meant and (built or list(services))) or []
    for name in found if len(found) == 1 else ():
        services[name]["expose"] = list(dict.fromkeys([*map(str, services[name].get("expose", ())), str(WEB_PORT)]))
    return found


def _publish(draft: Draft) -> list[str]:
    """Move the one port that can be meant to 80; the services that have it now."""
    wanted = draft.setting.port
    _settle_replaced_ports(draft)
    candidates = _names(name for name, port in draft.ports() if port.target == wanted and port.protocol == "tcp")
    remedy = f'write ports: ["{WEB_PORT}:{wanted}"] for the one that receives requests'
    host = [name for name, service in draft.services.items() if _is_on_host(service)]
    if not candidates and host and not any(draft.faulty_ports()):
        text = (
            f"host: requests arrive at port {WEB_PORT} of the instance, but service.port is {wanted}: listen on "
            f"{WEB_PORT} and write port = {WEB_PORT} in [service], or write "
            f'ports: ["{WEB_PORT}:{wanted}"] instead of network_mode'
        )
        draft.findings.problem(at(host[0], "network_mode"), text)
    elif not candidates and not any(draft.faulty_ports()):
        text = f"no service publishes port {WEB_PORT} or its container port {wanted} (service.port): {remedy}"
        draft.findings.problem("services", text)
    if len(candidates) > 1:
        names = " and ".join(candidates)
        draft.findings.problem(
            f"services {names}", f"each publish container port {wanted} (service.port), none port {WEB_PORT}: {remedy}"
        )
    if len(candidates) != 1:
        return []
    _move(draft, candidates[0])
    return candidates


def _settle_replaced_ports(draft: Draft) -> None:
    """Read a port of the manifest's that is published as a variable says: port 80 takes the place of that anyway."""
    for service in draft.services.values():
        service_ports = service.get("ports", ())
        for place, entry in enumerate(service_ports):
            match = None if isinstance(entry, Port) else _PUBLISHED_BY_VARIABLE.fullmatch(str(entry))
            if match and int(match["target"]) == draft.setting.port:
                service_ports[place] = Port(draft.setting.port)


def _move(draft: Draft, name: str) -> None:
    ports = list(draft.services[name]["ports"])
    wanted = draft.setting.port
    place = next(i for i, port in enumerate(ports) if isinstance(port, Port) and port.target == wanted)
    draft.findings.note(
        at(name, "ports"), f"container port {ports[place].target} is published as port {WEB_PORT} of the instance"
    )
    ports[place] = ports[place].moved_to(WEB_PORT)
    draft.services[name]["ports"] = ports


def _check_alone(draft: Draft, name: str) -> None:
    service = draft.services[name]
    for keys, count in ((("scale",), service.get("scale")), (("deploy", "replicas"), _replicas(service))):
        if count is not None and str(count) != "1":
            text = f"{count} containers cannot share port {WEB_PORT}: write 1"
            draft.findings.problem(at(name, *keys), text)
    if service.get("network_mode") not in (None, "bridge", "host"):
        mode = service["network_mode"]
        draft.findings.problem(at(name, "network_mode"), f"{mode} cannot publish a port of the instance: remove it")


def _replicas(service: dict[str, Any]) -> Any:
    return (service.get("deploy") or {}).get("replicas")


def _names(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
