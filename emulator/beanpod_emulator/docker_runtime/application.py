"""The application of a bundle on an instance: one container of Dockerrun.aws.json, or the services of a compose file.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/single-container-docker-configuration.html
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/create_deploy_docker.container.console.html
Docker and Compose run on the instance, so that paths are the instance's and its Docker socket limits the containers.
"""

import json
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from beanpod_emulator.docker_runtime.context import RuntimeContext
from beanpod_emulator.docker_runtime.docker import DockerError
from beanpod_emulator.docker_runtime.engine_view import LABEL
from beanpod_emulator.docker_runtime.instance import CURRENT, STAGING, VARIABLES, WEB_PORT, InstanceContainer
from beanpod_emulator.docker_runtime.release import InstanceError, RuntimeSettings

DOCKERRUN_FILE = "Dockerrun.aws.json"
_READ = f"read {DOCKERRUN_FILE}"
_UNDERSTOOD = {"AWSEBDockerrunVersion", "Image", "Ports", "Command", "Entrypoint", "Volumes"}
COMPOSE_FILE = "docker-compose.yml"
_PROJECT = "com.docker.compose.project"


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
        self._target.instance.proxy("stage", STAGING)

    def start(self) -> RunningContainers:
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
        instance.proxy("serve", running.address)
        address = network_address(context, instance.instance_id)
        port = published_port(context, instance.instance_id, WEB_PORT)
        return RunningContainers(running.containers, f"{address}:{WEB_PORT}", port)

    def stop_serving(self) -> None:
        self._target.instance.proxy("restore")

    def resume(self) -> None:
        self._target.instance.proxy("resume")

    def remove(self, running: RunningContainers | None) -> None:
        context, docker = self._target.context, self._target.context.docker
        if running:
            with suppress(InstanceError):
                self._target.instance.proxy("drain", f"{self._target.settings.drain_seconds:.0f}")

        def stop() -> None:
            docker.tries("stop", "--time", "10", self._name)
            docker.tries("rm", "--force", "--volumes", self._name)

        # Many programs ignore SIGTERM as the first process of a container.
        context.emulator.lock.run_in_background(stop)


def web_service(config: Mapping[str, Any]) -> tuple[str, int]:
    """Return the service that publishes port 80, or is on the instance's own network, and its container port.

    Raises:
        InstanceError: There is no such service.
    """
    for name, service in config["services"].items():
        for port in service.get("ports", ()):
            if str(port.get("published", "")) == str(WEB_PORT):
                return name, int(port["target"])
    for name, service in config["services"].items():
        if service.get("network_mode") == "host":
            return name, WEB_PORT
    raise InstanceError("start the services", f"{COMPOSE_FILE}: no service publishes port {WEB_PORT}")


def escaped(variables: Mapping[str, str]) -> str:
    """Return `.env` as Beanstalk writes it: Compose reads two dollars as one."""
    return "".join(f"{name}={value.replace('$', '$$')}\n" for name, value in variables.items())


class ComposeApplication:
    """The services of docker-compose.yml. All versions have the same project name, and so the same volumes."""

    side_by_side = False
    step = "run the Docker Compose services"

    def __init__(self, target: ApplicationContext) -> None:
        self._target = target
        self._services: dict[str, Any] = {}

    def pull(self) -> None:
        variables = escaped(self._target.settings.variables)
        web_service(self._config(STAGING, "[ -e .env ] || (umask 077; cat > .env)", variables))
        # Images that exist are not pulled: base images need not come from a registry.
        self._compose("download the Docker image", STAGING, "pull", "--quiet", "--policy", "missing")

    def start(self) -> RunningContainers:
        config = self._config(CURRENT)
        self._services = config["services"]
        web, port = web_service(config)
        if any(service.get("network_mode") == "host" for service in self._services.values()):
            # It may listen on port 80 itself.
            self.stop_serving()
        self._compose(self.step, CURRENT, "up", "--detach", "--no-build", "--remove-orphans")
        return self._running(web, port)

    def serve(self, running: RunningContainers) -> RunningContainers:
        """Without nginx: forward the ports that the services publish."""
        context, containers, ports = self._target.context, self._containers(), {}
        for name, service in self._services.items():
            for entry in service.get("ports", ()):
                if str(entry.get("published", "")).isdecimal() and entry.get("protocol", "tcp") == "tcp":
                    for container in containers.get(name, ())[:1]:
                        address = f"{network_address(context, container)}:{entry['target']}"
                        ports[int(entry["published"])] = address
        self._target.instance.forward(ports)
        return running

    def stop_serving(self) -> None:
        self._target.instance.forward({})

    def resume(self) -> None:
        """Do nothing: an application that is not side_by_side is started again instead."""

    def _running(self, web: str, port: int) -> RunningContainers:
        context, containers, first = self._target.context, self._containers(), ""
        try:
            first = containers[web][0]
            mode = context.docker.run("inspect", "--format", "{{.HostConfig.NetworkMode}}", first)
            # On the instance's own network it has the instance's address.
            answers = self._target.instance.instance_id if mode.startswith("container:") else first
            address = network_address(context, answers)
            found = tuple(container for ids in containers.values() for container in ids)
            return RunningContainers(found, f"{address}:{port}", published_port(context, answers, port))
        except (DockerError, ValueError, LookupError) as error:
            how = ended(context, first)
            raise InstanceError(self.step, f"the container of service {web} {how}" if how else str(error)) from error

    def remove(self, running: RunningContainers | None) -> None:
        instance = self._target.instance.instance_id
        self._target.context.docker.remove_labelled(f"{LABEL}={instance}", _PROJECT, volumes=False)

    def _containers(self) -> dict[str, list[str]]:
        """Return the ids of the project's containers by their services."""
        labels = (f"{LABEL}={self._target.instance.instance_id}", _PROJECT, "com.docker.compose.oneoff=False")
        filters = (item for label in labels for item in ("--filter", f"label={label}"))
        form = '{{.Label "com.docker.compose.service"}} {{.ID}}'
        found: dict[str, list[str]] = {}
        for line in self._target.context.docker.run("ps", "--all", *filters, "--format", form).splitlines():
            service, container = line.split()
            found.setdefault(service, []).append(container)
        return found

    def _config(self, folder: str, before: str = ":", data: str = "") -> dict[str, Any]:
        """Return the file as Compose understands it. before: a command to run first. data: its standard input."""
        arguments = ("config", "--format", "json")
        config: dict[str, Any] = json.loads(
            self._compose(f"read {COMPOSE_FILE}", folder, *arguments, before=before, data=data)
        )
        return config

    def _compose(self, step: str, folder: str, *arguments: str, before: str = ":", data: str = "") -> str:
        command = ("docker", "compose", "--progress", "quiet", "--file", COMPOSE_FILE, *arguments)
        try:
            return self._target.instance.run(
                "sh", "-c", f'{before}; exec "$@"', "sh", *command, folder=folder, data=data
            )
        except DockerError as error:
            raise InstanceError(step, str(error)) from error
