"""What everything on the machines' side stands on."""

from dataclasses import dataclass, field

from beanpod_emulator.machines.certificates import Authority
from beanpod_emulator.machines.docker import Docker
from beanpod_emulator.machines.leftovers import Run


@dataclass(frozen=True)
class Grounds:
    """The engine, this run of it, its network, and the authority that its databases' certificates come from.

    pulled: ids of the images that instances have brought to the engine.
    """

    docker: Docker
    run: Run
    authority: Authority
    pulled: set[str] = field(default_factory=set)

    @property
    def network(self) -> str:
        """The name of the network, which stands for the VPC."""
        return self.run.name
