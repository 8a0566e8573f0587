"""The application of a bundle on an instance: one container of Dockerrun.aws.json, or the services of a compose file.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/single-container-docker-configuration.html
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/create_deploy_docker.container.console.html
Docker and Compose run on the instance, so that paths are the instance's and its Docker socket limits the containers.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from beanpod_emulator.docker_runtime.context import RuntimeContext
from beanpod_emulator.docker_runtime.docker import DockerError
from beanpod_emulator.docker_runtime.instance import CURRENT, PROXY, STAGING, WEB_PORT, InstanceContainer
from beanpod_emulator.docker_runtime.release import InstanceError, RuntimeSettings

DOCKERRUN_FILE = "Dockerrun.aws.json"
# As AWS writes them for `docker run --env-file`, a line each.
VARIABLES = "/opt/elasticbeanstalk/deployment/env.list"
_READ = f"read {DOCKERRUN_FILE}"
_UNDERSTOOD = {"AWSEBDockerrunVersion", "Image", "Ports", "Command", "Entrypoint", "Volumes"}
COMPOSE_FILE = "docker-compose.yml"
_WEB_PORT = "80"


@dataclass(frozen=True)
class RunningContainers:
    """Started containers. address: host:port on the run's network. port: the same port on 127.0.0.1."""

    containers: tuple[str, ...]
    address: str
    port: int


@dataclass(frozen=True)
class ApplicationContext:
    """The instance and settings of a deployment. count: its number on this instance."""

    context: RuntimeContext
    instance: InstanceContainer
    count: int
    settings: RuntimeSettings


class Application(Protocol):
    """The application of a bundle. step: the name of start() in error events."""

    step: str

    def pull(self) -> None:
        """Pull the images with the instance's login. Raises InstanceError."""

    def start(self) -> RunningContainers:
        """Start the containers. Raises InstanceError, after which remove() is called."""

    def serve(self, running: RunningContainers) -> RunningContainers:
        """Forward port 80 of the instance to it; return its address then. Raises InstanceError."""

    def stop_serving(self) -> None:
        """Undo serve()."""

    def resume(self) -> None:
        """Forward port 80 to it again, after the failure of a newer version."""

    def remove(self, running: RunningContainers | None) -> None:
        """Remove the containers, after requests in flight. running: None if it has not served any."""

    @property
    def side_by_side(self) -> bool:
        """Whether it can run at the same time as the version it replaces."""


def network_address(context: RuntimeContext, container: str) -> str:
    """Return a container's address on the run's network."""
    form = f'{{{{(index .NetworkSettings.Networks "{context.network}").IPAddress}}}}'
    return context.docker.run("inspect", "--format", form, container)


def published_port(context: RuntimeContext, container: str, port: int) -> int:
    """Return the port of 127.0.0.1 at which a container's port is published."""
    return int(context.docker.run("port", container, f"{port}/tcp").splitlines()[0].rpartition(":")[2])


def ended(context: RuntimeContext, container: str) -> str:
    """Return how a container ended; "" if it has not."""
    form = "{{.State.Status}} {{.State.ExitCode}}"
    try:
        status, code = context.docker.run("inspect", "--format", form, container).split()
    except DockerError:
        return ""
    again = ", again and again" if status == "restarting" else ""
    return f"has ended with exit code {code}{again}" if status in ("exited", "dead", "restarting") else ""


@dataclass(frozen=True)
class Definition:
    """The content of Dockerrun.aws.json. port: the first container port. volumes: pairs of host and container path."""

    image: str
    port: int
    entrypoint: str = ""
    command: str = ""
    volumes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, text: str) -> "Definition":
        """Parse the file; InstanceError if it is not valid, or has keys that are not supported here."""
        try:
            content: dict[str, Any] = json.loads(text)
            if unknown := sorted(content.keys() - _UNDERSTOOD):
                raise InstanceError(_READ, f"{', '.join(unknown)}: not supported by the embedded AWS")
            port = int(content["Ports"][0]["ContainerPort"])
            volumes = tuple((it["HostDirectory"], it["ContainerDirectory"]) for it in content.get("Volumes", ()))
            started = content.get("Entrypoint", ""), content.get("Command", "")
            return cls(content["Image"]["Name"], port, *started, volumes)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise InstanceError(_READ, f"Image.Name and Ports[0].ContainerPort are needed: {error!r}") from error


