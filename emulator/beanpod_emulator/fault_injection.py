"""Fault injection: what goes wrong in API calls, and in the next updates of an environment."""

from dataclasses import dataclass, field
from typing import Any

CALL_FAULTS = frozenset({"throttles", "expired-credentials", "drops-connections", "hangs"})
UPDATE_FAULTS = frozenset(
    {
        *("error-event", "with-errors-silently", "reverts", "instance-behind", "unhealthy"),
        *("yellow", "slow-green", "never-ready", "overtaken", "terminated"),
    }
)
# At the call of UpdateEnvironment, before the environment's status is checked.
BEFORE_UPDATE_FAULTS = frozenset({"busy-before-update"})
# Permissions that an update requires of its caller besides the usual ones.
PERMISSION_FAULTS = frozenset({"requires-permission"})
KNOWN_FAULTS = CALL_FAULTS | UPDATE_FAULTS | BEFORE_UPDATE_FAULTS | PERMISSION_FAULTS
"""The README describes each."""
_MATCHED = ("service", "action", "principal", "version_label", "environment")


class UnknownFaultError(ValueError):
    """There is no such fault."""


@dataclass
class Fault:
    """An injected fault.

    Attributes:
        times: How often it still fires; None for always.
        after: How many matching calls or updates are spared first.
        match: What must be equal: service, action, principal of a call; version_label, environment of an update.
        details: Parameters of the fault itself.
    """

    kind: str
    times: int | None = 1
    after: int = 0
    match: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def matches(self, facts: dict[str, str]) -> bool:
        """Whether a call or an update with these properties is meant."""
        return all(facts.get(name) == value for name, value in self.match.items())

    def fires(self) -> bool:
        """Count a matching call or update; return whether the fault happens to it."""
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class FaultInjector:
    """The injected faults, which fire in the order in which they were injected."""

    def __init__(self) -> None:
        self._injected: list[Fault] = []

    def inject(self, fault: str, *, times: int | None = 1, after: int = 0, **details: Any) -> None:
        """Add a fault of a kind; see Fault.

        Raises:
            UnknownFaultError: There is no such kind, or a parameter is missing.
        """
        if fault not in KNOWN_FAULTS:
            known = ", ".join(sorted(KNOWN_FAULTS))
            raise UnknownFaultError(f"no fault is called {fault}: choose one of {known}")
        if fault in PERMISSION_FAULTS and not details.get("permission"):
            raise UnknownFaultError(f"{fault} needs a permission, such as s3:PutBucketPolicy")
        match = {name: details.pop(name) for name in _MATCHED if name in details}
        self._injected.append(Fault(fault, times, after, match, details))

    def clear(self) -> None:
        """Remove all faults."""
        self._injected.clear()

    def for_call(self, service: str, action: str, principal: str) -> Fault | None:
        """Return the fault that happens to a call."""
        return self._next(CALL_FAULTS, {"service": service, "action": action, "principal": principal})

    def for_update(self, environment: str, version_label: str) -> Fault | None:
        """Return the fault that happens to a deployment of a version."""
        return self._next(UPDATE_FAULTS, {"environment": environment, "version_label": version_label})

    def before_update(self, environment: str, version_label: str) -> Fault | None:
        """Return the fault that happens just before an update is accepted."""
        return self._next(BEFORE_UPDATE_FAULTS, {"environment": environment, "version_label": version_label})

    def permissions(self, environment: str, version_label: str) -> list[str]:
        """Return the permissions, such as s3:PutBucketPolicy, that an update requires besides the usual ones."""
        facts = {"environment": environment, "version_label": version_label}
        active = [fault for fault in self._injected if fault.kind in PERMISSION_FAULTS and fault.times != 0]
        return [fault.details["permission"] for fault in active if fault.matches(facts) and fault.fires()]

    def _next(self, kinds: frozenset[str], facts: dict[str, str]) -> Fault | None:
        for fault in self._injected:
            if fault.kind in kinds and fault.times != 0 and fault.matches(facts):
                return fault if fault.fires() else None
        return None
