"""Buckets and their policies."""

from typing import Any

from beanpod_emulator.cloudformation.handlers.base import Context, Handler, Properties, State, handles
from beanpod_emulator.cloudformation.handlers.iam import document
from beanpod_emulator.cloudformation.handlers.properties import api_tags, call, names


def _encryption(value: Properties) -> dict[str, Any]:
    rules = [
        {("ApplyServerSideEncryptionByDefault" if key == "ServerSideEncryptionByDefault" else key): item
         for key, item in rule.items()}
        for rule in value["ServerSideEncryptionConfiguration"]
    ]  # fmt: skip
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def _lifecycle(value: Properties) -> dict[str, Any]:
    return {"LifecycleConfiguration": {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]}}


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    converted = {key: rule[key] for key in ("Status",) if key in rule}
    converted["Filter"] = {"Prefix": rule.get("Prefix", "")}
    if "Id" in rule:
        converted["ID"] = rule["Id"]
    if days := rule.get("ExpirationInDays"):
        converted["Expiration"] = {"Days": days}
    if days := rule.get("NoncurrentVersionExpirationInDays"):
        converted["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    for key in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if key in rule:
            converted[key] = rule[key]
    return converted


def _logging(value: Properties) -> dict[str, Any]:
    target = {"TargetBucket": value["DestinationBucketName"], "TargetPrefix": value.get("LogFilePrefix", "")}
    return {"BucketLoggingStatus": {"LoggingEnabled": target}}


# Property: the call that sets it, its argument, and the call that takes it back (None: it cannot be taken back).
_SETTINGS: dict[str, tuple[str, Any, str | None]] = {
    "BucketEncryption": ("PutBucketEncryption", _encryption, "DeleteBucketEncryption"),
    "LifecycleConfiguration": ("PutBucketLifecycleConfiguration", _lifecycle, "DeleteBucketLifecycle"),
    "LoggingConfiguration": ("PutBucketLogging", _logging, None),
    "OwnershipControls": (
        "PutBucketOwnershipControls", lambda value: {"OwnershipControls": value}, "DeleteBucketOwnershipControls"
    ),
    "PublicAccessBlockConfiguration": (
        "PutPublicAccessBlock", lambda value: {"PublicAccessBlockConfiguration": value}, "DeletePublicAccessBlock"
    ),
    "VersioningConfiguration": (
        "PutBucketVersioning", lambda value: {"VersioningConfiguration": value}, None
    ),
}  # fmt: skip


@handles("AWS::S3::Bucket")
class Bucket(Handler):
    supported = names("AccessControl BucketName Tags") | frozenset(_SETTINGS)

    def create(self, context: Context, properties: Properties) -> State:
        name = properties.get("BucketName") or context.generated_name(63).lower()
        s3 = context.client("s3")
        place = {} if context.region == "us-east-1" else {"LocationConstraint": context.region}
        s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
        state = State(name, self._attributes(name, context.region))
        return self.update(context, state, {}, properties)

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        s3, bucket = context.client("s3"), {"Bucket": state.physical_id}
        for name, (put, convert, undo) in _SETTINGS.items():
            if name in new and new[name] != old.get(name):
                call(s3, put, bucket | convert(new[name]))
            elif name in old and name not in new and undo:
                call(s3, undo, bucket)
        if api_tags(new):
            s3.put_bucket_tagging(Tagging={"TagSet": api_tags(new)}, **bucket)
        elif api_tags(old):
            s3.delete_bucket_tagging(**bucket)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("s3").delete_bucket(Bucket=state.physical_id)

    def _attributes(self, name: str, region: str) -> dict[str, str]:
        return {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        }


@handles("AWS::S3::BucketPolicy")
class BucketPolicy(Handler):
    supported = names("Bucket PolicyDocument")

    def create(self, context: Context, properties: Properties) -> State:
        bucket = properties["Bucket"]
        context.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(properties["PolicyDocument"]))
        return State(bucket)

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        return self.create(context, new)

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("s3").delete_bucket_policy(Bucket=state.physical_id)
