"""What a stage's stacks leave behind, made in a moment: the stacks themselves are tested in tests/stacks."""

import json
from typing import Any

from beanpod_emulator import EmbeddedAws
from tests.deploy.deployed_stage import client

_PLATFORM = "arn:aws:elasticbeanstalk:us-east-1::platform/Docker running on 64bit Amazon Linux 2023"
_OPTIONS = {
    ("aws:autoscaling:launchconfiguration", "IamInstanceProfile"): "web",
    ("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath"): "/health",
}
_KEY = {"AWS_ACCESS_KEY": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}


def lay(aws: EmbeddedAws) -> dict[str, str]:
    """The application, its environment, the bucket, and the stacks whose outputs name them. Returns the outputs."""
    service = {
        "ApplicationName": "guestbook-app",
        "EnvironmentName": "guestbook-dev",
        "Region": aws.region,
        "Url": "http://guestbook.example.com",
    }
    delivery = {"BucketName": "guestbook-artifacts", "DeployerSecretArn": _secret(aws)}
    client("s3", aws).create_bucket(Bucket=delivery["BucketName"])
    _environment(aws, service["ApplicationName"], service["EnvironmentName"])
    for part, outputs in (("service", service), ("delivery", delivery)):
        lay_stack(aws, f"guestbook-dev-{part}", outputs)
    return service | delivery


def _secret(aws: EmbeddedAws) -> str:
    made = client("secretsmanager", aws).create_secret(Name="deployer", SecretString=json.dumps(_KEY))
    return str(made["ARN"])


def _environment(aws: EmbeddedAws, application: str, name: str) -> None:
    client("iam", aws).create_instance_profile(InstanceProfileName="web")
    beanstalk = client("elasticbeanstalk", aws)
    beanstalk.create_application(ApplicationName=application)
    beanstalk.create_environment(
        ApplicationName=application,
        EnvironmentName=name,
        PlatformArn=_PLATFORM,
        OptionSettings=[
            {"Namespace": namespace, "OptionName": option, "Value": value}
            for (namespace, option), value in _OPTIONS.items()
        ],
    )
    aws.advance(600)


def lay_stack(aws: EmbeddedAws, name: str, outputs: dict[str, str]) -> None:
    """A stack that has these outputs."""
    template: dict[str, Any] = {
        "Resources": {"Alarms": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    client("cloudformation", aws).create_stack(StackName=name, TemplateBody=json.dumps(template))
