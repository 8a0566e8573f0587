"""What is ordered to go wrong: in calls, and in the next updates of an environment."""

from dataclasses import dataclass, field
from typing import Any

from beanpod_emulator.calls import Call

CALL_FAULTS = frozenset({"throttles", "expired-credentials", "drops-connections", "hangs"})
UPDATE_FAULTS = frozenset(
    {
        *("error-event", "with-errors-silently", "reverts", "instance-behind", "unhealthy"),
        *("yellow", "slow-green", "never-ready", "overtaken", "terminated"),
    }
)
# What happens when an update is asked for, before it is looked at.
FORESTALLING_FAULTS = frozenset({"busy-before-update"})
# Permissions that an update requires of its caller besides the usual ones.
PERMISSION_FAULTS = frozenset({"requires-permission"})
KNOWN_FAULTS = CALL_FAULTS | UPDATE_FAULTS | FORESTALLING_FAULTS | PERMISSION_FAULTS
"""emulator/README.md says what each does."""


class UnknownFaultError(ValueError):
    """There is no such fault."""


@dataclass
class Fault:
    """Something ordered to go wrong.

    times: how often it still happens, None for always. after: how many matching calls or updates are left alone
    before. match: what has to be the same: service, action, principal of a call; version_label, environment of an
    update. details: what the fault itself asks for.
    """

    kind: str
    times: int | None = 1
    after: int = 0
    match: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def concerns(self, facts: dict[str, str]) -> bool:
        return all(facts.get(name) == value for name, value in self.match.items())

    def strikes(self) -> bool:
        """Count one matching occasion; whether the fault happens at it."""
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


_MATCHED = ("service", "action", "principal", "version_label", "environment")


class Faults:
    """The faults on order, first ordered, first served."""

    def __init__(self) -> None:
        self._ordered: list[Fault] = []

    def order(self, kind: str, *, times: int | None = 1, after: int = 0, **details: Any) -> None:
        """Have something go wrong; UnknownFaultError for a kind that does not exist. See Fault."""
        if kind not in KNOWN_FAULTS:
            known = ", ".join(sorted(KNOWN_FAULTS))
            raise UnknownFaultError(f"no fault is called {kind}: choose one of {known}")
        if kind in PERMISSION_FAULTS and not details.get("permission"):
            raise UnknownFaultError(f"{kind} needs a permission, such as s3:PutBucketPolicy")
        match = {name: details.pop(name) for name in _MATCHED if name in details}
        self._ordered.append(Fault(kind, times, after, match, details))

    def cancel(self) -> None:
        """Take back everything that is on order."""
        self._ordered.clear()

    def for_call(self, call: Call) -> Fault | None:
        """The fault that happens to a call."""
        facts = {"service": call.service, "action": call.action, "principal": call.principal}
        return self._take(CALL_FAULTS, facts)

    def for_update(self, environment: str, version_label: str) -> Fault | None:
        """The fault that happens to a deployment of a version."""
        return self._take(UPDATE_FAULTS, {"environment": environment, "version_label": version_label})

    def forestalling(self, environment: str, version_label: str) -> Fault | None:
        """The fault that happens when an update is asked for, before it is looked at."""
        facts = {"environment": environment, "version_label": version_label}
        return self._take(FORESTALLING_FAULTS, facts)

    def permissions(self, environment: str, version_label: str) -> list[str]:
        """Return the permissions, such as s3:PutBucketPolicy, that an update requires besides the usual ones."""
        facts = {"environment": environment, "version_label": version_label}
        ordered = [fault for fault in self._ordered if fault.kind in PERMISSION_FAULTS and fault.times != 0]
        return [fault.details["permission"] for fault in ordered if fault.concerns(facts) and fault.strikes()]

    def _take(self, kinds: frozenset[str], facts: dict[str, str]) -> Fault | None:
        for fault in self._ordered:
            if fault.kind in kinds and fault.times != 0 and fault.concerns(facts):
                return fault if fault.strikes() else None
        return None


FAULTS = Faults()
"""The faults of this process: whoever serves a request, or updates an environment, asks it."""
