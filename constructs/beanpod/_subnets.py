"""Which subnets of a VPC, made here or brought along, fit which part of a service."""

from aws_cdk import aws_ec2 as ec2

PUBLIC = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
PRIVATE = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
ISOLATED = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)


def database_subnets(vpc: ec2.IVpc) -> ec2.SubnetSelection | None:
    """The isolated subnets of `vpc`, else its private ones, else None: never the public ones."""
    if vpc.isolated_subnets:
        return ISOLATED
    return PRIVATE if vpc.private_subnets else None


def select(vpc: ec2.IVpc, selection: ec2.SubnetSelection) -> ec2.SelectedSubnets:
    """The subnets that `selection` means in `vpc`; from Python, `select_subnets` takes it field by field."""
    return vpc.select_subnets(
        availability_zones=selection.availability_zones,
        one_per_az=selection.one_per_az,
        subnet_filters=selection.subnet_filters,
        subnet_group_name=selection.subnet_group_name,
        subnets=selection.subnets,
        subnet_type=selection.subnet_type,
    )
