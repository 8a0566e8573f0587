"""What handlers do with a resource's properties: choose, compare, and give them to an API."""

from collections.abc import Callable, Iterable
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from beanpod_emulator.cloudformation.handlers.base import Properties


def names(text: str) -> frozenset[str]:
    """A set of names written in one line."""
    return frozenset(text.split())


def without(properties: Properties, *excluded: str) -> Properties:
    """The properties but some."""
    return {name: value for name, value in properties.items() if name not in excluded}


def pick(properties: Properties, *included: str) -> Properties:
    """The properties named, as far as they are there."""
    return {name: properties[name] for name in included if name in properties}


def changed(old: Properties, new: Properties) -> Properties:
    """The new properties that differ from the old ones."""
    return {name: value for name, value in new.items() if old.get(name) != value}


def call(client: Any, operation: str, parameters: Properties) -> Any:
    """Call `operation` with a template's values: CloudFormation takes "20" for 20 and "true" for true."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    return getattr(client, xform_name(operation))(**_coerce(shape, parameters))


def _coerce(shape: Any, value: Any) -> Any:
    match shape.type_name, value:
        case "structure", dict():
            known = shape.members
            return {key: _coerce(known[key], item) if key in known else item for key, item in value.items()}
        case "list", list():
            return [_coerce(shape.member, item) for item in value]
        case (("integer" | "long"), (str() | float())):
            return int(value)
        case (("float" | "double"), (str() | int())):
            return float(value)
        case "boolean", str():
            return value.lower() == "true"
        case "string", (bool() | int() | float()):
            return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def api_tags(properties: Properties) -> list[dict[str, str]]:
    """The Tags property as APIs take it."""
    return [{"Key": tag["Key"], "Value": str(tag["Value"])} for tag in properties.get("Tags", [])]


def tag_changes(old: Properties, new: Properties) -> tuple[list[str], list[dict[str, str]]]:
    """Which tag keys to remove and which tags to set to come from the old properties to the new."""
    before, after = api_tags(old), api_tags(new)
    kept = {tag["Key"] for tag in after}
    return [tag["Key"] for tag in before if tag["Key"] not in kept], [tag for tag in after if tag not in before]


def ignore_missing(action: Callable[[], Any], codes: Iterable[str]) -> None:
    """Run a removal; what is gone already is as good as removed."""
    try:
        action()
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise
