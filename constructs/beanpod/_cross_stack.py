"""References between the stacks of an app: strong for what is never replaced, weak for what may be.

The ids of a VPC, its subnets and its security groups are exported (strong references): CloudFormation keeps an export
as long as a stack imports it, and no change of NAT gateways, load balancer or database removes one. A database's
address and an environment's name may change, so consumers read them from the producer's outputs (weak references),
which do not block the replacement: https://docs.aws.amazon.com/cdk/v2/guide/resources.html. The CDK CLI skips a stack
whose template stayed the same, so a consumer's metadata holds the producer's `replacement_key`.
"""

from collections.abc import Iterable

from aws_cdk import CfnResource, ReferenceStrength, Resource, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from beanpod._connectivity import ServiceSecurityGroup
from beanpod.network import ServiceNetwork, ServiceSecurityGroups, ServiceVpc

_METADATA_KEY = "beanpod:reads"


def export_network(consumer: Stack, vpc: ec2.IVpc, groups: Iterable[ec2.ISecurityGroup | None]) -> None:
    """Export every id of the `ServiceNetwork` that a construct of the stack `consumer` is placed in, used or not."""
    for part in (vpc, *groups):
        network = part.owner if isinstance(part, ServiceVpc | ServiceSecurityGroup) else None
        if not isinstance(network, ServiceNetwork | ServiceSecurityGroups) or network.exported:
            continue
        # The CDK hands what a nested stack has to others by outputs and parameters, without an export.
        if network.stack is not consumer and network.stack.nested_stack_parent is None:
            network.export_all()


def allow_replacement(*producers: IConstruct) -> None:
    """Have other stacks read the attributes of these resources from outputs, so that no export blocks a replacement.

    The exports stay beside the outputs: a stack deployed by an earlier version imports those until its own update.
    """
    for producer in producers:
        assert isinstance(producer, CfnResource | Resource)
        if isinstance(producer, iam.Role) and producer.node.default_child is None:
            continue  # `iam.Role.customize_roles`: the role is made elsewhere.
        producer.apply_cross_stack_reference_strength(ReferenceStrength.BOTH)


def redeploy_on_change(consumer: IConstruct, replacement_key: str) -> None:
    """Write `replacement_key` into the consumer's metadata: its template then changes when the producer is replaced."""
    resource = consumer if isinstance(consumer, CfnResource) else consumer.node.default_child
    if resource is None:
        return  # As above.
    assert isinstance(resource, CfnResource)
    resource.add_metadata(_METADATA_KEY, replacement_key)
