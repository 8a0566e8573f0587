"""Applications, their versions and their configuration templates."""

from typing import Any

from beanpod_emulator.beanstalk import options, platforms
from beanpod_emulator.beanstalk.exceptions import ConfigurationValidationError, InvalidParameterValueError
from beanpod_emulator.beanstalk.options import Option, Settings
from beanpod_emulator.beanstalk.platforms import Platform
from beanpod_emulator.beanstalk.state import Application, ApplicationVersion, ConfigurationTemplate, Place
from beanpod_emulator.clock import CLOCK


def checked(values: Settings) -> Settings:
    """The settings; ConfigurationValidationError for what Beanstalk refuses."""
    if problems := options.problems(values):
        raise ConfigurationValidationError(problems)
    return values


def without(values: Settings, entries: list[dict[str, str]]) -> Settings:
    """The settings but those the API entries name."""
    removed = {Option.of(entry) for entry in entries}
    return {option: value for option, value in values.items() if option not in removed}


class Applications:
    """The applications of one region."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.all: dict[str, Application] = {}

    def get(self, name: str) -> Application:
        """The application; InvalidParameterValueError when there is none."""
        if name not in self.all:
            raise InvalidParameterValueError(f"No Application named '{name}' found.")
        return self.all[name]

    def create(self, name: str, *, description: str, lifecycle: dict[str, Any], tags: dict[str, str]) -> Application:
        """Make an application."""
        if name in self.all:
            raise InvalidParameterValueError(f"Application {name} already exists.")
        if "/" in name:
            raise InvalidParameterValueError(f"Value {name} at 'ApplicationName' must not contain a slash.")
        now = CLOCK.now()
        arn = self._place.arn("application", name)
        self.all[name] = Application(name, arn, now, now, description, lifecycle, tags=tags)
        return self.all[name]

    def version(self, application: str, label: str) -> ApplicationVersion:
        """The version; InvalidParameterValueError when there is none."""
        versions = self.get(application).versions
        if label not in versions:
            raise InvalidParameterValueError(f"No Application Version named '{label}' found.")
        return versions[label]

    def template(self, application: str, name: str) -> ConfigurationTemplate:
        """The template; InvalidParameterValueError when there is none."""
        templates = self.get(application).templates
        if name not in templates:
            raise InvalidParameterValueError(f"No Configuration Template named '{application}/{name}' found.")
        return templates[name]

    def create_template(
        self, application: Application, name: str, platform: Platform, values: Settings, *, description: str,
        tags: dict[str, str],
    ) -> ConfigurationTemplate:  # fmt: skip
        """Make a configuration template."""
        if name in application.templates:
            raise InvalidParameterValueError(f"Configuration Template {name} already exists.")
        now = CLOCK.now()
        arn = self._place.arn("configurationtemplate", f"{application.name}/{name}")
        template = ConfigurationTemplate(name, arn, platform, checked(values), now, now, description, tags)
        application.templates[name] = template
        return template

    def platform(self, request: dict[str, Any]) -> Platform | None:
        """The platform a request names, by ARN or by solution stack."""
        if arn := request.get("PlatformArn"):
            return platforms.by_arn(arn, self._place.region)
        name = request.get("SolutionStackName")
        return platforms.by_solution_stack(name) if name else None
