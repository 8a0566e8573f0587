"""Every stage of beanpod.toml synthesises: an environment, and a database that is not deleted with its stack."""

from pathlib import Path

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from beanpod.manifest import Manifest
from stacks import add_stage

MANIFEST = Manifest.read(Path(__file__).parents[1] / "beanpod.toml")


@pytest.mark.parametrize("stage", MANIFEST.stages)
def test_stage_has_one_environment_and_keeps_its_data(stage: str) -> None:
    templates = [Template.from_stack(stack) for stack in add_stage(App(), MANIFEST, stage)]
    environments = [template.find_resources("AWS::ElasticBeanstalk::Environment") for template in templates]
    assert sum(map(len, environments)) == 1
    for template in templates:
        for database in template.find_resources("AWS::RDS::DBInstance").values():
            assert database["DeletionPolicy"] in ("Snapshot", "Retain")
            assert database["UpdateReplacePolicy"] in ("Snapshot", "Retain")
