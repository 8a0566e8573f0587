"""Stacks, their resources, and change sets."""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.exceptions import ServiceException

from beanpod_emulator.cloudformation import schemas
from beanpod_emulator.cloudformation.exceptions import DeploymentFailedError, ResourceFailedError, ValidationError
from beanpod_emulator.cloudformation.handlers import HANDLERS, Handler, State
from beanpod_emulator.cloudformation.intrinsics import resolve
from beanpod_emulator.cloudformation.template import Template
from beanpod_emulator.state import Emulator

_logger = logging.getLogger(__name__)
_RETAINED = ("Retain", "RetainExceptOnCreate")
_REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."
_DRIFT = {"StackDriftStatus": "NOT_CHECKED", "StackResourceDriftStatus": "NOT_CHECKED"}


def failure_reason(error: Exception) -> str:
    """Return the reason for the event of a failed resource or stack."""
    if isinstance(error, ClientError):
        detail = error.response["Error"]
        return f"Resource handler returned message: {detail['Message']} ({detail['Code']})"
    if isinstance(error, ServiceException):
        return error.message
    if isinstance(error, BotoCoreError | ResourceFailedError | DeploymentFailedError):
        return str(error)
    # Our own mistake must end in the stack's status: a client would wait for ever for a stack in progress.
    _logger.error("a deployment failed", exc_info=error)
    return f"The emulated AWS failed: {type(error).__name__}: {error}"


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
class StackEvent:
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


@dataclass(frozen=True)
class Request:
    """What CreateStack, UpdateStack and a change set have in common.

    Attributes:
        parameters: Text of each parameter, previous values and defaults included.
        values: Values of the parameters; those from Parameter Store are read, lists are split.
    """

    template: Template
    parameters: dict[str, str]
    values: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    notification_arns: list[str] = field(default_factory=list)
    role_arn: str | None = None
    token: str | None = None
    disable_rollback: bool = False


class _Described:
    """A stack or a change set, as its description shows it.

    Attributes:
        request: The deployed request, or that of the change set; None before the first deployment.
    """

    request: Request | None
    drift = _DRIFT

    class Meta:
        serialization_aliases: ClassVar = {
            "Parameters": "shown_parameters",
            "Tags": "tag_list",
            "Capabilities": "request.capabilities",
            "NotificationARNs": "request.notification_arns",
            "RoleARN": "request.role_arn",
            "DisableRollback": "request.disable_rollback",
            "EnableTerminationProtection": "termination_protection",
            "DriftInformation": "drift",
        }

    @property
    def template(self) -> Template | None:
        """The deployed template, or that of the change set."""
        return self.request.template if self.request else None

    @property
    def parameters(self) -> dict[str, str]:
        """Text of each parameter."""
        return self.request.parameters if self.request else {}

    @property
    def tags(self) -> dict[str, str]:
        """The tags, which the resources inherit."""
        return self.request.tags if self.request else {}

    @property
    def shown_parameters(self) -> list[dict[str, str]]:
        """Parameters with their values; those of NoEcho are masked."""
        declared = self.template.section("Parameters") if self.template else {}
        masked = {name for name, body in declared.items() if str(body.get("NoEcho", "")).lower() == "true"}
        values = {name: "****" if name in masked else str(self.parameters[name]) for name in declared}
        return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """Tags as the API has them."""
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]


