"""An app of one's own with `DockerService`: deployed, released to, tuned and deleted, once with the CDK CLI."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, RemovalPolicy, Size, Stack
from aws_cdk import aws_logs as logs

from beanpod import (
    Application,
    ArtifactBucket,
    DatabaseEngine,
    DeployUser,
    DockerEnvironment,
    DockerService,
    EnvironmentType,
    ServiceNetwork,
    ServiceRole,
)
from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import ROOT, Clients, run
from tests.deploy.deployed_stage import deployers_key
from tests.deploy.registry import LocalRegistry, local_registry
from tests.stacks.changing import deploy_assembly, policy_documents

CDK = str(ROOT / "node_modules/.bin/cdk")
USERNAME, PASSWORD = "tester", "open sesame"
APP = """\
from aws_cdk import App, Stack
from beanpod import DatabaseEngine, DockerService

app = App()
stack = Stack(app, "Shop")
service = DockerService(stack, "Service", database_engine=DatabaseEngine.postgres("17"))
service.environment.add_environment("GREETING", "hello")
app.synth()
"""
MANIFEST = """\
[service]
name = "shop"
image = "{image}"
health_path = "/health"

[variables]
DOCKER_USERNAME = "{username}"

[secrets]
DOCKER_PASSWORD = {{ ssm = "/shop/docker-password" }}

[stages.dev]
delivery.stack = "Shop"
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRegistry]:
    with local_registry(tmp_path_factory.mktemp("registry"), username=USERNAME, password=PASSWORD) as running:
        yield running


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """With permissions enforced: the deployer may do what its policy says."""
    folder = tmp_path_factory.mktemp("bootstrap")
    with EmbeddedAws.start(enforce_iam=True) as running:
        done = run(
            running, CDK, "bootstrap", f"aws://{running.account}/{running.region}", "--no-notices", folder=folder
        )
        assert done.returncode == 0, done.stdout
        yield running


@pytest.fixture
def project(tmp_path: Path, registry: LocalRegistry) -> Path:
    (tmp_path / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} app.py"}))
    (tmp_path / "beanpod.toml").write_text(MANIFEST.format(image=f"{registry.host}/ada/shop", username=USERNAME))
    (tmp_path / "Dockerfile").write_text('FROM busybox:stable\nCMD ["cat"]\n')
    return tmp_path


def cdk(aws: EmbeddedAws, project: Path, *arguments: str) -> None:
    done = run(aws, CDK, *arguments, "--no-notices", "--ci", "--no-color", folder=project)
    assert done.returncode == 0, done.stdout


def deploy_service(clients: Clients, **settings: Any) -> None:
    """Deploy the app of `APP` with more settings, without the CDK CLI."""
    app = App()
    service = DockerService(Stack(app, "Shop"), "Service", database_engine=DatabaseEngine.postgres("17"), **settings)
    service.environment.add_environment("GREETING", "hello")
    deploy_assembly(clients, app.synth())


def delete(clients: Clients, *stacks: str) -> None:
    for name in stacks:
        clients("cloudformation").delete_stack(StackName=name)
    assert {stack["StackName"] for stack in clients("cloudformation").describe_stacks()["Stacks"]} == {"CDKToolkit"}


def release(aws: EmbeddedAws, project: Path, registry: LocalRegistry, *arguments: str) -> Any:
    environ = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environ |= aws.environment | deployers_key(Clients(aws).outputs("Shop"), aws) | registry.login
    environ |= {"PYTHONPATH": str(ROOT), "HOME": str(project), "USER": "ann"}
    command = ["env", "-i", *(f"{name}={value}" for name, value in environ.items())]
    done = run(aws, *command, sys.executable, "-m", "beanpod", *arguments, folder=project)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_readme_example_is_deployed_released_tuned_and_destroyed(
    aws: EmbeddedAws, project: Path, registry: LocalRegistry
) -> None:
    clients = Clients(aws)
    snapshots = len(clients("rds").describe_db_snapshots()["DBSnapshots"])
    (project / "app.py").write_text(APP)
    cdk(aws, project, "deploy", "--all", "--require-approval=never")
    assert "nothing is deployed yet: run `beanpod deploy --stage dev`" in release(aws, project, registry, "status")
    release(aws, project, registry, "deploy")
    outputs = clients.outputs("Shop")
    found = clients("elasticbeanstalk").describe_environments(EnvironmentNames=[outputs["EnvironmentName"]])
    assert found["Environments"][0]["VersionLabel"].startswith("shop-")
    assert "nothing is deployed yet" not in release(aws, project, registry, "status")
    assert "aws secretsmanager get-secret-value" in release(aws, project, registry, "secrets", "--print")

    deploy_service(
        clients,
        deletion_protection=False,
        network_settings={"flow_logs": True},
        database_settings={"allocated_storage": Size.gibibytes(30)},
        log_retention=logs.RetentionDays.ONE_WEEK,
    )
    (database,) = clients("rds").describe_db_instances()["DBInstances"]
    assert (database["AllocatedStorage"], database["DeletionProtection"]) == (30, False)
    assert clients("ec2").describe_flow_logs()["FlowLogs"]
    assert clients.outputs("Shop") == outputs

    cdk(aws, project, "destroy", "--all", "--force", "--app", "cdk.out")
    assert {stack["StackName"] for stack in clients("cloudformation").describe_stacks()["Stacks"]} == {"CDKToolkit"}
    assert clients("rds").describe_db_instances()["DBInstances"] == []
    # What its docstring says is left.
    assert len(clients("rds").describe_db_snapshots()["DBSnapshots"]) == snapshots + 1
    assert clients.exists("s3", "head_bucket", Bucket=outputs["BucketName"])


