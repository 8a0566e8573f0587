"""What an environment's instances may do and read: their profile's role, asked for through AWS's own APIs here."""

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from beanpod_emulator import clients
from beanpod_emulator.beanstalk.state import Environment
from beanpod_emulator.calls import Call
from beanpod_emulator.iam import guard
from beanpod_emulator.iam.callers import Caller, caller
from beanpod_emulator.iam.needs import Need
from beanpod_emulator.iam.policies import Document, Verdict, judge
from beanpod_emulator.machines.release import MachineError

_VARIABLES = "aws:elasticbeanstalk:application:environment"
_SECRETS = "aws:elasticbeanstalk:application:environmentsecrets"
_FETCH = "fetch environment secrets"
_DOWNLOAD = "download the source bundle"
# arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, and after that a field of the secret's JSON.
_ARN_PARTS = 7


@dataclass(frozen=True)
class Profile:
    """An instance profile's session. role: the ARN of its role. Everything here is asked in its turn."""

    region: str
    role: str
    _caller: Caller

    @classmethod
    def of(cls, environment: Environment) -> "Profile":
        """The profile of an environment's instances. Raises MachineError when there is none."""
        region, account = environment.arn.split(":")[3:5]
        name = environment.option("aws:autoscaling:launchconfiguration", "IamInstanceProfile").rsplit("/", 1)[-1]
        try:
            profile = clients.client("iam", region).get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
            (role, *_) = profile["Roles"]
            assumed = clients.client("sts", region).assume_role(RoleArn=role["Arn"], RoleSessionName="instance")
        except (ClientError, ValueError) as error:
            raise MachineError("assume the role of its instance profile", str(error)) from error
        keys = assumed["Credentials"]
        call = Call("sts", "GetCallerIdentity", region, keys["AccessKeyId"], keys["SessionToken"])
        known = caller(account, call)
        if known is None:
            raise MachineError("assume the role of its instance profile", f"nobody has the key of {role['Arn']}")
        return cls(region, role["Arn"], known)

    def bundle(self, place: dict[str, str]) -> bytes:
        """A source bundle. Raises MachineError where the role may not read it."""
        bucket, key = place["S3Bucket"], place["S3Key"]
        resource = f"arn:aws:s3:::{bucket}/{key}"
        # Within an account it is enough that one of the two allows it, the role's policies or the bucket's.
        documents = [*self._caller.policies, self._of_bucket(bucket)]
        if judge(documents, "s3:GetObject", resource, {"aws:SecureTransport": "true"}) is not Verdict.ALLOWED:
            self._check(_DOWNLOAD, "s3:GetObject", resource)
        data: bytes = self._ask(_DOWNLOAD, "s3", "get_object", Bucket=bucket, Key=key)["Body"].read()
        return data

    def variables(self, environment: Environment) -> dict[str, str]:
        """The environment's variables, secrets by their values. Raises MachineError where the role may not read one."""
        settings = sorted(environment.settings.items())
        plain = {option.name: value for option, value in settings if option.namespace == _VARIABLES}
        secrets = {option.name: value for option, value in settings if option.namespace == _SECRETS}
        return plain | {name: self._secret(name, arn) for name, arn in secrets.items()}

    def _of_bucket(self, bucket: str) -> Document:
        """What a bucket's policy says of this role."""
        try:
            policy = clients.client("s3", self.region).get_bucket_policy(Bucket=bucket)["Policy"]
        except ClientError:
            return {"Statement": []}
        return {"Statement": [it for it in json.loads(policy)["Statement"] if self._is_meant(it.get("Principal"))]}

    def _is_meant(self, principal: Any) -> bool:
        named = principal.get("AWS", []) if isinstance(principal, dict) else principal
        return bool({"*", self.role} & set([named] if isinstance(named, str) else named))

    def _secret(self, variable: str, arn: str) -> str:
        try:
            return self._parameter(arn) if ":ssm:" in arn else self._secret_field(arn)
        except (KeyError, ValueError, TypeError) as error:
            raise MachineError(_FETCH, f"{variable}: {arn} has no such value: {error!r}") from error

    def _parameter(self, arn: str) -> str:
        self._check(_FETCH, "ssm:GetParameter", arn)
        path = arn.partition(":parameter/")[2]
        name = f"/{path}" if "/" in path else path
        found = self._ask(_FETCH, "ssm", "get_parameter", Name=name, WithDecryption=True)
        return str(found["Parameter"]["Value"])

    def _secret_field(self, reference: str) -> str:
        parts = reference.split(":")
        arn, field = ":".join(parts[:_ARN_PARTS]), parts[_ARN_PARTS:]
        self._check(_FETCH, "secretsmanager:GetSecretValue", arn)
        text: str = self._ask(_FETCH, "secretsmanager", "get_secret_value", SecretId=arn)["SecretString"]
        return str(json.loads(text)[field[0]]) if field else text

    def _check(self, step: str, action: str, resource: str) -> None:
        if said := guard.denial(self._caller, Need(action, resource)):
            raise MachineError(step, said)

    def _ask(self, step: str, service: str, operation: str, **request: Any) -> Any:
        try:
            return getattr(clients.client(service, self.region), operation)(**request)
        except ClientError as error:
            raise MachineError(step, str(error)) from error
