"""Acknowledgements of findings: each on the construct that causes it, at once, with its reason.

Whoever adds `AwsSolutionsChecks` to an app of their own then sees only findings that a setting of theirs causes.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import jsii
from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct, IValidation

from beanpod._deploy_statements import DeployStatement

_CDK_RULES = "CloudFormation-Validate::"


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledge findings on a construct and its children.

    Args:
        construct: The construct that causes them.
        reasons: A reason for each rule of cdk-nag, such as `S1`, or of the CDK: `CloudFormation-Validate::E9006`.
    """
    found = [
        Acknowledgment(id=rule if rule.startswith(_CDK_RULES) else f"AwsSolutions-{rule}", reason=reason)
        for rule, reason in reasons.items()
    ]
    if found:
        Validations.of(construct).acknowledge(*found)


def acknowledge_wildcards(deployer: IConstruct, policies: Mapping[IConstruct, Sequence[DeployStatement]]) -> None:
    """Acknowledge the wildcards of a deployer's policies, each with the reason of its statement."""
    wildcards = _Wildcards(deployer, policies)
    wildcards.validate()
    deployer.node.add_validation(wildcards)


@jsii.implements(IValidation)
class _Wildcards:
    """Acknowledges again at synth, when the CDK has resolved the references to other stacks that findings name."""

    def __init__(self, deployer: IConstruct, policies: Mapping[IConstruct, Sequence[DeployStatement]]) -> None:
        self._stack = Stack.of(deployer)
        self._wildcards = [
            (policy, it.why, name)
            for policy, statements in policies.items()
            for it in statements
            for name in it.resources
            if "*" in name
        ]
        self._acknowledged: dict[IConstruct, set[str]] = {policy: set() for policy in policies}

    def validate(self) -> list[str]:
        """Acknowledge what was not acknowledged before; there are no problems to return."""
        found: dict[IConstruct, dict[str, str]] = {policy: {} for policy in self._acknowledged}
        resolved = self._stack.resolve([name for *_, name in self._wildcards])
        for name, (policy, why, _) in zip(resolved, self._wildcards, strict=True):
            finding = f"IAM5[Resource::{_flat(name)}]"
            found[policy][finding] = f"{found[policy].get(finding, '')} {why}".strip()
        for policy, reasons in found.items():
            before = self._acknowledged[policy]
            acknowledge(policy, {rule: why for rule, why in reasons.items() if rule not in before})
            before |= set(reasons)
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