def test_removal_policy_destroy_deletes_everything(aws: EmbeddedAws) -> None:
    clients = Clients(aws)
    snapshots = len(clients("rds").describe_db_snapshots()["DBSnapshots"])
    deploy_service(clients, deletion_protection=False, removal_policy=RemovalPolicy.DESTROY)
    outputs = clients.outputs("Shop")
    delete(clients, "Shop")
    assert len(clients("rds").describe_db_snapshots()["DBSnapshots"]) == snapshots
    assert not clients.exists("s3", "head_bucket", Bucket=outputs["BucketName"])
    assert not clients.exists("secretsmanager", "describe_secret", SecretId=outputs["DeployerSecretArn"])


def test_a_second_service_uses_the_provider_of_the_first(aws: EmbeddedAws) -> None:
    clients, app = Clients(aws), App()
    for name in ("First", "Second"):
        DockerService(
            Stack(app, name),
            "Service",
            environment_type=EnvironmentType.SINGLE_INSTANCE,
            github_repository=f"ada/{name.lower()}",
        )
    deploy_assembly(clients, app.synth())
    iam = clients("iam")
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    for stack, repository in (("First", "ada/first"), ("Second", "ada/second")):
        role = clients.outputs(stack)["DeployRoleArn"].rsplit("/", 1)[1]
        (statement,) = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"]["Federated"] == provider["Arn"]
        assert f"repo:{repository}:ref:refs/heads/main" in json.dumps(statement)
    delete(clients, "Second", "First")


def app_with_names(application_name: str, environment_name: str | None) -> App:
    """Return an app whose deployer is in a later stack than its environment."""
    app = App()
    stack, delivery = Stack(app, "Named"), Stack(app, "Delivery")
    network = ServiceNetwork(stack, "Network", load_balanced=False)
    role = ServiceRole(stack, "ServiceRole").role
    environment = DockerEnvironment(
        stack,
        "Environment",
        vpc=network.vpc,
        environment_type=EnvironmentType.SINGLE_INSTANCE,
        service_role=role,
        application=Application(stack, "Application", service_role=role, application_name=application_name),
        environment_name=environment_name,
        instance_security_group=network.instance_security_group,
    )
    DeployUser(delivery, "User", permissions=environment.deploy_permissions(ArtifactBucket(delivery, "Artifacts")))
    return app


def test_a_deployer_follows_a_renamed_application_and_environment(aws: EmbeddedAws) -> None:
    clients = Clients(aws)
    for application, name in (("shop", None), ("store", None), ("store", "serving")):
        deploy_assembly(clients, app_with_names(application, name).synth())
        found = clients("elasticbeanstalk").describe_environments(ApplicationName=application, IncludeDeleted=False)
        (environment,) = found["Environments"]
        assert name in (None, environment["EnvironmentName"])
        (user,) = [user["UserName"] for user in clients("iam").list_users()["Users"] if "Delivery" in user["UserName"]]
        text = json.dumps(policy_documents(clients, user))
        assert f"environment/{application}/{environment['EnvironmentName']}" in text
    delete(clients, "Delivery", "Named")


def test_deleting_a_protected_service_keeps_the_database_and_names_its_protection(aws: EmbeddedAws) -> None:
    clients = Clients(aws)
    deploy_service(clients)
    clients("cloudformation").delete_stack(StackName="Shop")
    assert clients.stack("Shop")["StackStatus"] == "DELETE_FAILED"
    assert any("deletion protection" in reason.lower() for reason in clients.reasons("Shop"))
    (database,) = clients("rds").describe_db_instances()["DBInstances"]
    # docs/your-own.md: RDS's own command takes the protection away once the stack cannot be updated any more.
    clients("rds").modify_db_instance(
        DBInstanceIdentifier=database["DBInstanceIdentifier"], DeletionProtection=False, ApplyImmediately=True
    )
    delete(clients, "Shop")
    assert clients("rds").describe_db_instances()["DBInstances"] == []
