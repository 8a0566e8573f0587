"""Deployments on an emulator with a virtual clock."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients


@dataclass
class Seen:
    """What the API shows of an environment at one moment. instances: label, deployment status and health of each."""

    status: str
    label: str
    health: str
    abortable: bool
    instances: list[tuple[str, str, str]]


class Deployments:
    """One environment, deployed to and looked at."""

    @classmethod
    def launch(
        cls, aws: EmbeddedAws, clients: Clients, name: str, *settings: dict[str, str], application: str = "guestbook"
    ) -> "Deployments":
        """Launch an environment, and wait until it is Ready."""
        clients.launch(name, *settings, application=application)
        aws.advance(240)
        return cls(aws, clients, name, application=application)

    def __init__(self, aws: EmbeddedAws, clients: Clients, environment: str, *, application: str = "guestbook") -> None:
        self._aws = aws
        self._clients = clients
        self._beanstalk = clients("elasticbeanstalk")
        self._environment = environment
        self._application = application
        self._began = aws.now()

    def deploy(self, label: str, *settings: dict[str, str], exists: bool = False) -> str:
        """Start a deployment of a new version, with changed settings if any; returns the request's id."""
        if not exists:
            self._clients.version(label, application=self._application)
        self._began = self._aws.now()
        request = {"EnvironmentName": self._environment, "VersionLabel": label}
        return str(
            self._beanstalk.update_environment(**request, OptionSettings=settings)["ResponseMetadata"]["RequestId"]
        )

    def deployed(self, label: str) -> None:
        """A deployment from start to end."""
        self.deploy(label)
        self._aws.advance(200)
        assert self.look().label == label

    def look(self) -> Seen:
        name = self._environment
        found = self._clients.environment(name)
        health = self._beanstalk.describe_instances_health(EnvironmentName=name, AttributeNames=["All"])
        instances = [
            (item["Deployment"]["VersionLabel"], item["Deployment"]["Status"], item["HealthStatus"])
            for item in health["InstanceHealthList"]
        ]
        abortable = found["AbortableOperationInProgress"]
        return Seen(found["Status"], found["VersionLabel"], found["HealthStatus"], abortable, instances)

    def instance_ids(self) -> list[str]:
        found = self._beanstalk.describe_environment_resources(EnvironmentName=self._environment)
        return [instance["Id"] for instance in found["EnvironmentResources"]["Instances"]]

    def events(self, **which: Any) -> list[tuple[float, str, str]]:
        """Second, severity and message of the events since the last deployment began, oldest first."""
        start: datetime = self._began
        found = self._beanstalk.describe_events(EnvironmentName=self._environment, StartTime=start, **which)["Events"]
        return [
            ((event["EventDate"] - start).total_seconds(), event["Severity"], event["Message"])
            for event in reversed(found)
        ]

    def messages(self, severity: str) -> list[str]:
        return [message for _, level, message in self.events() if level == severity]
