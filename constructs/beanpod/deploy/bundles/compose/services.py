"""The service that receives requests, and how each service is restarted."""

import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from beanpod.deploy.bundles.compose.model import WEB_PORT, Port, TransformContext, Tree, at

_PUBLISHED_BY_VARIABLE = re.compile(r"[^$]*\$.*:(?P<target>[0-9]{1,5})(?:/tcp)?")


def publish_web_port(context: TransformContext) -> None:
    """Have exactly one service publish port 80: the one that does, or the one that publishes the manifest's port."""
    host = [name for name, service in context.services.items() if service.get("network_mode") == "host"]
    for name in host:
        _drop_discarded_ports(context, name)
    reached = list(dict.fromkeys(name for name, port in context.ports() if port.is_web))
    if not reached:
        unread = any(not isinstance(port, Port) for it in context.services.values() for port in it.get("ports", ()))
        published = {port.target for _, port in context.ports() if port.protocol == "tcp"}
        some = any(port.host_ip for _, port in context.ports())
        manifest = context.stage.service
        wanted, is_set = manifest.port, "port" in manifest.model_fields_set
        if not is_set and len(published) == 1 and not some and not unread:
            # The only published port, if the manifest has none.
            wanted = published.pop()
        reached = _listens_on_host(context, host, wanted) or _publish(context, host, wanted)
    if len(reached) > 1:
        text = f"each publish port {WEB_PORT}: publish it from one of them only"
        if set(reached) <= set(host):
            text = f'each use network_mode host: write expose: ["{WEB_PORT}"] for the one that listens on that port'
        context.problem(f"services {' and '.join(reached)}", text)
    for name in reached[:1]:
        _check_alone(context, name)
    context.web = reached[0] if len(reached) == 1 else None


def _drop_discarded_ports(context: TransformContext, name: str) -> None:
    """Remove published ports of a service with network_mode host, as Compose does."""
    service = context.services[name]
    if ports := service.pop("ports", None):
        targets = sorted({port.target for port in ports if isinstance(port, Port)})
        service["expose"] = [*service.get("expose", ()), *targets]
        context.note(at(name, "ports"), "left out: published ports are discarded with network_mode host")


def _listens_on_host(context: TransformContext, host: list[str], wanted: int) -> list[str]:
    """Return the service with network_mode host that listens on port 80; none or several if it is ambiguous.

    https://docs.docker.com/engine/network/drivers/host/. It says so by `expose`, or the manifest by its port.
    """
    exposed = {name: [str(port) for port in context.services[name].get("expose", ())] for name in host}
    exposing = [name for name in host if str(WEB_PORT) in exposed[name]]
    meant = wanted == WEB_PORT and not any(port.target == WEB_PORT for _, port in context.ports())
    built = [name for name in host if name in context.built]
    found = exposing or (meant and (built or host)) or []
    for name in found if len(found) == 1 else ():
        context.services[name]["expose"] = list(dict.fromkeys([*exposed[name], str(WEB_PORT)]))
    return found


def _publish(context: TransformContext, host: list[str], wanted: int) -> list[str]:
    """Publish the wanted port of a container as port 80. Return the services that publish it now."""
    unread = False
    for service in context.services.values():
        for place, entry in enumerate(service.get("ports", ())):
            match = None if isinstance(entry, Port) else _PUBLISHED_BY_VARIABLE.fullmatch(str(entry))
            if match and int(match["target"]) == wanted:
                # Port 80 replaces the variable.
                service["ports"][place] = Port(wanted)
            unread = unread or not isinstance(service["ports"][place], Port)
    found = [(name, port) for name, port in context.ports() if port.target == wanted and port.protocol == "tcp"]
    names = list(dict.fromkeys(name for name, _ in found))
    remedy = f'write ports: ["{WEB_PORT}:{wanted}"] for the one that receives requests'
    if not names and host and not unread:
        text = (
            f"host: requests arrive at port {WEB_PORT} of the instance, but service.port is {wanted}: listen on "
            f"{WEB_PORT} and write port = {WEB_PORT} in [service], or write "
            f'ports: ["{WEB_PORT}:{wanted}"] instead of network_mode'
        )
        context.problem(at(host[0], "network_mode"), text)
    elif not names and not unread:
        text = f"no service publishes port {WEB_PORT} or its container port {wanted} (service.port): {remedy}"
        context.problem("services", text)
    if len(names) > 1:
        text = f"each publish container port {wanted} (service.port), none port {WEB_PORT}: {remedy}"
        context.problem(f"services {' and '.join(names)}", text)
    if len(names) != 1:
        return []
    (name, port), ports = found[0], context.services[names[0]]["ports"]
    context.note(at(name, "ports"), f"container port {wanted} is published as port {WEB_PORT} of the instance")
    ports[ports.index(port)] = replace(port, published=str(WEB_PORT), host_ip="")
    return names


