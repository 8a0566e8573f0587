"""One instance: it takes a bundle and brings it to run, or keeps what it ran before."""

import http.client
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from emulator.machines.application import Application, Running, Site
from emulator.machines.composed import FILE as COMPOSE_FILE
from emulator.machines.composed import Composed
from emulator.machines.docker import DockerError
from emulator.machines.grounds import Grounds
from emulator.machines.release import MachineError, Release, Setting
from emulator.machines.single import FILE as DOCKERRUN_FILE
from emulator.machines.single import Single
from emulator.machines.workplace import Workplace

_POLL_SECONDS = 0.25
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
    _place: Workplace | None = field(default=None, repr=False)

    def runs(self, release: Release, setting: Setting) -> bool:
        """Whether it runs exactly that."""
        now = self.installed
        return now is not None and (now.release, now.setting) == (release, setting)

    def deploy(self, release: Release, setting: Setting, serve: Serve, *, config: bool = False) -> None:
        """Bring a release to run, and end what ran before once the new one is healthy and served.

        config: its settings changed, not the version. Raises MachineError; then what ran before goes on.
        """
        old = self.installed
        site = self._prepare(release, setting)
        application = _application(site)
        self._hooks("prebuild", site, config=config)
        application.pull()
        self._hooks("predeploy", site, config=config)
        try:
            running = application.start()
            self._await_health(application, running, setting)
            serve(running.address)
            self._hooks("postdeploy", site, config=config)
        except (MachineError, DockerError):
            self._go_back(application, old, serve)
            raise
        self._settle(Installed(release, setting, site, application, running), old)

    def remove(self) -> None:
        """End everything on it."""
        if self.installed:
            self.installed.application.remove(self.installed.running)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _folder(self) -> Path:
        return self.grounds.run.folder / self.instance_id

    def _prepare(self, release: Release, setting: Setting) -> Site:
        if self._place is None:
            self._place = Workplace.make(self._folder, self.grounds.docker, {"environment_name": setting.environment})
        self._count += 1
        place = self._place
        shutil.rmtree(place.staging, ignore_errors=True)
        place.staging.mkdir()
        release.unpack(place.staging)
        for file in (*place.staging.glob(".platform/*hooks/*/*"), *place.staging.glob("[dD]ocker*.*")):
            place.own(file)
        place.write_variables(setting.variables)
        return Site(self.grounds, place, place.staging, self.instance_id, f"{self.instance_id}-{self._count}", setting)

    def _hooks(self, stage: str, site: Site, *, config: bool) -> None:
        site.place.run_hooks(stage, site.setting.variables, folder=site.folder, config=config)

    def _await_health(self, application: Application, running: Running, setting: Setting) -> None:
        end = time.monotonic() + setting.health_seconds
        while not setting.accepts(status := _status(running.port, setting.health_path)):
            if dead := self._dead(running):
                raise MachineError(application.step, dead)
            if time.monotonic() > end:
                said = f"{setting.health_path} answers {status or 'nothing'}"
                raise MachineError("pass the health check", f"{said} after {setting.health_seconds:.0f} s")
            time.sleep(_POLL_SECONDS)

    def _dead(self, running: Running) -> str:
        """Which container has ended, though it should not: with an error, or as the only one; "" while none has."""
        form = "{{.Name}} {{.State.Running}} {{.RestartCount}} {{.State.ExitCode}}"
        for line in self.grounds.docker.run("inspect", "--format", form, *running.containers).splitlines():
            name, alive, restarts, code = line.removeprefix("/").split()
            if restarts != "0" or (alive == "false" and (code != "0" or len(running.containers) == 1)):
                how = f"has ended with exit code {code}" if restarts == "0" else "ends again and again"
                return f"the container {name} {how}"
        return ""

    def _go_back(self, application: Application, old: Installed | None, serve: Serve) -> None:
        """End what failed. What ran before was never ended, or is started again where both had one name."""
        if application.side_by_side or old is None or old.application.side_by_side:
            application.remove(None)
        if old is None:
            return
        if not old.application.side_by_side:
            old = replace(old, running=old.application.start())
            self.installed = old
        serve(old.running.address)

    def _settle(self, new: Installed, old: Installed | None) -> None:
        place = new.site.place
        if old and (old.application.side_by_side or new.application.side_by_side):
            old.application.remove(old.running)
        place.promote()
        for container in new.running.containers if new.application.side_by_side else ():
            self.grounds.docker.run("update", "--restart", "always", container)
        site = replace(new.site, folder=place.current)
        self.installed = replace(new, site=site, application=_application(site))


def _application(site: Site) -> Application:
    if (site.folder / COMPOSE_FILE).is_file():
        return Composed(site)
    if (site.folder / DOCKERRUN_FILE).is_file():
        return Single(site)
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
