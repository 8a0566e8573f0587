"""What the stacks of a stage have in common: the findings that their design accepts."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import Construct, IConstruct


class StageStack(Stack):
    """A stack that knows which findings of AWS Solutions' rules (cdk-nag) it accepts, where, and why.

    Nothing of it loosens anything: a finding that is not accepted fails the tests.
    """

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, stack_name=construct_id, **kwargs)
        # As `stack_name`, which is a round trip to Node.
        self.given_name = construct_id
        self._accepted: list[tuple[IConstruct, Mapping[str, str]]] = []

    def accept(self, construct: IConstruct, reasons: Mapping[str, str]) -> None:
        """Accept rules on one construct and what is below it.

        :param reasons: Why, by the rule's name without `AwsSolutions-`.
        """
        self._accepted.append((construct, reasons))

    def acknowledge_findings(self) -> None:
        """Tell cdk-nag what is accepted: call it before its rules run.

        Not done at once, because no rule of theirs runs when a stage is deployed, and it would be a tenth of the time
        that the stage's constructs take.
        """
        for construct, reasons in self._accepted:
            Validations.of(construct).acknowledge(
                *(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason) for rule, reason in reasons.items())
            )