def run_command(target: ApplicationContext, definition: Definition) -> tuple[str, ...]:
    """Return the `docker run` command of the container."""
    mounts = (item for source, target in definition.volumes for item in ("--volume", f"{source}:{target}"))
    entrypoint = ("--entrypoint", definition.entrypoint) if definition.entrypoint else ()
    return (
        "docker", "run", "--detach", "--name", _name(target), "--publish", f"80:{definition.port}",
        *mounts, "--env-file", VARIABLES, *entrypoint, definition.image, *shlex.split(definition.command),
    )  # fmt: skip


def _name(target: ApplicationContext) -> str:
    """Return the container's name on the instance."""
    return f"current-app-{target.count}"


class DockerrunApplication:
    """The container of Dockerrun.aws.json, version 1, behind the instance's nginx."""

    side_by_side = True
    step = "run the Docker container"

    def __init__(self, target: ApplicationContext, text: str) -> None:
        self._target = target
        # The name on the engine.
        self._name = f"{target.instance.instance_id}-{_name(target)}"
        self._definition = Definition.read(text)

    def pull(self) -> None:
        try:
            self._target.instance.run("docker", "pull", "--quiet", self._definition.image)
        except DockerError as error:
            raise InstanceError("download the Docker image", str(error)) from error
        self._proxy("stage", STAGING)

    def start(self) -> RunningContainers:
        variables = self._target.settings.variables
        self._target.instance.write(VARIABLES, "".join(f"{name}={value}\n" for name, value in variables.items()))
        try:
            self._target.instance.run(*run_command(self._target, self._definition))
            context, name = self._target.context, self._name
            address = network_address(context, name)
            port = published_port(context, name, self._definition.port)
        except (DockerError, ValueError, IndexError) as error:
            how = ended(self._target.context, self._name)
            raise InstanceError(self.step, f"the container {how}" if how else str(error)) from error
        return RunningContainers((name,), f"{address}:{self._definition.port}", port)

    def serve(self, running: RunningContainers) -> RunningContainers:
        """Through the instance's nginx, with the platform's and the bundle's configuration."""
        instance, context = self._target.instance, self._target.context
        instance.stop_forwarding()
        self._proxy("serve", running.address)
        address = network_address(context, instance.instance_id)
        port = published_port(context, instance.instance_id, WEB_PORT)
        return RunningContainers(running.containers, f"{address}:{WEB_PORT}", port)

    def stop_serving(self) -> None:
        self._proxy("restore")

    def resume(self) -> None:
        self._proxy("resume")

    def _proxy(self, *arguments: str) -> None:
        try:
            self._target.instance.run(PROXY, *arguments)
        except DockerError as error:
            raise InstanceError("configure the proxy server", str(error)) from error

    def remove(self, running: RunningContainers | None) -> None:
        if running:
            self._target.instance.tries(PROXY, "drain", f"{self._target.settings.drain_seconds:.0f}")
            self._target.context.docker.tries("stop", "--time", "10", self._name)
        self._target.context.docker.tries("rm", "--force", "--volumes", self._name)


def web_service(config: Mapping[str, Any]) -> tuple[str, int]:
    """Return the service that publishes port 80, or is on the instance's own network, and its container port.

    Raises:
        InstanceError: There is no such service.
    """
    for name, service in config["services"].items():
        for port in service.get("ports", ()):
            if str(port.get("published", "")) == _WEB_PORT:
                return name, int(port["target"])
    for name, service in config["services"].items():
        if service.get("network_mode") == "host":
            return name, int(_WEB_PORT)
    raise InstanceError("start the services", f"{COMPOSE_FILE}: no service publishes port {_WEB_PORT}")


