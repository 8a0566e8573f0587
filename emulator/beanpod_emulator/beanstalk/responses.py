"""Elastic Beanstalk's API: read requests, call the backend, render responses."""

import uuid
from collections.abc import Callable
from typing import Any

from botocore import xform_name
from moto.core.responses import ActionResult, EmptyResult

from beanpod_emulator import clients
from beanpod_emulator.beanstalk import downstream, options, platforms, render
from beanpod_emulator.beanstalk.applications import checked, without
from beanpod_emulator.beanstalk.exceptions import InvalidParameterValueError, InvalidRequestError, InvalidStateError
from beanpod_emulator.beanstalk.models import ElasticBeanstalkBackend, backend_of
from beanpod_emulator.beanstalk.operations import Operations
from beanpod_emulator.beanstalk.options import Settings
from beanpod_emulator.beanstalk.platforms import PLATFORMS, Platform
from beanpod_emulator.beanstalk.state import Environment, Event
from beanpod_emulator.iam.authorizer import CALLER, Caller, denial
from beanpod_emulator.iam.required_permissions import Permission
from beanpod_emulator.requests.error_responses import ErrorHandlingResponse

_SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
# Parameters of DescribeEvents that name what an event has.
_OF_EVENTS = ("ApplicationName", "EnvironmentId", "EnvironmentName", "RequestId", "VersionLabel")


class Actions(ErrorHandlingResponse):
    """The base of all groups of actions: the backend, the caller, tags and pages."""

    request_id: str

    def __init__(self) -> None:
        super().__init__(service_name="elasticbeanstalk")
        self.automated_parameter_parsing = True
        self._caller: Caller | None = None

    @property
    def backend(self) -> ElasticBeanstalkBackend:
        return backend_of(self.current_account, self.region)

    def setup_class(
        self, request: Any, full_url: str | None = None, headers: Any = None, use_raw_body: bool | None = None
    ) -> None:
        super().setup_class(request, full_url, headers, use_raw_body)
        self._caller = getattr(request, "environ", {}).get(CALLER)

    def denial(self, permission: Permission) -> str | None:
        """Return AWS's message if the caller lacks the permission, else None."""
        return denial(self._caller, permission) if self._caller else None

    def tags(self) -> dict[str, str]:
        """Return the request's tags."""
        return {tag["Key"]: tag["Value"] for tag in self._get_param("Tags", [])}

    def page(self, items: list[Any], size: int) -> tuple[list[Any], str | None]:
        """Return the request's page of the items, of at most `size`, and the token of the next page."""
        start = int(self._get_param("NextToken") or 0)
        end = start + int(self._get_param("MaxRecords") or size)
        return items[start:end], str(end) if end < len(items) else None


