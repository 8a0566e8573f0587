"""State of CloudFormation: stacks, change sets and exports, by account and region."""

import re
import uuid
from collections.abc import Iterator
from typing import Any, ClassVar

from moto import backends
from moto.core.base_backend import BaseBackend

from beanpod_emulator import clients
from beanpod_emulator.cloudformation import validation
from beanpod_emulator.cloudformation.deployment import StackDeployment, tear_down
from beanpod_emulator.cloudformation.exceptions import AlreadyExistsError, ValidationError
from beanpod_emulator.cloudformation.intrinsics import NO_VALUE, Evaluator
from beanpod_emulator.cloudformation.stack import ChangeSet, Output, Request, Stack, anything_changes, failure_reason
from beanpod_emulator.cloudformation.template import Template, parameter_texts, parameter_values
from beanpod_emulator.state import Emulator

_NAME = re.compile("[a-zA-Z][-a-zA-Z0-9]{0,127}")
_UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "CREATE_FAILED", "UPDATE_FAILED")


class CloudFormationBackend(BaseBackend):
    """CloudFormation in one account and region. An operation is complete when its call returns.

    Attributes:
        emulator: Of a subclass, since moto creates the backends itself: see moto_patches.
    """

    emulator: ClassVar[Emulator]

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.stacks: dict[str, Stack] = {}
        self.deleted_stacks: dict[str, Stack] = {}
        self.change_sets: dict[str, ChangeSet] = {}

    def request(self, body: str, parameters: dict[str, str], **more: Any) -> Request:
        """Parse and check a template and its parameters.

        Raises:
            ValidationError: The template or a parameter is invalid.
        """
        template = Template.from_body(body)
        validation.check(template, more.get("capabilities", []))
        texts = parameter_texts(template, parameters)
        return Request(template, texts, parameter_values(template, texts, self.region_name), **more)

    def arn(self, kind: str, name: str) -> str:
        """Return a new ARN."""
        account = f"{self.region_name}:{self.account_id}"
        return f"arn:{self.partition}:cloudformation:{account}:{kind}/{name}/{uuid.uuid4()}"

    def stack(self, name_or_id: str) -> Stack:
        """Return a stack by its name or id, and a deleted one by its id.

        Raises:
            ValidationError: It does not exist.
        """
        if found := self.find_stack(name_or_id) or self.deleted_stacks.get(name_or_id):
            return found
        raise ValidationError(f"Stack with id {name_or_id} does not exist")

    def find_stack(self, name_or_id: str) -> Stack | None:
        """Return a stack by its name or id, or None if it does not exist or is deleted."""
        return next((s for s in self.stacks.values() if name_or_id in (s.name, s.stack_id)), None)

    def new_stack(self, name: str) -> Stack:
        """Add an empty stack.

        Raises:
            ValidationError: No stack may have that name.
        """
        if not _NAME.fullmatch(name):
            pattern = "[a-zA-Z][-a-zA-Z0-9]*, of at most 128 characters"
            raise ValidationError(
                f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must "
                f"satisfy regular expression pattern: {pattern}"
            )
        stack = Stack(self.arn("stack", name), name, self.emulator.clock.now(), self.emulator)
        self.stacks[stack.stack_id] = stack
        return stack

    def create_stack(self, name: str, request: Request, *, termination_protection: bool = False) -> Stack:
        """Create a stack.

        Raises:
            AlreadyExistsError: A stack has that name already.
        """
        if self.find_stack(name):
            raise AlreadyExistsError(f"Stack [{name}] already exists")
        stack = self.new_stack(name)
        stack.termination_protection = termination_protection
        self.deploy(stack, request, "CREATE")
        return stack

    def update_stack(self, stack: Stack, request: Request) -> Stack:
        """Update a stack.

        Raises:
            ValidationError: It is in another state than a complete one, or nothing changes.
        """
        self.check_updatable(stack)
        if not anything_changes(stack, request):
            raise ValidationError("No updates are to be performed.")
        self.deploy(stack, request, "UPDATE")
        return stack

    def check_updatable(self, stack: Stack) -> None:
        """Check that a stack can be updated.

        Raises:
            ValidationError: It is in another state than a complete one.
        """
        if stack.status not in _UPDATABLE:
            raise ValidationError(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")

    def deploy(self, stack: Stack, request: Request, kind: str) -> None:
        """Deploy a request to a stack; a failure is rolled back and is in the stack's status."""
        deployment = self.deployment(stack, request)
        self._check_rules(deployment)
        for change_set in self.change_sets_of(stack):
            if change_set.execution_status == "AVAILABLE":
                change_set.execution_status = "OBSOLETE"
        stack.request_token = request.token
        stack.set_status(f"{kind}_IN_PROGRESS", "User Initiated")
        try:
            self._check_removed_exports(stack, deployment)
            outputs = deployment.run()
            self._check_exports(stack, outputs)
        except Exception as error:
            self._fail(stack, request, deployment, kind, failure_reason(error))
        else:
            previous, stack.request, stack.outputs = stack.template, request, outputs
            stack.imports, stack.last_updated_time = deployment.imports, stack.now()
            if kind == "UPDATE":
                stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
                deployment.clean_up(previous)
            stack.set_status(f"{kind}_COMPLETE")

    def delete_stack(self, stack: Stack, retained: list[str]) -> None:
        """Delete a stack and its resources.

        Raises:
            ValidationError: It has termination protection.
        """
        if stack.termination_protection:
            raise ValidationError(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        stack.set_status("DELETE_IN_PROGRESS", "User Initiated")
        for logical_id in retained:
            stack.resources.pop(logical_id, None)
        if in_use := next(self._in_use(stack, set(stack.exports)), None):
            name, user = in_use
            stack.set_status("DELETE_FAILED", f"Cannot delete export {name} as it is in use by {user}.")
        elif failed := tear_down(stack):
            text = f"The following resource(s) failed to delete: [{', '.join(failed)}]."
            stack.set_status("DELETE_FAILED", text)
        else:
            stack.deletion_time = stack.now()
            stack.set_status("DELETE_COMPLETE")
            self.deleted_stacks[stack.stack_id] = self.stacks.pop(stack.stack_id)
            self.delete_change_sets(stack)

    def change_sets_of(self, stack: Stack) -> list[ChangeSet]:
        """Return the change sets of a stack."""
        return [change_set for change_set in self.change_sets.values() if change_set.stack is stack]

    def delete_change_sets(self, stack: Stack) -> None:
        """Delete the change sets of a stack."""
        for change_set in self.change_sets_of(stack):
            del self.change_sets[change_set.change_set_id]

    def exports(self) -> dict[str, tuple[Stack, str]]:
        """Return exporting stack and value by export name."""
        return {name: (stack, value) for stack in self.stacks.values() for name, value in stack.exports.items()}

    def deployment(self, stack: Stack, request: Request) -> StackDeployment:
        """Return the deployment of a request to a stack, which has not begun."""
        imports: set[str] = set()

        def import_value(name: str) -> str:
            if name not in self.exports():
                raise ValidationError(f"No export named {name} found.")
            imports.add(name)
            return self.exports()[name][1]

        def owner(resource_type: str, name: str) -> str | None:
            others = (it for other in self.stacks.values() if other is not stack for it in other.resources.values())
            return next((it.stack_id for it in others if (it.type, it.physical_id) == (resource_type, name)), None)

        values = request.values | self._pseudo_parameters(stack, request)
        evaluator = Evaluator(request.template, values, stack.resources, import_value, self._stack_output, self._zones)
        return StackDeployment(stack, request.template, request.tags, evaluator, imports, owner)

    def _stack_output(self, argument: dict[str, Any]) -> str:
        """Return the current value of another stack's output, also of another region, or of the account of a role.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getstackoutput.html
        """
        unknown = argument.keys() - {"StackName", "OutputName", "Region", "RoleArn"}
        if unknown or not {"StackName", "OutputName"} <= argument.keys():
            raise ValidationError(
                "Template error: Fn::GetStackOutput needs StackName and OutputName, and takes Region and RoleArn, got "
                f"[{', '.join(argument)}]"
            )
        account = argument["RoleArn"].split(":")[4] if "RoleArn" in argument else self.account_id
        backend = backend_of(account, argument.get("Region", self.region_name))
        name, output_name = argument["StackName"], argument["OutputName"]
        for output in backend.stack(name).outputs:
            if output.key == output_name:
                return output.value
        raise ValidationError(f"Template error: Output {output_name} does not exist in stack {name}")

    def _pseudo_parameters(self, stack: Stack, request: Request) -> dict[str, Any]:
        return {
            "AWS::AccountId": self.account_id,
            "AWS::NoValue": NO_VALUE,
            "AWS::NotificationARNs": request.notification_arns,
            "AWS::Partition": self.partition,
            "AWS::Region": self.region_name,
            "AWS::StackId": stack.stack_id,
            "AWS::StackName": stack.name,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def _zones(self, region: str) -> list[str]:
        zones = clients.client("ec2", region).describe_availability_zones()["AvailabilityZones"]
        return sorted(zone["ZoneName"] for zone in zones)

    def _check_rules(self, deployment: StackDeployment) -> None:
        for name, rule in deployment.template.section("Rules").items():
            applies = "RuleCondition" not in rule or deployment.evaluator.holds(rule["RuleCondition"])
            for assertion in rule["Assertions"] if applies else []:
                if not deployment.evaluator.holds(assertion["Assert"]):
                    text = assertion.get("AssertDescription", "")
                    raise ValidationError(f"Template error: rule {name} is not satisfied. {text}".strip())

    def _check_exports(self, stack: Stack, outputs: list[Output]) -> None:
        new = {output.export_name: output.value for output in outputs if output.export_name}
        for name in new:
            owner = self.exports().get(name, (stack, ""))[0]
            if owner is not stack:
                raise ValidationError(f"Export with name {name} is already exported by stack {owner.name}")
        moved = {name for name, value in stack.exports.items() if new.get(name) != value}
        for name, user in self._in_use(stack, moved):
            raise ValidationError(f"Export {name} cannot be updated as it is in use by {user}")

    def _check_removed_exports(self, stack: Stack, deployment: StackDeployment) -> None:
        """Check it before any resource is changed, as AWS does."""
        removed = set(stack.exports) - deployment.export_names()
        for name, user in self._in_use(stack, removed):
            raise ValidationError(f"Export {name} cannot be deleted as it is in use by {user}")

    def _in_use(self, stack: Stack, names: set[str]) -> Iterator[tuple[str, str]]:
        """Yield each export that another stack imports, with the name of that stack."""
        for other in self.stacks.values():
            for name in sorted(names & other.imports if other is not stack else []):
                yield name, other.name

    def _fail(self, stack: Stack, request: Request, deployment: StackDeployment, kind: str, text: str) -> None:
        prefix = "ROLLBACK" if kind == "CREATE" else "UPDATE_ROLLBACK"
        if kind == "CREATE" or request.disable_rollback:
            stack.request, stack.last_updated_time = request, stack.now()
        if request.disable_rollback:
            stack.set_status(f"{kind}_FAILED", text)
            return
        stack.set_status(f"{prefix}_IN_PROGRESS", f"{text} Rollback requested by user.")
        if kind == "CREATE":
            undone = deployment.remove_created()
        elif undone := deployment.roll_back():
            stack.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
            # As on AWS, what cannot be removed is left behind: the rollback is complete all the same.
            deployment.remove_created()
            kept = stack.template.resources if stack.template else {}
            stack.resources = {name: it for name, it in stack.resources.items() if name in kept}
        stack.set_status(f"{prefix}_COMPLETE" if undone else f"{prefix}_FAILED")


def backend_of(account: str, region: str) -> CloudFormationBackend:
    """Return the backend of an account and region."""
    found: Any = backends.get_backend("cloudformation")
    return found[account][region]  # type: ignore[no-any-return]
