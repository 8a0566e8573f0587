"""Versions of an application: their bundles in S3, how many there may be, and which go when there are too many."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from beanpod_emulator import clients
from beanpod_emulator.beanstalk.exceptions import (
    BundleNotInRegionError,
    InvalidParameterCombinationError,
    InvalidParameterValueError,
    ValidationError,
)
from beanpod_emulator.beanstalk.state import Application, ApplicationVersion, Place
from beanpod_emulator.clock import CLOCK

_LONGEST = {"versionLabel": 100, "description": 200}
_MOST_BYTES = 524288000
# Whether the caller may take an action on a resource.
May = Callable[[str, str], bool]


@dataclass(frozen=True)
class NewVersion:
    """What CreateApplicationVersion asks for. process: check it, too. may: what whoever asks is allowed."""

    label: str
    description: str
    bundle: dict[str, str] | None
    process: bool
    tags: dict[str, str]
    may: May


def create(place: Place, application: Application, new: NewVersion) -> ApplicationVersion:
    """Make a version from a bundle in S3, which has to be there and readable for the caller."""
    _check_length("versionLabel", new.label)
    _check_length("description", new.description)
    if new.label in application.versions:
        raise InvalidParameterValueError(f"Application Version {new.label} already exists.")
    if new.bundle:
        _check_bundle(place.region, new.bundle, new.may)
    now = CLOCK.now()
    arn = place.arn("applicationversion", f"{application.name}/{new.label}")
    status = "PROCESSED" if new.process else "UNPROCESSED"
    version = ApplicationVersion(new.label, arn, now, now, new.description, new.bundle, status, new.tags)
    application.versions[new.label] = version
    return version


def delete(place: Place, application: Application, label: str, *, with_bundle: bool) -> None:
    """Remove a version; nothing happens when there is none. with_bundle: the object in S3, too."""
    version = application.versions.pop(label, None)
    if version and version.source_bundle and with_bundle:
        bundle = version.source_bundle
        clients.client("s3", place.region).delete_object(Bucket=bundle["S3Bucket"], Key=bundle["S3Key"])


def expire(place: Place, application: Application, in_use: set[str]) -> None:
    """Delete what the application's lifecycle rules do not keep. in_use: the labels that stay anyway.

    AWS does so whenever a version is created:
    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-lifecycle.html
    """
    rules = application.lifecycle.get("VersionLifecycleConfig", {})
    for rule, labels in (
        (rules.get("MaxCountRule", {}), _too_many(application, rules)),
        (rules.get("MaxAgeRule", {}), _too_old(application, rules)),
    ):
        for label in labels if rule.get("Enabled") else ():
            if label not in in_use:
                delete(place, application, label, with_bundle=bool(rule.get("DeleteSourceFromS3")))


def bundle_is_gone(place: Place, version: ApplicationVersion) -> bool:
    """Whether nobody can deploy the version any more."""
    return bool(version.source_bundle) and _problem(place.region, version.source_bundle or {}) is not None


def _too_many(application: Application, rules: dict[str, Any]) -> list[str]:
    kept = rules.get("MaxCountRule", {}).get("MaxCount", 200)
    return list(application.versions)[:-kept]


def _too_old(application: Application, rules: dict[str, Any]) -> list[str]:
    since = CLOCK.now() - timedelta(days=rules.get("MaxAgeRule", {}).get("MaxAgeInDays", 180))
    return [label for label, version in application.versions.items() if version.created < since]


def _check_length(name: str, value: str) -> None:
    if len(value) > _LONGEST[name]:
        raise ValidationError(
            f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must have "
            f"length less than or equal to {_LONGEST[name]}"
        )


def _check_bundle(region: str, bundle: dict[str, str], may: May) -> None:
    bucket, key = bundle["S3Bucket"], bundle["S3Key"]
    allowed = may("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
    if problem := _problem(region, bundle) if allowed else "Forbidden":
        raise InvalidParameterCombinationError(
            f"Unable to download from S3 location (Bucket: {bucket}  Key: {key}). Reason: {problem}"
        )


def _problem(region: str, bundle: dict[str, str]) -> str | None:
    """Why a bundle cannot be read."""
    s3 = clients.client("s3", region)
    try:
        place = s3.get_bucket_location(Bucket=bundle["S3Bucket"])["LocationConstraint"]
        if (place or "us-east-1") != region:
            raise BundleNotInRegionError
        size = s3.head_object(Bucket=bundle["S3Bucket"], Key=bundle["S3Key"])["ContentLength"]
    except ClientError:
        return "Not Found"
    if not 0 < size <= _MOST_BYTES:
        raise InvalidParameterCombinationError(f"Source bundle is empty or exceeds maximum allowed size: {_MOST_BYTES}")
    return None
