"""logs: the latest lines of the service's and the instances' logs in CloudWatch Logs.

Beanstalk streams a log file to the log group `/aws/elasticbeanstalk/ENVIRONMENT/PATH`, log stream INSTANCE:
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/AWSHowTo.cloudwatchlogs.html. The deploy user may not read them,
because logs may hold personal data.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from beanpod.cli.commands.context import Context
from beanpod.cli.output.text import Paint
from beanpod.deploy.aws import Aws, AwsError
from beanpod.deploy.errors import DeployError

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
    lines = list(latest(context.connection.client("logs", context.aws.region), context.aws, environment))
    context.results.emit([asdict(line) for line in lines], _text(lines, environment, context.results.paint))


def latest(client: Any, aws: Aws, environment: str) -> Iterator[LogLine]:
    """Yield the last 40 lines of each log of an environment, of all its instances together, oldest first.

    Needs logs:DescribeLogGroups, logs:DescribeLogStreams and logs:GetLogEvents. The order of the streams may be an hour
    old, so the present instances are read in any case:
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html
    """
    present: list[str] = []
    # As far as they are known: logs remain of an environment that is gone.
    with suppress(DeployError):
        present += [instance.instance_id for instance in aws.instances(environment).all][:_INSTANCES]
    prefix = f"{_PREFIX}/{environment}/"
    groups = aws.call(client.describe_log_groups, logGroupNamePrefix=prefix)["logGroups"]
    names = [group["logGroupName"] for group in groups if not group["logGroupName"].endswith(_HEALTH)]
    newest: dict[str, Any] = {"orderBy": "LastEventTime", "descending": True, "limit": _INSTANCES}
    for name in sorted(names, key=lambda name: (_CONTAINERS in name, name)):
        lines = []
        found = aws.call(client.describe_log_streams, logGroupName=name, **newest)["logStreams"]
        for instance in dict.fromkeys((*present, *(item["logStreamName"] for item in found))):
            for event in _events(client, aws, logGroupName=name, logStreamName=instance):
                time = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                lines.append(LogLine(f"/{name.removeprefix(prefix)}", instance, time, event["message"]))
        yield from sorted(lines, key=lambda line: line.time)[-_LINES:]


def _events(client: Any, aws: Aws, **stream: str) -> Any:
    """The last events of a stream; none if an instance has not sent any yet."""
    try:
        return aws.call(client.get_log_events, **stream, limit=_LINES, startFromHead=False)["events"]
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        return ()


def _text(lines: Sequence[LogLine], environment: str, paint: Paint) -> Iterator[str]:
    if not lines:
        yield f"no logs under {_PREFIX}/{environment} yet: a new instance sends the first after some minutes"
    for log, group in groupby(lines, key=lambda line: line.log):
        yield paint(log, "bold")
        for line in group:
            yield f"  {paint(f'{line.time:%H:%M:%S} {line.instance}', 'dim')}  {paint(line.message)}"
