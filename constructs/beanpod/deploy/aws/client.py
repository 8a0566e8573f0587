"""The AWS calls of a deployment, one thin function each, and what they answer.

boto3 is imported by `connect`, not before. Retries are botocore's own: its standard mode, six attempts in all.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from beanpod.deploy.aws.errors import AwsError, translated
from beanpod.deploy.errors import UsageError
from beanpod.deploy.report import EnvironmentEvent
from beanpod.deploy.signals import deferred_interruption

if TYPE_CHECKING:
    from botocore.config import Config
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_elasticbeanstalk import ElasticBeanstalkClient
    from types_boto3_elasticbeanstalk.type_defs import ApplicationVersionDescriptionTypeDef
    from types_boto3_s3 import S3Client
    from types_boto3_sts import STSClient

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 6
_CONNECT_SECONDS = 10
# Six attempts have to fit into half of the lease of a deployment lock.
_READ_SECONDS = 20
# Permissions that are not named as S3's operations are.
_S3_ACTIONS = {"ListObjectsV2": "s3:ListBucket", "HeadObject": "s3:GetObject"}
_NOT_FOUND = ("404", "NoSuchKey")
# IfMatch on an object that was deleted meanwhile answers 404; two conditional writes at once, 409.
_NOT_WRITTEN = ("PreconditionFailed", "412", "ConditionalRequestConflict", *_NOT_FOUND)


@dataclass(frozen=True)
class Environment:
    """An environment at one moment.

    Attributes:
        name: Its name.
        status: Ready, Updating, Launching, Aborting, Terminating...
        health: Ok, Info, Warning, Degraded, Severe, NoData...
        version_label: "" when it runs none.
        abortable: Whether an update is under way that can be aborted.
        updated: When it last changed, by AWS's clock.
        endpoint: Host of its load balancer, or the address of its single instance; "" before it has one.
    """

    name: str
    status: str
    health: str
    version_label: str
    abortable: bool
    updated: datetime
    endpoint: str = ""

    @property
    def ready(self) -> bool:
        """Whether it accepts an update."""
        return self.status == "Ready"

    @property
    def terminated(self) -> bool:
        """Whether it is being terminated, or has been."""
        return self.status in ("Terminating", "Terminated")


@dataclass(frozen=True)
class Instance:
    """An instance's health.

    Attributes:
        instance_id: Its id.
        health: As an environment's.
        version_label: Of the latest deployment on it.
        deployment: Deployed, In Progress or Failed.
        causes: Of its health.
    """

    instance_id: str
    health: str
    version_label: str
    deployment: str
    causes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Instances:
    """All instances of an environment. refreshed: when Beanstalk last asked them."""

    all: tuple[Instance, ...]
    refreshed: datetime

    def count_on(self, label: str) -> int:
        """How many run a version, completely deployed."""
        return sum((item.version_label, item.deployment) == (label, "Deployed") for item in self.all)


@dataclass(frozen=True)
class StoredObject:
    """A small object in S3.

    Attributes:
        body: Its content.
        etag: Its ETag.
        modified: When it was written, by S3's time.
        answered: When S3 answered, by the same time.
    """

    body: bytes
    etag: str
    modified: datetime
    answered: datetime


@dataclass(frozen=True)
class Aws:
    """AWS in one region, as one identity.

    Every method raises DeployError in the place of boto3's errors.
    """

    region: str
    beanstalk: "ElasticBeanstalkClient"
    s3: "S3Client"
    stacks: "CloudFormationClient"
    sts: "STSClient"

    def call(self, method: Callable[P, T], /, *args: P.args, **request: P.kwargs) -> T:
        """Call a method of a boto3 client. Raises DeployError in the place of boto3's errors."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            with deferred_interruption():
                return method(*args, **request)
        # KeyError: where the answer is XML, such as a page, without the call's result.
        # ValueError: of a credential_process that prints no JSON, whenever its credentials are due again.
        except (BotoCoreError, ClientError, ResponseParserError, KeyError, OSError, EOFError, ValueError) as error:
            raise translated(error, _action(method)) from error

    def identity(self) -> str:
        """The ARN of the caller."""
        return self.call(self.sts.get_caller_identity)["Arn"]

    def stack_outputs(self, name: str) -> dict[str, str] | None:
        """A stack's outputs; None when there is no such stack."""
        try:
            found = self.call(self.stacks.describe_stacks, StackName=name)
        except AwsError as error:
            if error.code == "ValidationError" and "does not exist" in error.text:
                return None
            raise
        return {item["OutputKey"]: item["OutputValue"] for item in found["Stacks"][0].get("Outputs", [])}

    def environments(self, application: str, name: str) -> tuple[Environment, ...]:
        """The environments of that name which are not terminated: one, unless something is wrong."""
        describe = self.beanstalk.describe_environments
        found = self.call(describe, ApplicationName=application, EnvironmentNames=[name], IncludeDeleted=False)
        return tuple(_environment(item) for item in found["Environments"])

    def instances(self, environment: str) -> Instances:
        """The health of each instance, and what it runs."""
        request: dict[str, Any] = {
            "EnvironmentName": environment,
            "AttributeNames": ["HealthStatus", "Causes", "Deployment", "RefreshedAt"],
        }
        pages = [self.call(self.beanstalk.describe_instances_health, **request)]
        while token := pages[-1].get("NextToken"):
            pages.append(self.call(self.beanstalk.describe_instances_health, **request, NextToken=token))
        found = [_instance(item) for page in pages for item in page.get("InstanceHealthList", ())]
        # Not of every answer, says the API: then as if long ago.
        return Instances(tuple(found), pages[0].get("RefreshedAt", datetime.min.replace(tzinfo=UTC)))

    def health_causes(self, environment: str) -> tuple[str, ...]:
        """Why the environment's health is what it is."""
        describe = self.beanstalk.describe_environment_health
        return tuple(self.call(describe, EnvironmentName=environment, AttributeNames=["Causes"]).get("Causes", ()))

    def events(
        self,
        application: str,
        environment: str,
        *,
        request_id: str = "",
        since: datetime | None = None,
        limit: int = 100,
    ) -> tuple[EnvironmentEvent, ...]:
        """An environment's latest events, oldest first.

        Args:
            application: The application's name.
            environment: The environment's name.
            request_id: Only those that this request caused.
            since: Only those from then on, by AWS's clock.
            limit: How many at most, up to 1000.
        """
        request: dict[str, Any] = {"ApplicationName": application, "EnvironmentName": environment, "MaxRecords": limit}
        request |= {"RequestId": request_id} if request_id else {}
        request |= {"StartTime": since} if since else {}
        found = self.call(self.beanstalk.describe_events, **request)["Events"]
        return tuple(
            EnvironmentEvent(item["EventDate"], item.get("Severity", "INFO"), item["Message"])
            for item in reversed(found)
        )

    def versions(self, application: str, label: str | None = None) -> "Sequence[ApplicationVersionDescriptionTypeDef]":
        """An application's versions as boto3 returns them, newest first. label: only this. Default: the newest 1000."""
        wanted: dict[str, Any] = {"VersionLabels": [label]} if label else {"MaxRecords": 1000}
        found = self.call(self.beanstalk.describe_application_versions, ApplicationName=application, **wanted)
        return found["ApplicationVersions"]

    def create_version(
        self, application: str, label: str, *, bucket: str, key: str, description: str, tags: Mapping[str, str]
    ) -> None:
        """Create a version of a bundle in S3. `Process` is not set: it would copy the bundle to Beanstalk's bucket."""
        self.call(
            self.beanstalk.create_application_version,
            ApplicationName=application,
            VersionLabel=label,
            Description=description,
            SourceBundle={"S3Bucket": bucket, "S3Key": key},
            Tags=[{"Key": name, "Value": value} for name, value in tags.items()],
        )

    def update_environment(self, environment: str, label: str) -> str:
        """Start rolling a version out, and change nothing else. Returns the request's id."""
        answer = self.call(self.beanstalk.update_environment, EnvironmentName=environment, VersionLabel=label)
        return answer["ResponseMetadata"]["RequestId"]

    def abort_update(self, environment: str) -> None:
        """Start aborting the update that is under way."""
        self.call(self.beanstalk.abort_environment_update, EnvironmentName=environment)

    def keys(self, bucket: str, prefix: str) -> frozenset[str] | None:
        """The keys below a prefix; None when there are more than the thousand that one call answers."""
        found = self.call(self.s3.list_objects_v2, Bucket=bucket, Prefix=prefix)
        if found.get("IsTruncated"):
            return None
        return frozenset(item["Key"] for item in found.get("Contents", ()))

    def checksum(self, bucket: str, key: str) -> str | None:
        """An object's SHA-256 in base64, "" when S3 has none; None when there is no such object."""
        with _ignoring(*_NOT_FOUND):
            found = self.call(self.s3.head_object, Bucket=bucket, Key=key, ChecksumMode="ENABLED")
            return found.get("ChecksumSHA256", "")
        return None

    def read(self, bucket: str, key: str) -> StoredObject | None:
        """A small object; None when there is none."""
        with _ignoring(*_NOT_FOUND), _complete("s3:GetObject"):
            found = self.call(self.s3.get_object, Bucket=bucket, Key=key)
            answered = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
            return StoredObject(self.call(found["Body"].read), found["ETag"], found["LastModified"], answered)
        return None

    def write(self, bucket: str, key: str, body: bytes, *, over: str | None, sha256: str | None = None) -> str | None:
        """Write an object, unless it has changed meanwhile.

        Args:
            bucket: The bucket.
            key: The object's key.
            body: Its content.
            over: The ETag of the object to replace; None where there must be none.
            sha256: Of the body in base64; S3 then checks what arrives.

        Returns:
            The new ETag; None when the object has changed, or was written at the same moment: it is left as it is.
        """
        condition: dict[str, Any] = {"IfMatch": over} if over else {"IfNoneMatch": "*"}
        condition |= {"ChecksumSHA256": sha256} if sha256 else {}
        with _ignoring(*_NOT_WRITTEN), _complete("s3:PutObject"):
            return self.call(self.s3.put_object, Bucket=bucket, Key=key, Body=body, **condition)["ETag"]
        return None


