"""The container of an instance, with a disk, a Docker socket and a Docker login of its own."""

import io
import json
import sys
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Timer

from beanpod_emulator.docker_runtime.context import RuntimeContext
from beanpod_emulator.docker_runtime.docker import SECONDS, Docker, DockerError, instance_image
from beanpod_emulator.docker_runtime.engine_socket import EnginePort, EngineSocket
from beanpod_emulator.docker_runtime.engine_view import LABEL, RefusedError, View
from beanpod_emulator.docker_runtime.release import InstanceError, Release

# Hooks run in staging before the version is activated, and in current after that.
STAGING, CURRENT = "/var/app/staging", "/var/app/current"
_PREVIOUS, _FAILED = "/var/app/.previous", "/var/app/.failed"
_TOOLS = "/opt/elasticbeanstalk/bin"
PROXY = f"{_TOOLS}/proxy"
_DEPLOYMENT = "/opt/elasticbeanstalk/deployment"
# What get-config reads; and the variables as AWS writes them for `docker run --env-file`, a line each.
_CONFIG, VARIABLES = f"{_DEPLOYMENT}/config.json", f"{_DEPLOYMENT}/env.list"
# As the platform does it: a warning, such as of a bundle zipped with backslashes, is a failure.
_BUNDLE = f"{_DEPLOYMENT}/app_source_bundle"
_UNPACK = f"rm -rf {STAGING} && cat > {_BUNDLE} && unzip -q -o {_BUNDLE} -d {STAGING}"
# Volumes, as in own-path: only folders in these can be mounted into containers.
_DISK = ("/etc", "/home", "/media", "/mnt", "/opt", "/root", "/srv", "/tmp", "/var", "/efs", "/data", "/.disk")  # noqa: S108
_SOCKET = "/run/docker.sock"
# Path of the run's certificate authority in containers; drivers know RDS's own.
_AUTHORITY = "/etc/ssl/beanpod-embedded-rds.pem"
_TRUSTED = {"NODE_EXTRA_CA_CERTS": _AUTHORITY}
WEB_PORT = 80
_STOP_FORWARDING = "pkill --exact socat; while pgrep --exact socat > /dev/null; do sleep 0.05; done"


class _Agent:
    """A program on an instance that runs commands, one at a time. `docker exec` for each takes 30 times its CPU."""

    def __init__(self, docker: Docker, instance_id: str) -> None:
        self._docker = docker
        self._process = docker.start("exec", "--interactive", instance_id, f"{_TOOLS}/agent")

    def run(self, command: Sequence[str], folder: str, data: bytes) -> tuple[int, str]:
        """Run a command; see agent in instance_image.

        Args:
            data: Its standard input.

        Returns:
            Its exit code, and its output, or its error.

        Raises:
            DockerError: The instance does not answer.
        """
        process, request = self._process, {"command": command, "folder": folder, "length": len(data)}
        assert process.stdin
        assert process.stdout
        assert process.stderr
        timer = Timer(SECONDS, process.kill)
        timer.daemon = True
        timer.start()
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(request).encode() + b"\n" + data)
            process.stdin.flush()
        answer = process.stdout.readline()
        timer.cancel()
        if not answer:
            reason = process.stderr.read().decode(errors="replace").strip()
            self.close()
            raise DockerError(reason or f"{command[0]} did not end within {SECONDS} s")
        done = json.loads(answer)
        return done["code"], done["printed"]

    def close(self) -> None:
        """End the program."""
        self._docker.end(self._process)


