"""Actions on environments: their life, their health, their events, their settings."""

from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from beanpod_emulator.beanstalk import downstream, options, render
from beanpod_emulator.beanstalk.actions import Actions
from beanpod_emulator.beanstalk.exceptions import InvalidParameterValueError
from beanpod_emulator.beanstalk.state import Environment, Event
from beanpod_emulator.faults import FAULTS

_SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")


class EnvironmentActions(Actions):
    """The actions that name an environment."""

    def create_environment(self) -> ActionResult:
        environment = self.backend.environments.create(dict(self._get_params()), self.request_id)
        return ActionResult(render.environment(environment, self.region))

    def update_environment(self) -> ActionResult:
        request = dict(self._get_params())
        self.backend.environments.lifecycle.forestall(self._environment(), request.get("VersionLabel", ""))
        environment = self._environment(ready=True)
        obstacle = self._obstacle(environment, request.get("VersionLabel"))
        self.backend.environments.update(environment, request, self.request_id, obstacle)
        return ActionResult(render.environment(environment, self.region))

    def terminate_environment(self) -> ActionResult:
        environment = self._environment()
        if environment.status == "Terminating":
            raise InvalidParameterValueError(
                f"Environment named {environment.name} is in an invalid state for this operation. Must be Ready."
            )
        self.backend.environments.lifecycle.terminate(environment, self.request_id)
        return ActionResult(render.environment(environment, self.region))

    def abort_environment_update(self) -> ActionResult:
        environment = self._environment()
        if not environment.abortable:
            raise InvalidParameterValueError(
                f"Environment named {environment.name} is in an invalid state for this operation. Must be pending "
                "deployment."
            )
        self.backend.environments.lifecycle.abort(environment, self.request_id)
        return EmptyResult()

    def restart_app_server(self) -> ActionResult:
        self.backend.environments.lifecycle.restart(self._environment(ready=True), self.request_id)
        return EmptyResult()

    def rebuild_environment(self) -> ActionResult:
        self.backend.environments.lifecycle.rebuild(self._environment(ready=True), self.request_id)
        return EmptyResult()

    def describe_environments(self) -> ActionResult:
        environments = self.backend.environments.select(
            dict(self._get_params()),
            include_deleted=bool(self._get_param("IncludeDeleted", False)),
            deleted_since=self._get_param("IncludedDeletedBackTo"),
        )
        page, token = self.page([render.environment(item, self.region) for item in environments], 1000)
        return ActionResult({"Environments": page, "NextToken": token})

    def describe_environment_resources(self) -> ActionResult:
        return ActionResult({"EnvironmentResources": render.resources(self._environment())})

    def describe_environment_health(self) -> ActionResult:
        health = render.environment_health(self._environment())
        return ActionResult(self._asked_for(health, always=("EnvironmentName",)))

    def describe_instances_health(self) -> ActionResult:
        environment = self._environment()
        shown = [
            self._asked_for(render.instance_health(instance), always=("InstanceId",))
            for instance in environment.instances
        ]
        return ActionResult({"InstanceHealthList": shown, "RefreshedAt": self.now()})

    def describe_events(self) -> ActionResult:
        events = [event for event in reversed(self.backend.environments.events) if self._wanted(event)]
        page, token = self.page([render.event(event) for event in events], 100)
        return ActionResult({"Events": page, "NextToken": token})

    def check_dns_availability(self) -> ActionResult:
        available, cname = self.backend.environments.check_dns(self._get_param("CNAMEPrefix"))
        return ActionResult({"Available": available, "FullyQualifiedCNAME": cname})

    def describe_configuration_settings(self) -> ActionResult:
        name, template = self._get_param("ApplicationName"), self._get_param("TemplateName")
        self.backend.applications.get(name)
        item = self.backend.applications.template(name, template) if template else self._environment()
        return ActionResult({"ConfigurationSettings": [render.settings(item, name, self.region)]})

    def validate_configuration_settings(self) -> ActionResult:
        self.backend.applications.get(self._get_param("ApplicationName"))
        given = options.settings(self._get_param("OptionSettings", []))
        return ActionResult({"Messages": options.problems(given)})

    def _environment(self, *, ready: bool = False) -> Environment:
        environments = self.backend.environments
        find = environments.ready if ready else environments.find
        return find(self._get_param("EnvironmentName"), self._get_param("EnvironmentId"))

    def _obstacle(self, environment: Environment, label: str | None) -> str | None:
        """The error event that will say why a version is not deployed."""
        if not label:
            return None
        if not environment.operations_role:
            version = self.backend.applications.version(environment.application, label)
            more = FAULTS.permissions(environment.name, label)
            downstream.check_storage(environment, version, self.denial, more)
            if denied := downstream.obstacle(environment, version, self.denial, more):
                return denied
        return self.backend.obstacle(environment, label)

    def _asked_for(self, shown: dict[str, Any], *, always: tuple[str, ...]) -> dict[str, Any]:
        asked = self._get_param("AttributeNames", [])
        return {key: value for key, value in shown.items() if "All" in asked or key in asked or key in always}

    def _wanted(self, event: Event) -> bool:
        least = _SEVERITIES.index(self._get_param("Severity") or "TRACE")
        start, end = self._get_param("StartTime"), self._get_param("EndTime")
        same = {
            "ApplicationName": event.application,
            "EnvironmentId": event.environment_id,
            "EnvironmentName": event.environment,
            "RequestId": event.request_id,
            "VersionLabel": event.version_label,
        }
        return (
            all(self._get_param(key) in (None, value) for key, value in same.items())
            and _SEVERITIES.index(event.severity) >= least
            and (start is None or event.date >= start)
            and (end is None or event.date < end)
        )
