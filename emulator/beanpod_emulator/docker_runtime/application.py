"""The application of a bundle on an instance: one container of Dockerrun.aws.json, or the services of a Compose file.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/single-container-docker-configuration.html
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/create_deploy_docker.container.console.html
Docker and Compose run on the instance, so that paths are the instance's and its Docker socket limits the containers.
"""

import json
import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from beanpod_emulator.docker_runtime.docker import DockerError
from beanpod_emulator.docker_runtime.engine_view import LABEL
from beanpod_emulator.docker_runtime.instance import CURRENT, STAGING, VARIABLES, WEB_PORT, InstanceContainer
from beanpod_emulator.docker_runtime.release import InstanceError, RuntimeSettings

COMPOSE_FILE, DOCKERRUN_FILE = "docker-compose.yml", "Dockerrun.aws.json"
_LOOPBACK = ("127.0.0.1", "::1")
_PROJECT = "com.docker.compose.project"
_DOCKERRUN_KEYS = {"AWSEBDockerrunVersion", "Image", "Ports", "Command", "Entrypoint", "Volumes"}


@dataclass(frozen=True)
class RunningContainers:
    """Started containers. address: host:port on the run's network."""

    containers: tuple[str, ...]
    address: str


class ContainerApplication(ABC):
    """The application of a bundle.

    Attributes:
        step: The name of start() in error events.
        side_by_side: Whether it can run at the same time as the version it replaces.
        settings: The settings that it is deployed with.
    """

    step: str
    side_by_side: bool

    def __init__(self, instance: InstanceContainer, settings: RuntimeSettings) -> None:
        self._instance, self.settings = instance, settings
        self._context, self._docker = instance.context, instance.context.docker

    @classmethod
    def staged(cls, instance: InstanceContainer, settings: RuntimeSettings, number: int) -> "ContainerApplication":
        """Return the application in the staging folder. Raises InstanceError.

        Args:
            number: Of the deployment on this instance.
        """
        try:
            text = instance.run("sh", "-c", f"[ -e {COMPOSE_FILE} ] || cat {DOCKERRUN_FILE}", folder=STAGING)
        except DockerError as error:
            what = f"it has neither {COMPOSE_FILE} nor {DOCKERRUN_FILE}"
            raise InstanceError("read the source bundle", what) from error
        if text:
            return DockerrunApplication(instance, settings, Dockerrun.parse(text), number)
        return ComposeApplication(instance, settings)

    @abstractmethod
    def pull(self) -> None:
        """Pull the images with the instance's login. Raises InstanceError."""

    @abstractmethod
    def start(self) -> RunningContainers:
        """Start the containers. Raises InstanceError, after which remove() is called."""

    @abstractmethod
    def serve(self, running: RunningContainers) -> RunningContainers:
        """Forward port 80 of the instance to it; return its address then. Raises InstanceError."""

    @abstractmethod
    def stop_serving(self) -> None:
        """Undo serve()."""

    @abstractmethod
    def remove(self, running: RunningContainers | None) -> None:
        """Remove the containers, after requests in flight. running: None if it has not served any."""

    def _address(self, container: str, port: int) -> str:
        """Return a container's address on the run's network; DockerError if it has none, as after its end."""
        networks = self._docker.inspect(container)["NetworkSettings"]["Networks"]
        address = networks.get(self._context.network, {}).get("IPAddress")
        if not address:
            raise DockerError(f"{container} has no address on the network {self._context.network}")
        return f"{address}:{port}"

    def _not_started(self, container: str, name: str, error: Exception) -> InstanceError:
        """Return the error for a container that does not run: how it ended, if it did."""
        with suppress(DockerError):
            state = self._docker.inspect(container)["State"]
            # The words of one that ends a moment later: see InstanceRuntime.
            if state["Status"] == "restarting":
                return InstanceError(self.step, f"{name} ends again and again")
            if state["Status"] in ("exited", "dead"):
                return InstanceError(self.step, f"{name} has ended with exit code {state['ExitCode']}")
        return InstanceError(self.step, str(error))


