"""Preset, file and stage laid over each other, and what follows from them. Works on unchecked tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from manifest._engines import ENGINES, LARGEST_GB, default_name
from manifest._presets import OF_THE_OTHER_TYPE, PRESETS, Tables
from manifest._wording import Path


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


def completed(written: Tables) -> Tables:
    """Everything a stage is: `written` over its preset, and the defaults that follow from other values."""
    preset = written.get("preset", "small")
    tables = merge(_preset_for(preset if isinstance(preset, str) else "small", written), written)
    tables["preset"] = preset
    for section, key, value in _derived(written, tables):
        tables[section] = {key: value, **tables[section]}
    return _without_switched_off(tables)


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
        return _without(preset, "environment", "managed_updates")
    return preset


def _room_to_grow(preset: Tables, written: Tables) -> Tables:
    if "database" not in written:
        return {section: table for section, table in preset.items() if section != "database"}
    storage = look_up(written, ("database", "storage_gb"))
    if type(storage) is not int or 2 * storage <= preset["database"]["max_storage_gb"]:
        return preset
    return merge(preset, {"database": {"max_storage_gb": 2 * storage if 2 * storage <= LARGEST_GB else 0}})


def _derived(written: Tables, tables: Tables) -> Iterator[tuple[str, str, object]]:
    if isinstance(tables.get("service"), dict) and "compose" not in tables["service"]:
        yield "service", "dockerfile", "Dockerfile"
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
        tables = {section: table for section, table in tables.items() if section != "database"}
    if look_up(tables, ("environment", "managed_updates", "level")) == "none":
        tables = _without(tables, "environment", "managed_updates")
    room = look_up(tables, ("database", "max_storage_gb"))
    if type(room) is int and room == 0:
        tables = _without(tables, "database", "max_storage_gb")
    return tables


def _without(tables: Tables, section: str, key: str) -> Tables:
    rest = {name: value for name, value in tables[section].items() if name != key}
    return {**tables, section: rest}
