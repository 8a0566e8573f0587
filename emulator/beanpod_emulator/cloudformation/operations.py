"""Single steps on a stack's resources: each asks the type's handler and writes the events."""

import logging
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.exceptions import ServiceException

from beanpod_emulator.cloudformation import dynamic
from beanpod_emulator.cloudformation.exceptions import ResourceFailedError
from beanpod_emulator.cloudformation.handlers import HANDLERS, Context, State
from beanpod_emulator.cloudformation.stack import DeployedResource, Stack

_log = logging.getLogger(__name__)
_RETAINED = ("Retain", "RetainExceptOnCreate")
_REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


def reason(error: Exception) -> str:
    """What a failed resource's event says."""
    if isinstance(error, ClientError):
        detail = error.response["Error"]
        return f"Resource handler returned message: {detail['Message']} ({detail['Code']})"
    if isinstance(error, ServiceException):
        return error.message
    if isinstance(error, BotoCoreError | ResourceFailedError):
        return str(error)
    # A handler's own mistake must end in the stack's status: a client would wait for ever for a stack in progress.
    _log.error("a resource handler failed", exc_info=error)
    return f"The embedded AWS failed: {type(error).__name__}: {error}"


@dataclass(frozen=True)
class Operations:
    """Create, update and remove resources of one stack. account and region: where."""

    stack: Stack
    account: str
    region: str

    def create(self, logical_id: str, body: dict[str, Any], properties: dict[str, Any]) -> None:
        """Make a resource and record it."""
        self.stack.log(logical_id, "", body["Type"], "CREATE_IN_PROGRESS")
        self._record(logical_id, body, properties, self._made(logical_id, body, properties), "CREATE_COMPLETE")

    def replace(self, current: DeployedResource, body: dict[str, Any], properties: dict[str, Any]) -> None:
        """Make the successor of a resource and record it in its place."""
        self.stack.log(current.logical_id, current.physical_id, current.type, "UPDATE_IN_PROGRESS", _REPLACING)
        state = self._made(current.logical_id, body, properties)
        self._record(current.logical_id, body, properties, state, "UPDATE_COMPLETE")

    def update(self, current: DeployedResource, body: dict[str, Any], properties: dict[str, Any]) -> None:
        """Change a resource in place and record it."""
        self.stack.log(current.logical_id, current.physical_id, current.type, "UPDATE_IN_PROGRESS")
        state = self._changed(current, current.properties, properties)
        self._record(current.logical_id, body, properties, state, "UPDATE_COMPLETE")

    def restore(self, old: DeployedResource, attempted: dict[str, Any]) -> bool:
        """Take an update back; False when that failed."""
        self.stack.resources[old.logical_id] = old
        try:
            self._changed(old, attempted, old.properties)
        except Exception as error:
            self._log(old, "UPDATE_FAILED", reason(error))
            return False
        self._log(old, "UPDATE_COMPLETE")
        return True

    def remove(self, resource: DeployedResource, policy: str | None = None) -> bool:
        """Remove a resource as `policy` says; False when that failed. Default: its DeletionPolicy."""
        default = HANDLERS[resource.type].default_deletion_policy
        policy = policy or resource.body.get("DeletionPolicy", default)
        if policy in _RETAINED:
            self._log(resource, "DELETE_SKIPPED")
            return True
        self._log(resource, "DELETE_IN_PROGRESS")
        try:
            self._removed(resource, with_snapshot=policy == "Snapshot")
        except Exception as error:
            self._log(resource, "DELETE_FAILED", reason(error))
            return False
        self._log(resource, "DELETE_COMPLETE")
        return True

    def _made(self, logical_id: str, body: dict[str, Any], properties: dict[str, Any]) -> State:
        resolved = dynamic.resolve(properties, self.region)
        return HANDLERS[body["Type"]].create(self._context(logical_id), resolved)

    def _changed(self, resource: DeployedResource, old: dict[str, Any], new: dict[str, Any]) -> State:
        before, after = (dynamic.resolve(properties, self.region) for properties in (old, new))
        return HANDLERS[resource.type].update(self._context(resource.logical_id), resource.state, before, after)

    def _removed(self, resource: DeployedResource, *, with_snapshot: bool) -> None:
        handler, context = HANDLERS[resource.type], self._context(resource.logical_id)
        if with_snapshot:
            handler.snapshot(context, resource.state)
        handler.delete(context, resource.state, resource.properties)

    def _log(self, resource: DeployedResource, status: str, text: str | None = None) -> None:
        self.stack.log(resource.logical_id, resource.physical_id, resource.type, status, text)

    def _record(
        self, logical_id: str, body: dict[str, Any], properties: dict[str, Any], state: State, status: str
    ) -> None:
        self.stack.resources[logical_id] = DeployedResource(
            logical_id=logical_id,
            type=body["Type"],
            state=state,
            properties=properties,
            body=body,
            status=status,
            timestamp=self.stack.now(),
        )
        self.stack.log(logical_id, state.physical_id, body["Type"], status)

    def _context(self, logical_id: str) -> Context:
        return Context(
            account=self.account,
            region=self.region,
            stack_name=self.stack.name,
            stack_id=self.stack.stack_id,
            logical_id=logical_id,
        )
