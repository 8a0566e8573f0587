"""Actions on platforms, option catalogues, configuration templates and the storage bucket."""

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from beanpod_emulator import clients
from beanpod_emulator.beanstalk import options, platforms, render
from beanpod_emulator.beanstalk.actions import Actions
from beanpod_emulator.beanstalk.applications import checked, without
from beanpod_emulator.beanstalk.exceptions import InvalidParameterValueError
from beanpod_emulator.beanstalk.options import Settings
from beanpod_emulator.beanstalk.platforms import PLATFORMS, Platform
from beanpod_emulator.beanstalk.state import ConfigurationTemplate

# How a filter's Type reads a platform.
_FILTERS: dict[str, Callable[[Platform], str]] = {
    "PlatformBranchName": lambda platform: platform.branch,
    "PlatformName": lambda platform: platform.branch,
    "PlatformVersion": lambda platform: platform.version,
    "OperatingSystemName": lambda platform: "Amazon Linux",
    "OperatingSystemVersion": lambda platform: platform.system.rsplit(" ", 1)[-1],
    "PlatformOwner": lambda platform: "AWSElasticBeanstalk",
    "PlatformStatus": lambda platform: "Ready",
}


class PlatformActions(Actions):
    """The actions around configurations."""

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
        template = self._template()
        kept = without(template.settings, self._get_param("OptionsToRemove", []))
        template.settings = checked(kept | options.settings(self._get_param("OptionSettings", [])))
        template.description = self._get_param("Description", template.description)
        template.updated = self.now()
        return ActionResult(render.settings(template, self._get_param("ApplicationName"), self.region))

    def delete_configuration_template(self) -> ActionResult:
        application = self.backend.applications.get(self._get_param("ApplicationName"))
        application.templates.pop(self._get_param("TemplateName"), None)
        return EmptyResult()

    def create_storage_location(self) -> ActionResult:
        bucket = f"elasticbeanstalk-{self.region}-{self.current_account}"
        place = {} if self.region == "us-east-1" else {"LocationConstraint": self.region}
        s3 = clients.client("s3", self.region)
        if bucket not in {item["Name"] for item in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": place} if place else {}))
        return ActionResult({"S3Bucket": bucket})

    def _template(self) -> ConfigurationTemplate:
        return self.backend.applications.template(self._get_param("ApplicationName"), self._get_param("TemplateName"))

    def _source(self, request: dict[str, Any]) -> tuple[Platform, Settings]:
        """The platform and settings a new template starts from."""
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
        read = _FILTERS.get(item["Type"])
        if read is None:
            raise InvalidParameterValueError(f"Filter type {item['Type']} is not known: use {', '.join(_FILTERS)}")
        value, wanted = read(platform), item["Values"]
        match item["Operator"]:
            case "=":
                return value in wanted
            case "!=":
                return value not in wanted
            case "contains":
                return any(part in value for part in wanted)
            case "begins_with":
                return any(value.startswith(part) for part in wanted)
        raise InvalidParameterValueError(f"Filter operator {item['Operator']} is not known: use =, !=, contains")
