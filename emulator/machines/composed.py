"""`docker-compose.yml`: the service that publishes port 80 gets the requests, without a proxy of the instance's.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/create_deploy_docker.container.console.html
"""

import json
from collections.abc import Mapping
from typing import Any

from emulator.machines.application import AUTHORITY, TRUSTED, Running, Site, network_address, published_port
from emulator.machines.docker import DockerError
from emulator.machines.release import MachineError
from emulator.machines.workplace import write_secret

FILE = "docker-compose.yml"
_OVERRIDE = ".beanpod-machine.yml"
_WEB_PORT = "80"


def web_service(config: Mapping[str, Any]) -> tuple[str, int]:
    """The service that publishes port 80, and its port in the container. Raises MachineError when there is none."""
    for name, service in config["services"].items():
        for port in service.get("ports", ()):
            if str(port.get("published", "")) == _WEB_PORT:
                return name, int(port["target"])
    raise MachineError("start the services", f"{FILE}: no service publishes port {_WEB_PORT}")


def override(config: Mapping[str, Any], *, web: str, port: int, label: str, authority: str) -> dict[str, Any]:
    """What differs on a machine that shares its engine: ports, labels, and the databases' authority.

    As JSON with the tags that compose wants in it: see written().
    """
    name, _, value = label.partition("=")
    labels = {name: value}
    services = {
        service: {
            "ports": [f"127.0.0.1::{port}"] if service == web else [],
            "labels": labels,
            "environment": TRUSTED,
            "volumes": [f"{authority}:{AUTHORITY}:ro"],
        }
        for service in config["services"]
    }
    sections = {
        section: {
            key: {"labels": labels} for key, entry in config.get(section, {}).items() if not entry.get("external")
        }
        for section in ("networks", "volumes")
    }
    return {"services": services, **{section: entries for section, entries in sections.items() if entries}}


def written(document: Mapping[str, Any]) -> str:
    """The override as YAML, which JSON is; the published ports take the place of the file's."""
    return json.dumps(document).replace('"ports": ', '"ports": !override ')


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
        if not (self._site.folder / ".env").exists():
            write_secret(self._site.folder / ".env", escaped(self._site.setting.variables))
        config = self._config()
        web, port = web_service(config)
        grounds = self._site.grounds
        document = override(config, web=web, port=port, label=grounds.run.label, authority=str(grounds.authority.path))
        (self._site.folder / _OVERRIDE).write_text(written(document))
        # What is here already is not asked for again: base images need not come from a registry.
        self._compose("download the Docker image", "pull", "--quiet", "--policy", "missing")

    def start(self) -> Running:
        web, port = web_service(self._config())
        self._compose(self.step, "up", "--no-start", "--no-build", "--remove-orphans")
        containers = self._compose(self.step, "ps", "--all", "--quiet").split()
        for container in containers:
            # Only now, and by no name: a network in the file would make one machine's services answer for another's.
            self._site.grounds.docker.tries("network", "connect", self._site.grounds.network, container)
        self._compose(self.step, "up", "--detach", "--no-recreate", "--no-build")
        return self._running(web, port, containers)

    def _running(self, web: str, port: int, containers: list[str]) -> Running:
        try:
            (first, *_) = self._compose(self.step, "ps", "--all", "--quiet", web).split()
            address = network_address(self._site.grounds, first)
            return Running(tuple(containers), f"{address}:{port}", published_port(self._site.grounds, first, port))
        except (DockerError, ValueError, IndexError) as error:
            raise MachineError(self.step, str(error)) from error

    def remove(self, running: Running | None) -> None:
        project = f"label=com.docker.compose.project={self._site.instance_id}"
        docker = self._site.grounds.docker
        for container in docker.run("ps", "--all", "--quiet", "--filter", project).splitlines():
            docker.tries("rm", "--force", "--volumes", container)
        for network in docker.run("network", "ls", "--quiet", "--filter", project).splitlines():
            docker.tries("network", "rm", network)

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = json.loads(self._run("read docker-compose.yml", (FILE,), "config", "--format", "json"))
        return config

    def _compose(self, step: str, *arguments: str) -> str:
        return self._run(step, (FILE, _OVERRIDE), *arguments)

    def _run(self, step: str, files: tuple[str, ...], *arguments: str) -> str:
        named = (item for file in files for item in ("--file", file))
        command = ("docker", "compose", "--project-name", self._site.instance_id, *named, *arguments)
        try:
            return self._site.place.run(*command, folder=self._site.folder)
        except DockerError as error:
            raise MachineError(step, str(error)) from error
