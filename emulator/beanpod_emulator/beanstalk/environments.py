"""The environments of a region: find, validate, create, update."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from beanpod_emulator.beanstalk import options
from beanpod_emulator.beanstalk.applications import Applications, checked, without
from beanpod_emulator.beanstalk.deployments import EventLog
from beanpod_emulator.beanstalk.exceptions import InvalidParameterValueError, InvalidStateError
from beanpod_emulator.beanstalk.operations import Operations
from beanpod_emulator.beanstalk.options import Option, Settings
from beanpod_emulator.beanstalk.platforms import Platform
from beanpod_emulator.beanstalk.state import SAMPLE_VERSION, Environment, Event, Location, random_id

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,38}[A-Za-z0-9]")
# A `g` after the generation is Graviton: t4g, c7gn; not g5.
_GRAVITON = re.compile(r"a1\.|[a-z]+[0-9]+g")
_INSTANCE_TYPES = Option("aws:ec2:instances", "InstanceTypes")
# Options that are chosen at the creation of a load balancer, with their defaults; AWS's message is not known:
# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.managing.elb.html
_FIXED = {
    Option("aws:elasticbeanstalk:environment", "LoadBalancerType"): "classic",
    Option("aws:elasticbeanstalk:environment", "LoadBalancerIsShared"): "false",
}
_TIER = {"Name": "WebServer", "Type": "Standard", "Version": "1.0"}


class Environments:
    """The environments of one region, the terminated ones included."""

    def __init__(self, location: Location, applications: Applications) -> None:
        self._location = location
        self._applications = applications
        self.all: list[Environment] = []
        self.events: list[Event] = []

    def operations(self, environment: Environment) -> Operations:
        """Return what changes an environment."""
        return Operations(EventLog(self._location, self.events, environment))

    def find(self, name: str | None, environment_id: str | None) -> Environment:
        """Return the environment of that name or id, if it is not terminated, else raise InvalidParameterValueError."""
        for environment in self.all:
            if environment.live and (environment.name == name or environment.environment_id == environment_id):
                return environment
        key, value = ("EnvironmentId", environment_id) if environment_id else ("EnvironmentName", name)
        raise InvalidParameterValueError(f"No Environment found for {key} = '{value}'.")

    def ready(self, name: str | None, environment_id: str | None) -> Environment:
        """As find(), but raise InvalidStateError unless the environment is Ready."""
        environment = self.find(name, environment_id)
        if environment.status != "Ready":
            raise InvalidStateError(environment.name, "Ready")
        return environment

    def select(
        self, request: dict[str, Any], *, deleted_since: datetime | None, include_deleted: bool
    ) -> list[Environment]:
        """Return the environments that match DescribeEnvironments, in the order of creation."""

        def chosen(environment: Environment) -> bool:
            wanted = (
                request.get("ApplicationName") in (None, environment.application)
                and request.get("VersionLabel") in (None, environment.version_label)
                and _among(environment.name, request.get("EnvironmentNames"))
                and _among(environment.environment_id, request.get("EnvironmentIds"))
            )
            recent = include_deleted and (deleted_since is None or environment.updated >= deleted_since)
            return wanted and (environment.live or recent or bool(request.get("EnvironmentIds")))

        return [environment for environment in self.all if chosen(environment)]

    def create(self, request: dict[str, Any], request_id: str) -> Environment:
        """Launch an environment from the parameters of CreateEnvironment."""
        application = self._applications.get(request["ApplicationName"])
        name = request.get("EnvironmentName") or random_id(f"{application.name[:27]}-", 8)
        self._check_name(name)
        if label := request.get("VersionLabel"):
            self._applications.version(application.name, label)
        platform, values = self._configuration(application.name, request)
        environment = self._new(application.name, name, platform, values, request)
        self.all.append(environment)
        self.operations(environment).launch(request_id)
        return environment

    def changes(self, environment: Environment, request: dict[str, Any]) -> dict[str, Any]:
        """Return the attributes that the parameters of UpdateEnvironment change; see Operations.update."""
        changes: dict[str, Any] = {}
        if label := request.get("VersionLabel"):
            self._applications.version(environment.application, label)
            changes["version_label"] = label
        if platform := self._applications.platform(request):
            changes["platform"] = platform
        if "Description" in request:
            changes["description"] = request["Description"]
        if "Tier" in request:
            changes["tier"] = environment.tier | request["Tier"]
        return changes | self._setting_changes(environment, request)

    def check_dns(self, prefix: str) -> tuple[bool, str]:
        """Return whether the CNAME is available, and the CNAME."""
        cname = f"{prefix.lower()}.{self._location.region}.elasticbeanstalk.com"
        return all(environment.cname != cname for environment in self.all if environment.live), cname

    def forget(self, application: str) -> None:
        """Delete the terminated environments of an application, and their events."""
        self.all[:] = [environment for environment in self.all if environment.application != application]
        self.events[:] = [event for event in self.events if event.application_name != application]

    def _setting_changes(self, environment: Environment, request: dict[str, Any]) -> dict[str, Any]:
        new, removed = request.get("OptionSettings", []), request.get("OptionsToRemove", [])
        name = request.get("TemplateName")
        if not (new or removed or name):
            return {}
        base = environment.settings
        if name:
            base = base | self._applications.template(environment.application, name).settings
        settings = checked(without(base, removed) | options.settings(new))
        _check_architecture(environment.settings.get(_INSTANCE_TYPES), settings.get(_INSTANCE_TYPES))
        balanced = environment.load_balanced and replace(environment, settings=settings).load_balanced
        for option, default in _FIXED.items() if balanced else ():
            before, after = (it.get(option, default) for it in (environment.settings, settings))
            if before != after:
                raise InvalidParameterValueError(f"{option.name} cannot be changed: from {before} to {after}.")
        changes: dict[str, Any] = {"settings": settings}
        return changes | ({"template_name": name} if name else {})

    def _configuration(self, application: str, request: dict[str, Any]) -> tuple[Platform, Settings]:
        name = request.get("TemplateName")
        template = self._applications.template(application, name) if name else None
        platform = self._applications.platform(request) or (template.platform if template else None)
        if platform is None:
            raise InvalidParameterValueError(
                "You must specify a platform: PlatformArn, SolutionStackName or TemplateName."
            )
        base = template.settings if template else {}
        given = base | options.settings(request.get("OptionSettings", []))
        return platform, checked(without(given, request.get("OptionsToRemove", [])))

    def _check_name(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise InvalidParameterValueError(
                f"Value {name} at 'EnvironmentName' failed to satisfy constraint: Member must be from 4 to 40 "
                "characters in length. The name can contain only letters, numbers, and hyphens. It can't start or end "
                "with a hyphen"
            )
        if any(environment.name == name for environment in self.all if environment.live):
            raise InvalidParameterValueError(f"Environment {name} already exists.")

    def _cname(self, name: str, prefix: str | None) -> str:
        if prefix is None:
            return f"{name}.{random_id('eba-', 8)}.{self._location.region}.elasticbeanstalk.com"
        available, cname = self.check_dns(prefix)
        if not available:
            raise InvalidParameterValueError(f"DNS name ({cname}) is not available.")
        return cname

    def _new(
        self, application: str, name: str, platform: Platform, values: Settings, request: dict[str, Any]
    ) -> Environment:
        environment_id, now = random_id("e-", 10), self._location.now()
        own = {"elasticbeanstalk:environment-name": name, "elasticbeanstalk:environment-id": environment_id,
               "Name": name}  # fmt: skip
        return Environment(
            environment_id=environment_id,
            name=name,
            application=application,
            arn=self._location.arn("environment", f"{application}/{name}"),
            platform=platform,
            settings=values,
            cname=self._cname(name, request.get("CNAMEPrefix")),
            tier=_TIER | request.get("Tier", {}),
            created=now,
            updated=now,
            version_label=request.get("VersionLabel") or SAMPLE_VERSION,
            description=request.get("Description", ""),
            template_name=request.get("TemplateName"),
            operations_role=request.get("OperationsRole"),
            tags=own | {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])},
        )


def _among(value: str, wanted: list[str] | None) -> bool:
    return not wanted or value in wanted


def _check_architecture(before: str | None, after: str | None) -> None:
    """Refuse instances of another architecture than the environment's.

    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.managing.ec2.html. AWS's message is not known.
    """
    if before and after and bool(_GRAVITON.match(before)) != bool(_GRAVITON.match(after)):
        raise InvalidParameterValueError(
            f"The processor architecture of an environment cannot be changed: from {before} to {after}."
        )
