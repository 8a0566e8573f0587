"""Deployments to one instance, which keep the previous version if they fail."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

from beanpod_emulator.docker_runtime.application import ContainerApplication, DockerrunApplication, RunningContainers
from beanpod_emulator.docker_runtime.instance import CURRENT, STAGING, InstanceContainer
from beanpod_emulator.docker_runtime.release import InstanceError, Release

_POLL_SECONDS = 0.25
# A container that needs another one may restart a few times before that is ready.
_MAX_RESTARTS = 5
# Called with the address that requests are to be sent to.
Serve = Callable[[str], None]


@dataclass(frozen=True)
class Installed:
    """The version that an instance runs."""

    release: Release
    application: ContainerApplication
    running: RunningContainers


@dataclass
class InstanceRuntime:
    """An instance.

    Attributes:
        send_logs: Called before containers are removed.
        installed: The version that it runs; None before the first.
    """

    instance: InstanceContainer
    send_logs: Callable[[], None]
    installed: Installed | None = None
    _number: int = 0

    def runs(self, release: Release) -> bool:
        """Return whether it runs this version with these settings."""
        return self.installed is not None and self.installed.release == release

    def deploy(self, release: Release, serve: Serve, *, config: bool = False) -> None:
        """Deploy a version, and remove the previous one once the new one is healthy and in service.

        https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.hooks.html

        Args:
            serve: Sends requests to the new version.
            config: Whether the settings changed, not the version.

        Raises:
            InstanceError: The deployment failed. The previous version is in service, but after a failed postdeploy
                hook, as on AWS, the new one.
        """
        old = self.installed
        instance = self.instance
        self._number += 1
        instance.unpack(release)
        instance.run_hooks("prebuild", folder=STAGING, config=config)
        application = ContainerApplication.staged(instance, release.settings, self._number)
        application.pull()
        instance.run_hooks("predeploy", folder=STAGING, config=config)
        instance.activate()
        running = None
        try:
            started = application.start()
            self._await_health(application, started)
            running = application.serve(started)
            self._await_health(application, running)
            serve(running.address)
        except Exception:
            self.send_logs()
            instance.deactivate()
            self._restore(application, running, old, serve)
            raise
        try:
            instance.run_hooks("postdeploy", folder=CURRENT, config=config)
        finally:
            self._finish(Installed(release, application, running), old)

    def remove(self) -> None:
        """Remove the instance with its containers."""
        if self.installed:
            self.installed.application.remove(self.installed.running)
        self.instance.remove()

    def _await_health(self, application: ContainerApplication, running: RunningContainers) -> None:
        settings = application.settings
        end = time.monotonic() + settings.health_seconds
        while True:
            status, target = self._response(running.address, settings.health_path)
            if settings.accepts(status):
                return
            if ended := self._ended(running):
                raise InstanceError(application.step, ended)
            if time.monotonic() > end:
                port = running.address.rpartition(":")[2]
                answer = f"{settings.health_path} answers {status or f'nothing on port {port}'}"
                hint = "; set it to a path that the app answers" if status == HTTPStatus.NOT_FOUND else ""
                hint = f", and not redirect to {target}" if target else hint
                wanted = f"HealthCheckPath must answer {settings.health_codes}{hint}"
                wanted = wanted if status else "the app must listen there, on 0.0.0.0 and not only on 127.0.0.1"
                text = f"{answer} after {settings.health_seconds:.0f} s: {wanted}"
                raise InstanceError("pass the health check", text)
            time.sleep(_POLL_SECONDS)

    def _response(self, address: str, path: str) -> tuple[int, str]:
        """Return the HTTP status of a response on the instance, 0 without one, and where it redirects to."""
        url, wanted = f"http://{address}", "%{http_code} %{redirect_url}"
        asked = ("--user-agent", "ELB-HealthChecker/2.0", "--write-out", wanted, f"{url}{path}")
        script = 'curl --silent --globoff --output /dev/null --max-time 5 --noproxy "*" "$@" || true'
        status, _, target = self.instance.run("sh", "-c", script, "sh", *asked).strip().partition(" ")
        return int(status), target.removeprefix(url)

    def _ended(self, running: RunningContainers) -> str:
        """Return which container has ended with an error, or as the only one; "" if none has."""
        for container in running.containers:
            shown = self.instance.context.docker.inspect(container)
            service, state = shown["Config"]["Labels"].get("com.docker.compose.service"), shown["State"]
            name = f"the container of service {service}" if service else "the container"
            if shown["RestartCount"] >= _MAX_RESTARTS:
                return f"{name} ends again and again"
            ended = not (shown["RestartCount"] or state["Running"])
            if ended and (state["ExitCode"] or len(running.containers) == 1):
                return f"{name} has ended with exit code {state['ExitCode']}"
        return ""

    def _restore(
        self, application: ContainerApplication, running: RunningContainers | None, old: Installed | None, serve: Serve
    ) -> None:
        """Remove the failed version, and put the previous one in service; start it again if both had one name.

        Args:
            running: The failed version, if it has been in service.
        """
        if running:
            application.stop_serving()
        if application.side_by_side or old is None or old.application.side_by_side:
            application.remove(running)
        if old is None:
            return
        if isinstance(old.application, DockerrunApplication):
            old.application.resume()
        else:
            self.installed = old = replace(old, running=old.application.serve(old.application.start()))
        serve(old.running.address)

    def _finish(self, new: Installed, old: Installed | None) -> None:
        self.send_logs()
        if old and (old.application.side_by_side or new.application.side_by_side):
            old.application.remove(old.running)
        for container in new.running.containers if new.application.side_by_side else ():
            self.instance.context.docker.ask(
                "POST", f"/containers/{container}/update", {"RestartPolicy": {"Name": "always"}}
            )
        self.installed = new
