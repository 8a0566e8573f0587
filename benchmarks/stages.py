"""The example's first stage, as often as a run wants it, for Python and for the twin."""

from pathlib import Path
from typing import Any

from beanpod.manifest import Manifest, StageConfig

ROOT = Path(__file__).parent.parent


def stages(count: int) -> list[StageConfig]:
    """`dev`, `dev2`, `dev3` and so on: the first stage of `beanpod.toml` under `count` names."""
    first = Manifest.read(ROOT / "beanpod.toml").stage()
    more = (first.model_copy(update={"name": f"{first.name}{number}"}) for number in range(2, count + 1))
    return [first, *more]


def plan(count: int) -> list[dict[str, Any]]:
    """The same stages as JSON for the twin, each with its deployer's statements, `<name>` for a token."""
    return [stage.model_dump(mode="json") | {"documents": _documents(stage)} for stage in stages(count)]


def _documents(stage: StageConfig) -> dict[str, list[dict[str, Any]]]:
    # Here: `benchmarks.synth` loads the library while it reads the manifest, as app.py does.
    from beanpod import DeploymentPolicy
    from beanpod._deploy_scope import DeployScope
    from beanpod._release_statements import release_statements
    from beanpod._rollout_statements import rollout_statements

    scope = DeployScope(
        partition="<partition>",
        region="<region>",
        account="<account>",
        application_name="<application>",
        environment_names=("<environment>",),
        bucket_arn="<bucket>",
        instance_role_arn="<instance_role>",
        deployment_policy=DeploymentPolicy(stage.environment.deployment_policy),
        stack_names=("<delivery_stack>", "<service_stack>"),
    )
    return {
        "Release": [statement.to_json() for statement in release_statements(scope)],
        "Rollout": [statement.to_json() for statement in rollout_statements(scope)],
    }
