"""Preset, file and stage laid over each other, and what follows from them. Works on unchecked tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from posixpath import join, normpath
from typing import Any

from beanpod.manifest._engines import ENGINES, LARGEST_GB, default_name
from beanpod.manifest._presets import OF_THE_OTHER_TYPE, PRESETS, Tables
from beanpod.manifest._wording import Path

# { plaintext = "..." } is a variable whose name or value looks like a secret's, and which is none.
PLAINTEXT = "plaintext"


def merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> Tables:
    """`upper` over `lower`: tables merge, everything else replaces."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            value = merge(below, value)
        merged[key] = value
    return merged


def look_up(tables: object, path: Path) -> Any:
    """What stands at `path`; None if nothing does, and TOML has no null of its own."""
    for part in path:
        if isinstance(tables, dict) and isinstance(part, str):
            tables = tables.get(part)
        elif isinstance(tables, list) and isinstance(part, int) and part < len(tables):
            tables = tables[part]
        else:
            return None
    return tables


def with_value(tables: Tables, path: Path, value: object) -> Tables:
    """`tables` with `value` at `path`, or without anything there if it is None."""
    key, rest = str(path[0]), path[1:]
    if rest and not isinstance(tables.get(key), dict):
        return tables
    changed = {name: item for name, item in tables.items() if name != key}
    inner = with_value(tables[key], rest, value) if rest else value
    return changed if inner is None else {**changed, key: inner}


# Of these a table takes one: a stage that gives the other one means it instead.
_ALTERNATIVES: tuple[tuple[Path, tuple[str, str]], ...] = (
    (("service",), ("dockerfile", "compose")),
    (("delivery", "github"), ("branch", "environment")),
)


# What a compose file says itself, in `build`.
OF_A_DOCKERFILE = ("context", "args", "target")


def overridden(base: Tables, own: Tables) -> Tables:
    """A stage's tables over the file's. A secret and a VPC are one value each, which a stage replaces as a whole."""
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


def _secrets(own: Tables) -> Iterator[Path]:
    secrets = own.get("secrets")
    yield from (("secrets", name) for name in (secrets if isinstance(secrets, dict) else {}))


def completed(written: Tables) -> Tables:
    """Everything a stage is: `written` over its preset, and the defaults that follow from other values."""
    preset = written.get("preset", "small")
    tables = merge(_preset_for(preset if isinstance(preset, str) else "small", written), written)
    tables["preset"] = preset
    for section, key, value in _derived(written, tables):
        tables[section] = {key: value, **tables[section]}
    if isinstance(tables.get("variables"), dict):
        tables["variables"] = {name: _as_text(value) for name, value in tables["variables"].items()}
    return _without_switched_off(tables)


def _as_text(value: object) -> object:
    """A variable's value; what is no table of plaintext alone stays for the model to refuse."""
    return value[PLAINTEXT] if isinstance(value, dict) and value.keys() == {PLAINTEXT} else value


def _preset_for(name: str, written: Tables) -> Tables:
    preset = PRESETS.get(name, PRESETS["small"])
    for follow in (_type, _way_out, _pinned_platform, _room_to_grow):
        preset = follow(preset, written)
    return preset


def _type(preset: Tables, written: Tables) -> Tables:
    kind = look_up(written, ("environment", "type"))
    if kind == preset["environment"]["type"] or not isinstance(kind, str):
        return preset
    return merge(preset, {"environment": OF_THE_OTHER_TYPE.get(kind, {})})


def _way_out(preset: Tables, written: Tables) -> Tables:
    """A VPC of one's own brings its way out, and instances with public addresses need no NAT gateway."""
    private = look_up(merge(preset, written), ("environment", "private_instances"))
    if private is True and look_up(written, ("network", "vpc")) is None:
        return preset
    return merge(preset, {"network": {"nat_gateways": 0}})


def _pinned_platform(preset: Tables, written: Tables) -> Tables:
    """Managed updates would leave the version that was asked for."""
    pinned = look_up(written, ("environment", "platform")) not in (None, "latest")
    if pinned and look_up(written, ("environment", "managed_updates")) is None:
        return with_value(preset, ("environment", "managed_updates"), None)
    return preset


def _room_to_grow(preset: Tables, written: Tables) -> Tables:
    if "database" not in written:
        return with_value(preset, ("database",), None)
    storage = look_up(written, ("database", "storage_gb"))
    if type(storage) is not int or 2 * storage <= preset["database"]["max_storage_gb"]:
        return preset
    return merge(preset, {"database": {"max_storage_gb": 2 * storage if 2 * storage <= LARGEST_GB else 0}})


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
        facts = ENGINES.get(engine if isinstance(engine, str) else "", ENGINES["mysql"])
        yield "database", "version", facts.default_version
        yield "database", "name", default_name(facts, str(look_up(tables, ("service", "name"))))


def _without_switched_off(tables: Tables) -> Tables:
    """TOML has no null: what a stage switches off with a word becomes absent here."""
    if look_up(tables, ("database", "engine")) == "none":
        tables = with_value(tables, ("database",), None)
    if look_up(tables, ("environment", "managed_updates", "level")) == "none":
        tables = with_value(tables, ("environment", "managed_updates"), None)
    room = look_up(tables, ("database", "max_storage_gb"))
    if type(room) is int and room == 0:
        tables = with_value(tables, ("database", "max_storage_gb"), None)
    return tables
