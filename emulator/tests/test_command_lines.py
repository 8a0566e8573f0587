"""The CDK CLI and the AWS CLI."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from aws_cdk import App, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticbeanstalk as elasticbeanstalk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import DOCKER, ROOT, Clients, Emulators, run

CDK = str(ROOT / "node_modules/.bin/cdk")
AWS = str(ROOT / ".venv/bin/aws")
Cdk = Callable[..., str]


def _app(folder: Path, *, greeting: str, with_topic: bool = True, protected: bool = False) -> Path:
    """Synthesise two stacks, the second importing from the first."""
    app = App(outdir=str(folder))
    network = Stack(app, "Network", termination_protection=protected)
    vpc = ec2.Vpc(network, "Vpc", max_azs=2, nat_gateways=0)
    service = Stack(app, "Service")
    group = ec2.SecurityGroup(service, "Group", vpc=vpc, description="instances")
    role = iam.Role(service, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
    profile = iam.CfnInstanceProfile(service, "Profile", roles=[role.role_name])
    application = elasticbeanstalk.CfnApplication(service, "Application")
    settings = {
        ("aws:autoscaling:launchconfiguration", "IamInstanceProfile"): profile.ref,
        ("aws:autoscaling:launchconfiguration", "SecurityGroups"): group.security_group_id,
        ("aws:ec2:vpc", "VPCId"): vpc.vpc_id,
        ("aws:elasticbeanstalk:application:environment", "GREETING"): greeting,
    }
    environment = elasticbeanstalk.CfnEnvironment(
        service,
        "Environment",
        application_name=application.ref,
        platform_arn=DOCKER,
        option_settings=[
            elasticbeanstalk.CfnEnvironment.OptionSettingProperty(namespace=namespace, option_name=name, value=value)
            for (namespace, name), value in settings.items()
        ],
    )
    if with_topic:
        stored = ssm.StringParameter(service, "Stored", parameter_name="/service/stored", string_value="x")
        stored.apply_removal_policy(RemovalPolicy.DESTROY)
    CfnOutput(service, "Url", value=environment.attr_endpoint_url)
    CfnOutput(service, "Name", value=environment.ref)
    app.synth()
    return folder


@pytest.fixture(scope="module")
def aws(emulators: Emulators) -> EmbeddedAws:
    """With permissions enforced: the CDK CLI works through the roles that its bootstrap stack makes."""
    return emulators(enforce_iam=True)


@pytest.fixture(scope="module")
def cdk(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Cdk:
    """Runs the CDK CLI away from the repository's cdk.json, in a bootstrapped account."""
    folder = tmp_path_factory.mktemp("cli")

    def call(*arguments: str, ends: int = 0) -> str:
        done = run(aws, CDK, *arguments, "--no-notices", "--ci", "--no-color", folder=folder)
        assert done.returncode == ends, done.stdout
        return done.stdout

    call("bootstrap", f"aws://{aws.account}/{aws.region}")
    return call


def _stacks_and_environments(clients: Clients) -> set[str]:
    stacks = clients("cloudformation").describe_stacks()["Stacks"]
    environments = clients("elasticbeanstalk").describe_environments(IncludeDeleted=False)["Environments"]
    return {stack["StackName"] for stack in stacks} | {it["EnvironmentName"] for it in environments}


@pytest.mark.parametrize("method", ["change-set", "direct"])
def test_cdk_deploys_updates_and_destroys(cdk: Cdk, clients: Clients, tmp_path: Path, method: str) -> None:
    before = _stacks_and_environments(clients)
    deploy = ("deploy", "--all", "--require-approval=never", f"--method={method}", "--app")
    first = str(_app(tmp_path / "first", greeting="hello"))
    assert "Service.Url = awseb--" in cdk(*deploy, first)
    name = clients.outputs("Service")["Name"]
    assert cdk(*deploy, first).count("(no changes)") == 2

    cdk(*deploy, str(_app(tmp_path / "second", greeting="bye", with_topic=False)))
    assert clients.outputs("Service")["Name"] == name
    options = clients.options(clients.physical_id("Service", "Application"), EnvironmentName=name)
    assert options["aws:elasticbeanstalk:application:environment", "GREETING"] == "bye"
    assert not clients.exists("ssm", "get_parameter", Name="/service/stored")

    cdk("destroy", "--all", "--force", "--app", first)
    assert _stacks_and_environments(clients) == before - {"Network"}


def test_cdk_does_not_destroy_a_protected_stack(cdk: Cdk, clients: Clients, tmp_path: Path) -> None:
    protected = str(_app(tmp_path / "protected", greeting="hello", protected=True))
    cdk("deploy", "Network", "--exclusively", "--require-approval=never", "--app", protected)
    output = cdk("destroy", "Network", "--force", "--app", protected, ends=1)
    assert "Stack [Network] cannot be deleted while TerminationProtection is enabled" in output
    assert clients.stack("Network")["StackStatus"] == "CREATE_COMPLETE"


def test_cdk_shows_why_a_stack_failed(cdk: Cdk, tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path / "failing"))
    stack = Stack(app, "Failing")
    iam.CfnInstanceProfile(stack, "Profile", roles=["nobody"])
    app.synth()
    output = cdk("deploy", "--require-approval=never", "--app", str(tmp_path / "failing"), ends=1)
    assert "Role nobody not found" in output


def test_aws_cli_copies_and_presigns(aws: EmbeddedAws, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<h1>")
    for command in (("mb", "s3://pages"), ("cp", str(tmp_path / "page.html"), "s3://pages/a b/ü.html")):
        done = run(aws, AWS, "s3", *command)
        assert done.returncode == 0, done.stdout
    url = run(aws, AWS, "s3", "presign", "s3://pages/a b/ü.html").stdout.strip()
    with urlopen(url) as answer:
        assert answer.read() == b"<h1>"
    with pytest.raises(HTTPError, match="403") as refused:
        urlopen(url.replace("/pages/", "/elsewhere/"))
    refused.value.close()


def test_aws_cli_releases_a_version_and_waits_for_it(aws: EmbeddedAws, clients: Clients, tmp_path: Path) -> None:
    def cli(*arguments: str) -> Any:
        done = run(aws, AWS, *arguments, "--output", "json")
        assert done.returncode == 0, done.stdout
        return json.loads(done.stdout) if done.stdout else {}

    clients.launch("cli-dev", application="cli")
    bucket = clients("elasticbeanstalk").create_storage_location()["S3Bucket"]
    (tmp_path / "bundle.zip").write_bytes(b"zip")
    named = ("--environment-name", "cli-dev")

    beanstalk = partial(cli, "elasticbeanstalk")
    put = ("--bucket", bucket, "--key", "bundles/v1.zip", "--body", str(tmp_path / "bundle.zip"))
    cli("s3api", "put-object", *put, "--if-none-match", "*")
    source = f"S3Bucket={bucket},S3Key=bundles/v1.zip"
    version = ("--application-name", "cli", "--version-label", "v1")
    beanstalk("create-application-version", *version, "--source-bundle", source)
    assert beanstalk("update-environment", *named, "--version-label", "v1")["Status"] == "Updating"
    beanstalk("wait", "environment-updated", "--environment-names", "cli-dev")
    events = beanstalk("describe-events", *named, "--max-items", "1")["Events"]
    assert events[0]["Message"] == "Environment health has transitioned from Info to Ok."
    health = beanstalk("describe-instances-health", *named, "--attribute-names", "All")["InstanceHealthList"]
    assert health[0]["Deployment"]["VersionLabel"] == "v1"
