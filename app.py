"""The CDK app: the stacks of one stage of beanpod.toml, the first unless `-c stage=NAME` chooses another."""

from aws_cdk import App

from beanpod.manifest import Manifest
from beanpod.stages import apply_rules, report_errors
from stacks import add_stage

with report_errors():
    manifest = Manifest.read("beanpod.toml")
    app = App()
    apply_rules(app)
    add_stage(app, manifest, app.node.try_get_context("stage"))
    app.synth()
