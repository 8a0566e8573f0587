"""Which ports `ServiceSecurityGroups` opens between its groups: instances and database must listen on these.

Kept beside the groups, because a group made elsewhere may be opened by anybody, anywhere: of such nothing is known.
"""

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from aws_cdk import aws_ec2 as ec2

from beanpod._tokens import known

_PORTS: WeakKeyDictionary[ec2.ISecurityGroup, float] = WeakKeyDictionary()
_SOURCES: WeakKeyDictionary[ec2.ISecurityGroup, ec2.ISecurityGroup] = WeakKeyDictionary()


def remember(source: ec2.ISecurityGroup, target: ec2.ISecurityGroup, port: float) -> None:
    """`target` takes connections from `source` on `port`."""
    _PORTS[target], _SOURCES[target] = port, source


def opened_port(group: ec2.ISecurityGroup | None) -> float | None:
    """The port that a group takes connections on; None where that is not known."""
    return None if group is None else _PORTS.get(group)


def opened_to(group: ec2.ISecurityGroup) -> ec2.ISecurityGroup | None:
    """The group that a group takes connections from; None where that is not known."""
    return _SOURCES.get(group)


def port_problems(name: str, port: float, group: ec2.ISecurityGroup | None, remedy: str) -> Iterator[str]:
    """A port on which the group lets nothing in."""
    opened = opened_port(group)
    if known(opened) and known(port) and port != opened:
        yield f"{name} must be {opened:g}, the only one that its security group lets in, got {port:g}: {remedy}"
