"""Deployments: create, update, replace and delete a stack's resources, in order, or roll back."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from beanpod_emulator.cloudformation import schemas
from beanpod_emulator.cloudformation.exceptions import (
    DeploymentFailedError,
    ResourceFailedError,
    ValidationError,
)
from beanpod_emulator.cloudformation.handlers import HANDLERS
from beanpod_emulator.cloudformation.intrinsics import Evaluator
from beanpod_emulator.cloudformation.stack import DeployedResource, Output, Stack, failure_reason
from beanpod_emulator.cloudformation.template import Template, text_of
from beanpod_emulator.cloudformation.validation import OUTPUT_NO_TEXT


def _refused(resource_type: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return the properties that differ, and cannot be changed."""
    return sorted(name for name in HANDLERS[resource_type].unchangeable if old.get(name) != new.get(name))


@dataclass
class StackDeployment:
    """One creation or update of a stack.

    Attributes:
        stack: The stack.
        template: The new template.
        tags: Tags of the stack, which its resources inherit.
        evaluator: Evaluates `template`, and reads `stack.resources` while they change.
        imports: Names of the exports that the evaluator has read.
        owner: Returns the id of another stack that has a resource, by type and physical id.
    """

    stack: Stack
    template: Template
    tags: dict[str, str]
    evaluator: Evaluator
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
            if self.wanted(logical_id):
                self._deploy(logical_id, self.template.resources[logical_id])
        return self._outputs()

    def clean_up(self, previous: Template | None) -> None:
        """Delete replaced resources, and those that are in the previous template only."""
        for old in reversed(self._superseded):
            self.stack.remove_resource(old, old.body.get("UpdateReplacePolicy", "Delete"))
        for logical_id in _dependents_first(self.stack, previous):
            if logical_id in self.stack.resources and not self.wanted(logical_id):
                # As on AWS, what cannot be removed is left behind: the update is complete all the same.
                self.stack.remove_resource(self.stack.resources.pop(logical_id))

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
            if not self.stack.remove_resource(resource, policy):
                left.append(resource)
        for resource in self._created:
            if resource not in left and self.stack.resources.get(resource.logical_id) == resource:
                del self.stack.resources[resource.logical_id]
        return not left

    def wanted(self, logical_id: str) -> bool:
        """Return whether the template has a resource, and its condition holds."""
        return logical_id in self.template.resources and self._applies(self.template.resources[logical_id])

    def _deploy(self, logical_id: str, body: dict[str, Any]) -> None:
        current = self.stack.resources.get(logical_id)
        operation = "UPDATE" if current else "CREATE"
        try:
            self._bring(logical_id, current, body)
        except Exception as error:
            physical_id = current.physical_id if current else ""
            self.stack.log(logical_id, physical_id, body["Type"], f"{operation}_FAILED", failure_reason(error))
            text = f"The following resource(s) failed to {operation.lower()}: [{logical_id}]."
            raise DeploymentFailedError(text) from error

    def _bring(self, logical_id: str, current: DeployedResource | None, body: dict[str, Any]) -> None:
        properties = self._properties(logical_id, body)
        if current is None:
            self._check_owner(body["Type"], schemas.custom_name(body["Type"], properties))
            self._created.append(self.stack.deploy_resource(logical_id, body, properties))
        elif current.type != body["Type"]:
            raise ResourceFailedError(
                f"Update of resource type is not permitted. The new template modifies resource type of {logical_id}"
            )
        elif properties == current.properties:
            self._undo.append(lambda: self._put_back(current))
            self.stack.resources[logical_id] = replace(current, body=body)
        elif schemas.replaced_by(current.type, current.properties, properties):
            self._replace(current, body, properties)
        elif refused := _refused(current.type, current.properties, properties):
            raise ResourceFailedError(f"Updates are not allowed for property - {', '.join(refused)}.")
        else:
            self._undo.append(lambda: self.stack.restore_resource(current, properties))
            self.stack.deploy_resource(logical_id, body, properties, current)

    def _replace(self, current: DeployedResource, body: dict[str, Any], properties: dict[str, Any]) -> None:
        name = schemas.custom_name(current.type, properties)
        if name is not None and name == schemas.custom_name(current.type, current.properties):
            raise ResourceFailedError(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {name} and update the stack again."
            )
        self._check_owner(current.type, name)
        self._created.append(self.stack.deploy_resource(current.logical_id, body, properties, current, replacing=True))
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
        if isinstance(value, list | dict):
            raise ValidationError(OUTPUT_NO_TEXT)
        export = self.evaluator.evaluate(body.get("Export", {})).get("Name")
        return Output(key, text_of(value), body.get("Description"), export)


def tear_down(stack: Stack) -> list[str]:
    """Delete the resources of a stack, dependents first, and return the logical ids of those that failed."""
    for logical_id in _dependents_first(stack, stack.template):
        if logical_id in stack.resources and stack.remove_resource(stack.resources[logical_id]):
            del stack.resources[logical_id]
    return sorted(stack.resources)


def _dependents_first(stack: Stack, template: Template | None) -> list[str]:
    """Return the logical ids of a template, dependents first; before them, those that a failed update has left."""
    order = template.order if template else []
    return [*(logical_id for logical_id in stack.resources if logical_id not in order), *reversed(order)]
