"""The example's first stage under several names, for Python and for the baseline."""

from pathlib import Path
from typing import Any

from beanpod import DeploymentPolicy
from beanpod._deploy_statements import DeployScope, release_statements, rollout_statements
from beanpod.manifest import Manifest, StageConfig, table_digests

ROOT = Path(__file__).parent.parent


def manifest(count: int) -> Manifest:
    """Repeat the first stage of `beanpod.toml` as `dev`, `dev2`, `dev3` and so on."""
    example = Manifest.read(ROOT / "beanpod.toml")
    first = example.stage()
    more = (first.model_copy(update={"name": f"{first.name}{number}"}) for number in range(2, count + 1))
    return Manifest(example.path, {stage.name: stage for stage in (first, *more)})


def plan(count: int) -> list[dict[str, Any]]:
    """Return the same stages as JSON for the baseline, each with its deployer's statements, `<name>` for a token."""
    stages = manifest(count).configurations.values()
    return [
        stage.model_dump(mode="json") | {"documents": _documents(stage), "tables": table_digests(stage)}
        for stage in stages
    ]


def _documents(stage: StageConfig) -> dict[str, list[dict[str, Any]]]:
    scope = DeployScope(
        partition="<partition>",
        region="<region>",
        account="<account>",
        application_name="<application>",
        environment_names=("<environment>",),
        bucket_arn="<bucket>",
        instance_role_arns=("<instance_role>",),
        deployment_policy=DeploymentPolicy(stage.environment.deployment_policy),
        stack_names=("<delivery_stack>", "<service_stack>"),
    )
    return {
        "Release": [statement.to_json() for statement in release_statements(scope)],
        "Rollout": [statement.to_json() for statement in rollout_statements(scope)],
    }
