"""Elastic Beanstalk's API: reads requests, asks the backend, writes answers."""

import uuid
from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from beanpod_emulator.beanstalk import render
from beanpod_emulator.beanstalk.environment_responses import EnvironmentActions
from beanpod_emulator.beanstalk.platform_responses import PlatformActions
from beanpod_emulator.beanstalk.versions import NewVersion
from beanpod_emulator.iam.needs import Need
from beanpod_emulator.settings import LIMITS


class ElasticBeanstalkResponse(EnvironmentActions, PlatformActions):
    """One request: actions on applications, versions, templates and tags; see the bases for the rest."""

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
        application.updated = self.now()
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
        new = NewVersion(
            label=self._get_param("VersionLabel"),
            description=self._get_param("Description", ""),
            bundle=self._get_param("SourceBundle"),
            process=bool(self._get_param("Process", False)),
            tags=self.tags(),
            may=lambda action, resource: self.denial(Need(action, resource)) is None,
        )
        version = self.backend.create_version(application, new)
        return ActionResult({"ApplicationVersion": render.version(name, version)})

    def describe_application_versions(self) -> ActionResult:
        name, labels = self._get_param("ApplicationName"), self._get_param("VersionLabels", [])
        shown = [
            render.version(application.name, version)
            for application in self.backend.applications.all.values()
            for version in reversed(application.versions.values())
            if name in (None, application.name) and (not labels or version.label in labels)
        ]
        page, token = self.page(shown, 1000)
        return ActionResult({"ApplicationVersions": page, "NextToken": token})

    def update_application_version(self) -> ActionResult:
        name = self._get_param("ApplicationName")
        version = self.backend.applications.version(name, self._get_param("VersionLabel"))
        version.description = self._get_param("Description", version.description)
        version.updated = self.now()
        return ActionResult({"ApplicationVersion": render.version(name, version)})

    def delete_application_version(self) -> ActionResult:
        application = self.backend.applications.get(self._get_param("ApplicationName"))
        label = self._get_param("VersionLabel")
        with_bundle = bool(self._get_param("DeleteSourceBundle", False))
        self.backend.delete_version(application, label, with_bundle=with_bundle)
        return EmptyResult()

    def describe_account_attributes(self) -> ActionResult:
        quotas = {"ApplicationVersionQuota": {"Maximum": int(LIMITS.application_versions)}}
        return ActionResult({"ResourceQuotas": quotas})

    def list_tags_for_resource(self) -> ActionResult:
        arn = self._get_param("ResourceArn")
        return ActionResult({"ResourceArn": arn, "ResourceTags": render.tags(self.backend.tags(arn))})

    def update_tags_for_resource(self) -> ActionResult:
        added = {tag["Key"]: tag["Value"] for tag in self._get_param("TagsToAdd", [])}
        self.backend.update_tags(self._get_param("ResourceArn"), added, self._get_param("TagsToRemove", []))
        return EmptyResult()

    def call_action(self) -> Any:
        # One id for the answer and for the events it will cause: that is how clients find theirs.
        self.request_id = str(uuid.uuid4())
        self.run_due()
        return super().call_action()

    def _enrich_response(self, headers: dict[str, Any], body: Any) -> tuple[dict[str, Any], Any]:  # type: ignore[override]
        headers["x-amzn-RequestId"] = self.request_id
        if "status" in headers:
            headers["status"] = str(headers["status"])
        if isinstance(body, str):
            # Only the last one is the answer's own: events carry the ids of the requests that caused them.
            start, own, end = body.rpartition("<RequestId>")
            body = f"{start}{own}{self.request_id}{end[end.find('<') :]}" if own else body
        return headers, body
