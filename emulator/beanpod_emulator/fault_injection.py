"""Fault injection: what goes wrong in API calls, and in the next updates of an environment."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

KNOWN_FAULTS = {
    **dict.fromkeys(("throttles", "expired-credentials", "drops-connections", "hangs"), "call"),
    **dict.fromkeys(("error-event", "with-errors-silently", "reverts", "instance-behind", "unhealthy"), "deployment"),
    **dict.fromkeys(("yellow", "slow-green", "never-ready", "overtaken", "terminated"), "deployment"),
    # At the call of UpdateEnvironment, before the environment's status is checked.
    "busy-before-update": "update",
    # Permissions that an update requires of its caller besides the usual ones.
    "requires-permission": "permission",
}
"""When each happens. The README describes them."""
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
        if KNOWN_FAULTS[fault] == "permission" and not details.get("permission"):
            raise UnknownFaultError(f"{fault} needs a permission, such as s3:PutBucketPolicy")
        match = {name: details.pop(name) for name in _MATCHED if name in details}
        self._injected.append(Fault(fault, times, after, match, details))

    def clear(self) -> None:
        """Remove all faults."""
        self._injected.clear()

    def next(self, when: str, **facts: str) -> Fault | None:
        """Return the fault that happens to a call or an update with these properties; see Fault.match."""
        found = next(self._active(when, facts), None)
        return found if found and found.fires() else None

    def permissions(self, **facts: str) -> list[str]:
        """Return the permissions, such as s3:PutBucketPolicy, that an update requires besides the usual ones."""
        return [fault.details["permission"] for fault in self._active("permission", facts) if fault.fires()]

    def _active(self, when: str, facts: dict[str, str]) -> Iterator[Fault]:
        for fault in self._injected:
            if KNOWN_FAULTS[fault.kind] == when and fault.times != 0 and fault.matches(facts):
                yield fault
