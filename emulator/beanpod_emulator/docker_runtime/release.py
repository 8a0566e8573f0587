"""What an instance needs for a deployment: the bundle and settings, read with its profile's permissions."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from beanpod_emulator import clients
from beanpod_emulator.beanstalk.options import SECRETS, VARIABLES
from beanpod_emulator.beanstalk.state import Environment
from beanpod_emulator.iam.authorizer import Caller, denial, find_caller
from beanpod_emulator.iam.policies import Decision, Document, evaluate, statements_about
from beanpod_emulator.iam.required_permissions import Permission

_TO = "Instance deployment failed to {step}. The deployment failed."
_FETCH = "fetch environment secrets"
_DOWNLOAD = "download the source bundle"
# arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, and after that a field of the secret's JSON.
_ARN_PARTS = 7


class InstanceError(Exception):
    """A deployment failed on an instance.

    Attributes:
        event: The error event, which names the step.
    """

    def __init__(self, step: str, why: str) -> None:
        super().__init__(" ".join(why.split()))
        self.event = _TO.format(step=step)


@dataclass(frozen=True)
class RuntimeSettings:
    """An environment's settings for its instances.

    Attributes:
        environment: Name of the environment.
        variables: Environment variables, including secrets.
        health_codes: As in MatcherHTTPCode: "200" or "200-299,404".
        health_seconds: How long a new version may take until it is healthy.
        drain_seconds: How long requests in flight may take when the version is replaced.
    """

    environment: str
    variables: Mapping[str, str] = field(repr=False)
    health_path: str = "/"
    health_codes: str = "200"
    health_seconds: float = 60.0
    drain_seconds: float = 20.0

    def accepts(self, status: int) -> bool:
        """Return whether a health check with this HTTP status passes."""
        return any(_within(status, part) for part in self.health_codes.split(","))


@dataclass(frozen=True)
class Release:
    """A version with its source bundle, and the settings that it is deployed with."""

    label: str
    deployment_id: int
    data: bytes = field(repr=False)
    settings: RuntimeSettings


def _within(status: int, part: str) -> bool:
    numbers = [int(number) for number in re.findall(r"\d+", part)]
    return bool(numbers) and numbers[0] <= status <= numbers[-1]


@dataclass(frozen=True)
class ProfileSession:
    """A session of an instance profile's role. All methods require the emulator's lock."""

    region: str
    role: str
    _caller: Caller

    @classmethod
    def of(cls, environment: Environment) -> "ProfileSession":
        """Return the profile of an environment's instances; InstanceError if it does not exist."""
        region = environment.region
        name, iam = environment.instance_profile, clients.client("iam", region)
        try:
            profile = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
            (role, *_) = profile["Roles"]
            assumed = clients.client("sts", region).assume_role(RoleArn=role["Arn"], RoleSessionName="instance")
        except (ClientError, ValueError) as error:
            raise InstanceError("assume the role of its instance profile", str(error)) from error
        keys = assumed["Credentials"]
        known = find_caller(environment.account, keys["AccessKeyId"], keys["SessionToken"])
        if known is None:
            raise InstanceError("assume the role of its instance profile", f"unknown access key of {role['Arn']}")
        return cls(region, role["Arn"], known)

    def bundle(self, location: dict[str, str]) -> bytes:
        """Return a source bundle; InstanceError if the role may not read it."""
        bucket, key = location["S3Bucket"], location["S3Key"]
        resource = f"arn:aws:s3:::{bucket}/{key}"
        # Within an account, either the role's policies or the bucket's must allow it.
        documents = [*self._caller.policies, self._of_bucket(bucket)]
        if evaluate(documents, "s3:GetObject", resource, {"aws:SecureTransport": "true"}) is not Decision.ALLOWED:
            self._check(_DOWNLOAD, "s3:GetObject", resource)
        data: bytes = self._call(_DOWNLOAD, "s3", "get_object", Bucket=bucket, Key=key)["Body"].read()
        return data

    def variables(self, environment: Environment) -> dict[str, str]:
        """Return the environment's variables, secrets by their values. InstanceError if the role may not read one."""
        settings = sorted(environment.settings.items())
        plain = {option.name: value for option, value in settings if option.namespace == VARIABLES}
        secrets = {option.name: value for option, value in settings if option.namespace == SECRETS}
        return plain | {name: self._secret(name, arn) for name, arn in secrets.items()}

    def _of_bucket(self, bucket: str) -> Document:
        """Return the statements of a bucket's policy about this role."""
        try:
            policy = clients.client("s3", self.region).get_bucket_policy(Bucket=bucket)["Policy"]
        except ClientError:
            return {"Statement": []}
        return statements_about(json.loads(policy), "AWS", "*", self.role)

    def _secret(self, variable: str, arn: str) -> str:
        try:
            return self._parameter(arn) if ":ssm:" in arn else self._secret_field(arn)
        except (KeyError, ValueError, TypeError) as error:
            raise InstanceError(_FETCH, f"{variable}: {arn} has no such value: {error!r}") from error

    def _parameter(self, arn: str) -> str:
        self._check(_FETCH, "ssm:GetParameter", arn)
        path = arn.partition(":parameter/")[2]
        name = f"/{path}" if "/" in path else path
        found = self._call(_FETCH, "ssm", "get_parameter", Name=name, WithDecryption=True)
        return str(found["Parameter"]["Value"])

    def _secret_field(self, reference: str) -> str:
        parts = reference.split(":")
        arn, field = ":".join(parts[:_ARN_PARTS]), parts[_ARN_PARTS:]
        self._check(_FETCH, "secretsmanager:GetSecretValue", arn)
        text: str = self._call(_FETCH, "secretsmanager", "get_secret_value", SecretId=arn)["SecretString"]
        return str(json.loads(text)[field[0]]) if field else text

    def _check(self, step: str, action: str, resource: str) -> None:
        if reason := denial(self._caller, Permission(action, resource)):
            raise InstanceError(step, reason)

    def _call(self, step: str, service: str, operation: str, **request: Any) -> Any:
        try:
            return getattr(clients.client(service, self.region), operation)(**request)
        except ClientError as error:
            raise InstanceError(step, str(error)) from error
