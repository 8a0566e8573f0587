"""Brings a bundle to S3 and makes a version of it: each once, however often it is asked for."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Protocol

from beanpod.deploy.aws import AwsError
from beanpod.deploy.errors import UsageError
from beanpod.deploy.rollout.site import Site

_LONGEST_DESCRIPTION = 200
_LONGEST_TAG = 256
# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-tagging-resources.html
_NOT_IN_TAGS = re.compile(r"[^\w .:/=+\-@]")
_TOO_MANY = "TooManyApplicationVersions"


class Bundle(Protocol):
    """What is deployed: bytes, with a label and a key that are made from them."""

    @property
    def label(self) -> str:
        """The version's label."""

    @property
    def key(self) -> str:
        """Where it is kept in the bucket."""

    @property
    def data(self) -> bytes:
        """The zip file."""


def upload(site: Site, bundle: Bundle, *, stored: frozenset[str] | None) -> None:
    """Put the bundle where it belongs, unless it is there. stored: the keys known to be there, None if unknown.

    Raises UsageError when something else is there.
    """
    sha256 = base64.b64encode(hashlib.sha256(bundle.data).digest()).decode()
    if bundle.key not in (stored or ()) and _written(site, bundle, sha256):
        site.report.say(f"uploaded {len(bundle.data):,} bytes to s3://{site.target.bucket}/{bundle.key}")
        return
    there = site.aws.checksum(site.target.bucket, bundle.key)
    # S3 keeps no checksum of what an old client uploaded; the key is made from the content all the same.
    if there not in (sha256, ""):
        raise UsageError(
            f"s3://{site.target.bucket}/{bundle.key} is there and holds something else than {bundle.label}: "
            "find out who wrote it, delete it, and deploy again"
        )
    site.report.say(f"the bundle of {bundle.label} is there already: nothing uploaded")


def _written(site: Site, bundle: Bundle, sha256: str) -> bool:
    etag = site.aws.write(site.target.bucket, bundle.key, bundle.data, over=None, sha256=sha256)
    return etag is not None


def make_version(site: Site, bundle: Bundle, *, description: str, tags: Mapping[str, str]) -> None:
    """Make the version, or find it made from the same bundle.

    Raises UsageError when the label stands for another bundle, or there are as many versions as the account may have.
    """
    try:
        site.aws.create_version(
            site.target.application,
            bundle.label,
            bucket=site.target.bucket,
            key=bundle.key,
            description=shortened(description),
            tags={name: tag_value(value) for name, value in tags.items() if value},
        )
    except AwsError as error:
        if error.code.startswith(_TOO_MANY):
            raise UsageError(
                f"application {site.target.application} has as many versions as its account allows: delete old ones, "
                "or lower environment.max_versions in beanpod.toml and run npx cdk deploy --all"
            ) from error
        if "already exists" not in error.text:
            raise
        _refuse_another(site, bundle)


def _refuse_another(site: Site, bundle: Bundle) -> None:
    for version in site.aws.versions(site.target.application, (bundle.label,)):
        if (version.bucket, version.key) != (site.target.bucket, bundle.key):
            raise UsageError(
                f"version {bundle.label} exists and is another bundle, s3://{version.bucket}/{version.key}: "
                "delete that version, and deploy again"
            )
    site.report.say(f"version {bundle.label} is there already")


def shortened(description: str) -> str:
    """A description as Beanstalk takes it: one line of at most 200 characters."""
    line = " ".join(description.split())
    return line if len(line) <= _LONGEST_DESCRIPTION else line[: _LONGEST_DESCRIPTION - 1] + "…"


def tag_value(value: str) -> str:
    """A tag's value with what tags cannot hold replaced, at most 256 characters."""
    return _NOT_IN_TAGS.sub("_", value)[:_LONGEST_TAG]


def key_of(label: str, application: str) -> str:
    """Where the bundle of one of our labels is kept."""
    return f"{prefix(application)}{label.rpartition('-')[2]}.zip"


def prefix(application: str) -> str:
    """What the keys of an application's bundles begin with."""
    return f"bundles/{application}/"
