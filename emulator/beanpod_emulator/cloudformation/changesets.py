"""What a change set says would change."""

from typing import Any

from beanpod_emulator.cloudformation import schemas
from beanpod_emulator.cloudformation.stack import Change, Stack
from beanpod_emulator.cloudformation.template import Template

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


def anything_changes(stack: Stack, template: Template, parameters: dict[str, str], tags: dict[str, str]) -> bool:
    """Whether the template, the parameters or the tags differ from what is deployed."""
    deployed = stack.template.document if stack.template else None
    return (template.document, parameters, tags) != (deployed, stack.parameters, stack.tags)


def changes(stack: Stack, template: Template, tags: dict[str, str]) -> list[Change]:
    """The resources that would be made, changed or removed, by comparing templates."""
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
