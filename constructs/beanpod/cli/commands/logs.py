"""logs: the latest lines of the service's and the instances' logs in CloudWatch Logs.

Beanstalk streams a log file to the log group `/aws/elasticbeanstalk/ENVIRONMENT/PATH`, log stream INSTANCE:
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/AWSHowTo.cloudwatchlogs.html. The deploy user may not read them,
because logs may hold personal data.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import Paint
from beanpod.deploy.aws import Aws

_PREFIX = "/aws/elasticbeanstalk"
# Left out: `status` shows it.
_HEALTH = "environment-health.log"
_CONTAINERS = "eb-docker/containers"
_LINES = 40
_INSTANCES = 5


@dataclass(frozen=True)
class LogLine:
    """A line of a log.

    Attributes:
        log: The file on the instance.
        instance: The instance's id.
        time: When it was logged.
        message: The line.
    """

    log: str
    instance: str
    time: datetime
    message: str


def run(context: Context) -> None:
    """Show the latest lines of each log, those of the containers last."""
    environment = context.target.environment
    logs = Logs(context.connection.client("logs", context.aws.region), context.aws, environment)
    lines = list(logs.latest())
    context.results.emit([asdict(line) for line in lines], _text(lines, environment, context.results.paint))


class Logs:
    """Reads an environment's log groups. Needs logs:DescribeLogGroups, logs:DescribeLogStreams, logs:GetLogEvents."""

    def __init__(self, client: Any, aws: Aws, environment: str) -> None:
        self._client = client
        self._call = aws.call
        self._prefix = f"{_PREFIX}/{environment}/"

    def latest(self) -> Iterator[LogLine]:
        """The last 40 lines of each log, of all its instances together, oldest first."""
        for group in sorted(self._groups(), key=lambda name: (_CONTAINERS in name, name)):
            lines = (line for stream in self._streams(group) for line in self._lines(group, stream))
            yield from sorted(lines, key=lambda line: line.time)[-_LINES:]

    def _groups(self) -> list[str]:
        found = self._call(self._client.describe_log_groups, logGroupNamePrefix=self._prefix)
        names = [group["logGroupName"] for group in found["logGroups"]]
        return [name for name in names if not name.endswith(_HEALTH)]

    def _streams(self, group: str) -> list[str]:
        found = self._call(
            self._client.describe_log_streams,
            logGroupName=group,
            orderBy="LastEventTime",
            descending=True,
            limit=_INSTANCES,
        )
        return [stream["logStreamName"] for stream in found["logStreams"]]

    def _lines(self, group: str, stream: str) -> Iterator[LogLine]:
        found = self._call(
            self._client.get_log_events,
            logGroupName=group,
            logStreamName=stream,
            limit=_LINES,
            startFromHead=False,
        )
        log = f"/{group.removeprefix(self._prefix)}"
        for event in found["events"]:
            yield LogLine(log, stream, datetime.fromtimestamp(event["timestamp"] / 1000, UTC), event["message"])


def _text(lines: Sequence[LogLine], environment: str, paint: Paint) -> Iterator[str]:
    if not lines:
        yield f"no logs under {_PREFIX}/{environment} yet: a new instance sends the first after some minutes"
    for log, group in groupby(lines, key=lambda line: line.log):
        yield paint(log, "bold")
        for line in group:
            yield f"  {paint(f'{line.time:%H:%M:%S} {line.instance}', 'dim')}  {paint(line.message)}"
