"""What AWS answers, as far as a deployment asks."""

from dataclasses import dataclass
from datetime import datetime

from beanpod.deploy.report import EnvironmentEvent

# Basic health reporting has colours only; enhanced reporting has these words besides.
_BY_COLOR = {"Green": "Ok", "Yellow": "Warning", "Red": "Severe", "Grey": "NoData"}


@dataclass(frozen=True)
class Environment:
    """An environment at one moment.

    status: Ready, Updating, Launching, Aborting, Terminating... health: Ok, Info, Warning, Degraded, Severe, NoData...
    version_label: "" when it runs none. abortable: whether an update is under way that can be aborted.
    updated: when it last changed, by AWS's clock.
    """

    name: str
    status: str
    health: str
    version_label: str
    abortable: bool
    updated: datetime

    @property
    def ready(self) -> bool:
        """Whether it takes an update."""
        return self.status == "Ready"

    @property
    def gone(self) -> bool:
        """Whether it is ending, or has ended."""
        return self.status in ("Terminating", "Terminated")


@dataclass(frozen=True)
class Instance:
    """An instance's health. deployment: Deployed, In Progress or Failed, of `version_label`. causes: of its health."""

    instance_id: str
    health: str
    version_label: str
    deployment: str
    causes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Instances:
    """All instances of an environment. refreshed: when Beanstalk last asked them."""

    all: tuple[Instance, ...]
    refreshed: datetime

    def on(self, label: str) -> int:
        """How many run a version, completely deployed."""
        return sum((item.version_label, item.deployment) == (label, "Deployed") for item in self.all)


@dataclass(frozen=True)
class Event(EnvironmentEvent):
    """An event with the id of the request that caused it; "" for those of the health monitor."""

    request_id: str = ""


@dataclass(frozen=True)
class Version:
    """An application version. bucket, key: where its bundle is, "" when it has none."""

    label: str
    description: str
    created: datetime
    bucket: str
    key: str


@dataclass(frozen=True)
class Stored:
    """An object in S3. sha256: in base64, "" when S3 does not say."""

    body: bytes
    etag: str
    sha256: str = ""


def health_of(status: str | None, color: str | None) -> str:
    """The health in words, from what DescribeEnvironments has."""
    return status or _BY_COLOR.get(color or "", "NoData")
