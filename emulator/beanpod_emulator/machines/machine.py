"""One instance: it takes a bundle and brings it to run, or keeps what it ran before."""

import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from beanpod_emulator.machines.application import Application, Running, Site
from beanpod_emulator.machines.composed import FILE as COMPOSE_FILE
from beanpod_emulator.machines.composed import Composed
from beanpod_emulator.machines.docker import DockerError
from beanpod_emulator.machines.grounds import Grounds
from beanpod_emulator.machines.instance import CURRENT, STAGING, Instance
from beanpod_emulator.machines.release import MachineError, Release, Setting
from beanpod_emulator.machines.single import FILE as DOCKERRUN_FILE
from beanpod_emulator.machines.single import Single

_POLL_SECONDS = 0.25
# A container that needs another one may end a few times before that is there.
_SEVERAL = 5
# From here on requests go to the address.
Serve = Callable[[str], None]


@dataclass(frozen=True)
class Installed:
    """What a machine runs."""

    release: Release
    setting: Setting
    site: Site
    application: Application
    running: Running


@dataclass
class Machine:
    """An instance. installed: what it runs, None before anything."""

    grounds: Grounds
    instance_id: str
    installed: Installed | None = None
    _count: int = 0
    _instance: Instance | None = field(default=None, repr=False)

    def runs(self, release: Release, setting: Setting) -> bool:
        """Whether it runs exactly that."""
        now = self.installed
        return now is not None and (now.release, now.setting) == (release, setting)

    def deploy(self, release: Release, setting: Setting, serve: Serve, *, config: bool = False) -> None:
        """Bring a release to run, and end what ran before once the new one is healthy and served.

        config: its settings changed, not the version. Raises MachineError; then what ran before goes on, unless only a
        postdeploy hook failed: by then the new one serves, and AWS brings nothing back either.
        https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.hooks.html
        """
        old = self.installed
        site = self._prepare(release, setting)
        instance = site.instance
        instance.run_hooks("prebuild", folder=STAGING, config=config)
        application = _application(site)
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
        except (MachineError, DockerError):
            instance.give_back()
            self._go_back(application, running, old, serve)
            raise
        try:
            instance.run_hooks("postdeploy", folder=CURRENT, config=config)
        finally:
            self._settle(Installed(release, setting, site, application, running), old)

    def remove(self) -> None:
        """End everything on it."""
        if self.installed:
            self.installed.application.remove(self.installed.running)
        if self._instance:
            self._instance.remove()

    def _prepare(self, release: Release, setting: Setting) -> Site:
        if self._instance is None:
            self._instance = Instance.launch(self.grounds, self.instance_id)
        self._count += 1
        self._instance.unpack(release)
        self._instance.configure(setting.variables, setting.environment)
        return Site(self.grounds, self._instance, self._count, setting)

    def _await_health(self, application: Application, running: Running, setting: Setting) -> None:
        end = time.monotonic() + setting.health_seconds
        while not setting.accepts(status := _status(running.port, setting.health_path)):
            if dead := self._dead(running):
                raise MachineError(application.step, dead)
            if time.monotonic() > end:
                port = running.address.rpartition(":")[2]
                said = f"{setting.health_path} answers {status or f'nothing on port {port}'}"
                raise MachineError("pass the health check", f"{said} after {setting.health_seconds:.0f} s")
            time.sleep(_POLL_SECONDS)

    def _dead(self, running: Running) -> str:
        """Which container has ended, though it should not: with an error, or as the only one; "" while none has."""
        form = "{{.Name}} {{.State.Running}} {{.RestartCount}} {{.State.ExitCode}}"
        for line in self.grounds.docker.run("inspect", "--format", form, *running.containers).splitlines():
            name, alive, restarts, code = line.removeprefix(f"/{self.instance_id}-").split()
            if int(restarts) >= _SEVERAL:
                return f"the container {name} ends again and again"
            if restarts == "0" and alive == "false" and (code != "0" or len(running.containers) == 1):
                return f"the container {name} has ended with exit code {code}"
        return ""

    def _go_back(self, application: Application, running: Running | None, old: Installed | None, serve: Serve) -> None:
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
        old.site.instance.answer(old.running.address)

    def _settle(self, new: Installed, old: Installed | None) -> None:
        if old and (old.application.side_by_side or new.application.side_by_side):
            old.application.remove(old.running)
        for container in new.running.containers if new.application.side_by_side else ():
            self.grounds.docker.run("update", "--restart", "always", container)
        self.installed = new


def _application(site: Site) -> Application:
    if site.instance.read(f"{STAGING}/{COMPOSE_FILE}") is not None:
        return Composed(site)
    if (text := site.instance.read(f"{STAGING}/{DOCKERRUN_FILE}")) is not None:
        return Single(site, text)
    raise MachineError("read the source bundle", f"it has neither {COMPOSE_FILE} nor {DOCKERRUN_FILE}")


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
