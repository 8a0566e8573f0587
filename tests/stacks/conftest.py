"""Stages of each preset and engine, synthesised once per test session and process."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CloudFormationValidatePlugin, Stack, Validations
from cdk_preflight import Preflight

from beanpod.manifest import Manifest
from stacks import add_stage

ROOT = Path(__file__).parents[2]
CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"]


@dataclass(frozen=True)
class Stage:
    """One synthesised stage: its stacks, and their templates by part."""

    app: App
    stacks: tuple[Stack, ...]
    templates: dict[str, Any]

    def resources(self, part: str, resource_type: str) -> dict[str, Any]:
        found = self.templates[part]["Resources"]
        return {name: found[name] for name in found if found[name]["Type"] == resource_type}


def validated_app(context: dict[str, Any] = CONTEXT) -> App:
    """An app whose synthesis fails if a template breaks AWS's rules, as at a user's."""
    app = App(context=context)
    Validations.of(app).add_plugins(_rules())
    return app


@cache
def _rules() -> CloudFormationValidatePlugin:
    return CloudFormationValidatePlugin()


def synthesise(manifest: Path, stage: str | None = None) -> Stage:
    app = validated_app()
    # As app.py does. A finding fails the synthesis.
    Preflight.apply(app)
    stacks = add_stage(app, Manifest.read(manifest), stage)
    assembly = app.synth()
    templates = {
        stack.stack_name.rsplit("-", 1)[-1]: assembly.get_stack_by_name(stack.stack_name).template for stack in stacks
    }
    return Stage(app, stacks, templates)


# A domain in Route 53, and one with DNS elsewhere.
DOMAINS = {
    "": "",
    "zone": """
[stages.test.domain]
name = "shop.example.com"
aliases = ["www.shop.example.com"]
hosted_zone = { name = "example.com", id = "Z0123456789ABC" }
""",
    "elsewhere": """
[stages.test.domain]
name = "shop.example.com"
certificate = "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b2c3d-0000-1111-2222-333344445555"
""",
}


def write_manifest(folder: Path, preset: str, engine: str, domain: str = "") -> Path:
    """The example manifest with one stage of this preset and engine, and the Dockerfile it names."""
    (folder / "service").mkdir()
    (folder / "service/Dockerfile").touch()
    path = folder / "beanpod.toml"
    path.write_text(manifest_text(preset, engine) + DOMAINS[domain])
    return path


def manifest_text(preset: str, engine: str) -> str:
    text = re.sub(r"\[stages.*", "", (ROOT / "beanpod.toml").read_text(), flags=re.DOTALL)
    text = re.sub(r"\[database\][^\[]*", "", text)
    text = re.sub(r"^.*\{database\..*$", "", text, flags=re.MULTILINE)
    return f'{text}\n[database]\nengine = "{engine}"\n\n[stages.test]\npreset = "{preset}"\n'


@pytest.fixture(scope="session")
def stage_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Stage]:
    @lru_cache
    def make(preset: str, engine: str, domain: str = "") -> Stage:
        return synthesise(write_manifest(tmp_path_factory.mktemp("manifest"), preset, engine, domain))

    return make


# Each preset with and without a domain, each engine and none, and each way of a domain: cfn-lint takes seconds for one.
COMBINATIONS: list[tuple[str, ...]] = [
    ("small", "mysql"),
    ("production", "postgres"),
    ("production", "mariadb", "zone"),
    ("production", "none", "elsewhere"),
]


@pytest.fixture(params=COMBINATIONS, ids="-".join)
def stage(request: pytest.FixtureRequest, stage_of: Callable[..., Stage]) -> Stage:
    return stage_of(*request.param)
