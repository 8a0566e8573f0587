"""CloudFormation's API: parse requests, call the backend, render responses."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlparse

from moto.core.responses import ActionResult, EmptyResult

from beanpod_emulator import clients
from beanpod_emulator.cloudformation.exceptions import (
    AlreadyExistsError,
    ChangeSetNotFoundError,
    InvalidChangeSetStatusError,
    ValidationError,
)
from beanpod_emulator.cloudformation.models import CloudFormationBackend, backend_of
from beanpod_emulator.cloudformation.stack import NO_CHANGES, ChangeSet, Request, Stack, anything_changes, changes
from beanpod_emulator.cloudformation.template import Template, given_parameters, parameter_values
from beanpod_emulator.requests.error_responses import ErrorHandlingResponse


class CloudFormationResponse(ErrorHandlingResponse):
    """One request to CloudFormation."""

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    @property
    def backend(self) -> CloudFormationBackend:
        return backend_of(self.current_account, self.region)

    def create_stack(self) -> ActionResult:
        protection = bool(self._get_param("EnableTerminationProtection"))
        name = self._get_param("StackName")
        stack = self.backend.create_stack(name, self._request(None), termination_protection=protection)
        if self._get_param("OnFailure") == "DELETE" and stack.status != "CREATE_COMPLETE":
            stack.termination_protection = False
            self.backend.delete_stack(stack, [])
        return ActionResult({"StackId": stack.stack_id})

    def update_stack(self) -> ActionResult:
        stack = self._stack()
        return ActionResult({"StackId": self.backend.update_stack(stack, self._request(stack)).stack_id})

    def delete_stack(self) -> ActionResult:
        if stack := self.backend.find_stack(self._get_param("StackName")):
            self.backend.delete_stack(stack, self._get_param("RetainResources", []))
        return EmptyResult()

    def update_termination_protection(self) -> ActionResult:
        stack = self._stack()
        stack.termination_protection = self._get_param("EnableTerminationProtection")
        return ActionResult({"StackId": stack.stack_id})

    def describe_stacks(self) -> ActionResult:
        name = self._get_param("StackName")
        stacks = [self.backend.stack(name)] if name else list(self.backend.stacks.values())
        return ActionResult({"Stacks": stacks})

    def list_stacks(self) -> ActionResult:
        wanted = self._get_param("StackStatusFilter", [])
        stacks = [*self.backend.stacks.values(), *self.backend.deleted_stacks.values()]
        shown = [stack for stack in stacks if not wanted or stack.status in wanted]
        return ActionResult({"StackSummaries": shown})

    def describe_stack_events(self) -> ActionResult:
        return ActionResult({"StackEvents": self._stack().events[::-1]})

    def describe_stack_resource(self) -> ActionResult:
        stack, logical_id = self._stack(), self._get_param("LogicalResourceId")
        if logical_id not in stack.resources:
            raise ValidationError(f"Resource {logical_id} does not exist for stack {stack.name}")
        return ActionResult({"StackResourceDetail": stack.resources[logical_id]})

    def describe_stack_resources(self) -> ActionResult:
        wanted, resources = self._get_param("LogicalResourceId"), self._stack().resources.values()
        return ActionResult({"StackResources": [it for it in resources if wanted in (None, it.logical_id)]})

    def list_stack_resources(self) -> ActionResult:
        return ActionResult({"StackResourceSummaries": list(self._stack().resources.values())})

    def get_template(self) -> ActionResult:
        # A stack of which only a change set exists has no template yet.
        template = self._stack().template
        body = {"TemplateBody": template.body} if template else {}
        return ActionResult(body | {"StagesAvailable": ["Original", "Processed"]})

    def get_template_summary(self) -> ActionResult:
        name = self._get_param("StackName")
        stack = self.backend.stack(name) if name else None
        template = stack.template if stack and stack.template else Template.from_body(self._body(None))
        return ActionResult(self._summary(template))

    def validate_template(self) -> ActionResult:
        summary = self._summary(Template.from_body(self._body(None)))
        return ActionResult({key: summary[key] for key in ("Description", "Parameters")})

    def list_exports(self) -> ActionResult:
        exports = [
            {"ExportingStackId": stack.stack_id, "Name": name, "Value": value}
            for name, (stack, value) in self.backend.exports().items()
        ]
        return ActionResult({"Exports": exports})

    def list_imports(self) -> ActionResult:
        name = self._get_param("ExportName")
        importing = [stack.name for stack in self.backend.stacks.values() if name in stack.imports]
        if not importing:
            raise ValidationError(f"Export '{name}' is not imported by any stack.")
        return ActionResult({"Imports": importing})

    def create_change_set(self) -> ActionResult:
        change_set_type = self._get_param("ChangeSetType", "UPDATE")
        stack = self._change_set_stack(change_set_type)
        request = self._request(stack if change_set_type == "UPDATE" else None)
        if self._find_change_set():
            raise AlreadyExistsError(f"ChangeSet {self._get_param('ChangeSetName')} already exists")
        stack = stack or self.backend.new_stack(self._get_param("StackName"))
        if change_set_type == "CREATE" and not stack.events:
            stack.set_status("REVIEW_IN_PROGRESS", "User Initiated")
        change_set = self._new_change_set(stack, change_set_type, request)
        self.backend.change_sets[change_set.change_set_id] = change_set
        return ActionResult({"Id": change_set.change_set_id, "StackId": stack.stack_id})

    def describe_change_set(self) -> ActionResult:
        return ActionResult(self._change_set())

    def list_change_sets(self) -> ActionResult:
        return ActionResult({"Summaries": self.backend.change_sets_of(self._stack())})

    def delete_change_set(self) -> ActionResult:
        if change_set := self._find_change_set():
            del self.backend.change_sets[change_set.change_set_id]
        return EmptyResult()

    def execute_change_set(self) -> ActionResult:
        change_set = self._change_set()
        if change_set.execution_status != "AVAILABLE":
            raise InvalidChangeSetStatusError(
                f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current execution status of "
                f"[{change_set.execution_status}]"
            )
        self._execute(change_set)
        return EmptyResult()

    def _execute(self, change_set: ChangeSet) -> None:
        template, texts = change_set.request.template, change_set.request.parameters
        request = replace(
            change_set.request,
            # Those from Parameter Store may have changed.
            values=parameter_values(template, texts, self.region),
            token=self._get_param("ClientRequestToken"),
            disable_rollback=bool(self._get_param("DisableRollback")),
        )
        change_set.execution_status = "EXECUTE_COMPLETE"
        self.backend.deploy(change_set.stack, request, change_set.type)
        # An executed change set takes the stack's other ones with it.
        self.backend.delete_change_sets(change_set.stack)

    def _new_change_set(self, stack: Stack, change_set_type: str, request: Request) -> ChangeSet:
        name = self._get_param("ChangeSetName")
        change_set = ChangeSet(
            change_set_id=self.backend.arn("changeSet", name),
            name=name,
            type=change_set_type,
            stack=stack,
            request=request,
            creation_time=self.backend.emulator.clock.now(),
            changes=changes(stack, request, self.backend.deployment(stack, request).wanted),
            description=self._get_param("Description"),
        )
        if not anything_changes(stack, request):
            change_set.status, change_set.execution_status = "FAILED", "UNAVAILABLE"
            change_set.status_reason = NO_CHANGES
        return change_set

    def _change_set_stack(self, change_set_type: str) -> Stack | None:
        name = self._get_param("StackName")
        stack = self.backend.find_stack(name)
        if change_set_type not in ("CREATE", "UPDATE"):
            raise ValidationError(f"ChangeSetType must be CREATE or UPDATE in the emulated AWS, got {change_set_type}")
        if change_set_type == "UPDATE":
            stack = self.backend.stack(name)
            self.backend.check_updatable(stack)
        elif stack and stack.status != "REVIEW_IN_PROGRESS":
            raise ValidationError(f"Stack [{name}] already exists and cannot be created again with the changeSet")
        return stack

    def _find_change_set(self) -> ChangeSet | None:
        wanted, stack_name = self._get_param("ChangeSetName"), self._get_param("StackName")
        for item in self.backend.change_sets.values():
            if wanted == item.change_set_id:
                return item
            if wanted == item.name and stack_name in (item.stack.name, item.stack.stack_id):
                return item
        return None

    def _change_set(self) -> ChangeSet:
        change_set = self._find_change_set()
        if change_set is None:
            raise ChangeSetNotFoundError(f"ChangeSet [{self._get_param('ChangeSetName')}] does not exist")
        return change_set

    def _stack(self) -> Stack:
        return self.backend.stack(self._get_param("StackName"))

    def _request(self, stack: Stack | None) -> Request:
        """Parse the template and its parameters; previous values are those of `stack`."""
        tags = self._get_param("Tags")
        return self.backend.request(
            self._body(stack),
            given_parameters(self._get_param("Parameters", []), stack.parameters if stack else {}),
            tags={tag["Key"]: tag["Value"] for tag in tags} if tags else dict(stack.tags) if stack else {},
            capabilities=self._get_param("Capabilities", []),
            notification_arns=self._get_param("NotificationARNs", []),
            role_arn=self._get_param("RoleARN"),
            token=self._get_param("ClientRequestToken"),
            disable_rollback=self._get_param("DisableRollback", False) or self._get_param("OnFailure") == "DO_NOTHING",
        )

    def _body(self, stack: Stack | None) -> str:
        if stack and stack.template and self._get_param("UsePreviousTemplate"):
            return stack.template.body
        body, url = self._get_param("TemplateBody"), self._get_param("TemplateURL")
        if bool(body) == bool(url):
            raise ValidationError("Either Template URL or Template Body must be specified.")
        return str(body) if body else self._fetched(url)

    def _fetched(self, url: str) -> str:
        """Read the template at an S3 URL, path-style or virtual-hosted-style."""
        parts = urlparse(url)
        host, path = parts.hostname or "", parts.path.lstrip("/")
        if host in ("localhost", "127.0.0.1", "::1") or host.startswith("s3."):
            bucket, key = path.split("/", 1)
        else:
            bucket, key = host.split(".")[0], path
        content: bytes = clients.client("s3", self.region).get_object(Bucket=bucket, Key=key)["Body"].read()
        return content.decode()

    def _summary(self, template: Template) -> dict[str, Any]:
        declared = [
            {
                "ParameterKey": name,
                "DefaultValue": body.get("Default"),
                "ParameterType": body["Type"],
                "NoEcho": bool(body.get("NoEcho", False)),
                "Description": body.get("Description"),
            }
            for name, body in template.section("Parameters").items()
        ]
        return {
            "Parameters": declared,
            "Description": template.description,
            "ResourceTypes": sorted({body["Type"] for body in template.resources.values()}),
            "Metadata": None,
            "Version": template.document.get("AWSTemplateFormatVersion"),
        }
