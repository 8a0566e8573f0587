"""Findings of cdk-nag in an app of one's own: only those that a setting of the app causes."""

from typing import Any

import pytest
from aws_cdk import App, Stack
from cdk_nag import AwsSolutionsChecks

from beanpod import (
    ArtifactBucket,
    DatabaseEngine,
    DeployUser,
    DockerEnvironment,
    DockerService,
    GitHubDeployRole,
    ServiceNetwork,
)
from tests.constructs.databases import made

MYSQL = DatabaseEngine.mysql("8.4")


def findings(app: App) -> set[str]:
    """Return the ids of the findings that a synthesised app does not acknowledge, without the prefix."""
    violations = AwsSolutionsChecks(app).validate_scope(app).violations
    return {violation.rule_name.removeprefix("AwsSolutions-") for violation in violations}


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({"database_engine": MYSQL}, {"VPC7", "RDS3"}),
        ({"database_engine": MYSQL, "deletion_protection": False}, {"VPC7", "RDS3", "RDS10"}),
        (
            {
                "database_engine": DatabaseEngine.postgres("17"),
                "database_settings": {"multi_az": True},
                "network_settings": {"flow_logs": True},
                "github_repository": "ada/shop",
            },
            set(),
        ),
    ],
)
def test_a_service_leaves_findings_of_settings_only(settings: dict[str, Any], left: set[str]) -> None:
    app = App()
    DockerService(Stack(app, "Shop"), "Service", **settings)
    assert findings(app) == left
    app.synth()
    assert findings(app) == left


def test_a_database_leaves_nothing_with_a_standby() -> None:
    database, _ = made(multi_az=True, port=4406)
    assert findings(database.node.root) == set()  # type: ignore[arg-type]


def test_wildcards_that_refer_to_other_stacks_are_acknowledged() -> None:
    app = App()
    service, data, delivery = Stack(app, "Service"), Stack(app, "Data"), Stack(app, "Delivery")
    network = ServiceNetwork(service, "Network", flow_logs=True)
    environment = DockerEnvironment(
        service,
        "Environment",
        vpc=network.vpc,
        instance_security_group=network.instance_security_group,
        load_balancer_security_group=network.load_balancer_security_group,
    )
    permissions = environment.deploy_permissions(ArtifactBucket(data, "Artifacts"), stack_names=["Service"])
    DeployUser(delivery, "User", permissions=permissions)
    GitHubDeployRole(delivery, "Role", permissions=permissions, repository="ada/shop", branch="main")
    app.synth()
    assert findings(app) == set()
