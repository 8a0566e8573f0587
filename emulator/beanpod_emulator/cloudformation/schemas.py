"""AWS's resource schemas, as cfn-lint has them: the CloudFormation registry's, patched where those are wrong."""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_PREFIX = "/properties/"
# Not, or only conditionally, create-only in the schema; the documentation of the types says "Replacement".
_ALSO_REPLACING = {
    "AWS::EC2::EIP": (("Domain",),),
    "AWS::EC2::VPC": (("InstanceTenancy",),),
    "AWS::RDS::DBInstance": (("AvailabilityZone",), ("Engine",), ("PerformanceInsightsKMSKeyId",)),
}


def _read(name: str) -> dict[str, Any]:
    """Read one of cfn-lint's files. It is not imported: that takes 0.6 s of CPU."""
    package = find_spec("cfnlint")
    folder = Path(str(package and package.origin)).parent
    return json.loads((folder / "data/schemas" / name).read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@cache
def _files() -> dict[str, Any]:
    return _read("providers/us-east-1.json")


@cache
def _schema(resource_type: str) -> dict[str, Any]:
    if resource_type == "AWS::CDK::Metadata":
        return {"properties": {"Analytics": {}}}
    return _read(f"resources/{_files()[resource_type]}.json")


def paths(resource_type: str, key: str) -> tuple[tuple[str, ...], ...]:
    """Return the paths of properties under a key such as "createOnlyProperties"."""
    found = _schema(resource_type).get(key, [])
    return tuple(tuple(path.removeprefix(_PREFIX).split("/")) for path in found)


def _at(properties: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        properties = properties.get(name) if isinstance(properties, dict) else None
    return properties


def replacing(resource_type: str) -> tuple[tuple[str, ...], ...]:
    """Return the paths of the properties whose change replaces the resource."""
    return paths(resource_type, "createOnlyProperties") + _ALSO_REPLACING.get(resource_type, ())


def replaced_by(resource_type: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return the properties that differ, and whose change replaces the resource."""
    return ["/".join(path) for path in replacing(resource_type) if _at(old, path) != _at(new, path)]


def perhaps_replaced_by(resource_type: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return the properties that differ, and of which a change set says that they may replace the resource."""
    found = paths(resource_type, "conditionalCreateOnlyProperties")
    always = replacing(resource_type)
    return ["/".join(path) for path in found if path not in always and _at(old, path) != _at(new, path)]


def custom_name(resource_type: str, properties: dict[str, Any]) -> str | None:
    """Return the name of a resource in its template, or None if CloudFormation generates it."""
    identifier = paths(resource_type, "primaryIdentifier")
    read_only = paths(resource_type, "readOnlyProperties")
    if len(identifier) != 1 or identifier[0] in read_only:
        return None
    return _at(properties, identifier[0])  # type: ignore[no-any-return]


def missing(resource_type: str, properties: dict[str, Any]) -> list[str]:
    """Return the required properties that are missing."""
    return [name for name in _schema(resource_type).get("required", []) if name not in properties]


def tags_are_a_mapping(resource_type: str) -> bool:
    """Return whether the tags of a type are a mapping instead of a list."""
    return bool(_schema(resource_type)["properties"]["Tags"].get("type") == "object")
