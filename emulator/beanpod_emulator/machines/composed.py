"""`docker-compose.yml`: the service that publishes port 80 gets the requests, without a proxy of the instance's.

Compose runs on the instance, so that its paths are the instance's and its containers what the instance's Docker socket
allows. https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/create_deploy_docker.container.console.html
"""

import json
from collections.abc import Mapping
from typing import Any

from beanpod_emulator.machines.application import Running, Site, ended, network_address, published_port
from beanpod_emulator.machines.docker import DockerError
from beanpod_emulator.machines.instance import CURRENT, PROXY, STAGING
from beanpod_emulator.machines.release import MachineError

FILE = "docker-compose.yml"
_WEB_PORT = "80"


def web_service(config: Mapping[str, Any]) -> tuple[str, int]:
    """The service that publishes port 80, or is on the instance's own network, and its port in the container.

    Raises MachineError when there is none.
    """
    for name, service in config["services"].items():
        for port in service.get("ports", ()):
            if str(port.get("published", "")) == _WEB_PORT:
                return name, int(port["target"])
    for name, service in config["services"].items():
        if service.get("network_mode") == "host":
            return name, int(_WEB_PORT)
    raise MachineError("start the services", f"{FILE}: no service publishes port {_WEB_PORT}")


def escaped(variables: Mapping[str, str]) -> str:
    """`.env` as Beanstalk writes it: compose reads two dollars as one."""
    return "".join(f"{name}={value.replace('$', '$$')}\n" for name, value in variables.items())


class Composed:
    """The project of a bundle. It keeps its name from version to version, and with it its volumes."""

    side_by_side = False
    step = "run the Docker Compose services"

    def __init__(self, site: Site) -> None:
        self._site = site

    def pull(self) -> None:
        instance = self._site.instance
        if instance.read(f"{STAGING}/.env") is None:
            instance.write(f"{STAGING}/.env", escaped(self._site.setting.variables))
        web_service(self._config(STAGING))
        # What is here already is not asked for again: base images need not come from a registry.
        self._compose("download the Docker image", STAGING, "pull", "--quiet", "--policy", "missing")

    def start(self) -> Running:
        config = self._config(CURRENT)
        web, port = web_service(config)
        if any(service.get("network_mode") == "host" for service in config["services"].values()):
            # It may want port 80 itself.
            self._stop_serving()
        self._compose(self.step, CURRENT, "up", "--detach", "--no-build", "--remove-orphans")
        containers = self._compose(self.step, CURRENT, "ps", "--all", "--quiet").split()
        return self._running(web, port, containers)

    def serve(self, running: Running) -> Running:
        """Without nginx, which is off: hooks reach on localhost what the services publish."""
        self._stop_serving()
        grounds, instance = self._site.grounds, self._site.instance
        for name, service in self._config(CURRENT)["services"].items():
            for entry in service.get("ports", ()):
                if str(entry.get("published", "")).isdecimal() and entry.get("protocol", "tcp") == "tcp":
                    (container, *_) = self._compose(self.step, CURRENT, "ps", "--quiet", name).split() or [""]
                    if container:
                        address = f"{network_address(grounds, container)}:{entry['target']}"
                        instance.forward(int(entry["published"]), address)
        return running

    def give_back(self) -> None:
        self._site.instance.stop_forwarding()

    def resume(self) -> None:
        """Nothing: it is started anew where it takes turns with another."""

    def _stop_serving(self) -> None:
        self._site.instance.stop_forwarding()
        self._site.instance.tries(PROXY, "stop")

    def _running(self, web: str, port: int, containers: list[str]) -> Running:
        grounds, first = self._site.grounds, ""
        try:
            (first, *_) = self._compose(self.step, CURRENT, "ps", "--all", "--quiet", web).split()
            mode = grounds.docker.run("inspect", "--format", "{{.HostConfig.NetworkMode}}", first)
            # On the network of the instance, its container answers for it.
            answers = self._site.instance.instance_id if mode.startswith("container:") else first
            address = network_address(grounds, answers)
            return Running(tuple(containers), f"{address}:{port}", published_port(grounds, answers, port))
        except (DockerError, ValueError, IndexError) as error:
            how = ended(grounds, first)
            raise MachineError(self.step, f"the container of service {web} {how}" if how else str(error)) from error

    def remove(self, running: Running | None) -> None:
        mine = ("--filter", f"label=beanpod.instance={self._site.instance.instance_id}")
        project = (*mine, "--filter", "label=com.docker.compose.project")
        docker = self._site.grounds.docker
        if containers := docker.run("ps", "--all", "--quiet", *project).split():
            docker.tries("rm", "--force", "--volumes", *containers)
        if networks := docker.run("network", "ls", "--quiet", *project).split():
            docker.tries("network", "rm", *networks)

    def _config(self, folder: str) -> dict[str, Any]:
        step = f"read {FILE}"
        config: dict[str, Any] = json.loads(self._compose(step, folder, "config", "--format", "json"))
        return config

    def _compose(self, step: str, folder: str, *arguments: str) -> str:
        try:
            return self._site.instance.run(
                "docker", "compose", "--progress", "quiet", "--file", FILE, *arguments, folder=folder
            )
        except DockerError as error:
            raise MachineError(step, str(error)) from error
