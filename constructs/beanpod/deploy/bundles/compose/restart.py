"""What starts again when it has ended: servers do, jobs do not, and the owner's own word stays.

https://docs.docker.com/reference/compose-file/services/#restart. On the instance `scripts/verify.sh` finds out whether
each service does what its kind should.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from beanpod.deploy.bundles.compose.draft import Draft, Tree

_COMPLETED = "service_completed_successfully"
_HEALTHY = "service_healthy"
# Words of deploy.restart_policy.condition, which counts before `restart`.
_CONDITIONS = {"none": "no", "any": "always"}


class Kind(StrEnum):
    """What a service should do once a release is over.

    SERVER: run. JOB: have ended well, since others wait for that. ONCE: have ended well, or still run: the owner said
    that it is not started again. WORKER: run, or have ended well: nobody said which.
    """

    SERVER = "server"
    JOB = "job"
    ONCE = "once"
    WORKER = "worker"


def settle_restarts(draft: Draft, web: str | None) -> Mapping[str, Kind]:
    """Give every service that has none a `restart`; the kind of each that has containers.

    A worker without a word starts as `on-failure`, so that a job which ends well is not run again and a crash is. What
    still runs at the end of the deployment becomes `unless-stopped`, so that it comes up again after a reboot as well.

    web: the service that requests reach.
    """
    kinds = {name: _kind(draft, name, service, web) for name, service in draft.services.items()}
    for name, service in draft.services.items():
        if _word(service) is None:
            service["restart"] = _RESTARTS[kinds[name]]
    return {name: kind for name, kind in kinds.items() if _has_containers(draft.services[name])}


_RESTARTS = {Kind.SERVER: "always", Kind.JOB: "no", Kind.WORKER: "on-failure"}


def _kind(draft: Draft, name: str, service: Tree, web: str | None) -> Kind:
    conditions = set(_awaited_as(draft, name))
    word = _word(service)
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
    # What others only start after is their cache where the image is somebody else's; ours may be their migration.
    return Kind.SERVER if conditions and name not in draft.built else Kind.WORKER


def _word(service: Tree) -> str | None:
    """The owner's word, as `restart` has it; None where there is none."""
    policy = (service.get("deploy") or {}).get("restart_policy")
    if policy is not None:
        condition = str((policy or {}).get("condition", "any"))
        return _CONDITIONS.get(condition, condition)
    given = service.get("restart")
    return None if given is None else str(given)


def _awaited_as(draft: Draft, name: str) -> list[Any]:
    needing = (service.get("depends_on", {}).get(name) for service in draft.services.values())
    return [how.get("condition") for how in needing if how]


def _is_checked(service: Tree) -> bool:
    check = service.get("healthcheck") or {}
    return bool(check) and not check.get("disable") and check.get("test") not in ("NONE", ["NONE"])


def _has_containers(service: Tree) -> bool:
    replicas = (service.get("deploy") or {}).get("replicas")
    return not service.get("provider") and "0" not in (str(service.get("scale", 1)), str(replicas))
