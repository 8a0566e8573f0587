"""Any Compose file becomes a bundle that Docker Compose accepts, or a list of problems."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from beanpod.deploy.bundles import plan_bundle
from beanpod.deploy.bundles.compose.reading import to_yaml
from beanpod.deploy.errors import BuildError
from beanpod.manifest import StageConfig
from tests.deploy.bundles.projects import COMPOSE, DATABASE, compose_stage, pushed

NAMES = ["app", "web", "db", "tool"]
KEYS = ["image", "build", "ports", "volumes", "environment", "env_file", "depends_on", "networks", "deploy", "x-own"]

texts = st.sampled_from([*KEYS, *NAMES, "80:80", "./src:/src", "data:/data", "$X", "${X:-y}", "$$", ".env", ""])
scalars = st.none() | st.booleans() | st.integers(-1, 70_000) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
service_values = st.dictionaries(st.sampled_from(KEYS), values, max_size=6)
documents = st.fixed_dictionaries(
    {"services": st.dictionaries(st.sampled_from(NAMES), service_values | values, max_size=3)},
    optional=dict.fromkeys(("networks", "volumes", "secrets", "configs", "include", "name"), values),
)


@settings(max_examples=8, deadline=None)
@given(base=documents.map(to_yaml) | st.text("{}[]:-&*!<'\"$ \nab\x85", max_size=40), above=documents)
def test_any_documents(base: str, above: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            pushed(plan_bundle(stage_with(Path(folder), base, to_yaml(above)), Path(folder)))
        except BuildError as error:
            problems = list(error.causes or [str(error)])
            assert problems
            assert len(set(problems)) == len(problems)
            assert all(problem.isprintable() and ": " in problem for problem in problems)


def stage_with(folder: Path, base: str, above: str) -> StageConfig:
    manifest = f'{COMPOSE}[variables]\nLEVEL = "info"\n[secrets]\nTOKEN = {{ generate = 32 }}\n{DATABASE}'
    return compose_stage(folder, base, manifest, compose__prod__yaml=above)
