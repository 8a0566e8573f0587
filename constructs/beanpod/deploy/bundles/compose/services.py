"""The service that receives requests, and how each service is restarted."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

from beanpod.deploy.bundles.compose.model import WEB_PORT, Port, TransformContext, Tree, at

_PUBLISHED_BY_VARIABLE = re.compile(r"[^$]*\$.*:(?P<target>[0-9]{1,5})(?:/tcp)?")


def publish_web_port(context: TransformContext) -> str | None:
    """Have exactly one service publish port 80: the one that does, or the one that publishes the manifest's port.

    Returns:
        The service that receives requests, None if there is not exactly one.
    """
    _drop_discarded_ports(context)
    reached = _names(name for name, port in context.ports() if port.published_at(WEB_PORT))
    if not reached:
        _use_the_only_port(context)
        reached = _find_host_service(context) or _publish(context)
    if len(reached) > 1 and all(_uses_host_network(context.services[name]) for name in reached):
        text = f'each use network_mode host: write expose: ["{WEB_PORT}"] for the one that listens on that port'
        context.findings.problem(f"services {' and '.join(reached)}", text)
    elif len(reached) > 1:
        names = " and ".join(reached)
        context.findings.problem(f"services {names}", f"each publish port {WEB_PORT}: publish it from one of them only")
    for name in reached[:1]:
        _check_alone(context, name)
    return reached[0] if len(reached) == 1 else None


def _use_the_only_port(context: TransformContext) -> None:
    """Use the only published port if the manifest has none."""
    published = {(name, port.target) for name, port in context.ports() if port.protocol == "tcp"}
    for_some = any(port.host_ip for _, port in context.ports())
    if not context.settings.port_is_set and len(published) == 1 and not for_some and not any(context.invalid_ports()):
        ((_, port),) = published
        context.settings = replace(context.settings, port=port)


def _uses_host_network(service: dict[str, Any]) -> bool:
    return service.get("network_mode") == "host"


def _drop_discarded_ports(context: TransformContext) -> None:
    """Remove published ports of services with network_mode host, as Compose does."""
    for name, service in context.services.items():
        if _uses_host_network(service) and service.get("ports"):
            targets = {port.target for port in service["ports"] if isinstance(port, Port)}
            service["expose"] = [*service.get("expose", ()), *sorted(targets)]
            context.findings.note(at(name, "ports"), "left out: published ports are discarded with network_mode host")
            del service["ports"]


def _find_host_service(context: TransformContext) -> list[str]:
    """Return the service with network_mode host that listens on port 80; none if it is ambiguous.

    https://docs.docker.com/engine/network/drivers/host/. It says so by `expose`, or the manifest by its port.
    """
    services = {name: service for name, service in context.services.items() if _uses_host_network(service)}
    exposing = [name for name, service in services.items() if str(WEB_PORT) in map(str, service.get("expose", ()))]
    meant = context.settings.port == WEB_PORT and not any(port.target == WEB_PORT for _, port in context.ports())
    built = [name for name in services if name in context.built]
    found = exposing or (meant and (built or list(services))) or []
    for name in found if len(found) == 1 else ():
        services[name]["expose"] = list(dict.fromkeys([*map(str, services[name].get("expose", ())), str(WEB_PORT)]))
    return found


def _publish(context: TransformContext) -> list[str]:
    """Publish the manifest's port as port 80. Return the services that publish it now."""
    wanted = context.settings.port
    _transform_replaced_ports(context)
    candidates = _names(name for name, port in context.ports() if port.target == wanted and port.protocol == "tcp")
    remedy = f'write ports: ["{WEB_PORT}:{wanted}"] for the one that receives requests'
    host = [name for name, service in context.services.items() if _uses_host_network(service)]
    if not candidates and host and not any(context.invalid_ports()):
        text = (
            f"host: requests arrive at port {WEB_PORT} of the instance, but service.port is {wanted}: listen on "
            f"{WEB_PORT} and write port = {WEB_PORT} in [service], or write "
            f'ports: ["{WEB_PORT}:{wanted}"] instead of network_mode'
        )
        context.findings.problem(at(host[0], "network_mode"), text)
    elif not candidates and not any(context.invalid_ports()):
        text = f"no service publishes port {WEB_PORT} or its container port {wanted} (service.port): {remedy}"
        context.findings.problem("services", text)
    if len(candidates) > 1:
        names = " and ".join(candidates)
        context.findings.problem(
            f"services {names}", f"each publish container port {wanted} (service.port), none port {WEB_PORT}: {remedy}"
        )
    if len(candidates) != 1:
        return []
    _move(context, candidates[0])
    return candidates


