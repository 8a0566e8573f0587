"""What a machine runs of a bundle: containers that answer somewhere."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emulator.machines.grounds import Grounds
from emulator.machines.release import Setting
from emulator.machines.workplace import Workplace

# Where containers find the authority of this run; RDS's own is in the drivers' lists already.
AUTHORITY = "/etc/ssl/beanpod-embedded-rds.pem"
TRUSTED = {"NODE_EXTRA_CA_CERTS": AUTHORITY}


@dataclass(frozen=True)
class Running:
    """Containers that were started. address: on the machines' network. port: the same on 127.0.0.1."""

    containers: tuple[str, ...]
    address: str
    port: int


@dataclass(frozen=True)
class Site:
    """Where a bundle is brought to run. folder: it is unpacked there. name: of this deployment, for its containers."""

    grounds: Grounds
    place: Workplace
    folder: Path
    instance_id: str
    name: str
    setting: Setting


class Application(Protocol):
    """A bundle on a machine. step: what its events call the running of it."""

    step: str

    def pull(self) -> None:
        """Fetch the images with the machine's login. Raises MachineError."""

    def start(self) -> Running:
        """Start the containers. Raises MachineError; remove() is called then."""

    def remove(self, running: Running | None) -> None:
        """End it. running: None when it never served, and need not be asked to end."""

    @property
    def side_by_side(self) -> bool:
        """Whether it can run beside the version it replaces."""


def network_address(grounds: Grounds, container: str) -> str:
    """A container's address on the machines' network."""
    form = f'{{{{(index .NetworkSettings.Networks "{grounds.network}").IPAddress}}}}'
    return grounds.docker.run("inspect", "--format", form, container)


def published_port(grounds: Grounds, container: str, port: int) -> int:
    """The port of 127.0.0.1 that leads to a container's."""
    return int(grounds.docker.run("port", container, f"{port}/tcp").splitlines()[0].rpartition(":")[2])
