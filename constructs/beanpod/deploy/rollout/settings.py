"""How patient a rollout is, and what it accepts."""

from dataclasses import dataclass

HEALTHS = ("Ok", "Info", "Warning", "Degraded", "Severe", "Pending", "NoData", "Unknown", "Suspended")


@dataclass(frozen=True)
class Settings:
    """Seconds, and what passes.

    ready_timeout: until a busy environment, or one whose deployment lock is held by an older release, is free.
    wait_timeout: until an update is done; after that it is aborted. recovery: until health is back once the version
    is everywhere. accepted_health: what passes besides Ok and Info. roll_back: whether a failed release is.
    """

    ready_timeout: float = 900
    wait_timeout: float = 1800
    recovery: float = 120
    accepted_health: tuple[str, ...] = ()
    roll_back: bool = True

    def accepts(self, health: str) -> bool:
        """Whether a release may end with this health."""
        return health in ("Ok", "Info", *self.accepted_health)
