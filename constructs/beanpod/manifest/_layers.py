"""Preset, file and stage laid over each other, and the defaults that follow from other values, of unchecked tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from posixpath import join, normpath
from typing import Any, Literal

from beanpod.manifest._messages import KeyPath
from beanpod.rules.database import ENGINES, default_name
from beanpod.rules.limits import LIMITS

PresetName = Literal["small", "production"]

Tables = dict[str, Any]

# One instance that is down for the seconds of a release: nothing is billed by the hour but it and a small database.
_SMALL: Tables = {
    "network": {"nat_gateways": 0, "flow_logs": False},
    "environment": {
        "type": "SingleInstance",
        "instance_types": ["t3.micro"],
        "min_size": 1,
        "max_size": 1,
        "private_instances": False,
        "deployment_policy": "AllAtOnce",
        "log_retention_days": 7,
        "root_volume_size": 16,
        "max_versions": 20,
        "managed_updates": {"level": "minor", "start": "Tue:09:00"},
    },
    "database": {
        "instance_type": "t4g.micro",
        "max_allocated_storage": 50,
        "backup_retention_days": 7,
        "multi_az": False,
        "deletion_protection": False,
    },
}

# Survives the loss of a zone and a bad release. One NAT gateway a zone: with a single one, the loss of its
# zone would also cut the other zone off from Docker Hub and every outside service. Platform updates come two
# days after those of the small stages, so that a bad one shows there first.
_PRODUCTION: Tables = {
    "network": {"nat_gateways": 2, "flow_logs": True},
    "environment": {
        "type": "LoadBalanced",
        "instance_types": ["t3.small"],
        "min_size": 2,
        "max_size": 4,
        "private_instances": True,
        "deployment_policy": "RollingWithAdditionalBatch",
        "log_retention_days": 90,
        "root_volume_size": 32,
        "max_versions": 100,
        "managed_updates": {"level": "minor", "start": "Thu:09:00"},
    },
    "database": {
        "instance_type": "t4g.small",
        "max_allocated_storage": 200,
        "backup_retention_days": 14,
        "multi_az": True,
        "deletion_protection": True,
    },
}

PRESETS: dict[str, Tables] = {"small": _SMALL, "production": _PRODUCTION}

# What a preset becomes when the manifest chooses the other type of environment.
OF_THE_OTHER_TYPE: dict[str, Tables] = {
    "SingleInstance": {"min_size": 1, "max_size": 1, "private_instances": False, "deployment_policy": "AllAtOnce"},
    "LoadBalanced": {"max_size": 2, "deployment_policy": "RollingWithAdditionalBatch"},
}

# { plaintext = "..." } is a variable that looks like a secret and is not one.
PLAINTEXT = "plaintext"


def merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> Tables:
    """Lay `upper` over `lower`: tables merge, everything else replaces."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            value = merge(below, value)
        merged[key] = value
    return merged


def look_up(tables: object, path: KeyPath) -> Any:
    """Return the value at `path`; None if there is none, as TOML has no null."""
    for part in path:
        if isinstance(tables, dict) and isinstance(part, str):
            tables = tables.get(part)
        elif isinstance(tables, list) and isinstance(part, int) and part < len(tables):
            tables = tables[part]
        else:
            return None
    return tables


def with_value(tables: Tables, path: KeyPath, value: object) -> Tables:
    """Return `tables` with `value` at `path`, or without that key if it is None."""
    key, rest = str(path[0]), path[1:]
    if rest and not isinstance(tables.get(key), dict):
        return tables
    changed = {name: item for name, item in tables.items() if name != key}
    inner = with_value(tables[key], rest, value) if rest else value
    return changed if inner is None else {**changed, key: inner}


# Earlier names of keys, which stay valid: constructs and AWS name these settings otherwise.
RENAMED: dict[tuple[str, ...], str] = {
    ("service", "health_path"): "health_check_path",
    ("environment", "root_volume_gb"): "root_volume_size",
    ("environment", "traffic_split_minutes"): "evaluation_minutes",
    ("environment", "scaling", "breach_minutes"): "breach_duration_minutes",
    ("database", "instance_class"): "instance_type",
    ("database", "storage_gb"): "allocated_storage",
    ("database", "max_storage_gb"): "max_allocated_storage",
    ("database", "backup_days"): "backup_retention_days",
}


def renamed(tables: Tables) -> Tables:
    """Return the tables with today's name for each earlier one, unless both are given."""
    for (*section, earlier), name in RENAMED.items():
        table = look_up(tables, tuple(section))
        if isinstance(table, dict) and earlier in table and name not in table:
            named = {name if key == earlier else key: value for key, value in table.items()}
            tables = with_value(tables, tuple(section), named)
    return tables


def as_written(key: KeyPath, tables: Tables) -> KeyPath:
    """Return a key by its earlier name where `tables`, as the file has them, write it so."""
    for earlier, name in RENAMED.items():
        if key == (*earlier[:-1], name) and look_up(tables, key) is None and look_up(tables, earlier) is not None:
            return earlier
    return key


