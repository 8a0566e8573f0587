"""Elastic Beanstalk: applications, versions, configuration templates and environments."""

from typing import Any

from beanpod_emulator.beanstalk.options import VARIABLES
from beanpod_emulator.cloudformation.exceptions import ResourceFailedError
from beanpod_emulator.cloudformation.handlers.base import (
    Handler,
    Properties,
    Setting,
    State,
    changed,
    differences,
    handles,
    names,
    pick,
    without,
)

# Properties that UpdateEnvironment does not change.
_APART = ("OperationsRole", "Tags")


def _removed(old: Properties, new: Properties) -> list[dict[str, str]]:
    """Return the options that only the old properties have."""
    options = (
        [pick(item, "Namespace", "OptionName", "ResourceName") for item in properties.get("OptionSettings", [])]
        for properties in (old, new)
    )
    return differences(*options)[0]


class _Beanstalk(Handler):
    service, name_length, reset = "elasticbeanstalk", 100, {"Description": ""}


@handles("AWS::ElasticBeanstalk::Application", "ApplicationName Description ResourceLifecycleConfig")
class ApplicationHandler(_Beanstalk):
    calls, name = ("CreateApplication", "UpdateApplication", "DeleteApplication"), "ApplicationName"
    settings = {"ResourceLifecycleConfig": Setting("UpdateApplicationResourceLifecycle")}


@handles("AWS::ElasticBeanstalk::ApplicationVersion", "ApplicationName Description SourceBundle")
class ApplicationVersionHandler(_Beanstalk):
    calls = ("CreateApplicationVersion", "UpdateApplicationVersion", "DeleteApplicationVersion")
    name, identified_by, attributes = "VersionLabel", names("ApplicationName"), {"Id": "{id}"}


@handles(
    "AWS::ElasticBeanstalk::ConfigurationTemplate",
    "ApplicationName Description EnvironmentId OptionSettings PlatformArn SolutionStackName SourceConfiguration",
)
class ConfigurationTemplateHandler(_Beanstalk):
    calls = ("CreateConfigurationTemplate", "UpdateConfigurationTemplate", "DeleteConfigurationTemplate")
    name, identified_by, attributes = "TemplateName", names("ApplicationName"), {"TemplateName": "{id}"}

    def change(self, state: State, old: Properties, new: Properties) -> Properties:
        return super().change(state, old, new) | {"OptionsToRemove": _removed(old, new)}


@handles(
    "AWS::ElasticBeanstalk::Environment",
    "ApplicationName CNAMEPrefix Description EnvironmentName OperationsRole OptionSettings PlatformArn "
    "SolutionStackName Tags TemplateName Tier VersionLabel",
)
class EnvironmentHandler(_Beanstalk):
    """An environment. Its creation fails only if the launch ends Terminated, whatever its health."""

    tagged = {"ResourceArn": "arn:aws:elasticbeanstalk:{region}:{account}:environment/{ApplicationName}/{id}"}
    tag_calls = ("UpdateTagsForResource", "UpdateTagsForResource")

    def create(self, properties: Properties) -> State:
        name = properties.get("EnvironmentName") or self._generated_name()
        created = self.call("CreateEnvironment", properties | {"EnvironmentName": name})
        return self._stabilized(name, created["EnvironmentId"])

    def update(self, state: State, old: Properties, new: Properties) -> State:
        name = state.physical_id
        request = pick(changed(old, new), "Description", "PlatformArn", "TemplateName", "Tier", "VersionLabel")
        request |= {"EnvironmentName": name} | pick(new, "OptionSettings")
        request["OptionsToRemove"] = [*_removed(old, new), *self._foreign(new, name)]
        if without(old, *_APART) != without(new, *_APART):
            updated = self.call("UpdateEnvironment", request)
            self._await(updated["EnvironmentId"])
            self._check_update(name, updated["ResponseMetadata"]["RequestId"])
        self._change_operations_role(name, old, new)
        self.retag(state, old, new)
        return self._stabilized(name, self._describe(name)["EnvironmentId"])

    def delete(self, state: State, properties: Properties) -> None:
        ended = self.client.terminate_environment(EnvironmentName=state.physical_id)
        self._await(ended["EnvironmentId"])

    def _foreign(self, new: Properties, name: str) -> list[dict[str, str]]:
        """Return the variables that were set elsewhere: an update by CloudFormation removes them."""
        own = {item["OptionName"] for item in new.get("OptionSettings", []) if item["Namespace"] == VARIABLES}
        application = new["ApplicationName"]
        found = self.client.describe_configuration_settings(ApplicationName=application, EnvironmentName=name)
        settings = found["ConfigurationSettings"][0]["OptionSettings"]
        return [
            pick(item, "Namespace", "OptionName")
            for item in settings
            if item["Namespace"] == VARIABLES and item["OptionName"] not in own
        ]

    def _generated_name(self) -> str:
        # AWS keeps four letters of the stack and four of the logical id: a name has 40 characters at most.
        suffix = self.generated_name()[-12:]
        return f"{self.stack_name[:4]}-{self.logical_id[:4]}-{suffix}"

    def _describe(self, name: str) -> dict[str, Any]:
        found = self.client.describe_environments(EnvironmentNames=[name], IncludeDeleted=False)["Environments"]
        return found[0] if found else {}

    def _await(self, environment_id: str) -> dict[str, Any]:
        """Wait until the environment is Ready or Terminated; the clock is moved forward."""
        emulator = self.emulator

        def look() -> dict[str, Any]:
            found = self.client.describe_environments(EnvironmentIds=[environment_id], IncludeDeleted=True)
            environment: dict[str, Any] = found["Environments"][0]
            return environment

        def settled() -> bool:
            return look()["Status"] in ("Ready", "Terminated")

        emulator.clock.finish(settled)
        # Containers take real time; what is scheduled after them is run at once.
        while not settled() and emulator.lock.wait_for_background():
            emulator.clock.finish(settled)
        return look()

    def _stabilized(self, name: str, environment_id: str) -> State:
        environment = self._await(environment_id)
        if environment["Status"] != "Ready":
            errors = self.client.describe_events(EnvironmentId=environment_id, Severity="ERROR")["Events"]
            reasons = " ".join(event["Message"] for event in reversed(errors))
            raise ResourceFailedError(
                f"Environment {name} failed to launch as it entered {environment['Status']} state. {reasons}".strip()
            )
        return State(name, {"EndpointURL": environment.get("EndpointURL", "")})

    def _check_update(self, name: str, request_id: str) -> None:
        """Raise ResourceFailedError with the events of a configuration that was not deployed."""
        errors = self.client.describe_events(EnvironmentName=name, RequestId=request_id, Severity="ERROR")["Events"]
        reasons = [event["Message"] for event in reversed(errors)]
        if "Failed to deploy configuration." in reasons:
            raise ResourceFailedError(" ".join(reasons))

    def _change_operations_role(self, name: str, old: Properties, new: Properties) -> None:
        role = new.get("OperationsRole")
        if role and role != old.get("OperationsRole"):
            self.client.associate_environment_operations_role(EnvironmentName=name, OperationsRole=role)
        elif not role and "OperationsRole" in old:
            self.client.disassociate_environment_operations_role(EnvironmentName=name)
