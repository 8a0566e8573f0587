"""Digests of the tables that the stacks are made of: an output keeps them, so that a release sees what has changed."""

import hashlib
import json

from beanpod.manifest._models import StageConfig

_TABLES = {"domain", "variables", "secrets", "network", "environment", "database", "delivery", "alarms"}
# What changes no stack that is deployed.
_EXCLUDED: dict[str, set[str] | dict[str, set[str]]] = {
    "database": {"compose_service"},
    "delivery": {"stack"},
    "domain": {"hosted_zone": {"name"}},
    "network": {"vpc": {"availability_zones"}},
}


def table_digests(stage: StageConfig) -> str:
    """Return the tables of a stage that its stacks are made of, each with a digest: "network=0a1b2c3d variables=...".

    Without keys that have their default, so that a newer version of Beanpod with more keys changes no digest.
    """
    tables = stage.model_dump(mode="json", include=_TABLES, exclude=_EXCLUDED, exclude_defaults=True)
    if stage.domain and stage.service.compose:
        # nginx on the instance does not redirect, so that port 80 of the load balancer is closed.
        tables["domain"]["compose"] = True
    # The rest of [service] takes effect with a release.
    tables["service"] = stage.service.health_check_path
    return " ".join(f"{name}={_digest(table)}" for name, table in sorted(tables.items()) if table)


def changed_tables(stage: StageConfig, digests: str) -> tuple[str, ...]:
    """Return the tables of a stage that have changed since `table_digests` returned `digests`."""
    before, now = (dict(one.split("=", 1) for one in text.split()) for text in (digests, table_digests(stage)))
    return tuple(sorted(name for name in before | now if before.get(name) != now.get(name)))


def _digest(table: object) -> str:
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()[:8]
