"""One instance: it takes a bundle and brings it to run, or keeps what it ran before."""

import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from beanpod_emulator.docker_runtime.application import (
    COMPOSE_FILE,
    DOCKERRUN_FILE,
    Application,
    ApplicationContext,
    ComposeApplication,
    DockerrunApplication,
    RunningContainers,
)
from beanpod_emulator.docker_runtime.context import RuntimeContext
from beanpod_emulator.docker_runtime.docker import DockerError
from beanpod_emulator.docker_runtime.instance import CURRENT, STAGING, InstanceContainer
from beanpod_emulator.docker_runtime.release import InstanceError, Release, RuntimeSettings

_POLL_SECONDS = 0.25
# A container that needs another one may end a few times before that is there.
_SEVERAL = 5
# From here on requests go to the address.
Serve = Callable[[str], None]


@dataclass(frozen=True)
class Installed:
    """What a machine runs."""

    release: Release
    setting: RuntimeSettings
    target: ApplicationContext
    application: Application
    running: RunningContainers


@dataclass
class InstanceRuntime:
    """An instance. installed: what it runs, None before anything."""

    context: RuntimeContext
    instance_id: str
    installed: Installed | None = None
    _count: int = 0
    _instance: InstanceContainer | None = field(default=None, repr=False)

    def runs(self, release: Release, setting: RuntimeSettings) -> bool:
        """Whether it runs exactly that."""
        now = self.installed
        return now is not None and (now.release, now.setting) == (release, setting)

    def deploy(self, release: Release, setting: RuntimeSettings, serve: Serve, *, config: bool = False) -> None:
        """Bring a release to run, and end what ran before once the new one is healthy and served.

        config: its settings changed, not the version. Raises InstanceError; then what ran before goes on, unless only a
        postdeploy hook failed: by then the new one serves, and AWS brings nothing back either.
        https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.hooks.html
        """
        old = self.installed
        target = self._prepare(release, setting)
        instance = target.instance
        instance.run_hooks("prebuild", folder=STAGING, config=config)
        application = _application(target)
        application.pull()
        instance.run_hooks("predeploy", folder=STAGING, config=config)
        instance.take_over()
        running = None
        try:
            started = application.start()
            self._await_health(application, started, setting)
            running = application.serve(started)
            self._await_health(application, running, setting)
            serve(running.address)
            instance.answer(running.address)
        except (InstanceError, DockerError):
            instance.give_back()
            self._go_back(application, running, old, serve)
            raise
        try:
            instance.run_hooks("postdeploy", folder=CURRENT, config=config)
        finally:
            self._reconcile(Installed(release, setting, target, application, running), old)

    def remove(self) -> None:
        """End everything on it."""
        if self.installed:
            self.installed.application.remove(self.installed.running)
        if self._instance:
            self._instance.remove()

    def _prepare(self, release: Release, setting: RuntimeSettings) -> ApplicationContext:
        if self._instance is None:
            self._instance = InstanceContainer.launch(self.context, self.instance_id)
        self._count += 1
        self._instance.unpack(release)
        self._instance.configure(setting.variables, setting.environment)
        return ApplicationContext(self.context, self._instance, self._count, setting)

    def _await_health(self, application: Application, running: RunningContainers, setting: RuntimeSettings) -> None:
        end = time.monotonic() + setting.health_seconds
        while not setting.accepts(status := _status(running.port, setting.health_path)):
            if dead := self._dead(running):
                raise InstanceError(application.step, dead)
            if time.monotonic() > end:
                port = running.address.rpartition(":")[2]
                said = f"{setting.health_path} answers {status or f'nothing on port {port}'}"
                raise InstanceError("pass the health check", f"{said} after {setting.health_seconds:.0f} s")
            time.sleep(_POLL_SECONDS)

    def _dead(self, running: RunningContainers) -> str:
        """Which container has ended, though it should not: with an error, or as the only one; "" while none has."""
        form = "{{.Name}} {{.State.RunningContainers}} {{.RestartCount}} {{.State.ExitCode}}"
        for line in self.context.docker.run("inspect", "--format", form, *running.containers).splitlines():
            name, alive, restarts, code = line.removeprefix(f"/{self.instance_id}-").split()
            if int(restarts) >= _SEVERAL:
                return f"the container {name} ends again and again"
            if restarts == "0" and alive == "false" and (code != "0" or len(running.containers) == 1):
                return f"the container {name} has ended with exit code {code}"
        return ""

    def _go_back(
        self, application: Application, running: RunningContainers | None, old: Installed | None, serve: Serve
    ) -> None:
        """End what failed. What ran before was never ended, or is started again where both had one name.

        running: what failed, if requests have reached it.
        """
        if running:
            application.give_back()
        if application.side_by_side or old is None or old.application.side_by_side:
            application.remove(running)
        if old is None:
            return
        if old.application.side_by_side:
            old.application.resume()
        else:
            self.installed = old = replace(old, running=old.application.serve(old.application.start()))
        serve(old.running.address)
        old.target.instance.answer(old.running.address)

    def _reconcile(self, new: Installed, old: Installed | None) -> None:
        if old and (old.application.side_by_side or new.application.side_by_side):
            old.application.remove(old.running)
        for container in new.running.containers if new.application.side_by_side else ():
            self.context.docker.run("update", "--restart", "always", container)
        self.installed = new


def _application(target: ApplicationContext) -> Application:
    if target.instance.read(f"{STAGING}/{COMPOSE_FILE}") is not None:
        return ComposeApplication(target)
    if (text := target.instance.read(f"{STAGING}/{DOCKERRUN_FILE}")) is not None:
        return DockerrunApplication(target, text)
    raise InstanceError("read the source bundle", f"it has neither {COMPOSE_FILE} nor {DOCKERRUN_FILE}")


def _status(port: int, path: str) -> int:
    """The HTTP status of an answer; 0 without one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"User-Agent": "ELB-HealthChecker/2.0", "Connection": "close"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
