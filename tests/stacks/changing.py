"""A stage on the emulator that is deployed, changed by its manifest, and inspected."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.cx_api import CloudAssembly, CloudFormationStackArtifact
from botocore.exceptions import ClientError

from beanpod.cli import cdk
from beanpod.deploy.errors import UsageError
from beanpod.manifest import Manifest
from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients, run
from stacks import add_stage
from tests.stacks.conftest import CONTEXT

PARTS = ("network", "database", "service", "delivery")
_CDK = (sys.executable, "-m", "beanpod", "cdk")
_VPC = "aws:ec2:vpc"
_MANIFEST = """\
[service]
name = "{service}"
image = "ada/shop"
dockerfile = "Dockerfile"
port = 8080
health_path = "/health"

[variables]
GREETING = "Hello"
"""
_BOOTSTRAP_VERSION = {"Name": "/cdk-bootstrap/hnb659fds/version", "Value": "30", "Type": "String"}


def deploy_assembly(clients: Clients, assembly: CloudAssembly) -> None:
    """Deploy the stacks of an assembly as `cdk deploy --all` does, without starting it."""
    clients("ssm").put_parameter(**_BOOTSTRAP_VERSION, Overwrite=True)
    cloudformation = clients("cloudformation")
    for artifact in assembly.stacks:
        name, exists = (
            artifact.stack_name,
            clients.exists("cloudformation", "describe_stacks", StackName=artifact.stack_name),
        )
        if not artifact.template.get("Resources"):
            if exists:
                cloudformation.delete_stack(StackName=name)
            continue
        _deploy(cloudformation.update_stack if exists else cloudformation.create_stack, artifact)
        status = clients.stack(name)["StackStatus"]
        assert status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), clients.reasons(name)
        cloudformation.update_termination_protection(
            StackName=name, EnableTerminationProtection=bool(artifact.termination_protection)
        )


def _deploy(operation: Any, artifact: CloudFormationStackArtifact) -> None:
    try:
        operation(
            StackName=artifact.stack_name,
            TemplateBody=json.dumps(artifact.template),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": key, "Value": value} for key, value in artifact.tags.items()],
        )
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise


@dataclass(frozen=True)
class Changing:
    """A stage that is deployed with one manifest after another.

    Attributes:
        aws: The emulator.
        clients: Its clients.
        folder: Folder of the project.
        stage: The stage's name.
        service: The service's name.
    """

    aws: EmbeddedAws
    clients: Clients
    folder: Path
    stage: str
    service: str = "shop"

    def deploy_first_version(self) -> None:
        """Deploy the templates of commit b634529 in `deployed/`, in which every cross-stack reference is an export."""
        self.delete()
        for part in PARTS:
            template = Path(__file__).parent / "deployed" / f"{self.stack(part)}.json"
            self.clients("cloudformation").create_stack(
                StackName=self.stack(part), TemplateBody=template.read_text(), Capabilities=["CAPABILITY_NAMED_IAM"]
            )
            assert self.clients.stack(self.stack(part))["StackStatus"] == "CREATE_COMPLETE", self.clients.reasons(
                self.stack(part)
            )

    def stack(self, part: str) -> str:
        """Return the name of one of the stage's stacks."""
        return f"{self.service}-{self.stage}-{part}"

    def deploy(self, keys: str) -> None:
        """Deploy a manifest whose stage has these keys, without the CDK CLI."""
        failures = self._failures()
        deploy_assembly(self.clients, self._synthesise(keys))
        assert self._failures() == failures

    def cdk_deploy(self, keys: str, *, exit_code: int = 0, stacks: tuple[str, ...] = ("--all",)) -> str:
        """Deploy a manifest whose stage has these keys by one `cdk deploy`, and return the CLI's output."""
        assembly, failures = self._synthesise(keys), self._failures()
        flags = ("--require-approval=never", "--app", assembly.directory)
        output = self.cdk("deploy", *stacks, *flags, exit_code=exit_code)
        assert exit_code or self._failures() == failures, output
        return output

    def refusal(self, keys: str) -> str:
        """Return what `cdk deploy` says of a manifest whose stage has these keys, before it starts the CDK CLI."""
        assembly = self._synthesise(keys)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name, value in self.aws.environment.items():
                patch.setenv(name, value)
            with pytest.raises(UsageError) as caught:
                cdk.run(["deploy", "--all", "--app", assembly.directory])
        return "\n".join((str(caught.value), *caught.value.causes))

    def delete(self) -> None:
        """Delete the stage's stacks, the last first."""
        for part in reversed(PARTS):
            self.clients("cloudformation").delete_stack(StackName=self.stack(part))

    def exists(self, part: str) -> bool:
        """Return whether one of the stage's stacks is deployed."""
        return self.clients.exists("cloudformation", "describe_stacks", StackName=self.stack(part))

    def _failures(self) -> list[str]:
        return [reason for part in PARTS if self.exists(part) for reason in self.clients.reasons(self.stack(part))]

    def cdk(self, *arguments: str, exit_code: int = 0) -> str:
        """Run the CDK CLI and return its output."""
        flags = ("--no-notices", "--ci", "--no-color", "--concurrency=1")
        done = run(self.aws, *_CDK, *arguments, *flags, folder=self.folder)
        assert done.returncode == exit_code, done.stdout
        return done.stdout

    def _synthesise(self, keys: str) -> CloudAssembly:
        (self.folder / "Dockerfile").touch()
        manifest = self.folder / "beanpod.toml"
        manifest.write_text(f"{_MANIFEST.format(service=self.service)}\n[stages.{self.stage}]\n{keys}\n")
        output = self.folder / "cdk.out"
        shutil.rmtree(output, ignore_errors=True)
        app = App(context=CONTEXT, outdir=str(output))
        add_stage(app, Manifest.read(manifest))
        return app.synth()

    @property
    def environment(self) -> str:
        """The environment's name."""
        return self.clients.outputs(self.stack("service"))["EnvironmentName"]

    def options(self) -> dict[tuple[str, str], str]:
        """Return the environment's option settings by namespace and name."""
        outputs = self.clients.outputs(self.stack("service"))
        found = self.clients("elasticbeanstalk").describe_configuration_settings(
            ApplicationName=outputs["ApplicationName"], EnvironmentName=outputs["EnvironmentName"]
        )
        settings = found["ConfigurationSettings"][0]["OptionSettings"]
        return {(item["Namespace"], item["OptionName"]): item.get("Value", "") for item in settings}

    def database(self) -> dict[str, Any]:
        """Return RDS's description of the database."""
        (name,) = self._physical_ids("database", "AWS::RDS::DBInstance")
        instance: dict[str, Any] = self.clients("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][
            0
        ]
        return instance

    def _physical_ids(self, part: str, kind: str) -> Iterator[str]:
        found = self.clients("cloudformation").describe_stack_resources(StackName=self.stack(part))["StackResources"]
        return (item["PhysicalResourceId"] for item in found if item["ResourceType"] == kind)

    def check_connections(self, *, database: bool = True) -> None:
        """Check that all that environment, database and deployer refer to exists, and belongs to this stage."""
        ec2, options = self.clients("ec2"), self.options()
        (vpc,) = self._physical_ids("network", "AWS::EC2::VPC")
        assert options[_VPC, "VPCId"] == vpc
        named = ",".join(options.get((_VPC, name), "") for name in ("Subnets", "ELBSubnets"))
        subnets = ec2.describe_subnets(SubnetIds=sorted({*named.split(",")} - {""}))["Subnets"]
        assert {subnet["VpcId"] for subnet in subnets} == {vpc}
        groups = [value for (_, name), value in options.items() if name in ("SecurityGroups", "ManagedSecurityGroup")]
        names = {name for value in groups for name in value.split(",") if name.startswith("sg-")}
        assert names
        assert len(ec2.describe_security_groups(GroupIds=sorted(names))["SecurityGroups"]) == len(names)
        self._check_way_out(options)
        self._check_deployer()
        if database:
            self._check_database(options)
        else:
            assert not [name for _, name in options if name.startswith("RDS_")]

    def _check_way_out(self, options: dict[tuple[str, str], str]) -> None:
        wanted = "GatewayId" if options.get((_VPC, "AssociatePublicIpAddress")) == "true" else "NatGatewayId"
        for subnet in options[_VPC, "Subnets"].split(","):
            filters = [{"Name": "association.subnet-id", "Values": [subnet]}]
            (table,) = self.clients("ec2").describe_route_tables(Filters=filters)["RouteTables"]
            routes = [route for route in table["Routes"] if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
            assert [wanted in route for route in routes] == [True]

    def _check_database(self, options: dict[tuple[str, str], str]) -> None:
        instance = self.database()
        variables = {name: value for (_, name), value in options.items() if name.startswith("RDS_")}
        assert variables["RDS_HOSTNAME"] == instance["Endpoint"]["Address"]
        assert variables["RDS_PORT"] == str(instance["Endpoint"]["Port"])
        secret = re.sub(r":password.*", "", variables["RDS_PASSWORD"])
        value = json.loads(self.clients("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
        assert value["host"] == instance["Endpoint"]["Address"]
        subnets = [subnet["SubnetIdentifier"] for subnet in instance["DBSubnetGroup"]["Subnets"]]
        assert len(self.clients("ec2").describe_subnets(SubnetIds=subnets)["Subnets"]) == len(subnets)
        (group,) = (item["VpcSecurityGroupId"] for item in instance["VpcSecurityGroups"])
        (found,) = self.clients("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
        assert [rule["FromPort"] for rule in found["IpPermissions"]] == [instance["Endpoint"]["Port"]]

    def _check_deployer(self) -> None:
        (user,) = self._physical_ids("delivery", "AWS::IAM::User")
        assert f"/{self.environment}" in json.dumps(policy_documents(self.clients, user))


def policy_documents(clients: Clients, user: str) -> list[Any]:
    """Return the documents of the policies that are attached to a user."""
    iam = clients("iam")
    arns = [policy["PolicyArn"] for policy in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]]
    versions = [(arn, iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]) for arn in arns]
    return [
        iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        for arn, version in versions
    ]
