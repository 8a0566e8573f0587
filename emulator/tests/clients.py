"""Clients of the emulator, and the calls that most tests begin with."""

import json
import subprocess
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from beanpod_emulator import EmbeddedAws

# Returns an empty emulator with the options of EmbeddedAws.start().
Emulators = Callable[..., EmbeddedAws]
ROOT = Path(__file__).resolve().parents[2]
DOCKER = "arn:aws:elasticbeanstalk:us-east-1::platform/Docker running on 64bit Amazon Linux 2023"
PROFILE_OPTION = ("aws:autoscaling:launchconfiguration", "IamInstanceProfile")
_CAPABILITIES = ["CAPABILITY_NAMED_IAM"]
# A stack is created within one call. On a busy machine that is longer than botocore waits before it sends a second one.
_PATIENT = Config(read_timeout=600, retries={"total_max_attempts": 1})


def option(namespace: str, name: str, value: str) -> dict[str, str]:
    return {"Namespace": namespace, "OptionName": name, "Value": value}


def refusal(call: Callable[..., Any], **request: Any) -> tuple[str, str]:
    """Make a call that must fail, and return code and message of its error."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    detail = caught.value.response["Error"]
    return detail["Code"], detail["Message"]


def client(aws: EmbeddedAws, service: str, **arguments: Any) -> Any:
    """Return a client that sends each request once. arguments: in the place of the emulator's own."""
    make: Any = boto3.client
    return make(service, **({"config": _PATIENT} | aws.client_arguments | arguments))


def key_arguments(made: dict[str, str]) -> dict[str, str]:
    """Return the arguments of a client with this access key of IAM, or session of STS."""
    names = {
        "AccessKeyId": "aws_access_key_id",
        "SecretAccessKey": "aws_secret_access_key",
        "SessionToken": "aws_session_token",
    }
    return {argument: made[name] for name, argument in names.items() if name in made}


class Clients:
    """The clients of one emulator, each made once."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self._aws = aws
        self._made: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        if service not in self._made:
            self._made[service] = client(self._aws, service)
        return self._made[service]

    def user(self, name: str) -> dict[str, str]:
        """Create a user with an access key, and return the arguments of its clients."""
        self("iam").create_user(UserName=name)
        return key_arguments(self("iam").create_access_key(UserName=name)["AccessKey"])

    @cached_property
    def instance_profile(self) -> str:
        self("iam").create_instance_profile(InstanceProfileName="web")
        return "web"

    def launch(self, name: str, *settings: dict[str, str], application: str = "guestbook", **more: Any) -> str:
        """Begin to launch an environment, and create its application where there is none. Return its name."""
        beanstalk = self("elasticbeanstalk")
        if not beanstalk.describe_applications(ApplicationNames=[application])["Applications"]:
            beanstalk.create_application(ApplicationName=application)
        created = beanstalk.create_environment(
            ApplicationName=application,
            EnvironmentName=name,
            PlatformArn=DOCKER,
            OptionSettings=[option(*PROFILE_OPTION, self.instance_profile), *settings],
            **more,
        )
        return str(created["EnvironmentName"])

    def environment(self, name: str, **which: Any) -> dict[str, Any]:
        """Return the description of an environment, {} where there is none."""
        found = self("elasticbeanstalk").describe_environments(EnvironmentNames=[name], **which)["Environments"]
        return dict(found[-1]) if found else {}

    def options(self, application: str = "guestbook", **of: str) -> dict[tuple[str, str], str]:
        """Return the options of an environment or a template, by namespace and name."""
        found = self("elasticbeanstalk").describe_configuration_settings(ApplicationName=application, **of)
        entries = found["ConfigurationSettings"][0]["OptionSettings"]
        return {(entry["Namespace"], entry["OptionName"]): entry["Value"] for entry in entries}

    def errors(self, **of: str) -> list[str]:
        """Return the messages of Beanstalk's error events, newest first."""
        found = self("elasticbeanstalk").describe_events(Severity="ERROR", **of)["Events"]
        return [event["Message"] for event in found]

    def version(self, label: str, *, application: str = "guestbook") -> str:
        """A version with a bundle of its own in Beanstalk's bucket."""
        bucket = self("elasticbeanstalk").create_storage_location()["S3Bucket"]
        self("s3").put_object(Bucket=bucket, Key=f"{label}.zip", Body=b"zip")
        self("elasticbeanstalk").create_application_version(
            ApplicationName=application,
            VersionLabel=label,
            SourceBundle={"S3Bucket": bucket, "S3Key": f"{label}.zip"},
        )
        return label

    def deploy(self, name: str, resources: dict[str, Any], **sections: Any) -> dict[str, Any]:
        """Create or update a stack and give its description."""
        body = json.dumps({"Resources": resources, **sections})
        request = {"StackName": name, "TemplateBody": body, "Capabilities": _CAPABILITIES}
        cloudformation = self("cloudformation")
        (cloudformation.update_stack if self._is_deployed(name) else cloudformation.create_stack)(**request)
        return self.stack(name)

    def expect_rollback(self, name: str, resources: dict[str, Any], reason: str) -> None:
        """Create or update a stack, which must be rolled back for a reason."""
        expected = "UPDATE_ROLLBACK_COMPLETE" if self._is_deployed(name) else "ROLLBACK_COMPLETE"
        assert self.deploy(name, resources)["StackStatus"] == expected
        reasons = self.reasons(name)
        assert any(reason in text for text in reasons), reasons

    def _is_deployed(self, name: str) -> bool:
        return name in {stack["StackName"] for stack in self("cloudformation").describe_stacks()["Stacks"]}

    def stack(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return found

    def outputs(self, name: str) -> dict[str, str]:
        return {item["OutputKey"]: item["OutputValue"] for item in self.stack(name).get("Outputs", [])}

    def physical_id(self, stack: str, logical_id: str) -> str:
        found = self("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def reasons(self, stack: str) -> list[str]:
        """Why things failed, from the stack's events."""
        events = self("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        return [event.get("ResourceStatusReason", "") for event in events if event["ResourceStatus"].endswith("FAILED")]

    def exists(self, service: str, operation: str, **request: Any) -> bool:
        try:
            getattr(self(service), operation)(**request)
        except ClientError:
            return False
        return True


def run(aws: EmbeddedAws, *command: str, folder: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Run a command against the emulated AWS; standard error goes into the output."""
    environment = aws.whole_environment() | {"CDK_DISABLE_CLI_TELEMETRY": "true", "AWS_PAGER": ""}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=600,
    )
