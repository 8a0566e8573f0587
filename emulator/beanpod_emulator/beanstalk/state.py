"""The resources of Elastic Beanstalk: applications, their versions and templates, environments, events.

moto shows attributes in responses by the names of the API, and by the aliases here.
"""

import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from beanpod_emulator.beanstalk.options import Option, Settings
from beanpod_emulator.beanstalk.platforms import Platform
from beanpod_emulator.state import Emulator

SAMPLE_VERSION = "Sample Application"
_COLORS = {"Ok": "Green", "Info": "Green", "Warning": "Yellow", "Degraded": "Red", "Severe": "Red"}
_DATES = {"DateCreated": "created", "DateUpdated": "updated"}
_LOWER = string.ascii_lowercase + string.digits


def random_id(prefix: str, length: int, alphabet: str = _LOWER) -> str:
    """Return an identifier such as e-abcdefghij."""
    return prefix + "".join(secrets.choice(alphabet) for _ in range(length))


@dataclass(frozen=True)
class Location:
    """An account and a region of an emulator."""

    account: str
    region: str
    emulator: Emulator = field(repr=False)

    def now(self) -> datetime:
        """Return the emulator's time."""
        return self.emulator.clock.now()

    def arn(self, kind: str, path: str) -> str:
        """Return the ARN of a resource."""
        return f"arn:aws:elasticbeanstalk:{self.region}:{self.account}:{kind}/{path}"


@dataclass
class ApplicationVersion:
    application: str
    label: str
    arn: str
    created: datetime
    updated: datetime
    description: str = ""
    source_bundle: dict[str, str] | None = None
    status: str = "UNPROCESSED"
    tags: dict[str, str] = field(default_factory=dict)

    class Meta:
        serialization_aliases: ClassVar = _DATES | {"ApplicationName": "application", "VersionLabel": "label"}


@dataclass
class ConfigurationTemplate:
    name: str
    arn: str
    platform: Platform
    settings: Settings
    created: datetime
    updated: datetime
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Application:
    name: str
    arn: str
    created: datetime
    updated: datetime
    description: str = ""
    lifecycle: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, ApplicationVersion] = field(default_factory=dict)
    templates: dict[str, ConfigurationTemplate] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Health:
    """Enhanced health, with its causes."""

    status: str
    causes: tuple[str, ...] = ()

    @property
    def color(self) -> str:
        return _COLORS.get(self.status, "Grey")


@dataclass(frozen=True)
class Deployment:
    """The last deployment to an instance. status: In Progress, Deployed or Failed."""

    version_label: str
    deployment_id: int
    time: datetime
    status: str = "Deployed"


@dataclass
class Instance:
    instance_id: str
    launched: datetime
    instance_type: str
    zone: str
    deployment: Deployment
    health: Health = Health("Ok")


@dataclass
class Environment:
    """An environment.

    Attributes:
        version_label: The version that it runs, or that is being deployed.
        expected: The last deployment that succeeded.
        operation: Request id of the operation in progress; None if there is none.
        abortable: Whether the operation can be aborted.
        before: Attributes by name that the last update changes besides the version, as they were before it.
    """

    environment_id: str
    name: str
    application: str
    arn: str
    platform: Platform
    settings: Settings
    cname: str
    tier: dict[str, str]
    created: datetime
    updated: datetime
    version_label: str
    description: str = ""
    template_name: str | None = None
    status: str = "Launching"
    health: Health = Health("Pending")
    endpoint: str | None = None
    instances: list[Instance] = field(default_factory=list)
    expected: Deployment | None = None
    deployments: int = 1
    operations_role: str | None = None
    operation: str | None = None
    abortable: bool = False
    before: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    environment_links: ClassVar[list[Any]] = []

    class Meta:
        serialization_aliases: ClassVar = _DATES | {
            "ApplicationName": "application",
            "SolutionStackName": "platform.solution_stack",
            "EndpointURL": "endpoint",
            "AbortableOperationInProgress": "abortable",
            "Health": "health.color",
            "HealthStatus": "health_status",
        }

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def platform_arn(self) -> str:
        return self.platform.arn(self.region)

    @property
    def live(self) -> bool:
        return self.status != "Terminated"

    @property
    def running(self) -> Deployment:
        """The last deployment that succeeded."""
        if self.expected is None:
            raise ValueError(f"environment {self.name} is still being launched: it runs nothing yet")
        return self.expected

    def deployment(self, time: datetime, status: str = "Deployed") -> Deployment:
        """Return the deployment of its version to an instance."""
        return Deployment(self.version_label, self.deployments, time, status)

    @property
    def load_balanced(self) -> bool:
        return self.option("aws:elasticbeanstalk:environment", "EnvironmentType", "LoadBalanced") == "LoadBalanced"

    @property
    def deployment_policy(self) -> str:
        return self.option("aws:elasticbeanstalk:command", "DeploymentPolicy", "AllAtOnce")

    @property
    def basic_health(self) -> bool:
        """Whether it reports no enhanced health. Unlike on AWS, it does unless the option says basic."""
        return self.option("aws:elasticbeanstalk:healthreporting:system", "SystemType") == "basic"

    @property
    def health_status(self) -> str | None:
        """The enhanced health, if it reports any."""
        return None if self.basic_health else self.health.status

    @property
    def instance_profile(self) -> str:
        """Name of the instance profile; "" without one."""
        return self.option("aws:autoscaling:launchconfiguration", "IamInstanceProfile").rpartition("/")[2]

    def change(self, changes: dict[str, Any]) -> None:
        """Set attributes by their names."""
        for name, value in changes.items():
            setattr(self, name, value)

    def option(self, namespace: str, name: str, default: str = "") -> str:
        """Return the value of an option."""
        return self.settings.get(Option(namespace, name), default)


@dataclass(frozen=True)
class Event:
    date: datetime
    message: str
    severity: str
    request_id: str
    application_name: str
    environment_name: str
    environment_id: str
    version_label: str