class EnvironmentActions(Actions):
    """Actions on environments, their health, events and settings."""

    def create_environment(self) -> ActionResult:
        environment = self.backend.environments.create(dict(self._get_params()), self.request_id)
        return ActionResult(environment)

    def update_environment(self) -> ActionResult:
        request = dict(self._get_params())
        self._operations(self._environment()).start_concurrent_update(request.get("VersionLabel", ""))
        environment = self._environment(ready=True)
        error_event = self._error_event(environment, request.get("VersionLabel"))
        changes = self.backend.environments.changes(environment, request)
        self._operations(environment).update(self.request_id, changes, error_event)
        return ActionResult(environment)

    def terminate_environment(self) -> ActionResult:
        environment = self._environment()
        if environment.status == "Terminating":
            raise InvalidStateError(environment.name, "Ready")
        if environment.status == "Updating":
            raise InvalidParameterValueError(
                f"Cannot terminate environment named {environment.name}. It is currently pending deployment."
            )
        self._operations(environment).terminate(self.request_id)
        return ActionResult(environment)

    def abort_environment_update(self) -> ActionResult:
        environment = self._environment()
        if not environment.abortable:
            raise InvalidStateError(environment.name, "pending deployment")
        self._operations(environment).abort(self.request_id)
        return EmptyResult()

    def restart_app_server(self) -> ActionResult:
        self._operations(self._environment(ready=True)).restart(self.request_id)
        return EmptyResult()

    def rebuild_environment(self) -> ActionResult:
        self._operations(self._environment(ready=True)).rebuild(self.request_id)
        return EmptyResult()

    def associate_environment_operations_role(self) -> ActionResult:
        self._environment(ready=True).operations_role = self._get_param("OperationsRole")
        return EmptyResult()

    def disassociate_environment_operations_role(self) -> ActionResult:
        self._environment(ready=True).operations_role = None
        return EmptyResult()

    def describe_environments(self) -> ActionResult:
        environments = self.backend.environments.select(
            dict(self._get_params()),
            include_deleted=bool(self._get_param("IncludeDeleted", False)),
            deleted_since=self._get_param("IncludedDeletedBackTo"),
        )
        page, token = self.page(environments, 1000)
        return ActionResult({"Environments": page, "NextToken": token})

    def describe_environment_resources(self) -> ActionResult:
        return ActionResult({"EnvironmentResources": render.resources(self._environment())})

    def describe_environment_health(self) -> ActionResult:
        environment = self._with_enhanced_health("DescribeEnvironmentHealth")
        health = render.environment_health(environment, self.backend.location.now())
        return ActionResult(self._attributes(health, always=("EnvironmentName",)))

    def describe_instances_health(self) -> ActionResult:
        environment = self._with_enhanced_health("DescribeInstancesHealth")
        shown = [
            self._attributes(render.instance_health(instance), always=("InstanceId",))
            for instance in environment.instances
        ]
        return ActionResult({"InstanceHealthList": shown, "RefreshedAt": self.backend.location.now()})

    def describe_events(self) -> ActionResult:
        events = list(filter(self._wanted(), reversed(self.backend.environments.events)))
        page, token = self.page(events, 100)
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

    def _with_enhanced_health(self, action: str) -> Environment:
        environment = self._environment()
        if environment.basic_health:
            raise InvalidRequestError(f"{action} is not supported.")
        return environment

    def _operations(self, environment: Environment) -> Operations:
        return self.backend.environments.operations(environment)

    def _error_event(self, environment: Environment, label: str | None) -> str | None:
        """Return the error event for a version that cannot be deployed; None if it can."""
        if not label:
            return None
        version = self.backend.applications.version(environment.application, label)
        if not environment.operations_role:
            more = self.backend.emulator.faults.permissions(environment=environment.name, version_label=label)
            downstream.check_storage(environment, version, self.denial, more)
            if denied := downstream.error_event(environment, version, self.denial, more):
                return denied
        gone = self.backend.applications.bundle_is_gone(version)
        return "Service:Amazon S3, Message:The specified key does not exist." if gone else None

    def _attributes(self, shown: dict[str, Any], *, always: tuple[str, ...]) -> dict[str, Any]:
        asked = self._get_param("AttributeNames", [])
        return {key: value for key, value in shown.items() if "All" in asked or key in asked or key in always}

    def _wanted(self) -> Callable[[Event], bool]:
        """Return whether an event is one of those that the request asks for."""
        least = _SEVERITIES.index(self._get_param("Severity") or "TRACE")
        start, end = self._get_param("StartTime"), self._get_param("EndTime")
        same = {xform_name(name): value for name in _OF_EVENTS if (value := self._get_param(name)) is not None}

        def wanted(event: Event) -> bool:
            return (
                all(getattr(event, name) == value for name, value in same.items())
                and _SEVERITIES.index(event.severity) >= least
                and (start is None or event.date >= start)
                and (end is None or event.date < end)
            )

        return wanted


# Types of filters, which are keys of PlatformDescription.
_FILTERS = (
    "PlatformBranchName", "PlatformName", "PlatformVersion", "OperatingSystemName", "OperatingSystemVersion",
    "PlatformOwner", "PlatformStatus",
)  # fmt: skip
_OPERATORS: dict[str, Callable[[str, list[str]], bool]] = {
    "=": lambda value, wanted: value in wanted,
    "!=": lambda value, wanted: value not in wanted,
    "contains": lambda value, wanted: any(part in value for part in wanted),
    "begins_with": lambda value, wanted: value.startswith(tuple(wanted)),
}


