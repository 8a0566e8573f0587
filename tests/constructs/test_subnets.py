"""Selections of subnets, as the CDK understands them."""

from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_ec2 as ec2

from beanpod._subnets import select
from tests.constructs.imported import imported_vpc


@pytest.fixture(scope="module")
def vpc() -> ec2.IVpc:
    return imported_vpc(Stack(App(), "Dev"), "public", "private", "isolated")


@pytest.mark.parametrize(
    "fields",
    [
        {"subnet_type": ec2.SubnetType.PUBLIC},
        {"subnet_type": ec2.SubnetType.PRIVATE_WITH_EGRESS},
        {"subnet_type": ec2.SubnetType.PRIVATE_ISOLATED},
        {"subnet_type": ec2.SubnetType.PUBLIC, "one_per_az": True},
        {"subnet_type": ec2.SubnetType.PRIVATE_ISOLATED, "availability_zones": ["b"]},
        {"subnet_filters": [ec2.SubnetFilter.by_ids(["subnet-1000000a", "subnet-2000000b"])]},
        {},
    ],
)
def test_a_selection_means_what_the_cdk_says(vpc: ec2.IVpc, fields: dict[str, Any]) -> None:
    ours, theirs = select(vpc, ec2.SubnetSelection(**fields)), vpc.select_subnets(**fields)
    assert ours.subnet_ids == theirs.subnet_ids != []
    assert ours.zones == set(theirs.availability_zones)
    assert ours.public == theirs.has_public
