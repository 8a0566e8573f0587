"""Deployments: create, update, replace and delete a stack's resources, in order, or roll back."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.exceptions import ServiceException

from beanpod_emulator.cloudformation import schemas
from beanpod_emulator.cloudformation.exceptions import ResourceFailedError
from beanpod_emulator.cloudformation.handlers import HANDLERS, Handler, State
from beanpod_emulator.cloudformation.intrinsics import Evaluator, resolve
from beanpod_emulator.cloudformation.stack import DeployedResource, Output, Stack
from beanpod_emulator.cloudformation.template import Template
from beanpod_emulator.state import Emulator

_log = logging.getLogger(__name__)
_RETAINED = ("Retain", "RetainExceptOnCreate")
_REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


def _reason(error: Exception) -> str:
    """Return the reason for the event of a failed resource."""
    if isinstance(error, ClientError):
        detail = error.response["Error"]
        return f"Resource handler returned message: {detail['Message']} ({detail['Code']})"
    if isinstance(error, ServiceException):
        return error.message
    if isinstance(error, BotoCoreError | ResourceFailedError):
        return str(error)
    # A handler's own mistake must end in the stack's status: a client would wait for ever for a stack in progress.
    _log.error("a resource handler failed", exc_info=error)
    return f"The emulated AWS failed: {type(error).__name__}: {error}"


def _refused(resource_type: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return the properties that differ, and cannot be changed."""
    return sorted(name for name in HANDLERS[resource_type].unchangeable if old.get(name) != new.get(name))


