"""Upload a bundle to S3 and create the version of it: each once, however often that is repeated."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Protocol

from beanpod.deploy.aws import AwsError
from beanpod.deploy.errors import BusyError, UsageError
from beanpod.deploy.preflight import DeploymentContext

_LONGEST_DESCRIPTION = 200
_LONGEST_TAG = 256
# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-tagging-resources.html
_NOT_IN_TAGS = re.compile(r"[^\w .:/=+\-@]")


class Bundle(Protocol):
    """A zip file with a label and a key that are made from its content."""

    @property
    def label(self) -> str:
        """The version's label."""

    @property
    def key(self) -> str:
        """The object's key in the bucket."""

    @property
    def data(self) -> bytes:
        """The zip file."""


def upload(context: DeploymentContext, bundle: Bundle, *, stored: frozenset[str] | None) -> None:
    """Upload the bundle, unless it is in the bucket.

    Args:
        context: With the bucket.
        bundle: The bundle.
        stored: The keys known to be in the bucket; None if unknown.

    Raises:
        UsageError: When another content has the bundle's key.
        BusyError: When another deployment uploads it at this moment.
    """
    bucket, report = context.target.bucket, context.report
    sha256 = base64.b64encode(hashlib.sha256(bundle.data).digest()).decode()
    if bundle.key not in (stored or ()) and context.aws.write(
        bucket, bundle.key, bundle.data, over=None, sha256=sha256
    ):
        report.say(f"uploaded {len(bundle.data):,} bytes to s3://{bucket}/{bundle.key}")
        return
    found = context.aws.checksum(bucket, bundle.key)
    if found is None:
        raise BusyError(f"another deployment is uploading s3://{bucket}/{bundle.key}: deploy again")
    # S3 has no checksum of what an old client uploaded; the key is made from the content all the same.
    if found not in (sha256, ""):
        raise UsageError(
            f"s3://{bucket}/{bundle.key} exists and holds something else than {bundle.label}: "
            "find out who wrote it, delete it, and deploy again"
        )
    report.say(f"the bundle of {bundle.label} exists already: nothing uploaded")


def create_version(context: DeploymentContext, bundle: Bundle, *, description: str, tags: Mapping[str, str]) -> None:
    """Create the version, unless it exists with the same bundle.

    Raises:
        UsageError: When the label belongs to another bundle, or the account has no room for another version.
    """
    target = context.target
    try:
        context.aws.create_version(
            target.application,
            bundle.label,
            bucket=target.bucket,
            key=bundle.key,
            description=shortened(description),
            tags={name: tag_value(value) for name, value in tags.items() if value},
        )
    except AwsError as error:
        if error.code.startswith("TooManyApplicationVersions"):
            raise UsageError(
                f"application {target.application} has as many versions as its account allows: delete old ones, "
                "or lower environment.max_versions in beanpod.toml and run npx cdk deploy --all"
            ) from error
        if "already exists" not in error.text:
            raise
        for version in context.aws.versions(target.application, (bundle.label,)):
            if (version.bucket, version.key) != (target.bucket, bundle.key):
                raise UsageError(
                    f"version {bundle.label} exists and is another bundle, s3://{version.bucket}/{version.key}: "
                    "delete that version, and deploy again"
                ) from error
        context.report.say(f"version {bundle.label} exists already")


def shortened(description: str) -> str:
    """A description as Beanstalk accepts it: one line of at most 200 characters."""
    line = " ".join(description.split())
    return line if len(line) <= _LONGEST_DESCRIPTION else line[: _LONGEST_DESCRIPTION - 1] + "…"


def tag_value(value: str) -> str:
    """A tag's value with what tags cannot hold replaced, at most 256 characters."""
    return _NOT_IN_TAGS.sub("_", value)[:_LONGEST_TAG]
