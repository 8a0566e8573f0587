"""A stage on the emulator that is deployed, changed by its manifest, and inspected."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import ROOT, Clients, run

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


@dataclass(frozen=True)
class Changing:
    """A stage that the CDK CLI deploys.

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
        for part in reversed(PARTS):
            self.clients("cloudformation").delete_stack(StackName=self.stack(part))
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

    def deploy(self, keys: str, *, exit_code: int = 0, stacks: tuple[str, ...] = ("--all",)) -> str:
        """Deploy a manifest whose stage has these keys by one `cdk deploy`, and return the CLI's output."""
        assembly = self._synthesise(keys)
        failures = self._failures()
        output = self.cdk("deploy", *stacks, "--require-approval=never", "--app", str(assembly), exit_code=exit_code)
        if not exit_code and stacks == ("--all",):
            for part in filter(self.exists, PARTS):
                status = self.clients.stack(self.stack(part))["StackStatus"]
                assert status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), output
            assert self._failures() == failures, output
        return output

    def destroy(self, keys: str, *, exit_code: int = 0) -> str:
        """Run `cdk destroy --all` with a manifest whose stage has these keys, and return the CLI's output."""
        assembly = self._synthesise(keys)
        return self.cdk("destroy", "--all", "--force", "--app", str(assembly), exit_code=exit_code)

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

    def _synthesise(self, keys: str) -> Path:
        (self.folder / "Dockerfile").touch()
        shutil.copy(ROOT / "app.py", self.folder)
        (self.folder / "beanpod.toml").write_text(
            f"{_MANIFEST.format(service=self.service)}\n[stages.{self.stage}]\n{keys}\n"
        )
        output = self.folder / "cdk.out"
        shutil.rmtree(output, ignore_errors=True)
        environ = os.environ | {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'constructs'}",
            "CDK_OUTDIR": str(output),
            "CDK_CONTEXT_JSON": json.dumps(json.loads((ROOT / "cdk.json").read_text())["context"]),
        }
        command = [sys.executable, "app.py"]
        done = subprocess.run(command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return output

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
        iam = self.clients("iam")
        (user,) = self._physical_ids("delivery", "AWS::IAM::User")
        resources = []
        for policy in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]:
            version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
            found = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)["PolicyVersion"]
            resources += [statement["Resource"] for statement in found["Document"]["Statement"]]
        assert f"/{self.environment}" in json.dumps(resources)