def _action(method: Any) -> str:
    """The permission that a client's method needs, such as elasticbeanstalk:DescribeEvents."""
    meta = getattr(method.__self__, "meta", None)
    # The body of an object is read without a client.
    operation = meta.method_to_api_mapping[method.__name__] if meta else "GetObject"
    service = meta.service_model.signing_name if meta else "s3"
    return _S3_ACTIONS.get(operation, f"{service}:{operation}")


@contextmanager
def _ignoring(*codes: str) -> Iterator[None]:
    """Suppress AWS's refusals with one of these codes."""
    try:
        yield
    except AwsError as error:
        if error.code not in codes:
            raise


@contextmanager
def _complete(action: str) -> Iterator[None]:
    """Take an answer without the headers of S3 for that of a proxy, as `call` does where the answer is XML."""
    try:
        yield
    except KeyError as error:
        raise translated(error, action) from error


def connect(region: str | None) -> Aws:
    """Connect through boto3's default chain: variables, profile, SSO, web identity, container or instance role.

    Args:
        region: Default: that of the variables or the profile.

    Raises:
        UsageError: Without a region, without the profile that is named, or for another mistake in AWS's configuration.
    """
    import boto3

    with configured():
        session = boto3.Session(region_name=region_or_default(region))
        return assemble(partial(session.client, config=configuration()))


