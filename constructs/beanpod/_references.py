"""What one stack has of another: held, or read again.

What others stand on (a VPC, its subnets, security groups) is exported: CloudFormation lets nobody take it away while a
stack uses it, and no change of a network's gateways, load balancer or database takes any of it away. What a change may
replace (a database's address, an environment's name) is read from the other stack's outputs instead, so that it can be
replaced at all: https://docs.aws.amazon.com/cdk/v2/guide/resources.html. The CDK CLI skips a template that stayed the
same, so whoever reads such a value carries a mark that changes with it.
"""

from collections.abc import Iterable

from aws_cdk import CfnResource, CrossStackReferences, ReferenceStrength, Stack
from aws_cdk import aws_ec2 as ec2
from constructs import Construct, IConstruct

from beanpod.network import ServiceNetwork, ServiceSecurityGroups

_MARK = "beanpod:reads"


def hold_network(user: Construct, vpc: ec2.IVpc, groups: Iterable[ec2.ISecurityGroup | None]) -> None:
    """Have the network of another stack keep all of itself, whatever `user` stands on now and later."""
    for part in (vpc, *groups):
        network = part.node.scope if part else None
        if isinstance(network, ServiceNetwork | ServiceSecurityGroups) and another_stack(user, network):
            network.keep_for_other_stacks()


def may_be_replaced(*resources: IConstruct) -> None:
    """Have other stacks read what refers to these from outputs.

    The exports stay beside them: a stack deployed by an earlier version still uses those until its own update.
    """
    for resource in resources:
        CrossStackReferences.of(resource).produce(ReferenceStrength.BOTH)


def mark(reader: IConstruct, what: str) -> None:
    """Change the reader's template with `what`, on which the values that it reads from another stack depend."""
    resource = reader if isinstance(reader, CfnResource) else reader.node.default_child
    assert isinstance(resource, CfnResource)
    resource.add_metadata(_MARK, what)


def another_stack(one: IConstruct, other: IConstruct) -> bool:
    """Whether two constructs are deployed apart."""
    return Stack.of(one).node.addr != Stack.of(other).node.addr
