"""`Dockerrun.aws.json`, version 1: one container, to which the instance's nginx sends requests.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/single-container-docker-configuration.html
"""

import json
import shlex
from dataclasses import dataclass
from typing import Any

from beanpod_emulator.machines.application import Running, Site, ended, network_address, published_port
from beanpod_emulator.machines.docker import DockerError
from beanpod_emulator.machines.instance import PROXY, STAGING, WEB_PORT
from beanpod_emulator.machines.release import MachineError

FILE = "Dockerrun.aws.json"
# As AWS writes them for `docker run --env-file`, a line each.
VARIABLES = "/opt/elasticbeanstalk/deployment/env.list"
_READ = f"read {FILE}"
_UNDERSTOOD = {"AWSEBDockerrunVersion", "Image", "Ports", "Command", "Entrypoint", "Volumes"}


@dataclass(frozen=True)
class Definition:
    """What the file says. port: of the container, the first one. volumes: folders of the instance and where they go."""

    image: str
    port: int
    entrypoint: str = ""
    command: str = ""
    volumes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, text: str) -> "Definition":
        """Raises MachineError for what cannot be run here, too."""
        try:
            content: dict[str, Any] = json.loads(text)
            if unknown := sorted(content.keys() - _UNDERSTOOD):
                raise MachineError(_READ, f"{', '.join(unknown)}: the embedded AWS does not know that")
            port = int(content["Ports"][0]["ContainerPort"])
            volumes = tuple((it["HostDirectory"], it["ContainerDirectory"]) for it in content.get("Volumes", ()))
            started = content.get("Entrypoint", ""), content.get("Command", "")
            return cls(content["Image"]["Name"], port, *started, volumes)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise MachineError(_READ, f"Image.Name and Ports[0].ContainerPort are needed: {error!r}") from error


def run_command(site: Site, definition: Definition) -> tuple[str, ...]:
    """`docker run` on the instance for the container."""
    mounts = (item for source, target in definition.volumes for item in ("--volume", f"{source}:{target}"))
    entrypoint = ("--entrypoint", definition.entrypoint) if definition.entrypoint else ()
    return (
        "docker", "run", "--detach", "--name", _name(site), "--publish", f"80:{definition.port}",
        *mounts, "--env-file", VARIABLES, *entrypoint, definition.image, *shlex.split(definition.command),
    )  # fmt: skip


def _name(site: Site) -> str:
    """Of the container on the instance."""
    return f"current-app-{site.count}"


class Single:
    """The one container of a bundle."""

    side_by_side = True
    step = "run the Docker container"

    def __init__(self, site: Site, text: str) -> None:
        self._site = site
        # The name on the engine.
        self._name = f"{site.instance.instance_id}-{_name(site)}"
        self._definition = Definition.read(text)

    def pull(self) -> None:
        try:
            self._site.instance.run("docker", "pull", "--quiet", self._definition.image)
        except DockerError as error:
            raise MachineError("download the Docker image", str(error)) from error
        self._proxy("stage", STAGING)

    def start(self) -> Running:
        variables = self._site.setting.variables
        self._site.instance.write(VARIABLES, "".join(f"{name}={value}\n" for name, value in variables.items()))
        try:
            self._site.instance.run(*run_command(self._site, self._definition))
            grounds, name = self._site.grounds, self._name
            address = network_address(grounds, name)
            port = published_port(grounds, name, self._definition.port)
        except (DockerError, ValueError, IndexError) as error:
            how = ended(self._site.grounds, self._name)
            raise MachineError(self.step, f"the container {how}" if how else str(error)) from error
        return Running((name,), f"{address}:{self._definition.port}", port)

    def serve(self, running: Running) -> Running:
        """Through the instance's nginx, as its configuration and the bundle's say."""
        instance, grounds = self._site.instance, self._site.grounds
        instance.stop_forwarding()
        self._proxy("serve", running.address)
        address = network_address(grounds, instance.instance_id)
        port = published_port(grounds, instance.instance_id, WEB_PORT)
        return Running(running.containers, f"{address}:{WEB_PORT}", port)

    def give_back(self) -> None:
        self._proxy("restore")

    def resume(self) -> None:
        self._proxy("resume")

    def _proxy(self, *arguments: str) -> None:
        try:
            self._site.instance.run(PROXY, *arguments)
        except DockerError as error:
            raise MachineError("configure the proxy server", str(error)) from error

    def remove(self, running: Running | None) -> None:
        if running:
            self._site.instance.tries(PROXY, "drain", f"{self._site.setting.drain_seconds:.0f}")
            self._site.grounds.docker.tries("stop", "--time", "10", self._name)
        self._site.grounds.docker.tries("rm", "--force", "--volumes", self._name)
