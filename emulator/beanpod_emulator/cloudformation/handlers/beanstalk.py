"""Elastic Beanstalk: applications, versions, configuration templates and environments."""

from typing import Any

from beanpod_emulator.cloudformation.exceptions import ResourceFailedError
from beanpod_emulator.cloudformation.handlers.base import (
    Context,
    Handler,
    Properties,
    State,
    api_tags,
    call,
    changed,
    handles,
    names,
    pick,
    tag_changes,
    without,
)  # fmt: skip
from beanpod_emulator.state import EMULATOR


@handles("AWS::ElasticBeanstalk::Application")
class Application(Handler):
    supported = names("ApplicationName Description ResourceLifecycleConfig")

    def create(self, context: Context, properties: Properties) -> State:
        name = properties.get("ApplicationName") or context.generated_name(100)
        call(context.client("elasticbeanstalk"), "CreateApplication", properties | {"ApplicationName": name})
        return State(name)

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        client, name = context.client("elasticbeanstalk"), state.physical_id
        client.update_application(ApplicationName=name, Description=new.get("Description", ""))
        if lifecycle := changed(old, new).get("ResourceLifecycleConfig"):
            request = {"ApplicationName": name, "ResourceLifecycleConfig": lifecycle}
            call(client, "UpdateApplicationResourceLifecycle", request)
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("elasticbeanstalk").delete_application(ApplicationName=state.physical_id)


@handles("AWS::ElasticBeanstalk::ApplicationVersion")
class ApplicationVersion(Handler):
    supported = names("ApplicationName Description SourceBundle")

    def create(self, context: Context, properties: Properties) -> State:
        label = context.generated_name(100)
        call(context.client("elasticbeanstalk"), "CreateApplicationVersion", properties | {"VersionLabel": label})
        return State(label, {"Id": label})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        context.client("elasticbeanstalk").update_application_version(
            ApplicationName=new["ApplicationName"],
            VersionLabel=state.physical_id,
            Description=new.get("Description", ""),
        )
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("elasticbeanstalk").delete_application_version(
            ApplicationName=properties["ApplicationName"], VersionLabel=state.physical_id
        )


def option_settings(properties: Properties) -> list[dict[str, str]]:
    """Return the property OptionSettings as the API takes it."""
    return [{key: _text(value) for key, value in setting.items()} for setting in properties.get("OptionSettings", [])]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _untagged(properties: Properties) -> Properties:
    return without(properties, "Tags")


def _removed(old: Properties, new: Properties) -> list[dict[str, str]]:
    def keys(properties: Properties) -> dict[tuple[Any, ...], dict[str, str]]:
        options = [pick(item, *_OPTION_KEY) for item in option_settings(properties)]
        return {tuple(sorted(option.items())): option for option in options}

    before, after = keys(old), keys(new)
    return [option for key, option in before.items() if key not in after]


_VARIABLES = "aws:elasticbeanstalk:application:environment"
_OPTION_KEY = ("Namespace", "OptionName", "ResourceName")


@handles("AWS::ElasticBeanstalk::ConfigurationTemplate")
class ConfigurationTemplate(Handler):
    supported = names(
        "ApplicationName Description EnvironmentId OptionSettings PlatformArn SolutionStackName SourceConfiguration"
    )

    def create(self, context: Context, properties: Properties) -> State:
        name = context.generated_name(100)
        request = properties | {"TemplateName": name, "OptionSettings": option_settings(properties)}
        call(context.client("elasticbeanstalk"), "CreateConfigurationTemplate", request)
        return State(name, {"TemplateName": name})

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        context.client("elasticbeanstalk").update_configuration_template(
            ApplicationName=new["ApplicationName"],
            TemplateName=state.physical_id,
            Description=new.get("Description", ""),
            OptionSettings=option_settings(new),
            OptionsToRemove=_removed(old, new),
        )
        return state

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        context.client("elasticbeanstalk").delete_configuration_template(
            ApplicationName=properties["ApplicationName"], TemplateName=state.physical_id
        )


