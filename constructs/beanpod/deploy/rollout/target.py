"""Where a stage is deployed to, from the outputs of its stacks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beanpod.deploy.aws import Aws, Environment
from beanpod.deploy.errors import UsageError
from beanpod.deploy.rollout.health_path import HealthPath

if TYPE_CHECKING:
    from beanpod.manifest import StageConfig

_SERVICE_OUTPUTS = ("ApplicationName", "EnvironmentName", "Region", "Url")


@dataclass(frozen=True)
class Target:
    """An environment, and the bucket that its bundles and locks are kept in. url: what users open.

    health_path: what a release asks there. Default: nothing.
    """

    application: str
    environment: str
    region: str
    bucket: str
    url: str
    health_path: HealthPath | None = None

    @classmethod
    def find(cls, stage: "StageConfig", aws: Aws) -> "Target":
        """Read the outputs of the stage's Service and Delivery stacks, or of the one stack that the manifest names.

        Raises UsageError when a stack is not there, or is older than its outputs.
        """
        prefix = f"{stage.service.name}-{stage.name}"
        if own := _own_stack(stage):
            service = delivery = _outputs(aws, own, stage, *_SERVICE_OUTPUTS, "BucketName")
        else:
            service = _outputs(aws, f"{prefix}-service", stage, *_SERVICE_OUTPUTS)
            delivery = _outputs(aws, f"{prefix}-delivery", stage, "BucketName")
        return cls(
            application=service["ApplicationName"],
            environment=service["EnvironmentName"],
            region=service["Region"],
            bucket=delivery["BucketName"],
            url=service["Url"],
            health_path=HealthPath.of(stage, service["Url"]),
        )

    def look(self, aws: Aws) -> Environment:
        """The environment at this moment. Raises UsageError unless exactly one lives under the name."""
        found = aws.environments(self.application, self.environment)
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(
                f"environment {self.environment} of application {self.application} does not exist in {self.region}: "
                "deploy its stack again (npx cdk deploy --all)"
            )
        states = ", ".join(item.status for item in found)
        raise UsageError(
            f"{len(found)} environments are called {self.environment} ({states}): wait until one is left, or end one"
        )


def _own_stack(stage: "StageConfig") -> str | None:
    """The one stack that holds everything, where the manifest names it."""
    return stage.delivery.stack if hasattr(stage, "delivery") else None


def how_to_deploy(stage: "StageConfig") -> str:
    """The command that makes a stage's stacks; where the manifest names none, also how to name one."""
    if own := _own_stack(stage):
        return f"run npx cdk deploy {own}"
    return (
        f"run npx cdk deploy --all -c stage={stage.name}, or name a stack of an app of your own by "
        f'delivery.stack = "..." under [stages.{stage.name}],'
    )


def _outputs(aws: Aws, stack: str, stage: "StageConfig", *names: str) -> dict[str, str]:
    outputs = aws.stack_outputs(stack)
    if outputs is None:
        raise UsageError(
            f"stage {stage.name} is not deployed: there is no stack {stack} in {aws.region}; "
            f"{how_to_deploy(stage)} first"
        )
    if missing := [name for name in names if name not in outputs]:
        lacking = f"stack {stack} has no output {', '.join(missing)}"
        if _own_stack(stage):
            raise UsageError(
                f"{lacking}: run npx cdk deploy {stack} again; DockerService makes them, and with parts of your own "
                "CfnOutput does"
            )
        raise UsageError(f"{lacking}: run npx cdk deploy --all -c stage={stage.name} again")
    return outputs
