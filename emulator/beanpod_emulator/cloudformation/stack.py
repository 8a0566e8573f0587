"""Stacks and change sets: what CloudFormation keeps of them."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from beanpod_emulator.cloudformation import schemas
from beanpod_emulator.cloudformation.exceptions import ValidationError
from beanpod_emulator.cloudformation.handlers import State
from beanpod_emulator.cloudformation.template import Template

_DRIFT = {"StackDriftStatus": "NOT_CHECKED", "StackResourceDriftStatus": "NOT_CHECKED"}


@dataclass(frozen=True)
class DeployedResource:
    """A resource that exists.

    Attributes:
        properties: As evaluated; dynamic references are not resolved in them.
        body: Its part of the template.
    """

    stack_id: str
    stack_name: str
    logical_id: str
    type: str
    state: State
    properties: dict[str, Any] = field(repr=False)
    body: dict[str, Any] = field(repr=False)
    status: str
    timestamp: datetime
    drift: dict[str, str] = field(default_factory=lambda: _DRIFT, repr=False)

    class Meta:
        serialization_aliases: ClassVar = {
            "LogicalResourceId": "logical_id",
            "PhysicalResourceId": "physical_id",
            "ResourceType": "type",
            "ResourceStatus": "status",
            "LastUpdatedTimestamp": "timestamp",
            "DriftInformation": "drift",
        }

    @property
    def physical_id(self) -> str:
        return self.state.physical_id

    def attribute(self, name: str) -> Any:
        """Return the value of Fn::GetAtt.

        Raises:
            ValidationError: The type has no such attribute.
        """
        if name not in self.state.attributes:
            raise ValidationError(
                f"Template error: resource {self.logical_id} does not support attribute type {name} in Fn::GetAtt"
            )
        return self.state.attributes[name]


@dataclass(frozen=True)
class Output:
    key: str
    value: str
    description: str | None
    export_name: str | None


@dataclass(frozen=True)
class Event:
    """An event of a stack, as DescribeStackEvents answers it."""

    stack_id: str
    stack_name: str
    event_id: str
    logical_resource_id: str
    physical_resource_id: str
    resource_type: str
    resource_status: str
    resource_status_reason: str | None
    timestamp: datetime
    client_request_token: str | None


class _Described:
    """What descriptions of stacks and change sets have in common."""

    template: Template | None
    parameters: dict[str, str]
    tags: dict[str, str]

    class Meta:
        serialization_aliases: ClassVar = {
            "Parameters": "shown_parameters",
            "Tags": "tag_list",
            "Changes": "change_list",
            "EnableTerminationProtection": "termination_protection",
            "DriftInformation": "drift",
            "TemplateDescription": "template_description",
        }

    drift = _DRIFT

    @property
    def shown_parameters(self) -> list[dict[str, str]]:
        """Parameters with their values; those of NoEcho are masked."""
        declared = self.template.section("Parameters") if self.template else {}
        masked = {name for name, body in declared.items() if str(body.get("NoEcho", "")).lower() == "true"}
        values = {name: "****" if name in masked else str(self.parameters[name]) for name in declared}
        return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """Tags as the API answers them."""
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]

    @property
    def template_description(self) -> str | None:
        """Description of the template."""
        return self.template.description if self.template else None


@dataclass
class Stack(_Described):
    """A stack.

    Attributes:
        parameters: Parameters as text.
        values: Parameters as values.
        imports: Names of the exports that it imports.
    """

    stack_id: str
    name: str
    creation_time: datetime
    now: Callable[[], datetime] = field(repr=False)
    status: str = "REVIEW_IN_PROGRESS"
    status_reason: str | None = None
    template: Template | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    resources: dict[str, DeployedResource] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    capabilities: list[str] = field(default_factory=list)
    notification_arns: list[str] = field(default_factory=list)
    role_arn: str | None = None
    termination_protection: bool = False
    disable_rollback: bool = False
    last_updated_time: datetime | None = None
    deletion_time: datetime | None = None
    request_token: str | None = None

    @property
    def description(self) -> str | None:
        """Description of the template."""
        return self.template_description

    @property
    def exports(self) -> dict[str, str]:
        """Exported values by name."""
        return {output.export_name: output.value for output in self.outputs if output.export_name}

    def forget_resources_outside(self, template: Template | None) -> None:
        """Remove resources that are not in the template from the stack, without deleting them."""
        kept = template.resources if template else {}
        self.resources = {name: resource for name, resource in self.resources.items() if name in kept}

    def set_status(self, status: str, reason: str | None = None) -> None:
        """Set the status, and append its event."""
        self.status, self.status_reason = status, reason
        self.log(self.name, self.stack_id, "AWS::CloudFormation::Stack", status, reason)

    def log(
        self, logical_id: str, physical_id: str, resource_type: str, status: str, reason: str | None = None
    ) -> None:
        """Append an event."""
        self.events.append(
            Event(
                stack_id=self.stack_id,
                stack_name=self.name,
                event_id=f"{logical_id}-{uuid.uuid4()}",
                logical_resource_id=logical_id,
                physical_resource_id=physical_id,
                resource_type=resource_type,
                resource_status=status,
                resource_status_reason=reason,
                timestamp=self._next_moment(),
                client_request_token=self.request_token,
            )
        )

    def _next_moment(self) -> datetime:
        """Return the time, at least 1 ms after the last event: clients sort events by time."""
        now = self.now()
        earliest = self.events[-1].timestamp + timedelta(milliseconds=1) if self.events else now
        return max(now, earliest)


@dataclass(frozen=True)
class Change:
    action: str
    logical_resource_id: str
    resource_type: str
    physical_resource_id: str | None = None
    replacement: str | None = None
    scope: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)


@dataclass
class ChangeSet(_Described):
    """A change set."""

    change_set_id: str
    name: str
    type: str
    stack: Stack
    template: Template
    parameters: dict[str, str]
    tags: dict[str, str]
    capabilities: list[str]
    creation_time: datetime
    changes: list[Change]
    description: str | None = None
    notification_arns: list[str] = field(default_factory=list)
    role_arn: str | None = None
    status: str = "CREATE_COMPLETE"
    status_reason: str | None = None
    execution_status: str = "AVAILABLE"

    @property
    def stack_id(self) -> str:
        return self.stack.stack_id

    @property
    def stack_name(self) -> str:
        return self.stack.name

    @property
    def change_list(self) -> list[dict[str, Any]]:
        """Changes as the API answers them."""
        return [{"Type": "Resource", "ResourceChange": change} for change in self.changes]


NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


def anything_changes(stack: Stack, template: Template, parameters: dict[str, str], tags: dict[str, str]) -> bool:
    """Return whether template, parameters or tags differ from the deployed ones."""
    deployed = stack.template.document if stack.template else None
    return (template.document, parameters, tags) != (deployed, stack.parameters, stack.tags)


def changes(stack: Stack, template: Template, tags: dict[str, str]) -> list[Change]:
    """Return the resources that would be added, modified or removed, by comparing templates."""
    old = stack.template.resources if stack.template else {}
    new = template.resources
    return [
        *(_added(logical_id, new[logical_id]) for logical_id in new if logical_id not in stack.resources),
        *(
            _modified(stack, logical_id, old[logical_id], new[logical_id])
            for logical_id in new
            if logical_id in stack.resources and (new[logical_id] != old[logical_id] or tags != stack.tags)
        ),
        *(_removed(stack, logical_id) for logical_id in stack.resources if logical_id not in new),
    ]


def _added(logical_id: str, body: dict[str, Any]) -> Change:
    return Change("Add", logical_id, body["Type"])


def _modified(stack: Stack, logical_id: str, old: dict[str, Any], new: dict[str, Any]) -> Change:
    replaced = schemas.replaced_by(new["Type"], old.get("Properties", {}), new.get("Properties", {}))
    physical_id = stack.resources[logical_id].physical_id
    return Change("Modify", logical_id, new["Type"], physical_id, "True" if replaced else "False")


def _removed(stack: Stack, logical_id: str) -> Change:
    resource = stack.resources[logical_id]
    return Change("Remove", logical_id, resource.type, resource.physical_id)