@dataclass
class Stack(_Described):
    """A stack.

    Attributes:
        imports: Names of the exports that it imports.
    """

    stack_id: str
    name: str
    creation_time: datetime
    emulator: Emulator = field(repr=False)
    request: Request | None = None
    status: str = "REVIEW_IN_PROGRESS"
    status_reason: str | None = None
    resources: dict[str, DeployedResource] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    events: list[StackEvent] = field(default_factory=list)
    termination_protection: bool = False
    last_updated_time: datetime | None = None
    deletion_time: datetime | None = None
    request_token: str | None = None

    @property
    def region(self) -> str:
        return self.stack_id.split(":")[3]

    @property
    def account(self) -> str:
        return self.stack_id.split(":")[4]

    @property
    def description(self) -> str | None:
        """Description of the template."""
        return self.template.description if self.template else None

    template_description = description

    @property
    def exports(self) -> dict[str, str]:
        """Exported values by name."""
        return {output.export_name: output.value for output in self.outputs if output.export_name}

    def now(self) -> datetime:
        """Return the emulator's time."""
        return self.emulator.clock.now()

    def set_status(self, status: str, reason: str | None = None) -> None:
        """Set the status, and append its event."""
        self.status, self.status_reason = status, reason
        self.log(self.name, self.stack_id, "AWS::CloudFormation::Stack", status, reason)

    def log(
        self, logical_id: str, physical_id: str, resource_type: str, status: str, reason: str | None = None
    ) -> None:
        """Append an event, at least 1 ms after the last one: clients sort events by time."""
        after = self.events[-1].timestamp + timedelta(milliseconds=1) if self.events else self.now()
        self.events.append(
            StackEvent(
                stack_id=self.stack_id,
                stack_name=self.name,
                event_id=f"{logical_id}-{uuid.uuid4()}",
                logical_resource_id=logical_id,
                physical_resource_id=physical_id,
                resource_type=resource_type,
                resource_status=status,
                resource_status_reason=reason,
                timestamp=max(self.now(), after),
                client_request_token=self.request_token,
            )
        )

    def deploy_resource(
        self,
        logical_id: str,
        body: dict[str, Any],
        properties: dict[str, Any],
        current: DeployedResource | None = None,
        *,
        replacing: bool = False,
    ) -> DeployedResource:
        """Create, update in place or replace a resource; a replaced one is deleted in the clean-up.

        Args:
            logical_id: Its logical id.
            body: Its part of the template.
            properties: Its evaluated properties.
            current: The resource before the update.
            replacing: Whether to create another one.
        """
        kind, physical_id = ("UPDATE", current.physical_id) if current else ("CREATE", "")
        self.log(logical_id, physical_id, body["Type"], f"{kind}_IN_PROGRESS", _REPLACING if replacing else None)
        if current and not replacing:
            state = self._update(current, current.properties, properties)
        else:
            state = self._handler(body["Type"], logical_id).create(resolve(properties, self.region))
        self.resources[logical_id] = deployed = DeployedResource(
            stack_id=self.stack_id,
            stack_name=self.name,
            logical_id=logical_id,
            type=body["Type"],
            state=state,
            properties=properties,
            body=body,
            status=f"{kind}_COMPLETE",
            timestamp=self.now(),
        )
        self._log_resource(deployed, deployed.status)
        return deployed

    def restore_resource(self, old: DeployedResource, attempted: dict[str, Any]) -> bool:
        """Undo the update of a resource; False if that failed."""
        self.resources[old.logical_id] = old
        try:
            kept = HANDLERS[old.type].kept_in_rollback
            self._update(old, attempted, old.properties | {key: attempted[key] for key in kept & attempted.keys()})
        except Exception as error:
            self._log_resource(old, "UPDATE_FAILED", failure_reason(error))
            return False
        self._log_resource(old, "UPDATE_COMPLETE")
        return True

    def remove_resource(self, resource: DeployedResource, policy: str | None = None) -> bool:
        """Delete, snapshot or retain a resource; False if that failed.

        Args:
            resource: The resource.
            policy: UpdateReplacePolicy or DeletionPolicy. Default: its DeletionPolicy.
        """
        handler = self._handler(resource.type, resource.logical_id)
        policy = policy or resource.body.get("DeletionPolicy", handler.default_deletion_policy)
        if policy in _RETAINED:
            self._log_resource(resource, "DELETE_SKIPPED")
            return True
        self._log_resource(resource, "DELETE_IN_PROGRESS")
        try:
            if policy == "Snapshot":
                handler.snapshot(resource.state)
            handler.delete(resource.state, resource.properties)
        except Exception as error:
            self._log_resource(resource, "DELETE_FAILED", failure_reason(error))
            return False
        self._log_resource(resource, "DELETE_COMPLETE")
        return True

    def _update(self, resource: DeployedResource, old: dict[str, Any], new: dict[str, Any]) -> State:
        before, after = (resolve(properties, self.region) for properties in (old, new))
        return self._handler(resource.type, resource.logical_id).update(resource.state, before, after)

    def _log_resource(self, resource: DeployedResource, status: str, text: str | None = None) -> None:
        self.log(resource.logical_id, resource.physical_id, resource.type, status, text)

    def _handler(self, resource_type: str, logical_id: str) -> Handler:
        return HANDLERS[resource_type](self.account, self.region, self.name, logical_id, self.emulator)