@contextmanager
def configured() -> Iterator[None]:
    """Raise UsageError for a mistake in AWS's configuration, which boto3 reads while it makes sessions and clients."""
    from botocore.exceptions import BotoCoreError

    try:
        yield
    except ValueError as error:
        raise UsageError(
            f"{error}: check AWS_ENDPOINT_URL, and endpoint_url in ~/.aws/config and credential_process"
        ) from error
    except AttributeError as error:
        raise UsageError(
            "the AWS configuration is wrong: a setting of ~/.aws/config has a value in its line, where settings in "
            f"lines below it are expected, as below `s3 =` ({error})"
        ) from error
    except (BotoCoreError, OSError) as error:
        found = translated(error, "")
        raise (
            found if isinstance(found, UsageError) else UsageError(f"the AWS configuration is wrong: {error}")
        ) from error


def region_or_default(region: str | None) -> str | None:
    """A region, or that of AWS_REGION, which the CDK CLI reads and boto3 does not; None for boto3's own default."""
    # GitHub gives an unset variable as an empty one, which boto3 takes for a region of that name.
    if os.environ.get("AWS_DEFAULT_REGION") == "":
        del os.environ["AWS_DEFAULT_REGION"]
    return region or os.environ.get("AWS_REGION") or None


def assemble(client: Callable[[str], Any]) -> Aws:
    """AWS through the clients that `client` makes by a service's name, each with `configuration`."""
    sts = client("sts")
    return Aws(sts.meta.region_name, client("elasticbeanstalk"), client("s3"), client("cloudformation"), sts)


def configuration(read_seconds: float = _READ_SECONDS) -> "Config":
    """A client's settings. read_seconds: how long AWS may take to answer."""
    from botocore.config import Config

    return Config(
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=read_seconds,
        user_agent_extra="beanpod-deploy",
    )


def _environment(item: Mapping[str, Any]) -> Environment:
    return Environment(
        name=item["EnvironmentName"],
        status=item["Status"],
        health=item.get("HealthStatus") or "NoData",
        version_label=item.get("VersionLabel", ""),
        abortable=item.get("AbortableOperationInProgress", False),
        updated=item["DateUpdated"],
        endpoint=item.get("EndpointURL", ""),
    )


def _instance(item: Mapping[str, Any]) -> Instance:
    deployment = item.get("Deployment", {})
    return Instance(
        instance_id=item["InstanceId"],
        health=item.get("HealthStatus") or "NoData",
        version_label=deployment.get("VersionLabel", ""),
        deployment=deployment.get("Status", ""),
        causes=tuple(item.get("Causes", ())),
    )
