"""What a machine runs of a bundle: containers that answer somewhere."""

from dataclasses import dataclass
from typing import Protocol

from beanpod_emulator.machines.docker import DockerError
from beanpod_emulator.machines.grounds import Grounds
from beanpod_emulator.machines.instance import Instance
from beanpod_emulator.machines.release import Setting


@dataclass(frozen=True)
class Running:
    """Containers that were started. address: on the machines' network. port: the same on 127.0.0.1."""

    containers: tuple[str, ...]
    address: str
    port: int


@dataclass(frozen=True)
class Site:
    """Where a bundle is brought to run. count: of the deployments on this instance."""

    grounds: Grounds
    instance: Instance
    count: int
    setting: Setting


class Application(Protocol):
    """A bundle on a machine. step: what its events call the running of it."""

    step: str

    def pull(self) -> None:
        """Fetch the images with the machine's login. Raises MachineError."""

    def start(self) -> Running:
        """Start the containers. Raises MachineError; remove() is called then."""

    def serve(self, running: Running) -> Running:
        """Have port 80 of the instance lead to it, from now on; where it is reached then. Raises MachineError."""

    def give_back(self) -> None:
        """Have port 80 lead to where it did before serve()."""

    def resume(self) -> None:
        """Have port 80 lead to it again, where another application has taken it meanwhile."""

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


def ended(grounds: Grounds, container: str) -> str:
    """How a container ended, if that is why it has no address; "" where it has not."""
    form = "{{.State.Status}} {{.State.ExitCode}}"
    try:
        status, code = grounds.docker.run("inspect", "--format", form, container).split()
    except DockerError:
        return ""
    again = ", again and again" if status == "restarting" else ""
    return f"has ended with exit code {code}{again}" if status in ("exited", "dead", "restarting") else ""