@dataclass(frozen=True)
class Dockerrun:
    """The content of Dockerrun.aws.json. port: the first container port. volumes: pairs of host and container path."""

    image: str
    port: int
    entrypoint: str = ""
    command: str = ""
    volumes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Dockerrun":
        """Parse the file; InstanceError if it is not valid, or has keys that are not supported here."""
        step = f"read {DOCKERRUN_FILE}"
        try:
            content: dict[str, Any] = json.loads(text)
            if unknown := sorted(content.keys() - _DOCKERRUN_KEYS):
                raise InstanceError(step, f"{', '.join(unknown)}: not supported by the emulated AWS")
            port = int(content["Ports"][0]["ContainerPort"])
            volumes = tuple((it["HostDirectory"], it["ContainerDirectory"]) for it in content.get("Volumes", ()))
            started = content.get("Entrypoint", ""), content.get("Command", "")
            return cls(content["Image"]["Name"], port, *started, volumes)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise InstanceError(step, f"Image.Name and Ports[0].ContainerPort are needed: {error!r}") from error


class DockerrunApplication(ContainerApplication):
    """The container of Dockerrun.aws.json, version 1, behind the instance's nginx."""

    step = "run the Docker container"
    side_by_side = True

    def __init__(
        self, instance: InstanceContainer, settings: RuntimeSettings, dockerrun: Dockerrun, number: int
    ) -> None:
        super().__init__(instance, settings)
        self._dockerrun = dockerrun
        # On the instance, and on the engine.
        self._local_name = f"current-app-{number}"
        self._name = f"{instance.instance_id}-{self._local_name}"

    def pull(self) -> None:
        try:
            self._instance.run("docker", "pull", "--quiet", self._dockerrun.image)
        except DockerError as error:
            raise InstanceError("download the Docker image", f"{self._dockerrun.image}: {error}") from error
        self._instance.proxy("stage", STAGING)

    def start(self) -> RunningContainers:
        wanted = self._dockerrun
        mounts = (item for source, target in wanted.volumes for item in ("--volume", f"{source}:{target}"))
        entrypoint = ("--entrypoint", wanted.entrypoint) if wanted.entrypoint else ()
        try:
            self._instance.run(
                "docker", "run", "--detach", "--name", self._local_name, *mounts, "--env-file", VARIABLES, *entrypoint,
                wanted.image, *shlex.split(wanted.command),
            )  # fmt: skip
            return RunningContainers((self._name,), self._address(self._name, wanted.port))
        except DockerError as error:
            raise self._not_started(self._name, "the container", error) from error

    def serve(self, running: RunningContainers) -> RunningContainers:
        """Through the instance's nginx, with the platform's and the bundle's configuration."""
        self._instance.proxy("serve", running.address)
        return RunningContainers(running.containers, self._address(self._instance.instance_id, WEB_PORT))

    def stop_serving(self) -> None:
        self._instance.proxy("restore")

    def resume(self) -> None:
        """Forward port 80 to it again, after the failure of a newer version."""
        self._instance.proxy("resume")

    def remove(self, running: RunningContainers | None) -> None:
        if running:
            with suppress(InstanceError):
                self._instance.proxy("drain", f"{self.settings.drain_seconds:.0f}")

        def stop() -> None:
            with suppress(DockerError):
                self._docker.ask("POST", f"/containers/{self._name}/stop", t="10")
                self._docker.ask("DELETE", f"/containers/{self._name}", force="1", v="1")

        # Many programs ignore SIGTERM as the first process of a container.
        self._context.emulator.lock.run_in_background(stop)


def web_service(config: Mapping[str, Any]) -> tuple[str, int]:
    """Return the service that publishes port 80, or is on the instance's own network, and its container port.

    Raises:
        InstanceError: There is no such service.
    """
    for name, service in config["services"].items():
        for port in service.get("ports", ()):
            # Of the instance's own address, or over UDP, it is not where the load balancer asks.
            reached = port.get("host_ip") not in _LOOPBACK and port.get("protocol", "tcp") == "tcp"
            if reached and str(port.get("published", "")) == str(WEB_PORT):
                return name, int(port["target"])
    for name, service in config["services"].items():
        if service.get("network_mode") == "host":
            return name, WEB_PORT
    raise InstanceError("start the services", f"{COMPOSE_FILE}: no service publishes port {WEB_PORT}")