class PlatformActions(Actions):
    """Actions on platforms, options, configuration templates and the storage bucket."""

    def list_available_solution_stacks(self) -> ActionResult:
        names = [platform.solution_stack for platform in PLATFORMS]
        details = [{"SolutionStackName": name, "PermittedFileTypes": ["zip"]} for name in names]
        return ActionResult({"SolutionStacks": names, "SolutionStackDetails": details})

    def list_platform_versions(self) -> ActionResult:
        filters = self._get_param("Filters", [])
        found = [platform for platform in PLATFORMS if all(self._passes(platform, item) for item in filters)]
        page, token = self.page([render.platform(platform, self.region) for platform in found], 100)
        return ActionResult({"PlatformSummaryList": page, "NextToken": token})

    def list_platform_branches(self) -> ActionResult:
        branches = {platform.branch: platform for platform in PLATFORMS}
        shown = [
            {
                "PlatformName": platform.product,
                "BranchName": branch,
                "LifecycleState": "Supported",
                "BranchOrder": order,
                "SupportedTierList": ["WebServer/Standard", "Worker/SQS/HTTP"],
            }
            for order, (branch, platform) in enumerate(branches.items(), 1)
        ]
        return ActionResult({"PlatformBranchSummaryList": shown})

    def describe_platform_version(self) -> ActionResult:
        platform = platforms.by_arn(self._get_param("PlatformArn"), self.region)
        return ActionResult({"PlatformDescription": render.platform_detail(platform, self.region)})

    def describe_configuration_options(self) -> ActionResult:
        known = [
            {"Namespace": namespace, "Name": name, "ValueType": "Scalar", "UserDefined": False}
            for namespace, name in options.catalogue()
        ]
        return ActionResult({"Options": known})

    def create_configuration_template(self) -> ActionResult:
        application = self.backend.applications.get(self._get_param("ApplicationName"))
        platform, values = self._source(dict(self._get_params()))
        template = self.backend.applications.create_template(
            application,
            self._get_param("TemplateName"),
            platform,
            values | options.settings(self._get_param("OptionSettings", [])),
            description=self._get_param("Description", ""),
            tags=self.tags(),
        )
        return ActionResult(render.settings(template, application.name, self.region))

    def update_configuration_template(self) -> ActionResult:
        name = self._get_param("ApplicationName")
        template = self.backend.applications.template(name, self._get_param("TemplateName"))
        kept = without(template.settings, self._get_param("OptionsToRemove", []))
        template.settings = checked(kept | options.settings(self._get_param("OptionSettings", [])))
        template.description = self._get_param("Description", template.description)
        template.updated = self.backend.location.now()
        return ActionResult(render.settings(template, name, self.region))

    def delete_configuration_template(self) -> ActionResult:
        application = self.backend.applications.get(self._get_param("ApplicationName"))
        application.templates.pop(self._get_param("TemplateName"), None)
        return EmptyResult()

    def create_storage_location(self) -> ActionResult:
        bucket = f"elasticbeanstalk-{self.region}-{self.current_account}"
        location = {} if self.region == "us-east-1" else {"LocationConstraint": self.region}
        s3 = clients.client("s3", self.region)
        if bucket not in {item["Name"] for item in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": location} if location else {}))
        return ActionResult({"S3Bucket": bucket})

    def _source(self, request: dict[str, Any]) -> tuple[Platform, Settings]:
        """Return the platform and settings that a new template is based on."""
        if source := request.get("SourceConfiguration"):
            template = self.backend.applications.template(source["ApplicationName"], source["TemplateName"])
            return template.platform, template.settings
        if environment_id := request.get("EnvironmentId"):
            environment = self.backend.environments.find(None, environment_id)
            return environment.platform, environment.settings
        platform = self.backend.applications.platform(request)
        if platform is None:
            raise InvalidParameterValueError(
                "You must specify a platform: PlatformArn, SolutionStackName, EnvironmentId or SourceConfiguration."
            )
        return platform, {}

    def _passes(self, platform: Platform, item: dict[str, Any]) -> bool:
        for what, value, known in (("type", item["Type"], _FILTERS), ("operator", item["Operator"], _OPERATORS)):
            if value not in known:
                raise InvalidParameterValueError(f"Filter {what} {value} is not known: use {', '.join(known)}")
        value = render.platform_detail(platform, self.region)[item["Type"]]
        return _OPERATORS[item["Operator"]](value, item["Values"])


class ElasticBeanstalkResponse(EnvironmentActions, PlatformActions):
    """All actions: here those on applications, versions and tags."""

    def create_application(self) -> ActionResult:
        application = self.backend.applications.create(
            self._get_param("ApplicationName"),
            description=self._get_param("Description", ""),
            lifecycle=self._get_param("ResourceLifecycleConfig", {}),
            tags=self.tags(),
        )
        return ActionResult({"Application": render.application(application)})

    def describe_applications(self) -> ActionResult:
        wanted = self._get_param("ApplicationNames", [])
        applications = self.backend.applications.all.values()
        shown = [render.application(item) for item in applications if not wanted or item.name in wanted]
        return ActionResult({"Applications": shown})

    def update_application(self) -> ActionResult:
        application = self.backend.applications.get(self._get_param("ApplicationName"))
        application.description = self._get_param("Description", application.description)
        application.updated = self.backend.location.now()
        return ActionResult({"Application": render.application(application)})

    def update_application_resource_lifecycle(self) -> ActionResult:
        application = self.backend.applications.get(self._get_param("ApplicationName"))
        application.lifecycle = application.lifecycle | self._get_param("ResourceLifecycleConfig", {})
        config = render.lifecycle(application.lifecycle)
        return ActionResult({"ApplicationName": application.name, "ResourceLifecycleConfig": config})

    def delete_application(self) -> ActionResult:
        force = bool(self._get_param("TerminateEnvByForce", False))
        name = self._get_param("ApplicationName")
        self.backend.delete_application(name, force=force, request_id=self.request_id)
        return EmptyResult()

    def create_application_version(self) -> ActionResult:
        name = self._get_param("ApplicationName")
        if self._get_param("AutoCreateApplication") and name not in self.backend.applications.all:
            self.backend.applications.create(name, description="", lifecycle={}, tags={})
        application = self.backend.applications.get(name)
        version = self.backend.create_version(application, dict(self._get_params()), self.tags(), self.denial)
        return ActionResult({"ApplicationVersion": version})

    def describe_application_versions(self) -> ActionResult:
        name, labels = self._get_param("ApplicationName"), self._get_param("VersionLabels", [])
        versions = (it for app in self.backend.applications.all.values() for it in reversed(app.versions.values()))
        shown = [it for it in versions if name in (None, it.application) and (not labels or it.label in labels)]
        page, token = self.page(shown, 1000)
        return ActionResult({"ApplicationVersions": page, "NextToken": token})

    def update_application_version(self) -> ActionResult:
        name = self._get_param("ApplicationName")
        version = self.backend.applications.version(name, self._get_param("VersionLabel"))
        version.description = self._get_param("Description", version.description)
        version.updated = self.backend.location.now()
        return ActionResult({"ApplicationVersion": version})

    def delete_application_version(self) -> ActionResult:
        application = self.backend.applications.get(self._get_param("ApplicationName"))
        label = self._get_param("VersionLabel")
        with_bundle = bool(self._get_param("DeleteSourceBundle", False))
        self.backend.delete_version(application, label, with_bundle=with_bundle)
        return EmptyResult()

    def describe_account_attributes(self) -> ActionResult:
        quotas = {"ApplicationVersionQuota": {"Maximum": int(self.backend.emulator.limits.application_versions)}}
        return ActionResult({"ResourceQuotas": quotas})

    def list_tags_for_resource(self) -> ActionResult:
        arn = self._get_param("ResourceArn")
        return ActionResult({"ResourceArn": arn, "ResourceTags": render.tags(self.backend.tags(arn))})

    def update_tags_for_resource(self) -> ActionResult:
        added = {tag["Key"]: tag["Value"] for tag in self._get_param("TagsToAdd", [])}
        self.backend.update_tags(self._get_param("ResourceArn"), added, self._get_param("TagsToRemove", []))
        return EmptyResult()

    def call_action(self) -> Any:
        # The response and the events have the same id, by which clients find their events.
        self.request_id = str(uuid.uuid4())
        self.backend.emulator.clock.run_due()
        return super().call_action()

    def _enrich_response(self, headers: dict[str, Any], body: Any) -> tuple[dict[str, Any], Any]:  # type: ignore[override]
        headers["x-amzn-RequestId"] = self.request_id
        if "status" in headers:
            headers["status"] = str(headers["status"])
        if isinstance(body, str):
            # Only the last one is the response's own: events carry the ids of the requests that caused them.
            start, own, end = body.rpartition("<RequestId>")
            body = f"{start}{own}{self.request_id}{end[end.find('<') :]}" if own else body
        return headers, body