@dataclass
class InstanceContainer:
    """A running container, named after its instance."""

    context: RuntimeContext
    instance_id: str
    _socket: EngineSocket | EnginePort
    _agents: list[_Agent] = field(default_factory=list, repr=False)

    @classmethod
    def launch(cls, context: RuntimeContext, instance_id: str, port: EnginePort | None = None) -> "InstanceContainer":
        """Start the container, and serve its Docker socket.

        Args:
            port: A TCP port that serves the socket. Default: one if the engine runs in a virtual machine, else none.

        Raises:
            DockerError: The container does not start.
        """
        image = instance_image(context.docker)
        served: EngineSocket | EnginePort
        mounted: tuple[str, ...] = ()
        if port or _in_virtual_machine(context):
            served = port or EnginePort()
        else:
            # Short: the path of a socket may have about a hundred characters.
            path = context.run.folder / f"{instance_id[2:10]}.sock"
            served, mounted = EngineSocket(path), ("--volume", f"{path}:{_SOCKET}")
        instance = cls(context, instance_id, served)
        try:
            instance._start(image, mounted)
        except Exception:
            # Its name and its socket are needed at the next attempt.
            instance.remove()
            raise
        return instance

    def _start(self, image: str, mounted: tuple[str, ...]) -> None:
        """Start the container, and serve its Docker socket. mounted: the arguments that mount the socket, if any."""
        context, served = self.context, self._socket
        volumes = (item for folder in _DISK for item in ("--volume", folder))
        container = context.docker.run(
            "run", "--detach", "--init", "--name", self.instance_id, "--hostname", self.instance_id,
            "--label", context.run.label, "--network", context.network, *mounted, *volumes, image,
        )  # fmt: skip
        mounts = context.docker.inspect(container)["Mounts"]
        served.view = View(
            engine=context.docker.engine,
            instance_id=self.instance_id,
            run_label=context.run.label,
            network=context.network,
            container_id=container,
            paths={mount["Destination"]: mount["Source"] for mount in mounts if mount["Type"] == "volume"},
            socket=mounted[1].partition(":")[0] if mounted else "",
            trusted=(_TRUSTED, f"{context.authority.path}:{_AUTHORITY}:ro"),
            find=self._find,
            pulled=context.pulled,
        )
        if isinstance(served, EnginePort):
            self._relay(served)

    def remove(self) -> None:
        """Remove the container, and the containers, networks and volumes created on the instance."""
        try:
            self.context.docker.remove_labelled(f"{LABEL}={self.instance_id}")
            self.context.docker.tries("rm", "--force", "--volumes", self.instance_id)
        finally:
            for agent in self._agents:
                agent.close()
            self._socket.close()

    def run(self, *command: str, folder: str = "/root", data: str | bytes = b"") -> str:
        """Run a command as root on the instance.

        Args:
            data: Its standard input.

        Returns:
            Its output.

        Raises:
            DockerError: It fails.
        """
        try:
            agent = self._agents.pop()
        except IndexError:
            # None yet, or one is busy: while a container is started, its mounts are looked up.
            agent = _Agent(self.context.docker, self.instance_id)
        code, printed = agent.run(command, folder, data.encode() if isinstance(data, str) else data)
        self._agents.append(agent)
        if code:
            raise DockerError(printed)
        return printed

    def unpack(self, release: Release) -> None:
        """Unpack a bundle into the staging folder, and write the environment's variables, secrets included.

        Raises:
            InstanceError: The bundle cannot be unpacked.
        """
        settings = release.settings
        config = {"environment": dict(settings.variables), "container": {"environment_name": settings.environment}}
        variables = "".join(f"{name}={value}\n" for name, value in settings.variables.items())
        try:
            with zipfile.ZipFile(io.BytesIO(release.data)) as bundle:
                if outside := [name for name in bundle.namelist() if ".." in name.split("/")]:
                    raise InstanceError("unpack the source bundle", f"{outside[0]} lies outside of the bundle")
            self.run("sh", "-c", _UNPACK, data=release.data)
        except (zipfile.BadZipFile, DockerError) as error:
            raise InstanceError("unpack the source bundle", str(error)) from error
        for path, text in ((_CONFIG, json.dumps(config)), (VARIABLES, variables)):
            self.run("sh", "-c", 'umask 077; cat > "$1"', "sh", path, data=text)

    def run_hooks(self, phase: str, *, folder: str, config: bool = False) -> None:
        """Run a bundle's hooks of a phase in the order of their names. config: its confighooks.

        https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.hooks.html

        Raises:
            InstanceError: A hook fails.
        """
        watch = self.context.emulator.pace.watch
        shortened = (f"BEANPOD_WATCH_SECONDS={watch:.0f}", f"BEANPOD_SETTLE_SECONDS={10 * watch:.0f}")
        scripts = f".platform/{'confighooks' if config else 'hooks'}/{phase}"
        command = ("env", *(shortened if watch else ()), f"{_TOOLS}/run-hooks", scripts)
        try:
            self.run("sh", "-c", f'[ ! -d {scripts} ] || exec "$@"', "sh", *command, folder=folder)
        except DockerError as error:
            hook, _, reason = str(error).partition("\n")
            raise InstanceError(f"run the hook {hook}", reason or hook) from error

    def activate(self) -> None:
        """Make the staged version the current one."""
        flip = f"rm -rf {_PREVIOUS}; [ ! -e {CURRENT} ] || mv {CURRENT} {_PREVIOUS}; mv {STAGING} {CURRENT}"
        self.run("sh", "-c", flip)

    def deactivate(self) -> None:
        """Make the previous version the current one again."""
        flip = f"rm -rf {_FAILED}; mv {CURRENT} {_FAILED}; [ ! -e {_PREVIOUS} ] || mv {_PREVIOUS} {CURRENT}"
        self.run("sh", "-c", flip)

    def forward(self, ports: Mapping[int, str]) -> None:
        """Stop nginx and all forwarding; forward these ports to addresses, as published ports on AWS."""
        commands = [
            f"{PROXY} stop",
            _STOP_FORWARDING,
            *(
                f"socat TCP-LISTEN:{port},fork,reuseaddr TCP:{address} < /dev/null > /dev/null 2>&1 &"
                for port, address in ports.items()
            ),
        ]
        self.run("sh", "-c", "\n".join(commands))

    def proxy(self, command: str, *arguments: str) -> None:
        """Run a command of the tool that controls nginx; `serve` takes the place of other forwarding.

        Raises:
            InstanceError: It fails, such as for a wrong configuration.
        """
        script = f'{_STOP_FORWARDING if command == "serve" else ":"}; exec {PROXY} "$@"'
        try:
            self.run("sh", "-c", script, "proxy", command, *arguments)
        except DockerError as error:
            raise InstanceError("configure the proxy server", str(error)) from error

    def _relay(self, port: EnginePort) -> None:
        """Connect the Docker socket to a port of this machine, and wait for the socket."""
        command = (f"{_TOOLS}/relay", port.name, str(port.server_address[1]), port.token)
        self.context.docker.run("exec", "--detach", self.instance_id, *command)
        self.run("sh", "-c", f"until [ -S {_SOCKET} ]; do sleep 0.1; done")

    def _find(self, paths: Sequence[str], create: bool) -> list[str]:
        try:
            found: list[str] = json.loads(self.run(f"{_TOOLS}/own-path", "create" if create else "keep", *paths))
        except DockerError as error:
            raise RefusedError(f"{', '.join(paths)}: {str(error).splitlines()[-1]}", 400) from error
        return found


def _in_virtual_machine(context: RuntimeContext) -> bool:
    """Return whether the engine runs in a virtual machine, and so cannot mount a socket from here.

    https://docs.docker.com/desktop/features/networking/ describes how containers reach the host's ports.
    """
    kind: str = context.docker.ask("GET", "/info")["OperatingSystem"]
    return sys.platform == "darwin" or kind == "Docker Desktop"
