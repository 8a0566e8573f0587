"""The database and its secret: the stack whose loss would hurt."""

from typing import Any

from aws_cdk import Acknowledgment, Validations
from constructs import Construct

from beanpod import Database, ServiceNetwork
from beanpod.manifest import DatabaseConfig, StageConfig
from stacks._parts import database_engine, days, instance_type
from stacks._stage_stack import StageStack


class NoDatabaseStack(StageStack):
    """What stands in the place of the database's stack where the manifest has none.

    The CDK CLI deletes a deployed stack that has become empty, and skips it where there was none: so removing
    `[database]` is deployed like any other change.
    """

    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        reason = "Empty on purpose: the CDK CLI deletes the database's stack, and leaves a snapshot."
        Validations.of(self).acknowledge(Acknowledgment(id="CloudFormation-Validate::F0001", reason=reason))


class DatabaseStack(StageStack):
    """An RDS instance that survives a mistake: a snapshot is taken before it is ever removed."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: StageConfig,
        config: DatabaseConfig,
        network: ServiceNetwork,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self.database = Database(
            self,
            "Database",
            vpc=network.vpc,
            engine=database_engine(config),
            instance_type=instance_type(config.instance_class),
            allocated_storage=config.storage_gb,
            max_allocated_storage=config.max_storage_gb,
            multi_az=config.multi_az,
            database_name=config.name,
            username=config.username,
            vpc_subnets=network.database_subnets,
            security_group=network.database_security_group,
            backup_retention=days(config.backup_days),
            deletion_protection=config.deletion_protection,
        )
        reasons = {
            "RDS11": "The engine's own port: only the instances' security group reaches it, on any port.",
            "SMG4": "Instances read the password when they start: a rotation in between would lock them out.",
        }
        if not config.multi_az:
            reasons["RDS3"] = "One zone by choice of the manifest: database.multi_az."
        if not config.deletion_protection:
            reasons["RDS10"] = "Off by choice of the manifest: database.deletion_protection. A snapshot is left."
        if config.backup_days == 0:
            reasons["RDS13"] = "Off by choice of the manifest: database.backup_days."
        self.accept(self.database, reasons)
