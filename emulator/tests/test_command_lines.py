"""The CDK CLI and the AWS CLI."""

from collections.abc import Callable
from pathlib import Path
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


def _app(folder: Path, *, greeting: str, with_topic: bool = True) -> Path:
    """Synthesise two stacks, the second importing from the first."""
    app = App(outdir=str(folder))
    network = Stack(app, "Network")
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
    assert _stacks_and_environments(clients) == before


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