@handles("AWS::ElasticBeanstalk::Environment")
class Environment(Handler):
    """An environment. Its creation fails only if the launch ends Terminated, whatever its health."""

    supported = names(
        "ApplicationName CNAMEPrefix Description EnvironmentName OperationsRole OptionSettings PlatformArn "
        "SolutionStackName Tags TemplateName Tier VersionLabel"
    )

    def create(self, context: Context, properties: Properties) -> State:
        client = context.client("elasticbeanstalk")
        name = properties.get("EnvironmentName") or self._generated_name(context)
        request = properties | {"EnvironmentName": name, "OptionSettings": option_settings(properties)}
        created = call(client, "CreateEnvironment", request | {"Tags": api_tags(properties)})
        return self._stabilized(client, name, created["EnvironmentId"])

    def update(self, context: Context, state: State, old: Properties, new: Properties) -> State:
        client, name = context.client("elasticbeanstalk"), state.physical_id
        request = pick(changed(old, new), "Description", "PlatformArn", "TemplateName", "Tier", "VersionLabel")
        request["OptionSettings"] = option_settings(new)
        request["OptionsToRemove"] = [*_removed(old, new), *self._foreign(client, new, name)]
        if _untagged(old) != _untagged(new):
            call(client, "UpdateEnvironment", request | {"EnvironmentName": name})
        self._retag(client, name, old, new)
        return self._stabilized(client, name, self._describe(client, name)["EnvironmentId"])

    def delete(self, context: Context, state: State, properties: Properties) -> None:
        client = context.client("elasticbeanstalk")
        ended = client.terminate_environment(EnvironmentName=state.physical_id)
        self._await(client, ended["EnvironmentId"])

    def _foreign(self, client: Any, new: Properties, name: str) -> list[dict[str, str]]:
        """Return the variables that were set elsewhere: an update by CloudFormation removes them."""
        own = {item["OptionName"] for item in option_settings(new) if item["Namespace"] == _VARIABLES}
        application = new["ApplicationName"]
        found = client.describe_configuration_settings(ApplicationName=application, EnvironmentName=name)
        settings = found["ConfigurationSettings"][0]["OptionSettings"]
        return [
            pick(item, "Namespace", "OptionName")
            for item in settings
            if item["Namespace"] == _VARIABLES and item["OptionName"] not in own
        ]

    def _generated_name(self, context: Context) -> str:
        # AWS keeps four letters of the stack and four of the logical id: a name has 40 characters at most.
        suffix = context.generated_name()[-12:]
        return f"{context.stack_name[:4]}-{context.logical_id[:4]}-{suffix}"

    def _describe(self, client: Any, name: str) -> dict[str, Any]:
        found = client.describe_environments(EnvironmentNames=[name], IncludeDeleted=False)["Environments"]
        return found[0] if found else {}

    def _await(self, client: Any, environment_id: str) -> dict[str, Any]:
        """Wait until the environment is Ready or Terminated; the clock is moved forward."""

        def look() -> dict[str, Any]:
            found = client.describe_environments(EnvironmentIds=[environment_id], IncludeDeleted=True)
            environment: dict[str, Any] = found["Environments"][0]
            return environment

        def settled() -> bool:
            return look()["Status"] in ("Ready", "Terminated")

        EMULATOR.clock.finish(settled)
        # Containers take real time; what is scheduled after them is run at once.
        while not settled() and EMULATOR.lock.wait_for_background():
            EMULATOR.clock.finish(settled)
        return look()

    def _stabilized(self, client: Any, name: str, environment_id: str) -> State:
        environment = self._await(client, environment_id)
        if environment["Status"] != "Ready":
            errors = client.describe_events(EnvironmentId=environment_id, Severity="ERROR")["Events"]
            reasons = " ".join(event["Message"] for event in reversed(errors))
            raise ResourceFailedError(
                f"Environment {name} failed to launch as it entered {environment['Status']} state. {reasons}".strip()
            )
        return State(name, {"EndpointURL": environment.get("EndpointURL", "")})

    def _retag(self, client: Any, name: str, old: Properties, new: Properties) -> None:
        removed, added = tag_changes(old, new)
        if removed or added:
            arn = self._describe(client, name)["EnvironmentArn"]
            client.update_tags_for_resource(ResourceArn=arn, TagsToAdd=added, TagsToRemove=removed)
