"""Elastic Beanstalk in one region, as moto wants a service."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

from moto import backends
from moto.core.base_backend import BaseBackend
from moto.core.resource_tagging import TaggableResourcesMixin, TaggedResource

from beanpod_emulator.beanstalk.applications import Applications
from beanpod_emulator.beanstalk.environments import Environments
from beanpod_emulator.beanstalk.exceptions import (
    InvalidParameterValueError,
    ResourceNotFoundError,
    TooManyApplicationVersionsError,
    TooManyTagsError,
)
from beanpod_emulator.beanstalk.state import Application, ApplicationVersion, Environment, Location
from beanpod_emulator.iam.authorizer import Denial
from beanpod_emulator.state import Emulator

_MAX_TAGS = 50
# How long the lifecycle rules keep the versions of terminated environments.
_REMEMBERED = timedelta(weeks=10)


class ElasticBeanstalkBackend(BaseBackend, TaggableResourcesMixin):
    """The applications and environments of an account and region.

    Attributes:
        emulator: Of a subclass, since moto creates the backends itself: see moto_patches.
    """

    emulator: ClassVar[Emulator]
    SERVICE_NAMESPACE = "elasticbeanstalk"

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.location = Location(account_id, region_name, self.emulator)
        self.applications = Applications(self.location)
        self.environments = Environments(self.location, self.applications)

    def delete_application(self, name: str, *, force: bool, request_id: str) -> None:
        """Delete an application. force: terminate its environments first, else they prevent it."""
        running = [item for item in self.environments.all if item.live and item.application == name]
        if running and not force:
            raise InvalidParameterValueError(
                f"Unable to delete application {name} because it has running environments."
            )
        for environment in running:
            self.environments.operations(environment).terminate(request_id)
        self.applications.all.pop(name, None)
        if not running:
            self.environments.forget(name)

    def create_version(
        self, application: Application, request: dict[str, Any], tags: dict[str, str], denial: Denial
    ) -> ApplicationVersion:
        """Create a version, within the quota, and delete those that the application's lifecycle rules do not keep."""
        count = sum(len(other.versions) for other in self.applications.all.values())
        if count >= self.emulator.limits.application_versions and request["VersionLabel"] not in application.versions:
            raise TooManyApplicationVersionsError(int(self.emulator.limits.application_versions))
        version = self.applications.create_version(application, request, tags, denial)
        used = {label for item in self.environments.all for label in self._labels(item, terminated=_REMEMBERED)}
        self.applications.expire_versions(application, used | {version.label})
        return version

    def delete_version(self, application: Application, label: str, *, with_bundle: bool) -> None:
        """Delete a version; InvalidParameterValueError if an environment runs it."""
        for environment in self.environments.all:
            if environment.application == application.name and label in self._labels(environment):
                raise InvalidParameterValueError(
                    f"Unable to delete application version {label} because it is still being used by: "
                    f"{environment.environment_id}"
                )
        self.applications.delete_version(application, label, with_bundle=with_bundle)

    def _labels(self, environment: Environment, *, terminated: timedelta = timedelta(0)) -> set[str]:
        """Return the labels that an environment uses, or used if it was terminated less than this ago."""
        if not environment.live and environment.updated + terminated <= self.emulator.clock.now():
            return set()
        deployed = {instance.deployment.version_label for instance in environment.instances}
        expected = {environment.expected.version_label} if environment.expected else set()
        return {environment.version_label} | expected | deployed

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a resource, which can be changed; ResourceNotFoundError if it does not exist."""
        for known, tags in self._tagged():
            if known == arn:
                return tags
        raise ResourceNotFoundError(f"Resource not found for ARN '{arn}'.")

    def update_tags(self, arn: str, added: dict[str, str], removed: list[str]) -> None:
        """Change a resource's tags; TooManyTagsError above 50."""
        tags = self.tags(arn)
        kept = {key: value for key, value in tags.items() if key not in removed} | added
        if len(kept) > _MAX_TAGS:
            raise TooManyTagsError(f"A resource can have {_MAX_TAGS} tags, got {len(kept)}: remove some")
        tags.clear()
        tags.update(kept)

    def iter_tagged_resources(self) -> Iterator[TaggedResource]:
        """For the Resource Groups Tagging API."""
        for arn, tags in self._tagged():
            kind = arn.split(":")[5].split("/")[0]
            yield TaggedResource(arn=arn, tags=tags, resource_type=f"elasticbeanstalk:{kind}")

    def _tagged(self) -> Iterator[tuple[str, dict[str, str]]]:
        for application in self.applications.all.values():
            yield application.arn, application.tags
            yield from ((version.arn, version.tags) for version in application.versions.values())
            yield from ((template.arn, template.tags) for template in application.templates.values())
        for environment in self.environments.all:
            if environment.live:
                yield environment.arn, environment.tags


def backend_of(account: str, region: str) -> ElasticBeanstalkBackend:
    """Return the backend of an account and region."""
    found: Any = backends.get_backend("elasticbeanstalk")
    return found[account][region]  # type: ignore[no-any-return]