def _check_alone(context: TransformContext, name: str) -> None:
    service = context.services[name]
    for keys, count in ((("scale",), service.get("scale")), (("deploy", "replicas"), _replicas(service))):
        if count is not None and str(count) != "1":
            context.problem(at(name, *keys), f"{count} containers cannot share port {WEB_PORT}: write 1")
    mode = service.get("network_mode")
    if mode not in (None, "bridge", "host"):
        context.problem(at(name, "network_mode"), f"{mode} cannot publish a port of the instance: remove it")


def _replicas(service: Tree) -> object:
    return (service.get("deploy") or {}).get("replicas")


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


_RESTARTS = {Kind.SERVER: "always", Kind.JOB: "no", Kind.WORKER: "on-failure"}


def transform_restarts(context: TransformContext) -> Mapping[str, Kind]:
    """Give every service a `restart`. Return the kind of each that has containers.

    A worker without a restart policy starts as `on-failure`, so that a job which succeeds is not run again and a crash
    is. What still runs at the end of the deployment becomes `unless-stopped`, so that a reboot starts it too.
    """
    kinds = {}
    for name, service in context.services.items():
        kind = _kind(context, name, service)
        if _restart_policy(service) is None:
            service["restart"] = _RESTARTS[kind]
        if not service.get("provider") and "0" not in (str(service.get("scale", 1)), str(_replicas(service))):
            kinds[name] = kind
    return kinds


# Look the address of an upstream up when they start, and keep it.
_PROXIES = re.compile(r"(?:^|/)[a-z-]*(?:nginx|openresty|haproxy|httpd)[a-z-]*(?=[:@]|$)")


def restart_proxy(context: TransformContext) -> None:
    """Restart a proxy that is not built here when a release recreates what it forwards to.

    https://docs.docker.com/reference/compose-file/services/#depends_on: Compose leaves an unchanged container running,
    and the recreated ones may have got each other's addresses.
    """
    web = context.web
    if web is None or web in context.built:
        return
    depends = context.services[web].get("depends_on") or {}
    before = [name for name, how in depends.items() if how.get("condition") != "service_completed_successfully"]
    built = [name for name in before if name in context.built]
    for name in built:
        if not depends[name].get("restart"):
            depends[name]["restart"] = True
            text = "restart: true is added, because a release may change the address of that service"
            context.note(at(web, "depends_on", name), text)
    others = sorted(context.built & context.services.keys())
    if others and not built and _PROXIES.search(str(context.services[web].get("image") or "")):
        depends_on = ", ".join(f"{name}: {{condition: service_started, restart: true}}" for name in others)
        text = (
            f"if it forwards to {' or '.join(others)}, write depends_on: {{{depends_on}}}, because a release may "
            "change the address, which this proxy looks up once"
        )
        context.note(at(web), text)


def _kind(context: TransformContext, name: str, service: Tree) -> Kind:
    awaited = (other.get("depends_on", {}).get(name) for other in context.services.values())
    conditions = {how.get("condition") for how in awaited if how}
    policy, check = _restart_policy(service), service.get("healthcheck") or {}
    if "service_completed_successfully" in conditions:
        return Kind.JOB
    if name == context.web or service.get("ports"):
        return Kind.SERVER
    if policy is not None and (policy == "no" or policy.startswith("on-failure")):
        return Kind.ONCE
    if policy is not None and "$" not in policy:
        return Kind.SERVER
    is_checked = check and not check.get("disable") and check.get("test") not in ("NONE", ["NONE"])
    if service.get("expose") or is_checked or "service_healthy" in conditions:
        return Kind.SERVER
    # A pulled image that others start after is a server such as a cache; a built one may be a migration.
    return Kind.SERVER if conditions and name not in context.built else Kind.WORKER


def _restart_policy(service: Tree) -> str | None:
    """Return the restart policy that the file gives, None if it gives none; that of `deploy` overrides `restart`."""
    policy = (service.get("deploy") or {}).get("restart_policy")
    if policy is not None:
        condition = str(policy.get("condition", "any"))
        return {"none": "no", "any": "always"}.get(condition, condition)
    given = service.get("restart")
    return None if given is None else str(given)
