"""Base of the resource handlers, and functions on properties and tags."""

import json
import secrets
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from botocore import xform_name
from botocore.exceptions import ClientError

from beanpod_emulator import clients

Properties = dict[str, Any]
_SUFFIX = string.digits + string.ascii_uppercase


@dataclass(frozen=True)
class State:
    """A resource that exists.

    Attributes:
        physical_id: Value of Ref.
        attributes: Values of Fn::GetAtt by attribute.
    """

    physical_id: str
    attributes: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Context:
    """Account, region, stack and logical id of a resource."""

    account: str
    region: str
    stack_name: str
    stack_id: str
    logical_id: str

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service."""
        return clients.client(service, self.region)

    def generated_name(self, max_length: int = 64) -> str:
        """Generate a name as CloudFormation does: stack, logical id and a random suffix."""
        suffix = "".join(secrets.choice(_SUFFIX) for _ in range(12))
        room = max_length - len(suffix) - 1
        logical = self.logical_id[: room // 2]
        return f"{self.stack_name[: room - len(logical) - 1]}-{logical}-{suffix}"


class Handler:
    """Creates, updates and deletes the resources of one type through the emulator's own API.

    Attributes:
        supported: Properties that the handler applies; a template with another one is refused.
        default_deletion_policy: DeletionPolicy of a resource without one. Default: Delete.
    """

    supported: ClassVar[frozenset[str]] = frozenset()
    default_deletion_policy: ClassVar[str] = "Delete"

    def create(self, context: Context, properties: Properties) -> State:
        """Create the resource."""
        raise NotImplementedError

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        """Update the resource in place. Default: create() overwrites it."""
        return self.create(context, new)

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        """Delete the resource. Default: there is nothing to delete."""

    def snapshot(self, context: Context, state: State) -> None:
        """Take a snapshot before the deletion, for types that support it."""
        raise NotImplementedError

    @property
    def takes_snapshots(self) -> bool:
        """Whether the type supports snapshots."""
        return type(self).snapshot is not Handler.snapshot


HANDLERS: dict[str, Handler] = {}


def handles(resource_type: str) -> Callable[[type[Handler]], type[Handler]]:
    """Register a handler class for a resource type."""

    def register(cls: type[Handler]) -> type[Handler]:
        HANDLERS[resource_type] = cls()
        return cls

    return register


def names(text: str) -> frozenset[str]:
    """Split names that are written in one line."""
    return frozenset(text.split())


def without(properties: Properties, *excluded: str) -> Properties:
    """Return the properties without some of them."""
    return {name: value for name, value in properties.items() if name not in excluded}


def pick(properties: Properties, *included: str) -> Properties:
    """Return those of the named properties that are set."""
    return {name: properties[name] for name in included if name in properties}


def changed(old: Properties, new: Properties) -> Properties:
    """Return the new properties that differ from the old ones."""
    return {name: value for name, value in new.items() if old.get(name) != value}


def call(client: Any, operation: str, parameters: Properties) -> Any:
    """Call an operation with values of a template, where "20" may stand for 20 and "true" for true."""
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
    """Return the property Tags as most APIs take it."""
    return [{"Key": tag["Key"], "Value": str(tag["Value"])} for tag in properties.get("Tags", [])]


def tag_changes(old: Properties, new: Properties) -> tuple[list[str], list[dict[str, str]]]:
    """Return the keys of the tags to remove, and the tags to set."""
    before, after = api_tags(old), api_tags(new)
    kept = {tag["Key"] for tag in after}
    return [tag["Key"] for tag in before if tag["Key"] not in kept], [tag for tag in after if tag not in before]


def retag(
    client: Any,
    resource: Properties,
    old: Properties,
    new: Properties,
    *,
    operations: tuple[str, str] = ("UntagResource", "TagResource"),
) -> None:
    """Change a resource's tags from the old properties to the new.

    Args:
        client: Client of the resource's service.
        resource: The parameter that names the resource to both calls.
        old: Properties before the update.
        new: Properties after it.
        operations: The calls that remove and set tags.
    """
    removed, added = tag_changes(old, new)
    if removed:
        call(client, operations[0], {**resource, "TagKeys": removed})
    if added:
        call(client, operations[1], {**resource, "Tags": added})


def document(value: Any) -> str:
    """Return a policy document as the API takes it."""
    return value if isinstance(value, str) else json.dumps(value)


def ignore_missing(action: Callable[[], Any], codes: Iterable[str]) -> None:
    """Run a deletion, and ignore that the resource does not exist any more."""
    try:
        action()
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise
