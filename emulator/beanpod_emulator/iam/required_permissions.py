"""The permissions that a call requires: the action, and the resource as AWS's error messages name it.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from moto import backends
from moto.s3.models import s3_backends

from beanpod_emulator.iam.policies import Context
from beanpod_emulator.requests.calls import Call


@dataclass(frozen=True)
class Permission:
    """A permission. resource: an ARN; None for any, or if the call does not name one."""

    action: str
    resource: str | None = None
    context: Context = field(default_factory=dict)


def request_context(account: str, call: Call, caller_arn: str) -> Context:
    """Return the condition keys of a request. Loopback counts as TLS."""
    return {
        "aws:PrincipalAccount": account,
        "aws:PrincipalArn": caller_arn,
        "aws:RequestedRegion": call.region,
        "aws:ResourceAccount": account,
        "aws:SecureTransport": "true",
    }


def required_permissions(account: str, call: Call) -> Iterator[Permission]:
    """Return every permission that the call requires."""
    of = {"s3": _of_s3, "elasticbeanstalk": _of_beanstalk, "cloudformation": _of_cloudformation}.get(call.service)
    service = _PREFIXES.get(call.service, call.service)
    role = call.parameters.get("RoleArn") if service == "sts" else None
    yield from of(account, call) if of else [Permission(f"{service}:{call.action}", role)]


# Of services whose requests are signed with another name.
_PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag"}
# Permissions with another name than the API's operation.
_S3_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
_S3_PARTS_OF_NAMES = {
    "BucketCors": "BucketCORS",
    "BucketNotificationConfiguration": "BucketNotification",
    "Bucket(Encryption|Lifecycle|Replication)(Configuration)?": r"\1Configuration",
    "Bucket(Accelerate|Analytics|IntelligentTiering|Inventory|Metrics)Configurations?": r"\1Configuration",
    "PublicAccessBlock|ObjectLockConfiguration": r"Bucket\g<0>",
    "^List(?=.*Configuration)": "Get",
    # Deleting a setting is setting it to nothing; these are deleted.
    "^Delete(?!(Bucket|BucketPolicy|BucketWebsite|Object|ObjectTagging)$)": "Put",
}


def _of_s3(account: str, call: Call) -> Iterator[Permission]:
    bucket, key = call.parameters["Bucket"], call.parameters["Key"]
    arn = f"arn:aws:s3:::{bucket}"
    action = _s3_action(call)
    yield Permission(f"s3:{action}", f"{arn}/{key}" if key else arn)
    if action == "PutObject":
        yield from (
            Permission(more, f"{arn}/{key}") for header, more in _WITH_HEADERS.items() if header in call.headers
        )
    if source := call.parameters.get("CopySource"):
        name, _, version = source.partition("?versionId=")
        read = "s3:GetObjectVersion" if version else "s3:GetObject"
        yield Permission(read, f"arn:aws:s3:::{unquote(name).lstrip('/')}")
    if call.action in ("GetObject", "HeadObject") and not _object_exists(account, bucket, key):
        # Without s3:ListBucket, S3 answers 403 instead of 404 for a key that does not exist.
        yield Permission("s3:ListBucket", arn)


_WITH_HEADERS = {"x-amz-acl": "s3:PutObjectAcl", "x-amz-tagging": "s3:PutObjectTagging"}


def _s3_action(call: Call) -> str:
    action = _S3_ACTIONS.get(call.action, call.action)
    if action in ("GetObject", "DeleteObject") and "versionId" in call.parameters:
        return f"{action}Version"
    for part, name in _S3_PARTS_OF_NAMES.items():
        action = re.sub(part, name, action)
    return action


def _object_exists(account: str, bucket: str, key: str) -> bool:
    found = s3_backends[account]["aws"].buckets.get(bucket)
    return found is not None and key in found.keys


def _of_cloudformation(account: str, call: Call) -> Iterator[Permission]:
    name = call.parameters.get("StackName", "*")
    arn = f"arn:aws:cloudformation:{call.region}:{account}:stack/{name}/*"
    yield Permission(f"cloudformation:{call.action}", name if name.startswith("arn:") else arn)


def _of_beanstalk(account: str, call: Call) -> Iterator[Permission]:
    arn = call.parameters.get("ResourceArn") or _beanstalk_resource(account, call)
    if call.action != "UpdateTagsForResource":
        yield Permission(f"elasticbeanstalk:{call.action}", arn)
    for parameter, action in _TAGGING.items():
        if f"{parameter}.member.1" in call.parameters or f"{parameter}.member.1.Key" in call.parameters:
            yield Permission(f"elasticbeanstalk:{action}", arn)


# Permissions without an operation of their name:
# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-tagging-resources.html
_TAGGING = {"Tags": "AddTags", "TagsToAdd": "AddTags", "TagsToRemove": "RemoveTags"}


def _beanstalk_resource(account: str, call: Call) -> str | None:
    find = next((find for words, find in _BEANSTALK if call.action.endswith(words)), None)
    if find is None:
        # Such as CreateStorageLocation: only a statement about all resources allows it.
        return "*"
    path = find(account, call)
    return f"arn:aws:elasticbeanstalk:{call.region}:{account}:{path}" if path else None


def _given(call: Call, name: str) -> str | None:
    """Return a parameter, or the first one of its list."""
    return call.parameters.get(name) or call.parameters.get(f"{name}s.member.1")


def _application(account: str, call: Call) -> str:
    return f"application/{_given(call, 'ApplicationName') or '*'}"


def _version(account: str, call: Call) -> str:
    return f"applicationversion/{call.parameters.get('ApplicationName', '*')}/{_given(call, 'VersionLabel') or '*'}"


def _environment(account: str, call: Call) -> str | None:
    name, environment_id = _given(call, "EnvironmentName"), _given(call, "EnvironmentId")
    if name is None and environment_id is None:
        return f"environment/{call.parameters.get('ApplicationName', '*')}/*"
    # Not imported from its module, which itself asks for permissions.
    beanstalk: Any = backends.get_backend("elasticbeanstalk")
    for environment in beanstalk[account][call.region].environments.all:
        if environment.live and (environment.name == name or environment.environment_id == environment_id):
            return f"environment/{environment.application}/{environment.name}"
    return None


def _configuration(account: str, call: Call) -> str | None:
    template = call.parameters.get("TemplateName")
    name = call.parameters.get("ApplicationName", "*")
    return f"configurationtemplate/{name}/{template}" if template else _environment(account, call)


def _event(account: str, call: Call) -> str | None:
    by_environment = {"EnvironmentName", "EnvironmentId"} & call.parameters.keys()
    return _environment(account, call) if by_environment else _application(account, call)


# By the end of the action's name; the first match. Those that no resource narrows are not here.
_BEANSTALK: tuple[tuple[tuple[str, ...], Callable[[str, Call], str | None]], ...] = (
    (("ApplicationVersion", "ApplicationVersions"), _version),
    (("Application", "Applications", "ApplicationResourceLifecycle"), _application),
    (("Events",), _event),
    (("ConfigurationOptions", "ConfigurationSettings", "ConfigurationTemplate"), _configuration),
    (("Environment", "Environments", "EnvironmentUpdate", "EnvironmentHealth", "InstancesHealth",
      "EnvironmentResources", "EnvironmentInfo", "EnvironmentOperationsRole", "RestartAppServer", "DNSAvailability"),
     _environment),
)  # fmt: skip
