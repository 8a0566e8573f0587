"""Acknowledgements of cdk-nag's findings: each on the construct that causes it, at once, with its reason.

Whoever adds `AwsSolutionsChecks` to an app of their own then sees only findings that a setting of theirs causes.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import jsii
from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct, IValidation

from beanpod._deploy_statements import DeployStatement


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledge findings on a construct and its children: a reason for each rule, such as `S1`."""
    found = [Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason) for rule, reason in reasons.items()]
    if found:
        Validations.of(construct).acknowledge(*found)


def acknowledge_wildcards(policy: IConstruct, statements: Iterable[DeployStatement]) -> None:
    """Acknowledge the wildcards of a deployer's policy, each with the reason of its statement."""
    wildcards = _Wildcards(policy, tuple(statements))
    wildcards.validate()
    policy.node.add_validation(wildcards)


@jsii.implements(IValidation)
class _Wildcards:
    """Acknowledges again at synth, when the CDK has resolved the references to other stacks that findings name."""

    def __init__(self, policy: IConstruct, statements: tuple[DeployStatement, ...]) -> None:
        self._policy, self._stack = policy, Stack.of(policy)
        self._wildcards = [(name, it.why) for it in statements for name in it.resources if "*" in name]
        self._acknowledged: set[str] = set()

    def validate(self) -> list[str]:
        """Acknowledge what was not acknowledged before; there are no problems to return."""
        reasons: dict[str, str] = {}
        resolved = self._stack.resolve([name for name, _ in self._wildcards])
        for name, (_, why) in zip(resolved, self._wildcards, strict=True):
            finding = f"IAM5[Resource::{_flat(name)}]"
            reasons[finding] = f"{reasons.get(finding, '')} {why}".strip()
        acknowledge(self._policy, {rule: why for rule, why in reasons.items() if rule not in self._acknowledged})
        self._acknowledged |= set(reasons)
        return []


def _flat(value: Any) -> str:
    """Return a resolved ARN as the findings write it, with references in angle brackets."""
    if isinstance(value, str):
        return value.replace("${", "<").replace("}", ">")
    if "Fn::Join" in value:
        delimiter, items = value["Fn::Join"]
        return str(delimiter.join(map(_flat, items)))
    if "Fn::GetAtt" in value:
        return f"<{'.'.join(map(_flat, value['Fn::GetAtt']))}>"
    if "Fn::ImportValue" in value:
        return _flat(value["Fn::ImportValue"])
    return f"<{value['Ref']}>" if "Ref" in value else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
