"""What a resource type's handler is."""

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from beanpod_emulator import clients

Properties = dict[str, Any]
_SUFFIX = string.digits + string.ascii_uppercase


@dataclass(frozen=True)
class State:
    """A resource that exists: what Ref gives, and what Fn::GetAtt gives by attribute name."""

    physical_id: str
    attributes: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Context:
    """Where a resource is made: its place in the stack, and the clients of the stack's region."""

    account: str
    region: str
    stack_name: str
    stack_id: str
    logical_id: str

    def client(self, service: str) -> Any:
        """The botocore client of a service."""
        return clients.client(service, self.region)

    def generated_name(self, max_length: int = 64) -> str:
        """A name as CloudFormation makes it: stack, logical id and a random suffix."""
        suffix = "".join(secrets.choice(_SUFFIX) for _ in range(12))
        room = max_length - len(suffix) - 1
        logical = self.logical_id[: room // 2]
        return f"{self.stack_name[: room - len(logical) - 1]}-{logical}-{suffix}"


class Handler:
    """Makes, changes and removes the resources of one type, through the API of the embedded AWS.

    supported: the properties the handler honours; a template with another is refused.
    default_deletion_policy: what happens on removal when the template does not say. Default: Delete.
    """

    supported: ClassVar[frozenset[str]] = frozenset()
    default_deletion_policy: ClassVar[str] = "Delete"

    def create(self, context: Context, properties: Properties) -> State:
        """Make the resource."""
        raise NotImplementedError

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        """Change the resource in place, from the old properties to the new ones."""
        raise NotImplementedError

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        """Remove the resource."""
        raise NotImplementedError

    def snapshot(self, context: Context, state: State) -> None:
        """Keep a copy before the removal; only for types that can."""
        raise NotImplementedError

    @property
    def takes_snapshots(self) -> bool:
        """Whether the type has copies to keep: its handler overrides snapshot()."""
        return type(self).snapshot is not Handler.snapshot


HANDLERS: dict[str, Handler] = {}


def handles(resource_type: str) -> Callable[[type[Handler]], type[Handler]]:
    """Register a handler class for a resource type."""

    def register(cls: type[Handler]) -> type[Handler]:
        HANDLERS[resource_type] = cls()
        return cls

    return register