@dataclass
class ChangeSet(_Described):
    """A change set.

    Attributes:
        changes: As the API has them.
    """

    change_set_id: str
    name: str
    type: str
    stack: Stack
    request: Request
    creation_time: datetime
    changes: list[dict[str, Any]]
    description: str | None = None
    status: str = "CREATE_COMPLETE"
    status_reason: str | None = None
    execution_status: str = "AVAILABLE"

    @property
    def stack_id(self) -> str:
        return self.stack.stack_id

    @property
    def stack_name(self) -> str:
        return self.stack.name


NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


def anything_changes(stack: Stack, request: Request) -> bool:
    """Return whether template, values of parameters or tags differ from the deployed ones, or these have failed."""
    old = stack.request
    deployed = (old.template.document, old.values, old.tags) if old else None
    return stack.status.endswith("_FAILED") or deployed != (request.template.document, request.values, request.tags)


def changes(stack: Stack, request: Request, wanted: Callable[[str], bool]) -> list[dict[str, Any]]:
    """Return the resources that would be added, modified or removed, by comparing templates.

    Args:
        wanted: Whether there is to be a resource of a logical id.
    """
    found = []
    for logical_id, body in request.template.resources.items():
        current = stack.resources.get(logical_id)
        if current is None and wanted(logical_id):
            found.append(_change("Add", logical_id, body["Type"]))
        elif current and wanted(logical_id) and (body != current.body or request.tags != stack.tags):
            found.append(_modification(logical_id, current.physical_id, current.body, body))
    gone = (it for logical_id, it in stack.resources.items() if not wanted(logical_id))
    return found + [_change("Remove", it.logical_id, it.type, PhysicalResourceId=it.physical_id) for it in gone]


def _change(action: str, logical_id: str, resource_type: str, **more: Any) -> dict[str, Any]:
    change = {"Action": action, "LogicalResourceId": logical_id, "ResourceType": resource_type}
    return {"Type": "Resource", "ResourceChange": {"Scope": [], "Details": []} | change | more}


def _modification(logical_id: str, physical_id: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the change of a resource, with each property that differs: the CDK CLI shows no other."""
    before, after = old.get("Properties", {}), new.get("Properties", {})
    replaced = {path.partition("/")[0] for path in schemas.replaced_by(new["Type"], before, after)}
    perhaps = {path.partition("/")[0] for path in schemas.perhaps_replaced_by(new["Type"], before, after)}
    names = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    details = [
        {
            "Target": {
                "Attribute": "Properties",
                "Name": name,
                "RequiresRecreation": "Always" if name in replaced else "Conditionally" if name in perhaps else "Never",
            },
            "Evaluation": "Static",
            "ChangeSource": "DirectModification",
        }
        for name in names
    ]
    parts = ("Properties", "Metadata", "DeletionPolicy", "UpdateReplacePolicy")
    scope = [name for name in parts if old.get(name) != new.get(name)] or ["Tags"]
    return _change(
        "Modify",
        logical_id,
        new["Type"],
        PhysicalResourceId=physical_id,
        Replacement="True" if replaced else "Conditional" if perhaps else "False",
        Scope=scope,
        Details=details,
    )
