"""Elastic Beanstalk in one region, as moto wants a service."""

from collections.abc import Iterator

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.resource_tagging import TaggableResourcesMixin, TaggedResource

from emulator.beanstalk.applications import Applications
from emulator.beanstalk.environments import Environments
from emulator.beanstalk.exceptions import (
    InvalidParameterValueError,
    ResourceNotFoundError,
    TooManyTagsError,
)
from emulator.beanstalk.state import Application, Place

_MAX_TAGS = 50


class ElasticBeanstalkBackend(BaseBackend, TaggableResourcesMixin):
    """applications, environments: what there is; `place` makes the ARNs."""

    SERVICE_NAMESPACE = "elasticbeanstalk"

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.place = Place(account_id, region_name)
        self.applications = Applications(self.place)
        self.environments = Environments(self.place, self.applications)

    def delete_application(self, name: str, *, force: bool, request_id: str) -> None:
        """Remove an application; force: end its environments first, else they are in the way."""
        running = [item for item in self.environments.all if item.live and item.application == name]
        if running and not force:
            raise InvalidParameterValueError(
                f"Unable to delete application {name} because it has running environments."
            )
        for environment in running:
            self.environments.lifecycle.terminate(environment, request_id)
        self.applications.all.pop(name, None)
        if not running:
            self.environments.forget(name)

    def check_version_unused(self, application: Application, label: str) -> None:
        """InvalidParameterValueError when an environment runs the version."""
        for environment in self.environments.all:
            if environment.live and (environment.application, environment.version_label) == (application.name, label):
                raise InvalidParameterValueError(
                    f"Unable to delete application version {label} because it is still being used by: "
                    f"{environment.environment_id}"
                )

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of a resource, to read and to change; ResourceNotFoundError when there is none."""
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


eb_backends = BackendDict(ElasticBeanstalkBackend, "elasticbeanstalk")