def _transform_replaced_ports(context: TransformContext) -> None:
    """Read the manifest's port where a variable publishes it: port 80 replaces that variable."""
    for service in context.services.values():
        service_ports = service.get("ports", ())
        for place, entry in enumerate(service_ports):
            match = None if isinstance(entry, Port) else _PUBLISHED_BY_VARIABLE.fullmatch(str(entry))
            if match and int(match["target"]) == context.settings.port:
                service_ports[place] = Port(context.settings.port)


def _move(context: TransformContext, name: str) -> None:
    ports = list(context.services[name]["ports"])
    wanted = context.settings.port
    place = next(i for i, port in enumerate(ports) if isinstance(port, Port) and port.target == wanted)
    context.findings.note(
        at(name, "ports"), f"container port {ports[place].target} is published as port {WEB_PORT} of the instance"
    )
    ports[place] = ports[place].moved_to(WEB_PORT)
    context.services[name]["ports"] = ports


def _check_alone(context: TransformContext, name: str) -> None:
    service = context.services[name]
    for keys, count in ((("scale",), service.get("scale")), (("deploy", "replicas"), _replicas(service))):
        if count is not None and str(count) != "1":
            text = f"{count} containers cannot share port {WEB_PORT}: write 1"
            context.findings.problem(at(name, *keys), text)
    if service.get("network_mode") not in (None, "bridge", "host"):
        mode = service["network_mode"]
        context.findings.problem(at(name, "network_mode"), f"{mode} cannot publish a port of the instance: remove it")


def _replicas(service: dict[str, Any]) -> Any:
    return (service.get("deploy") or {}).get("replicas")


def _names(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


_COMPLETED = "service_completed_successfully"
_HEALTHY = "service_healthy"
# Values of deploy.restart_policy.condition, which overrides `restart`.
_CONDITIONS = {"none": "no", "any": "always"}


class Kind(StrEnum):
    """What a service should do at the end of a release.

    Attributes:
        SERVER: Run.
        JOB: Have ended with exit code 0, as other services wait for that.
        ONCE: Run, or have ended with exit code 0: the file says that it is not restarted.
        WORKER: Run, or have ended with exit code 0: the file does not say which.
    """

    SERVER = "server"
    JOB = "job"
    ONCE = "once"
    WORKER = "worker"


def transform_restarts(context: TransformContext, web: str | None) -> Mapping[str, Kind]:
    """Give every service a `restart`. Return the kind of each that has containers.

    A worker without a restart policy starts as `on-failure`, so that a job which succeeds is not run again and a crash
    is. What still runs at the end of the deployment becomes `unless-stopped`, so that a reboot starts it too.

    Args:
        context: The compose file.
        web: The service that receives requests.
    """
    kinds = {name: _kind(context, name, service, web) for name, service in context.services.items()}
    for name, service in context.services.items():
        if _restart_policy(service) is None:
            service["restart"] = _RESTARTS[kinds[name]]
    return {name: kind for name, kind in kinds.items() if _has_containers(context.services[name])}


_RESTARTS = {Kind.SERVER: "always", Kind.JOB: "no", Kind.WORKER: "on-failure"}


def _kind(context: TransformContext, name: str, service: Tree, web: str | None) -> Kind:
    conditions = set(_awaited_as(context, name))
    word = _restart_policy(service)
    if _COMPLETED in conditions:
        return Kind.JOB
    if name == web or service.get("ports"):
        return Kind.SERVER
    if word is not None and (word == "no" or word.startswith("on-failure")):
        return Kind.ONCE
    if word is not None and "$" not in word:
        return Kind.SERVER
    if service.get("expose") or _is_checked(service) or _HEALTHY in conditions:
        return Kind.SERVER
    # A pulled image that others start after is a server such as a cache; a built one may be a migration.
    return Kind.SERVER if conditions and name not in context.built else Kind.WORKER


def _restart_policy(service: Tree) -> str | None:
    """Return the restart policy that the file gives, None if it gives none."""
    policy = (service.get("deploy") or {}).get("restart_policy")
    if policy is not None:
        condition = str((policy or {}).get("condition", "any"))
        return _CONDITIONS.get(condition, condition)
    given = service.get("restart")
    return None if given is None else str(given)


def _awaited_as(context: TransformContext, name: str) -> list[Any]:
    needing = (service.get("depends_on", {}).get(name) for service in context.services.values())
    return [how.get("condition") for how in needing if how]


def _is_checked(service: Tree) -> bool:
    check = service.get("healthcheck") or {}
    return bool(check) and not check.get("disable") and check.get("test") not in ("NONE", ["NONE"])


def _has_containers(service: Tree) -> bool:
    replicas = (service.get("deploy") or {}).get("replicas")
    return not service.get("provider") and "0" not in (str(service.get("scale", 1)), str(replicas))
