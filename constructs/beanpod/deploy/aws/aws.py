"""The calls a deployment makes, one thin function each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from beanpod.deploy.aws import parse
from beanpod.deploy.aws.caller import Caller
from beanpod.deploy.aws.errors import AwsError
from beanpod.deploy.aws.records import Environment, Event, Instances, Stored, Version

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_elasticbeanstalk import ElasticBeanstalkClient
    from types_boto3_s3 import S3Client
    from types_boto3_sts import STSClient

_NOT_THERE = ("404", "NoSuchKey")


@dataclass(frozen=True)
class Aws:
    """AWS in one region, as one identity. Raises DeployError: see `beanpod.deploy.aws.errors`; `connect` makes it."""

    region: str
    beanstalk: "ElasticBeanstalkClient"
    s3: "S3Client"
    stacks: "CloudFormationClient"
    sts: "STSClient"
    call: Caller

    def once(self) -> "Aws":
        """The same without second attempts: for polls, where the next one is the second attempt."""
        return replace(self, call=self.call.once())

    def identity(self) -> str:
        """The ARN of whoever these credentials belong to."""
        return self.call("sts:GetCallerIdentity", self.sts.get_caller_identity)["Arn"]

    def stack_outputs(self, name: str) -> dict[str, str] | None:
        """A stack's outputs; None when there is no such stack."""
        try:
            found = self.call("cloudformation:DescribeStacks", self.stacks.describe_stacks, StackName=name)
        except AwsError as error:
            if error.code == "ValidationError" and "does not exist" in error.text:
                return None
            raise
        outputs = found["Stacks"][0].get("Outputs", [])
        return {item["OutputKey"]: item["OutputValue"] for item in outputs}

    def environments(self, application: str, name: str) -> tuple[Environment, ...]:
        """The live environments of that name: one, unless something is wrong."""
        found = self.call(
            "elasticbeanstalk:DescribeEnvironments",
            self.beanstalk.describe_environments,
            ApplicationName=application,
            EnvironmentNames=[name],
            IncludeDeleted=False,
        )
        return tuple(parse.environment(item) for item in found["Environments"])

    def instances(self, environment: str) -> Instances:
        """How each instance is, and what it runs."""
        pages = []
        request: dict[str, Any] = {
            "EnvironmentName": environment,
            "AttributeNames": ["HealthStatus", "Color", "Causes", "Deployment", "RefreshedAt"],
        }
        while True:
            page = self.call(
                "elasticbeanstalk:DescribeInstancesHealth", self.beanstalk.describe_instances_health, **request
            )
            pages.append(page)
            if not page.get("NextToken"):
                return parse.instances(pages)
            request["NextToken"] = page["NextToken"]

    def health_causes(self, environment: str) -> tuple[str, ...]:
        """Why the environment's health is what it is."""
        found = self.call(
            "elasticbeanstalk:DescribeEnvironmentHealth",
            self.beanstalk.describe_environment_health,
            EnvironmentName=environment,
            AttributeNames=["Causes"],
        )
        return tuple(found.get("Causes", ()))

    def events(
        self,
        application: str,
        environment: str,
        *,
        request_id: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> tuple[Event, ...]:
        """An environment's latest events, oldest first. request_id: only those that this request caused.

        since: by AWS's clock. limit: how many at most, up to 1000.
        """
        request: dict[str, Any] = {"ApplicationName": application, "EnvironmentName": environment, "MaxRecords": limit}
        request |= {"RequestId": request_id} if request_id else {}
        request |= {"StartTime": since} if since else {}
        found = self.call("elasticbeanstalk:DescribeEvents", self.beanstalk.describe_events, **request)
        return tuple(parse.event(item) for item in reversed(found["Events"]))

    def versions(self, application: str, labels: tuple[str, ...] = ()) -> tuple[Version, ...]:
        """An application's versions, newest first. labels: only these. Default: the newest thousand."""
        wanted: dict[str, Any] = {"VersionLabels": list(labels)} if labels else {"MaxRecords": 1000}
        found = self.call(
            "elasticbeanstalk:DescribeApplicationVersions",
            self.beanstalk.describe_application_versions,
            ApplicationName=application,
            **wanted,
        )
        return tuple(parse.version(item) for item in found["ApplicationVersions"])

    def create_version(
        self, application: str, label: str, *, bucket: str, key: str, description: str, tags: Mapping[str, str]
    ) -> None:
        """Make a version of a bundle in S3. `Process` stays away: it would copy the bundle to Beanstalk's bucket."""
        self.call(
            "elasticbeanstalk:CreateApplicationVersion",
            self.beanstalk.create_application_version,
            ApplicationName=application,
            VersionLabel=label,
            Description=description,
            SourceBundle={"S3Bucket": bucket, "S3Key": key},
            Tags=[{"Key": name, "Value": value} for name, value in tags.items()],
        )

    def update_environment(self, environment: str, label: str) -> str:
        """Start rolling a version out; nothing but the label is named. Returns the request's id."""
        answer = self.call(
            "elasticbeanstalk:UpdateEnvironment",
            self.beanstalk.update_environment,
            EnvironmentName=environment,
            VersionLabel=label,
        )
        return answer["ResponseMetadata"]["RequestId"]

    def abort_update(self, environment: str) -> None:
        """Start ending the update that is under way."""
        self.call(
            "elasticbeanstalk:AbortEnvironmentUpdate",
            self.beanstalk.abort_environment_update,
            EnvironmentName=environment,
        )

    def keys(self, bucket: str, prefix: str) -> frozenset[str] | None:
        """The keys below a prefix; None when there are more than the thousand that one call answers."""
        found = self.call("s3:ListBucket", self.s3.list_objects_v2, Bucket=bucket, Prefix=prefix)
        if found.get("IsTruncated"):
            return None
        return frozenset(item["Key"] for item in found.get("Contents", ()))

    def checksum(self, bucket: str, key: str) -> str | None:
        """An object's SHA-256 in base64, "" when S3 keeps none; None when there is no such object."""
        try:
            found = self.call("s3:GetObject", self.s3.head_object, Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        except AwsError as error:
            if error.code in _NOT_THERE:
                return None
            raise
        return found.get("ChecksumSHA256", "")

    def read(self, bucket: str, key: str) -> Stored | None:
        """A small object; None when there is none."""

        def whole() -> Stored:
            found = self.s3.get_object(Bucket=bucket, Key=key)
            return Stored(found["Body"].read(), found["ETag"])

        try:
            return self.call("s3:GetObject", whole)
        except AwsError as error:
            if error.code in _NOT_THERE:
                return None
            raise

    def write(self, bucket: str, key: str, body: bytes, *, over: str | None, sha256: str | None = None) -> str | None:
        """Write an object if nothing has changed, and return its ETag; None when something has: it is left alone.

        over: the ETag of what is there. None: nothing is there. sha256: in base64; S3 then checks what arrives.
        """
        condition: dict[str, Any] = {"IfMatch": over} if over else {"IfNoneMatch": "*"}
        condition |= {"ChecksumSHA256": sha256} if sha256 else {}
        try:
            return self.call("s3:PutObject", self.s3.put_object, Bucket=bucket, Key=key, Body=body, **condition)["ETag"]
        except AwsError as error:
            # IfMatch on an object that somebody deleted meanwhile answers 404.
            if error.code in ("PreconditionFailed", "412", *_NOT_THERE):
                return None
            raise
