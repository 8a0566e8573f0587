"""The logs of containers in CloudWatch Logs, where Elastic Beanstalk streams them.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/AWSHowTo.cloudwatchlogs.html. They are read from Docker when a
client lists log groups, and before containers are removed.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from moto.logs.models import LogsBackend

from beanpod_emulator.beanstalk.state import Environment
from beanpod_emulator.clients import client
from beanpod_emulator.docker_runtime.context import RuntimeContext
from beanpod_emulator.docker_runtime.docker import DockerError
from beanpod_emulator.docker_runtime.engine_view import LABEL
from beanpod_emulator.patching import patches

_CONTAINERS = "var/log/eb-docker/containers/eb-current-app/stdouterr.log"
_ENGINE = "var/log/eb-engine.log"
# Docker's `logs` writes errors to another stream, and their order would be lost.
_READ = 'exec docker logs --timestamps --since "$1" "$2" 2>&1'
_BEGINNING = "1970-01-01T00:00:00Z"
_LONGEST = 10_000


class LogStream:
    """Sends the logs of an environment's instances, if its option StreamLogs is set."""

    def __init__(self, context: RuntimeContext, environment: Environment) -> None:
        self._context, self._environment = context, environment
        # The last line of each container, as its time with nanoseconds.
        self._sent: dict[str, str] = {}

    @property
    def _on(self) -> bool:
        return self._environment.option("aws:elasticbeanstalk:cloudwatch:logs", "StreamLogs", "false") == "true"

    def send_containers(self, instance_id: str) -> None:
        """Send what the instance's containers have written since the last time."""
        if not self._on:
            return
        lines = []
        with suppress(DockerError):
            containers = self._context.docker.containers(f"{LABEL}={instance_id}")
            for container in containers:
                service = container["Names"][0].removeprefix(f"/{instance_id}-")
                prefix = f"{service}  | " if len(containers) > 1 else ""
                lines += [(time, prefix + text) for time, text in self._read(container["Id"])]
        self._put(_CONTAINERS, instance_id, sorted(lines))

    def send_error(self, instance_id: str, message: str) -> None:
        """Send why a deployment to an instance failed, as in its eb-engine.log."""
        if self._on:
            self._put(_ENGINE, instance_id, [(datetime.now(UTC).isoformat(), f"[ERROR] {message}")])

    def _read(self, container: str) -> list[tuple[str, str]]:
        docker, last = self._context.docker, self._sent.get(container, _BEGINNING)
        printed = docker.shell(_READ, last, container)
        lines = [line.partition(" ")[::2] for line in printed.splitlines()]
        new = [(time, text[:_LONGEST]) for time, text in lines if time > last and text]
        self._sent[container] = new[-1][0] if new else last
        return new

    def _put(self, log: str, instance_id: str, lines: list[tuple[str, str]]) -> None:
        if not lines:
            return
        group = f"/aws/elasticbeanstalk/{self._environment.name}/{log}"
        events = [
            {"timestamp": int(datetime.fromisoformat(time[:19] + "+00:00").timestamp() * 1000), "message": text}
            for time, text in lines
        ]
        with self._context.emulator.lock:
            logs: Any = client("logs", self._environment.region)
            for create, names in (
                (logs.create_log_group, {"logGroupName": group}),
                (logs.create_log_stream, {"logGroupName": group, "logStreamName": instance_id}),
            ):
                with suppress(logs.exceptions.ResourceAlreadyExistsException):
                    create(**names)
            logs.put_log_events(logGroupName=group, logStreamName=instance_id, logEvents=events)


def patch_logs(send: Callable[[], None]) -> None:
    """Patch moto's CloudWatch Logs. send: called before log groups are listed."""

    @patches(LogsBackend)
    def describe_log_groups(describe: Any, *arguments: Any, **named: Any) -> Any:
        send()
        return describe(*arguments, **named)
