"""Which subnets of a VPC, made here or brought along, fit which part of a service."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2

PUBLIC = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
PRIVATE = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
ISOLATED = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)


@dataclass(frozen=True)
class Subnets:
    """What a selection means in one VPC. public: whether any of them is."""

    subnets: Sequence[ec2.ISubnet]
    public: bool

    @property
    def subnet_ids(self) -> list[str]:
        """Their ids."""
        return [subnet.subnet_id for subnet in self.subnets]

    @property
    def zones(self) -> set[str]:
        """The zones they stand in."""
        return {subnet.availability_zone for subnet in self.subnets}


def database_subnets(vpc: ec2.IVpc) -> ec2.SubnetSelection | None:
    """The isolated subnets of `vpc`, else its private ones, else None: never the public ones."""
    if vpc.isolated_subnets:
        return ISOLATED
    return PRIVATE if vpc.private_subnets else None


def select(vpc: ec2.IVpc, selection: ec2.SubnetSelection) -> Subnets:
    """The subnets that `selection` means in `vpc`. The CDK's error for a selection that finds none."""
    # A selection's every attribute is a round trip to Node, wanted or not: a kind as a whole is a list of the VPC.
    if selection == PUBLIC and (found := vpc.public_subnets):
        return Subnets(found, public=True)
    if selection == ISOLATED and (found := vpc.isolated_subnets):
        return Subnets(found, public=False)
    if selection == PRIVATE and (found := vpc.private_subnets):
        return Subnets(found, public=False)
    return _selected(vpc, selection)


def _selected(vpc: ec2.IVpc, selection: ec2.SubnetSelection) -> Subnets:
    # From Python, `select_subnets` takes a selection field by field.
    selected = vpc.select_subnets(
        availability_zones=selection.availability_zones,
        one_per_az=selection.one_per_az,
        subnet_filters=selection.subnet_filters,
        subnet_group_name=selection.subnet_group_name,
        subnets=selection.subnets,
        subnet_type=selection.subnet_type,
    )
    return Subnets(selected.subnets or [], public=selected.has_public)
