"""What can be set of this AWS while it runs."""

from dataclasses import dataclass, fields


class _Settable:
    """Numbers with names."""

    def set(self, **values: float) -> None:
        """Change some; ValueError for one that does not exist or is negative."""
        known = [item.name for item in fields(self)]  # type: ignore[arg-type]
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"there is no {name} to set: choose one of {', '.join(known)}")
            if value < 0:
                raise ValueError(f"{name} must be 0 or more, got {value}")
            setattr(self, name, value)


@dataclass
class Pace(_Settable):
    """How many seconds of AWS time an environment's changes take, until it is Ready or Terminated.

    The defaults are what small environments take: an update of 183 s is the one that deploying tools were compared at.
    Real seconds, with machines: health, how long a new version may take to pass its check; evaluation, what a minute
    takes in which traffic is split; watch, how long Beanpod's postdeploy hook watches containers, 0 for as long as the
    bundle says.
    """

    launch: float = 240
    update: float = 183
    terminate: float = 90
    health: float = 60
    evaluation: float = 1
    watch: float = 0


@dataclass
class Limits(_Settable):
    """AWS's quotas. application_versions: of all applications in a region.

    https://docs.aws.amazon.com/general/latest/gr/elasticbeanstalk.html
    """

    application_versions: float = 1000


PACE = Pace()
LIMITS = Limits()
"""Those of this process: moto makes the services' state itself, so none can be handed one."""
