"""Findings of AWS Solutions' rules (cdk-nag) that this design accepts, each on the construct it concerns, and why.

Nothing here loosens anything: a finding that is not listed fails the tests.
"""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def accept(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept rules on one construct and what is below it.

    :param reasons: Why, by the rule's name without `AwsSolutions-`.
    """
    Validations.of(construct).acknowledge(
        *(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason) for rule, reason in reasons.items())
    )
