"""What AWS's own resource schemas say of a type: which properties replace it, which it has at all.

The schemas are those cfn-lint ships (the CloudFormation registry's, patched where AWS's are wrong).
"""

from functools import lru_cache
from typing import Any

_PREFIX = "/properties/"
# Conditionally create-only in the schema; RDS cannot change the engine in place.
_ALWAYS_REPLACING = {"AWS::RDS::DBInstance": (("Engine",),)}


@lru_cache
def _schema(resource_type: str) -> dict[str, Any]:
    # Late: it costs most of a second, and an emulator used through other APIs never needs it.
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    if resource_type == "AWS::CDK::Metadata":
        return {"properties": {"Analytics": {}}}
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type).schema  # type: ignore[no-any-return]


def _paths(resource_type: str, key: str) -> tuple[tuple[str, ...], ...]:
    paths = _schema(resource_type).get(key, [])
    return tuple(tuple(path.removeprefix(_PREFIX).split("/")) for path in paths)


def _at(properties: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        properties = properties.get(name) if isinstance(properties, dict) else None
    return properties


def replaced_by(resource_type: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """The create-only properties that differ: any of them replaces the resource."""
    paths = _paths(resource_type, "createOnlyProperties") + _ALWAYS_REPLACING.get(resource_type, ())
    return ["/".join(path) for path in paths if _at(old, path) != _at(new, path)]


def custom_name(resource_type: str, properties: dict[str, Any]) -> str | None:
    """The name a template gave the resource, or None when AWS chooses one."""
    identifier = _paths(resource_type, "primaryIdentifier")
    read_only = _paths(resource_type, "readOnlyProperties")
    if len(identifier) != 1 or identifier[0] in read_only:
        return None
    return _at(properties, identifier[0])  # type: ignore[no-any-return]


def missing(resource_type: str, properties: dict[str, Any]) -> list[str]:
    """The required properties that are not there."""
    return [name for name in _schema(resource_type).get("required", []) if name not in properties]


def tags_are_a_mapping(resource_type: str) -> bool:
    """Whether the type takes tags as a mapping instead of a list of Key and Value."""
    return bool(_schema(resource_type)["properties"]["Tags"].get("type") == "object")
