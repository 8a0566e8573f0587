"""What CloudFormation keeps of a stack: its resources, outputs and events."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from beanpod_emulator.cloudformation.exceptions import ValidationError
from beanpod_emulator.cloudformation.handlers import State
from beanpod_emulator.cloudformation.template import Template


@dataclass(frozen=True)
class DeployedResource:
    """A resource as it stands. properties: as evaluated, dynamic references left as they were written."""

    logical_id: str
    type: str
    state: State
    properties: dict[str, Any] = field(repr=False)
    body: dict[str, Any] = field(repr=False)
    status: str
    timestamp: datetime

    @property
    def physical_id(self) -> str:
        return self.state.physical_id

    def attribute(self, name: str) -> Any:
        """What Fn::GetAtt gives; ValidationError for an attribute the type does not have."""
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
    """One line of a stack's history; see DescribeStackEvents."""

    event_id: str
    logical_resource_id: str
    physical_resource_id: str
    resource_type: str
    resource_status: str
    resource_status_reason: str | None
    timestamp: datetime
    client_request_token: str | None


@dataclass
class Stack:
    """A stack. parameters: as given. values: as resolved. imports: the names of the exports it uses."""

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
    def exports(self) -> dict[str, str]:
        """Exported values by export name."""
        return {output.export_name: output.value for output in self.outputs if output.export_name}

    def forget_resources_outside(self, template: Template | None) -> None:
        """Drop the resources that the template does not have from the stack, without deleting them."""
        kept = template.resources if template else {}
        self.resources = {name: resource for name, resource in self.resources.items() if name in kept}

    def set_status(self, status: str, reason: str | None = None) -> None:
        """Enter a status and say so in the events."""
        self.status, self.status_reason = status, reason
        self.log(self.name, self.stack_id, "AWS::CloudFormation::Stack", status, reason)

    def log(
        self, logical_id: str, physical_id: str, resource_type: str, status: str, reason: str | None = None
    ) -> None:
        """Append an event."""
        self.events.append(
            Event(
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
        """Now, but later than the last event: clients sort events by their milliseconds."""
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


@dataclass
class ChangeSet:
    """A change set: what a later ExecuteChangeSet will do."""

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