def escaped(variables: Mapping[str, str]) -> str:
    """Return `.env` as Beanstalk writes it: Compose reads two dollars as one."""
    return "".join(f"{name}={value.replace('$', '$$')}\n" for name, value in variables.items())


class ComposeApplication:
    """The services of docker-compose.yml. All versions have the same project name, and so the same volumes."""

    side_by_side = False
    step = "run the Docker Compose services"

    def __init__(self, target: ApplicationContext) -> None:
        self._target = target

    def pull(self) -> None:
        instance = self._target.instance
        if instance.read(f"{STAGING}/.env") is None:
            instance.write(f"{STAGING}/.env", escaped(self._target.settings.variables))
        web_service(self._config(STAGING))
        # Images that exist are not pulled: base images need not come from a registry.
        self._compose("download the Docker image", STAGING, "pull", "--quiet", "--policy", "missing")

    def start(self) -> RunningContainers:
        config = self._config(CURRENT)
        web, port = web_service(config)
        if any(service.get("network_mode") == "host" for service in config["services"].values()):
            # It may listen on port 80 itself.
            self._stop_serving()
        self._compose(self.step, CURRENT, "up", "--detach", "--no-build", "--remove-orphans")
        containers = self._compose(self.step, CURRENT, "ps", "--all", "--quiet").split()
        return self._running(web, port, containers)

    def serve(self, running: RunningContainers) -> RunningContainers:
        """Without nginx: forward the ports that the services publish, for hooks."""
        self._stop_serving()
        context, instance = self._target.context, self._target.instance
        for name, service in self._config(CURRENT)["services"].items():
            for entry in service.get("ports", ()):
                if str(entry.get("published", "")).isdecimal() and entry.get("protocol", "tcp") == "tcp":
                    (container, *_) = self._compose(self.step, CURRENT, "ps", "--quiet", name).split() or [""]
                    if container:
                        address = f"{network_address(context, container)}:{entry['target']}"
                        instance.forward(int(entry["published"]), address)
        return running

    def stop_serving(self) -> None:
        self._target.instance.stop_forwarding()

    def resume(self) -> None:
        """Do nothing: an application that is not side_by_side is started again instead."""

    def _stop_serving(self) -> None:
        self._target.instance.stop_forwarding()
        self._target.instance.tries(PROXY, "stop")

    def _running(self, web: str, port: int, containers: list[str]) -> RunningContainers:
        context, first = self._target.context, ""
        try:
            (first, *_) = self._compose(self.step, CURRENT, "ps", "--all", "--quiet", web).split()
            mode = context.docker.run("inspect", "--format", "{{.HostConfig.NetworkMode}}", first)
            # On the instance's own network it has the instance's address.
            answers = self._target.instance.instance_id if mode.startswith("container:") else first
            address = network_address(context, answers)
            return RunningContainers(tuple(containers), f"{address}:{port}", published_port(context, answers, port))
        except (DockerError, ValueError, IndexError) as error:
            how = ended(context, first)
            raise InstanceError(self.step, f"the container of service {web} {how}" if how else str(error)) from error

    def remove(self, running: RunningContainers | None) -> None:
        mine = ("--filter", f"label=beanpod.instance={self._target.instance.instance_id}")
        project = (*mine, "--filter", "label=com.docker.compose.project")
        docker = self._target.context.docker
        if containers := docker.run("ps", "--all", "--quiet", *project).split():
            docker.tries("rm", "--force", "--volumes", *containers)
        if networks := docker.run("network", "ls", "--quiet", *project).split():
            docker.tries("network", "rm", *networks)

    def _config(self, folder: str) -> dict[str, Any]:
        step = f"read {COMPOSE_FILE}"
        config: dict[str, Any] = json.loads(self._compose(step, folder, "config", "--format", "json"))
        return config

    def _compose(self, step: str, folder: str, *arguments: str) -> str:
        try:
            return self._target.instance.run(
                "docker", "compose", "--progress", "quiet", "--file", COMPOSE_FILE, *arguments, folder=folder
            )
        except DockerError as error:
            raise InstanceError(step, str(error)) from error
