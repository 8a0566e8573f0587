"""How long things take, in seconds of AWS time."""

from dataclasses import dataclass, fields


@dataclass
class Pace:
    """launch: from CreateEnvironment to Ready. update: from UpdateEnvironment to Ready. terminate: until Terminated.

    The defaults are what small environments take: an update of 183 s is the one that deploying tools were compared at.
    """

    launch: float = 240
    update: float = 183
    terminate: float = 90

    def set(self, **seconds: float) -> None:
        """Change some; ValueError for one that does not exist or is negative."""
        known = [item.name for item in fields(self)]
        for name, value in seconds.items():
            if name not in known:
                raise ValueError(f"nothing takes {name} seconds: choose one of {', '.join(known)}")
            if value < 0:
                raise ValueError(f"{name} must be 0 or more seconds, got {value}")
            setattr(self, name, value)


PACE = Pace()
"""The pace of this process's AWS."""
