"""Validation of templates before a stack is created."""

from beanpod_emulator.cloudformation.exceptions import InsufficientCapabilitiesError, ValidationError
from beanpod_emulator.cloudformation.handlers import HANDLERS
from beanpod_emulator.cloudformation.template import Template, references

_PSEUDO = {"AccountId", "NotificationARNs", "NoValue", "Partition", "Region", "StackId", "StackName", "URLSuffix"}
# The types that need a capability: all of IAM but its providers.
_IAM = {
    f"AWS::IAM::{name}" for name in ("AccessKey", "Group", "InstanceProfile", "ManagedPolicy", "Policy", "Role", "User")
}
_ATTRIBUTES = {
    *("Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy"),
    *("Metadata", "CreationPolicy", "UpdatePolicy"),
}
_POLICIES = {
    "DeletionPolicy": {"Delete", "Retain", "RetainExceptOnCreate", "Snapshot"},
    "UpdateReplacePolicy": {"Delete", "Retain", "Snapshot"},
}

OUTPUT_NO_TEXT = "Template format error: The Value field of every Outputs member must evaluate to a String."


def check(template: Template, capabilities: list[str]) -> None:
    """Check that a template can be deployed here.

    Raises:
        ValidationError: It has unknown types, properties, references or policies.
        InsufficientCapabilitiesError: It has IAM resources that are not acknowledged.
    """
    if "Transform" in template.document:
        raise ValidationError("The emulated AWS runs no transforms: write the resources out")
    _check_types(template)
    _check_attributes(template)
    _check_properties(template)
    _check_policies(template)
    _check_outputs(template)
    _check_references(template)
    _check_capabilities(template, capabilities)
    _ = template.order


def _check_types(template: Template) -> None:
    unknown = [
        f"{body.get('Type')} ({logical_id})"
        for logical_id, body in template.resources.items()
        if body.get("Type") not in HANDLERS
    ]
    if unknown:
        raise ValidationError(
            f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]. The emulated AWS does not "
            "know them; deploy such a stack to AWS, or leave them out here"
        )


def _check_attributes(template: Template) -> None:
    for logical_id, body in template.resources.items():
        if unknown := sorted(body.keys() - _ATTRIBUTES):
            raise ValidationError(f"Template format error: {logical_id} has invalid attributes: [{', '.join(unknown)}]")


def _check_properties(template: Template) -> None:
    unknown = [
        f"{logical_id}.{name} ({body['Type']})"
        for logical_id, body in template.resources.items()
        for name in body.get("Properties", {})
        if name not in HANDLERS[body["Type"]].supported
    ]
    if unknown:
        raise ValidationError(
            f"Properties the emulated AWS does not know: [{', '.join(unknown)}]. Check their spelling; if AWS has "
            "them, deploy such a stack to AWS, or leave them out here"
        )


def _check_policies(template: Template) -> None:
    for policy, known in _POLICIES.items():
        for logical_id, body in template.resources.items():
            if (value := body.get(policy, "Delete")) not in known:
                raise ValidationError(f"Template format error: Unrecognized {policy} {value} for resource {logical_id}")
        wrong = [
            f"{logical_id} ({body['Type']})"
            for logical_id, body in template.resources.items()
            if body.get(policy) == "Snapshot" and not HANDLERS[body["Type"]].takes_snapshots
        ]
        if wrong:
            raise ValidationError(
                f"Template error: {policy} Snapshot is not supported by [{', '.join(wrong)}]: write Delete or Retain"
            )


def _check_outputs(template: Template) -> None:
    for body in template.section("Outputs").values():
        value = body.get("Value")
        if value is None:
            raise ValidationError("Template format error: Every Outputs member must contain a Value object")
        if isinstance(value, list) or (isinstance(value, dict) and len(value) != 1):
            raise ValidationError(OUTPUT_NO_TEXT)


def _check_references(template: Template) -> None:
    known = {*template.resources, *template.section("Parameters"), *(f"AWS::{name}" for name in _PSEUDO)}
    known |= {f"condition {name}" for name in template.section("Conditions")}
    for section in ("Conditions", "Resources", "Outputs"):
        unknown = sorted(references(template.section(section)) - known)
        if unknown:
            raise ValidationError(
                f"Template format error: Unresolved resource dependencies [{', '.join(unknown)}] in the {section} "
                "block of the template"
            )


def _check_capabilities(template: Template, capabilities: list[str]) -> None:
    needed = _needed_capability(template)
    enough = {"CAPABILITY_IAM": {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"}}.get(needed or "", {needed})
    if needed and not enough & set(capabilities):
        raise InsufficientCapabilitiesError(f"Requires capabilities : [{needed}]")


def _needed_capability(template: Template) -> str | None:
    bodies = [body for body in template.resources.values() if body["Type"] in _IAM]
    named = [body for body in bodies if HANDLERS[body["Type"]].name in body.get("Properties", {})]
    return "CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM" if bodies else None
