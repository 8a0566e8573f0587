"""The stacks of one stage, split by lifetime: Network <- Database <- Service <- Delivery."""

from aws_cdk import Annotations, App, Environment

from beanpod.manifest import StageConfig
from stacks._stage_stack import StageStack
from stacks.database import DatabaseStack, NoDatabaseStack
from stacks.delivery import DeliveryStack
from stacks.network import NetworkStack
from stacks.service import ServiceStack


def add_stage(app: App, stage: StageConfig, *, warning: str | None = None) -> tuple[StageStack, ...]:
    """Add a stage's stacks to the app, each named `SERVICE-STAGE-PART`.

    Args:
        app: The CDK app.
        stage: The stage, as the manifest resolves it.
        warning: What the manifest says of stages that share an account and a region. `cdk synth` shows it, and fails
            with `--strict`, until it is accepted: docs/permissions.md says how. Default: none.

    Returns:
        Those that hold something, in deployment order.
    """
    prefix = f"{stage.service.name}-{stage.name}"
    where = Environment(account=stage.account, region=stage.region)
    tags = {"beanpod:service": stage.service.name, "beanpod:stage": stage.name}
    network = NetworkStack(app, f"{prefix}-network", stage=stage, env=where, tags=tags)
    database = None
    if stage.database is not None:
        database = DatabaseStack(
            app,
            f"{prefix}-database",
            stage=stage,
            config=stage.database,
            network=network.network,
            env=where,
            tags=tags,
            termination_protection=stage.database.deletion_protection,
        )
    service = ServiceStack(
        app,
        f"{prefix}-service",
        stage=stage,
        network=network.network,
        database=database.database if database else None,
        env=where,
        tags=tags,
    )
    delivery = DeliveryStack(
        app,
        f"{prefix}-delivery",
        stage=stage,
        service=service,
        env=where,
        tags=tags,
    )
    if database is None:
        # Last: its database, if there was one, goes when nothing uses it any more.
        NoDatabaseStack(app, f"{prefix}-database", env=where, tags=tags).add_dependency(delivery)
    if warning:
        Annotations.of(delivery).add_warning_v2("beanpod:SharedAccount", warning)
    return tuple(stack for stack in (network, database, service, delivery) if stack is not None)
