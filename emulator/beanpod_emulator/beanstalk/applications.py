"""Applications, their versions and their configuration templates."""

from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from beanpod_emulator import clients
from beanpod_emulator.beanstalk import options, platforms
from beanpod_emulator.beanstalk.exceptions import (
    BundleNotInRegionError,
    ConfigurationValidationError,
    InvalidParameterCombinationError,
    InvalidParameterValueError,
    ValidationError,
)
from beanpod_emulator.beanstalk.options import Option, Settings
from beanpod_emulator.beanstalk.platforms import Platform
from beanpod_emulator.beanstalk.state import Application, ApplicationVersion, ConfigurationTemplate, Location
from beanpod_emulator.iam.authorizer import Denial
from beanpod_emulator.iam.required_permissions import Permission

_LONGEST = {"versionLabel": 100, "description": 200}
_MOST_BYTES = 524288000


def checked(values: Settings) -> Settings:
    """Return the settings; ConfigurationValidationError if Beanstalk rejects any."""
    if problems := options.problems(values):
        raise ConfigurationValidationError(problems)
    return values


def without(values: Settings, entries: list[dict[str, str]]) -> Settings:
    """Return the settings without those that the API entries name."""
    removed = {Option.of(entry) for entry in entries}
    return {option: value for option, value in values.items() if option not in removed}


class Applications:
    """The applications of one region."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self.all: dict[str, Application] = {}

    def get(self, name: str) -> Application:
        """Return the application; InvalidParameterValueError if it does not exist."""
        if name not in self.all:
            raise InvalidParameterValueError(f"No Application named '{name}' found.")
        return self.all[name]

    def create(self, name: str, *, description: str, lifecycle: dict[str, Any], tags: dict[str, str]) -> Application:
        """Create an application."""
        if name in self.all:
            raise InvalidParameterValueError(f"Application {name} already exists.")
        if "/" in name:
            raise InvalidParameterValueError(f"Value {name} at 'ApplicationName' must not contain a slash.")
        now = self._location.now()
        arn = self._location.arn("application", name)
        self.all[name] = Application(name, arn, now, now, description, lifecycle, tags=tags)
        return self.all[name]

    def version(self, application: str, label: str) -> ApplicationVersion:
        """Return the version; InvalidParameterValueError if it does not exist."""
        versions = self.get(application).versions
        if label not in versions:
            raise InvalidParameterValueError(f"No Application Version named '{label}' found.")
        return versions[label]

    def template(self, application: str, name: str) -> ConfigurationTemplate:
        """Return the template; InvalidParameterValueError if it does not exist."""
        templates = self.get(application).templates
        if name not in templates:
            raise InvalidParameterValueError(f"No Configuration Template named '{application}/{name}' found.")
        return templates[name]

    def create_template(
        self, application: Application, name: str, platform: Platform, values: Settings, *, description: str,
        tags: dict[str, str],
    ) -> ConfigurationTemplate:  # fmt: skip
        """Create a configuration template."""
        if name in application.templates:
            raise InvalidParameterValueError(f"Configuration Template {name} already exists.")
        now = self._location.now()
        arn = self._location.arn("configurationtemplate", f"{application.name}/{name}")
        template = ConfigurationTemplate(name, arn, platform, checked(values), now, now, description, tags)
        application.templates[name] = template
        return template

    def platform(self, request: dict[str, Any]) -> Platform | None:
        """Return the platform that a request names, by ARN or by solution stack."""
        if arn := request.get("PlatformArn"):
            return platforms.by_arn(arn, self._location.region)
        name = request.get("SolutionStackName")
        return platforms.by_solution_stack(name) if name else None

    def create_version(
        self, application: Application, request: dict[str, Any], tags: dict[str, str], denial: Denial
    ) -> ApplicationVersion:
        """Create a version from the parameters of CreateApplicationVersion.

        Args:
            denial: Why the caller lacks a permission: its bundle in S3 must exist and be readable for the caller.
        """
        label, description = request["VersionLabel"], request.get("Description", "")
        _check_length("versionLabel", label)
        _check_length("description", description)
        if label in application.versions:
            raise InvalidParameterValueError(f"Application Version {label} already exists.")
        if bundle := request.get("SourceBundle"):
            _check_bundle(self._location.region, bundle, denial)
        now = self._location.now()
        arn = self._location.arn("applicationversion", f"{application.name}/{label}")
        status = "PROCESSED" if request.get("Process") else "UNPROCESSED"
        application.versions[label] = ApplicationVersion(
            application.name, label, arn, now, now, description, bundle, status, tags
        )
        return application.versions[label]

    def delete_version(self, application: Application, label: str, *, with_bundle: bool) -> None:
        """Delete a version, if it exists, and with `with_bundle` its object in S3."""
        version = application.versions.pop(label, None)
        if version and version.source_bundle and with_bundle:
            bundle = version.source_bundle
            clients.client("s3", self._location.region).delete_object(Bucket=bundle["S3Bucket"], Key=bundle["S3Key"])

    def expire_versions(self, application: Application, in_use: set[str]) -> None:
        """Delete the versions that the application's lifecycle rules do not keep, except those in use.

        AWS does so when a version is created:
        https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-lifecycle.html
        """
        rules = application.lifecycle.get("VersionLifecycleConfig", {})
        by_count, by_age = rules.get("MaxCountRule", {}), rules.get("MaxAgeRule", {})
        since = self._location.now() - timedelta(days=by_age.get("MaxAgeInDays", 180))
        for rule, labels in (
            (by_count, list(application.versions)[: -by_count.get("MaxCount", 200)]),
            (by_age, [label for label, version in application.versions.items() if version.created < since]),
        ):
            for label in labels if rule.get("Enabled") else ():
                if label not in in_use:
                    self.delete_version(application, label, with_bundle=bool(rule.get("DeleteSourceFromS3")))

    def bundle_is_gone(self, version: ApplicationVersion) -> bool:
        """Whether the version's bundle no longer exists."""
        return bool(version.source_bundle) and _problem(self._location.region, version.source_bundle or {}) is not None


def _check_length(name: str, value: str) -> None:
    if len(value) > _LONGEST[name]:
        raise ValidationError(
            f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must have "
            f"length less than or equal to {_LONGEST[name]}"
        )


def _check_bundle(region: str, bundle: dict[str, str], denial: Denial) -> None:
    bucket, key = bundle["S3Bucket"], bundle["S3Key"]
    denied = denial(Permission("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}"))
    if problem := "Forbidden" if denied else _problem(region, bundle):
        raise InvalidParameterCombinationError(
            f"Unable to download from S3 location (Bucket: {bucket}  Key: {key}). Reason: {problem}"
        )


def _problem(region: str, bundle: dict[str, str]) -> str | None:
    """Return why a bundle cannot be read; None if it can."""
    s3 = clients.client("s3", region)
    try:
        found = s3.get_bucket_location(Bucket=bundle["S3Bucket"])["LocationConstraint"]
        if (found or "us-east-1") != region:
            raise BundleNotInRegionError
        size = s3.head_object(Bucket=bundle["S3Bucket"], Key=bundle["S3Key"])["ContentLength"]
    except ClientError:
        return "Not Found"
    if not 0 < size <= _MOST_BYTES:
        raise InvalidParameterCombinationError(f"Source bundle is empty or exceeds maximum allowed size: {_MOST_BYTES}")
    return None
