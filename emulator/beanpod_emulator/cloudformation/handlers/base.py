"""Base of the resource handlers: most types are a table of API calls, a few have code of their own."""

import json
import secrets
import string
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from botocore import xform_name
from botocore.exceptions import ClientError

from beanpod_emulator import clients
from beanpod_emulator.state import Emulator

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
class Setting:
    """A property that a call of its own changes.

    Attributes:
        put: The call that sets it.
        convert: Returns the call's parameters for a value. Default: the value under the property's name.
        remove: The call that removes it; without one, `default` is set, if there is one.
        default: The value without the property.
    """

    put: str
    convert: Callable[[Any], Properties] | None = None
    remove: str = ""
    default: Any = None


@dataclass(frozen=True)
class Handler:
    """Creates, updates and deletes a resource of one type through the emulator's own API.

    Texts in braces are filled with the response of the creating call, the request and `id`, `account`, `region`.

    Attributes:
        stack_name: The resource's stack, with `logical_id`.
        supported: Properties that the handler applies; a template with another one is refused.
        default_deletion_policy: DeletionPolicy of a resource without one.
        takes_snapshots: Whether a deletion policy may be Snapshot.
        unchangeable: Properties whose change is refused.
        kept_in_rollback: Properties whose change cannot be undone, so that a rollback leaves it.
        service: boto3's name of the service.
        calls: The calls that create, update and delete; "" for none. Parameters that a call does not have are left out.
        name: Property with the name, which is generated if the template has none.
        name_length: Length of the longest name.
        lower_case: Whether names are in lower case only.
        answer: Member of the first call's response that describes the resource. Default: the response.
        key: Parameter of the other calls that identifies the resource. Default: `name`.
        id: The physical id. Default: the value of `key` in the first call's response or request.
        identified_by: Further properties that the other calls need.
        renamed: Parameters by the properties that have another name.
        reset: Values of properties without them, for updates.
        settings: Properties that have calls of their own, unless the first call takes them too.
        attributes: Values of Fn::GetAtt.
        tagged: Parameters that identify the resource to the calls of `tag_calls`.
        tag_calls: The calls that remove and add tags.
    """

    account: str
    region: str
    stack_name: str
    logical_id: str
    emulator: Emulator = field(repr=False)
    supported: ClassVar[frozenset[str]] = frozenset()
    default_deletion_policy: ClassVar[str] = "Delete"
    takes_snapshots: ClassVar[bool] = False
    unchangeable: ClassVar[frozenset[str]] = frozenset()
    kept_in_rollback: ClassVar[frozenset[str]] = frozenset()
    service: ClassVar[str]
    calls: ClassVar[tuple[str, str, str]] = ("", "", "")
    name: ClassVar[str] = ""
    name_length: ClassVar[int] = 64
    lower_case: ClassVar[bool] = False
    answer: ClassVar[str] = ""
    key: ClassVar[str] = ""
    id: ClassVar[str] = ""
    identified_by: ClassVar[frozenset[str]] = frozenset()
    renamed: ClassVar[dict[str, str]] = {}
    reset: ClassVar[Properties] = {}
    settings: ClassVar[dict[str, Setting]] = {}
    attributes: ClassVar[dict[str, str]] = {}
    tagged: ClassVar[dict[str, str]] = {}
    tag_calls: ClassVar[tuple[str, str]] = ("UntagResource", "TagResource")

    @property
    def client(self) -> Any:
        """The boto3 client of the service."""
        return clients.client(self.service, self.region)

    def call(self, operation: str, properties: Properties, *, service: str = "") -> Any:
        """Call an operation with those of the properties that it has parameters for, in the API's form.

        Names may differ in case or be singular, "20" may stand for 20, "true" for true, and documents are made text.

        Args:
            service: Default: the type's own.
        """
        client = clients.client(service or self.service, self.region)
        shape = client.meta.service_model.operation_model(operation).input_shape
        found = {_member(shape, name): value for name, value in properties.items() if name != "Tags" or value}
        request = {name: _coerce(shape.members[name], value) for name, value in found.items() if name}
        return getattr(client, xform_name(operation))(**request)

    def generated_name(self, max_length: int = 64) -> str:
        """Generate a name as CloudFormation does: stack, logical id and a random suffix."""
        suffix = "".join(secrets.choice(_SUFFIX) for _ in range(12))
        room = max_length - len(suffix) - 1
        logical = self.logical_id[: room // 2]
        # The cut may be behind a hyphen of the stack's name.
        return f"{self.stack_name[: room - len(logical) - 1].rstrip('-')}-{logical}-{suffix}"

    def create(self, properties: Properties) -> State:
        """Create the resource."""
        request = self.rename(self.request(properties))
        response = self.call(self.calls[0], request)
        known = request | (response[self.answer] if self.answer else response)
        physical_id = _filled(self.id or f"{{{self.key or self.name}}}", known)
        state = State(physical_id, self.describe(physical_id, properties | known))
        try:
            self.configure(state, {}, properties)
            if not parameter_for(self.client, self.calls[0], "Tags"):
                self.retag(state, {}, properties)
        except Exception:
            # As on AWS, nothing is left of a resource whose creation fails.
            with suppress(ClientError):
                self.delete(state, properties)
            raise
        return state

    def update(self, state: State, old: Properties, new: Properties) -> State:
        """Update the resource in place."""
        if self.calls[1]:
            request = self.rename(without(self.change(state, old, new), "Tags"))
            self.call(self.calls[1], request | self.identify(state, new))
        self.configure(state, old, new)
        self.retag(state, old, new)
        described = self.describe(state.physical_id, new)
        return replace(state, attributes=state.attributes | {key: text for key, text in described.items() if text})

    def delete(self, state: State, properties: Properties) -> None:
        """Delete the resource, if its type has a call for that."""
        if self.calls[2]:
            self.call(self.calls[2], self.identify(state, properties))

    def snapshot(self, state: State) -> None:
        """Take a snapshot before the deletion, for types with `takes_snapshots`."""
        raise NotImplementedError

    def request(self, properties: Properties) -> Properties:
        """Return the parameters of the creating call: the properties, and a name."""
        if not self.name:
            return properties
        name = properties.get(self.name) or self.generated_name(self.name_length)
        return properties | {self.name: name.lower() if self.lower_case else name}

    def change(self, state: State, old: Properties, new: Properties) -> Properties:
        """Return the parameters of the updating call besides those that identify the resource."""
        return {name: value for name, value in self.reset.items() if name in old} | new

    def configure(self, state: State, old: Properties, new: Properties) -> None:
        """Change what has calls of its own; after the creation with no old properties."""
        for name, setting in self.settings.items():
            before, after = old.get(name), new.get(name, setting.default if name in old else None)
            if before == after or (not old and parameter_for(self.client, self.calls[0], self.renamed.get(name, name))):
                continue
            if after is not None:
                value = setting.convert(after) if setting.convert else {name: after}
                self.call(setting.put, value | self.identify(state, new))
            elif setting.remove:
                self.call(setting.remove, self.identify(state, new))

    def identify(self, state: State, properties: Properties) -> Properties:
        """Return the parameters by which the updating and the deleting call find the resource."""
        key = self.key or self.name
        return self.rename(pick(properties, *self.identified_by) | ({key: state.physical_id} if key else {}))

    def rename(self, properties: Properties) -> Properties:
        """Return the properties under the names that the API has for them."""
        return {self.renamed.get(name, name): value for name, value in properties.items()}

    def describe(self, physical_id: str, known: Properties) -> dict[str, Any]:
        """Return the values of Fn::GetAtt."""
        known = known | {"id": physical_id, "account": self.account, "region": self.region}
        return {name: _filled(text, known) for name, text in self.attributes.items()}

    def retag(self, state: State, old: Properties, new: Properties) -> None:
        """Change the tags from the old properties to the new."""
        known = new | state.attributes | {"id": state.physical_id, "account": self.account, "region": self.region}
        resource = {name: _filled(text, known) for name, text in self.tagged.items()}
        removed, added = tag_changes(old, new)
        if self.tagged and removed:
            # Most of the calls take keys, others tags without values.
            keys = {"TagKeys": removed, "TagsToRemove": removed, "Tags": [{"Key": key} for key in removed]}
            self.call(self.tag_calls[0], resource | keys)
        if self.tagged and added:
            self.call(self.tag_calls[1], resource | {"Tags": added, "TagsToAdd": added})


HANDLERS: dict[str, type[Handler]] = {}


def handles(resource_type: str, supported: str) -> Callable[[type[Handler]], type[Handler]]:
    """Register the handler class of a resource type, with the properties that it supports."""

    def register(cls: type[Handler]) -> type[Handler]:
        cls.supported = names(supported)
        HANDLERS[resource_type] = cls
        return cls

    return register


def _filled(text: str, known: Properties) -> str:
    return text.format_map(defaultdict(str, known))


def names(text: str) -> frozenset[str]:
    """Split names that are written in one line."""
    return frozenset(text.split())


def same(text: str) -> dict[str, str]:
    """Return attributes that have the same names in the response."""
    return {name: f"{{{name}}}" for name in text.split()}


def without(properties: Properties, *excluded: str) -> Properties:
    """Return the properties without some of them."""
    return {name: value for name, value in properties.items() if name not in excluded}


def pick(properties: Properties, *included: str) -> Properties:
    """Return those of the named properties that are set."""
    return {name: properties[name] for name in included if name in properties}


def changed(old: Properties, new: Properties) -> Properties:
    """Return the new properties that differ from the old ones."""
    return {name: value for name, value in new.items() if old.get(name) != value}


def differences(before: list[Any], after: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return the items to remove, and those to add."""
    return [item for item in before if item not in after], [item for item in after if item not in before]


def parameter_for(client: Any, operation: str, name: str) -> str | None:
    """Return the operation's parameter for a property, or None."""
    return _member(client.meta.service_model.operation_model(operation).input_shape, name)


def _member(shape: Any, name: str) -> str | None:
    if name in shape.members:
        return name
    found: dict[str, str] = {member.lower(): member for member in shape.members}
    return found.get(name.lower()) or found.get(f"{name.lower()}s")


def _coerce(shape: Any, value: Any) -> Any:
    match shape.type_name, value:
        case "structure", dict():
            known = {key: _member(shape, key) or key for key in value}
            members = shape.members
            return {
                name: _coerce(members[name], value[key]) if name in members else value[key]
                for key, name in known.items()
            }
        case "list", list():
            if "TagKey" in getattr(shape.member, "members", ()):
                value = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in value]
            return [_coerce(shape.member, item) for item in value]
        case "list", str():
            return [value]
        case "list", dict():
            return [{"Key": key, "Value": str(item)} for key, item in value.items()]
        case "map", list():
            return {tag["Key"]: str(tag["Value"]) for tag in value}
        case (("integer" | "long"), (str() | float())):
            return int(value)
        case (("float" | "double"), (str() | int())):
            return float(value)
        case "boolean", str():
            return is_true(value)
        case "string", dict():
            return json.dumps(value)
        case "string", (bool() | int() | float()):
            return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def is_true(value: Any) -> bool:
    """Return a boolean that may be written as text."""
    return str(value).lower() == "true"


def api_tags(properties: Properties) -> list[dict[str, str]]:
    """Return the property Tags, a list or a mapping, as most APIs take it."""
    tags = properties.get("Tags", [])
    pairs = tags.items() if isinstance(tags, dict) else ((tag["Key"], tag["Value"]) for tag in tags)
    return [{"Key": key, "Value": str(value)} for key, value in pairs]


def tag_changes(old: Properties, new: Properties) -> tuple[list[str], list[dict[str, str]]]:
    """Return the keys of the tags to remove, and the tags to set."""
    before, after = api_tags(old), api_tags(new)
    kept = {tag["Key"] for tag in after}
    return [tag["Key"] for tag in before if tag["Key"] not in kept], [tag for tag in after if tag not in before]
