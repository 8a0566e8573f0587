"""The network: VPC and security groups, with every rule between them."""

from typing import Any

from aws_cdk import Fn
from constructs import Construct

from beanpod import DatabaseEngine, ServiceNetwork
from beanpod.manifest import StageConfig
from stacks._parts import database_engine, imported_vpc
from stacks._stage_stack import StageStack


class NetworkStack(StageStack):
    """Lives longest: everything else stands in it."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: StageConfig, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        if stage.account and stage.region:
            self._let_cloudformation_choose_zones(stage.account, stage.region)
        engine: DatabaseEngine | None = database_engine(stage.database) if stage.database else None
        self.network = ServiceNetwork(
            self,
            "Network",
            vpc=imported_vpc(self, stage.network.vpc) if stage.network.vpc else None,
            nat_gateways=stage.network.nat_gateways,
            max_azs=stage.network.max_azs,
            flow_logs=stage.network.flow_logs,
            load_balanced=stage.environment.type == "LoadBalanced",
            database_port=engine.port if engine else None,
        )
        self.accept(self.network.security_groups, {"EC23": "The service is public: HTTP and HTTPS are its front door."})
        if not stage.network.flow_logs and stage.network.vpc is None:
            self.accept(self.network, {"VPC7": "Off by choice of the manifest: network.flow_logs."})

    def _let_cloudformation_choose_zones(self, account: str, region: str) -> None:
        """With account and region named, the VPC would have the CLI look the zones up: an answer it does not use."""
        key = f"availability-zones:account={account}:region={region}"
        self.node.set_context(key, [Fn.select(index, Fn.get_azs()) for index in range(3)])