@dataclass(frozen=True)
class Operations:
    """Create, update and delete single resources of a stack, and write their events.

    Attributes:
        stack: The stack.
        account: Account of its resources.
        region: Region of its resources.
        emulator: The emulator, whose clock may have to be moved.
    """

    stack: Stack
    account: str
    region: str
    emulator: Emulator

    def deploy(
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
        self.stack.log(logical_id, physical_id, body["Type"], f"{kind}_IN_PROGRESS", _REPLACING if replacing else None)
        if current and not replacing:
            state = self._update(current, current.properties, properties)
        else:
            state = self._handler(body["Type"], logical_id).create(resolve(properties, self.region))
        self.stack.resources[logical_id] = deployed = DeployedResource(
            stack_id=self.stack.stack_id,
            stack_name=self.stack.name,
            logical_id=logical_id,
            type=body["Type"],
            state=state,
            properties=properties,
            body=body,
            status=f"{kind}_COMPLETE",
            timestamp=self.stack.now(),
        )
        self._log(deployed, deployed.status)
        return deployed

    def restore(self, old: DeployedResource, attempted: dict[str, Any]) -> bool:
        """Undo the update of a resource; False if that failed."""
        self.stack.resources[old.logical_id] = old
        try:
            kept = HANDLERS[old.type].kept_in_rollback
            self._update(old, attempted, old.properties | {key: attempted[key] for key in kept & attempted.keys()})
        except Exception as error:
            self._log(old, "UPDATE_FAILED", _reason(error))
            return False
        self._log(old, "UPDATE_COMPLETE")
        return True

    def remove(self, resource: DeployedResource, policy: str | None = None) -> bool:
        """Delete, snapshot or retain a resource; False if that failed.

        Args:
            resource: The resource.
            policy: UpdateReplacePolicy or DeletionPolicy. Default: its DeletionPolicy.
        """
        handler = self._handler(resource.type, resource.logical_id)
        policy = policy or resource.body.get("DeletionPolicy", handler.default_deletion_policy)
        if policy in _RETAINED:
            self._log(resource, "DELETE_SKIPPED")
            return True
        self._log(resource, "DELETE_IN_PROGRESS")
        try:
            if policy == "Snapshot":
                handler.snapshot(resource.state)
            handler.delete(resource.state, resource.properties)
        except Exception as error:
            self._log(resource, "DELETE_FAILED", _reason(error))
            return False
        self._log(resource, "DELETE_COMPLETE")
        return True

    def _update(self, resource: DeployedResource, old: dict[str, Any], new: dict[str, Any]) -> State:
        before, after = (resolve(properties, self.region) for properties in (old, new))
        return self._handler(resource.type, resource.logical_id).update(resource.state, before, after)

    def _log(self, resource: DeployedResource, status: str, text: str | None = None) -> None:
        self.stack.log(resource.logical_id, resource.physical_id, resource.type, status, text)

    def _handler(self, resource_type: str, logical_id: str) -> Handler:
        return HANDLERS[resource_type](self.account, self.region, self.stack.name, logical_id, self.emulator)


class DeploymentFailedError(Exception):
    """A resource failed; the message is the StackStatusReason."""


@dataclass
class Deployment:
    """One creation or update of a stack.

    Attributes:
        stack: The stack.
        template: The new template.
        tags: Tags of the stack, which its resources inherit.
        evaluator: Evaluates `template`, and reads `stack.resources` while they change.
        operations: Changes single resources.
        imports: Names of the exports that the evaluator has read.
        owner: Returns the id of another stack that has a resource, by type and physical id.
    """

    stack: Stack
    template: Template
    tags: dict[str, str]
    evaluator: Evaluator
    operations: Operations
    imports: set[str]
    owner: Callable[[str, str], str | None]
    _undo: list[Callable[[], bool]] = field(default_factory=list)
    _created: list[DeployedResource] = field(default_factory=list)
    _superseded: list[DeployedResource] = field(default_factory=list)

    def run(self) -> list[Output]:
        """Create, update and replace resources, and return the outputs.

        Raises:
            DeploymentFailedError: A resource failed; the rest is not touched.
        """
        for logical_id in self.template.order:
            if self._wanted(logical_id):
                self._deploy(logical_id, self.template.resources[logical_id])
        return self._outputs()

    def clean_up(self, previous: Template | None) -> None:
        """Delete replaced resources, and those that are in the previous template only."""
        for old in reversed(self._superseded):
            self.operations.remove(old, old.body.get("UpdateReplacePolicy", "Delete"))
        for logical_id in reversed(previous.order if previous else []):
            if logical_id in self.stack.resources and not self._wanted(logical_id):
                # As on AWS, what cannot be removed is left behind: the update is complete all the same.
                self.operations.remove(self.stack.resources.pop(logical_id))

    def export_names(self) -> set[str]:
        """Return the names of the template's exports."""
        shown = [body for body in self.template.section("Outputs").values() if self._applies(body)]
        return {self.evaluator.evaluate(body["Export"])["Name"] for body in shown if "Export" in body}

    def roll_back(self) -> bool:
        """Undo the updates, the last one first; False if one of them could not be undone."""
        undone = [undo() for undo in reversed(self._undo)]
        return all(undone)

    def remove_created(self) -> bool:
        """Delete the created resources, the last one first; False if one of them could not be deleted.

        https://repost.aws/knowledge-center/cloudformation-stack-cleanup-stuck, and of what is retained all the same:
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
        """
        left = []
        for resource in reversed(self._created):
            policy = "Retain" if resource.body.get("DeletionPolicy") == "Retain" else "Delete"
            if not self.operations.remove(resource, policy):
                left.append(resource)
        for resource in self._created:
            if resource not in left and self.stack.resources.get(resource.logical_id) == resource:
                del self.stack.resources[resource.logical_id]
        return not left

    def _wanted(self, logical_id: str) -> bool:
        return logical_id in self.template.resources and self._applies(self.template.resources[logical_id])

    def _deploy(self, logical_id: str, body: dict[str, Any]) -> None:
        current = self.stack.resources.get(logical_id)
        operation = "UPDATE" if current else "CREATE"
        try:
            self._bring(logical_id, current, body)
        except Exception as error:
            physical_id = current.physical_id if current else ""
            self.stack.log(logical_id, physical_id, body["Type"], f"{operation}_FAILED", _reason(error))
            text = f"The following resource(s) failed to {operation.lower()}: [{logical_id}]."
            raise DeploymentFailedError(text) from error

    def _bring(self, logical_id: str, current: DeployedResource | None, body: dict[str, Any]) -> None:
        properties = self._properties(logical_id, body)
        if current is None:
            self._check_owner(body["Type"], schemas.custom_name(body["Type"], properties))
            self._created.append(self.operations.deploy(logical_id, body, properties))
        elif current.type != body["Type"]:
            raise ResourceFailedError(
                f"Update of resource type is not permitted. The new template modifies resource type of {logical_id}"
            )
        elif properties == current.properties:
            self.stack.resources[logical_id] = replace(current, body=body)
        elif schemas.replaced_by(current.type, current.properties, properties):
            self._replace(current, body, properties)
        elif refused := _refused(current.type, current.properties, properties):
            raise ResourceFailedError(f"Updates are not allowed for property - {', '.join(refused)}.")
        else:
            self._undo.append(lambda: self.operations.restore(current, properties))
            self.operations.deploy(logical_id, body, properties, current)

    def _replace(self, current: DeployedResource, body: dict[str, Any], properties: dict[str, Any]) -> None:
        name = schemas.custom_name(current.type, properties)
        if name is not None and name == schemas.custom_name(current.type, current.properties):
            raise ResourceFailedError(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {name} and update the stack again."
            )
        self._check_owner(current.type, name)
        self._created.append(self.operations.deploy(current.logical_id, body, properties, current, replacing=True))
        self._superseded.append(current)
        self._undo.append(lambda: self._put_back(current))

    def _check_owner(self, resource_type: str, name: str | None) -> None:
        """Refuse a name in use: some APIs would take over the resource, such as a bucket or an alarm."""
        if name and (stack_id := self.owner(resource_type, name)):
            raise ResourceFailedError(f"{name} already exists in stack {stack_id}")

    def _put_back(self, old: DeployedResource) -> bool:
        self.stack.resources[old.logical_id] = old
        return True

    def _properties(self, logical_id: str, body: dict[str, Any]) -> dict[str, Any]:
        properties: dict[str, Any] = self.evaluator.evaluate(body.get("Properties", {}))
        missing = ", ".join(f"#: required key [{name}] not found" for name in schemas.missing(body["Type"], properties))
        if missing:
            raise ResourceFailedError(f"Properties validation failed for resource {logical_id} with message: {missing}")
        return self._tagged(body["Type"], properties)

    def _tagged(self, resource_type: str, properties: dict[str, Any]) -> dict[str, Any]:
        if not self.tags or "Tags" not in HANDLERS[resource_type].supported:
            return properties
        if schemas.tags_are_a_mapping(resource_type):
            return properties | {"Tags": self.tags | properties.get("Tags", {})}
        own = {tag["Key"]: tag for tag in properties.get("Tags", [])}
        inherited = {key: {"Key": key, "Value": value} for key, value in self.tags.items()}
        return properties | {"Tags": list((inherited | own).values())}

    def _outputs(self) -> list[Output]:
        outputs = self.template.section("Outputs")
        return [self._output(key, body) for key, body in outputs.items() if self._applies(body)]

    def _applies(self, body: dict[str, Any]) -> bool:
        return "Condition" not in body or self.evaluator.condition(body["Condition"])

    def _output(self, key: str, body: dict[str, Any]) -> Output:
        value = self.evaluator.evaluate(body["Value"])
        export = self.evaluator.evaluate(body.get("Export", {})).get("Name")
        return Output(key, str(value), body.get("Description"), export)


def tear_down(stack: Stack, operations: Operations) -> list[str]:
    """Delete the resources of a stack, dependents first, and return the logical ids of those that failed."""
    order = stack.template.order if stack.template else []
    for logical_id in reversed(order):
        if logical_id in stack.resources and operations.remove(stack.resources[logical_id]):
            del stack.resources[logical_id]
    return sorted(stack.resources)