# A table has one of the two: a stage that gives the other one replaces it.
_ALTERNATIVES: tuple[tuple[KeyPath, tuple[str, str]], ...] = (
    (("service",), ("dockerfile", "compose")),
    (("delivery", "github"), ("branch", "environment")),
)


# Settings that a compose file has itself, in `build`.
OF_A_DOCKERFILE = ("context", "args", "target")


def overridden(base: Tables, own: Tables) -> Tables:
    """Lay a stage's tables over the file's; a secret and a VPC are replaced as a whole."""
    merged = merge(base, own)
    for path in (("network", "vpc"), *_secrets(own)):
        if look_up(own, path) is not None:
            merged = with_value(merged, path, look_up(own, path))
    for path, (one, other) in _ALTERNATIVES:
        given = [key for key in (one, other) if look_up(own, (*path, key)) is not None]
        if len(given) == 1:
            merged = with_value(merged, (*path, other if given == [one] else one), None)
    if look_up(own, ("service", "compose")) is not None:
        for key in OF_A_DOCKERFILE:
            if look_up(own, ("service", key)) is None:
                merged = with_value(merged, ("service", key), None)
    return merged


def _secrets(own: Tables) -> Iterator[KeyPath]:
    secrets = own.get("secrets")
    yield from (("secrets", name) for name in (secrets if isinstance(secrets, dict) else {}))


def completed(written: Tables) -> Tables:
    """Lay `written` over its preset, and add the defaults that follow from other values."""
    preset = written.get("preset", "small")
    tables = merge(_preset_for(preset if isinstance(preset, str) else "small", written), written)
    tables["preset"] = preset
    for section, key, value in _derived(written, tables):
        tables[section] = {key: value, **tables[section]}
    if isinstance(tables.get("variables"), dict):
        tables["variables"] = {name: _as_text(value) for name, value in tables["variables"].items()}
    return _without_switched_off(tables)


def _as_text(value: object) -> object:
    """Return a variable's value; a table of anything but plaintext is left for the model to refuse."""
    return value[PLAINTEXT] if isinstance(value, dict) and value.keys() == {PLAINTEXT} else value


def _preset_for(name: str, written: Tables) -> Tables:
    preset = PRESETS.get(name, PRESETS["small"])
    for follow in (_default_for_type, _default_nat_gateways, _default_managed_updates, _default_max_storage):
        preset = follow(preset, written)
    return preset


def _default_for_type(preset: Tables, written: Tables) -> Tables:
    kind = look_up(written, ("environment", "type"))
    if kind == preset["environment"]["type"] or not isinstance(kind, str):
        return preset
    return merge(preset, {"environment": OF_THE_OTHER_TYPE.get(kind, {})})


def _default_nat_gateways(preset: Tables, written: Tables) -> Tables:
    """An existing VPC has its own NAT, and instances with public addresses need none."""
    private = look_up(merge(preset, written), ("environment", "private_instances"))
    if private is True and look_up(written, ("network", "vpc")) is None:
        return preset
    return merge(preset, {"network": {"nat_gateways": 0}})


def _default_managed_updates(preset: Tables, written: Tables) -> Tables:
    """Managed updates would replace the pinned version."""
    pinned = look_up(written, ("environment", "platform")) not in (None, "latest")
    if pinned and look_up(written, ("environment", "managed_updates")) is None:
        return with_value(preset, ("environment", "managed_updates"), None)
    return preset


def _default_max_storage(preset: Tables, written: Tables) -> Tables:
    if "database" not in written:
        return with_value(preset, ("database",), None)
    storage = look_up(written, ("database", "allocated_storage"))
    if type(storage) is not int or 2 * storage <= preset["database"]["max_allocated_storage"]:
        return preset
    twice = 2 * storage if 2 * storage <= LIMITS["max_allocated_storage"].high else 0
    return merge(preset, {"database": {"max_allocated_storage": twice}})


def _derived(written: Tables, tables: Tables) -> Iterator[tuple[str, str, object]]:
    if isinstance(tables.get("service"), dict) and "compose" not in tables["service"]:
        context = tables["service"].get("context")
        yield "service", "dockerfile", normpath(join(context if isinstance(context, str) else "", "Dockerfile"))
    if look_up(tables, ("environment", "batch_size_type")) == "Fixed":
        yield "environment", "batch_size", 1
    if isinstance(look_up(tables, ("delivery", "github")), dict):
        yield "delivery", "user", False
    if isinstance(tables.get("database"), dict):
        engine = look_up(tables, ("database", "engine"))
        engine = engine if isinstance(engine, str) and engine in ENGINES else "mysql"
        yield "database", "version", ENGINES[engine].default_version
        yield "database", "name", default_name(engine, str(look_up(tables, ("service", "name"))))


def _without_switched_off(tables: Tables) -> Tables:
    """Remove what a word switches off, as TOML has no null."""
    if look_up(tables, ("database", "engine")) == "none":
        tables = with_value(tables, ("database",), None)
    if look_up(tables, ("environment", "managed_updates", "level")) == "none":
        tables = with_value(tables, ("environment", "managed_updates"), None)
    room = look_up(tables, ("database", "max_allocated_storage"))
    if type(room) is int and room == 0:
        tables = with_value(tables, ("database", "max_allocated_storage"), None)
    return tables