def escaped(variables: Mapping[str, str]) -> str:
    """Return `.env` as Beanstalk writes it: Compose reads two dollars as one."""
    return "".join(f"{name}={value.replace('$', '$$')}\n" for name, value in variables.items())


class ComposeApplication(ContainerApplication):
    """The services of docker-compose.yml. All versions have the same project name, and so the same volumes."""

    step = "run the Docker Compose services"
    side_by_side = False

    def __init__(self, instance: InstanceContainer, settings: RuntimeSettings) -> None:
        super().__init__(instance, settings)
        self._services: dict[str, Any] = {}

    def pull(self) -> None:
        web_service(self._config(STAGING, "[ -e .env ] || (umask 077; cat > .env)", escaped(self.settings.variables)))
        # Images that exist are not pulled: base images need not come from a registry.
        # The plain progress names the service whose image fails; the error alone does not.
        self._compose("download the Docker image", STAGING, "pull", "--quiet", "--policy", "missing", progress="plain")

    def start(self) -> RunningContainers:
        config = self._config(CURRENT)
        self._services = config["services"]
        web, port = web_service(config)
        if any(service.get("network_mode") == "host" for service in self._services.values()):
            # It may listen on port 80 itself.
            self.stop_serving()
        self._compose(self.step, CURRENT, "up", "--detach", "--no-build", "--remove-orphans")
        containers, first = self._containers(), ""
        try:
            first = containers[web][0]
            mode = self._docker.inspect(first)["HostConfig"]["NetworkMode"]
            # On the instance's own network it has the instance's address.
            answers = self._instance.instance_id if mode.startswith("container:") else first
            found = tuple(container for ids in containers.values() for container in ids)
            return RunningContainers(found, self._address(answers, port))
        except (DockerError, LookupError) as error:
            raise self._not_started(first, f"the container of service {web}", error) from error

    def serve(self, running: RunningContainers) -> RunningContainers:
        """Without nginx: forward the ports that the services publish."""
        containers, ports = self._containers(), {}
        for name, service in self._services.items():
            for entry in service.get("ports", ()):
                if str(entry.get("published", "")).isdecimal() and entry.get("protocol", "tcp") == "tcp":
                    for container in containers.get(name, ())[:1]:
                        ports[int(entry["published"])] = self._address(container, entry["target"])
        self._instance.forward(ports)
        return running

    def stop_serving(self) -> None:
        self._instance.forward({})

    def remove(self, running: RunningContainers | None) -> None:
        self._docker.remove_labelled(f"{LABEL}={self._instance.instance_id}", _PROJECT, volumes=False)

    def _containers(self) -> dict[str, list[str]]:
        """Return the ids of the project's containers by their services."""
        labels = (f"{LABEL}={self._instance.instance_id}", _PROJECT, "com.docker.compose.oneoff=False")
        found: dict[str, list[str]] = {}
        for container in self._docker.containers(*labels):
            found.setdefault(container["Labels"]["com.docker.compose.service"], []).append(container["Id"])
        return found

    def _config(self, folder: str, before: str = ":", data: str = "") -> dict[str, Any]:
        """Return the file as Compose understands it. before: a command to run first. data: its standard input."""
        text = self._compose(f"read {COMPOSE_FILE}", folder, "config", "--format", "json", before=before, data=data)
        config: dict[str, Any] = json.loads(text)
        return config

    def _compose(
        self, step: str, folder: str, *arguments: str, before: str = ":", data: str = "", progress: str = "quiet"
    ) -> str:
        # Not as a plugin of docker, which starts it twice.
        command = ("docker-compose", "--progress", progress, "--file", COMPOSE_FILE, *arguments)
        try:
            return self._instance.run("sh", "-c", f'{before}; exec "$@"', "sh", *command, folder=folder, data=data)
        except DockerError as error:
            raise InstanceError(step, str(error)) from error
