"""The commands that only read: status, versions, events and logs."""

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands.sandbox_stage import SandboxStage
from tests.cli.output.runner import ActionsRunner
from tests.cli.output.streams import ClosedPipe

NOW = datetime.now(UTC)
LogWriter = Callable[..., None]


@pytest.fixture(scope="module")
def released(stage: SandboxStage) -> SandboxStage:
    stage.release("guestbook-1", "commit 1111")
    stage.release("guestbook-2", "commit 2222")
    return stage


@pytest.fixture
def write_log(stage: SandboxStage) -> Iterator[LogWriter]:
    """Writes messages of an instance into a log group of the environment; the groups are deleted after the test."""
    logs, groups = stage.sandbox.client("logs"), set[str]()

    def write(path: str, instance: str, *messages: str) -> None:
        group = f"/aws/elasticbeanstalk/{stage.target.environment}/{path}"
        if group not in groups:
            logs.create_log_group(logGroupName=group)
            groups.add(group)
        logs.create_log_stream(logGroupName=group, logStreamName=instance)
        begin = int(NOW.timestamp() * 1000) - (5000 if instance == "i-1" else 0)
        events = [{"timestamp": begin + number, "message": message} for number, message in enumerate(messages)]
        logs.put_log_events(logGroupName=group, logStreamName=instance, logEvents=events)

    yield write
    for group in groups:
        logs.delete_log_group(logGroupName=group)


def test_status_shows_the_environment_and_its_instances(released: SandboxStage) -> None:
    result = released.run("status")
    assert (result.code, result.stderr) == (0, "")
    first, *facts = result.stdout.splitlines()
    assert first == f"{released.target.environment}  Ready  Ok"
    assert "  version       guestbook-2" in facts
    assert f"  url           {released.target.url}" in facts
    assert f"  application   {released.target.application}" in facts
    assert "  region        us-east-1" in facts
    heading, instance = facts[-2:]
    assert heading.split() == ["INSTANCE", "HEALTH", "VERSION", "DEPLOYMENT"]
    assert instance.split()[1:] == ["Ok", "guestbook-2", "Deployed"]
    assert instance.startswith("i-")


def test_status_is_written_as_json(released: SandboxStage) -> None:
    document = released.run("status", "--json").document
    assert document["version_label"] == "guestbook-2"
    assert (document["status"], document["health"], document["causes"]) == ("Ready", "Ok", [])
    assert [instance["version_label"] for instance in document["instances"]] == ["guestbook-2"]
    assert document["deployment"] is None


def test_status_of_a_load_balanced_stage_says_that_it_is_plain_http(released: SandboxStage, tmp_path: Path) -> None:
    manifest = tmp_path / "beanpod.toml"
    text = (released.project.folder / "beanpod.toml").read_text()
    manifest.write_text(f'{text}[stages.prod]\npreset = "production"\n')
    released.sandbox.stage_stacks(released.target, "prod")
    status = ("--manifest", str(manifest), "status", "--stage", "prod")
    lines = released.run(*status).stdout.splitlines()
    assert "  plain HTTP: for HTTPS, write [stages.prod.domain] in beanpod.toml" in lines
    assert released.run(*status, "--json").document["plain_http"] is True
    assert "plain HTTP" not in released.run("status").stdout
    certificate = "arn:aws:acm:us-east-1:111122223333:certificate/0a1b2c3d-0000-0000-0000-000000000000"
    with manifest.open("a") as file:
        file.write(f'domain = {{ name = "shop.example.com", certificate = "{certificate}" }}\n')
    missing = "the deployed stacks of stage prod do not have the domain shop.example.com yet: run"
    assert f"  {missing} `beanpod cdk deploy --all -c stage=prod` first" in released.run(*status).stdout.splitlines()
    for options in ((), ("--dry-run",)):
        refused = released.run("--manifest", str(manifest), "deploy", "--stage", "prod", *options)
        assert (refused.code, missing in refused.stderr) == (2, True)


def test_versions_are_listed_newest_first(released: SandboxStage) -> None:
    rows = [line.split() for line in released.run("versions").stdout.splitlines()]
    assert rows[0] == ["VERSION", "CREATED", "DESCRIPTION"]
    assert [(row[0], row[3:]) for row in rows[1:3]] == [
        ("guestbook-2", ["current", "commit", "2222"]),
        ("guestbook-1", ["previous", "commit", "1111"]),
    ]
    documents = released.run("versions", "--json").document[:2]
    assert [(version["current"], version["previous"]) for version in documents] == [(True, False), (False, True)]


def test_events_are_listed_oldest_first(released: SandboxStage) -> None:
    lines = released.run("events").stdout.splitlines()
    assert any(line.endswith("INFO   Environment update completed successfully.") for line in lines)
    assert lines == sorted(lines, key=lambda line: line[:19])
    assert released.run("events", "--json").document[-1]["severity"] == "INFO"


def test_followed_events_are_json_lines_until_the_output_is_closed(released: SandboxStage) -> None:
    result = released.run("events", "--follow", "--json", stdout=ClosedPipe(3))
    assert result.code == 141
    assert result.stderr == ""
    assert len([json.loads(line)["message"] for line in result.stdout.splitlines()]) == 3


def test_the_end_of_followed_events_is_a_json_line(released: SandboxStage) -> None:
    class CtrlC(io.StringIO):
        def write(self, text: str) -> int:
            written = super().write(text)
            if self.getvalue().count("\n") == 3:
                raise KeyboardInterrupt
            return written

    result = released.run("events", "--follow", "--json", stdout=CtrlC())
    assert result.code == 130
    assert json.loads(result.stdout.splitlines()[-1])["error"] == "interrupted"


def test_logs_show_the_latest_lines_of_each_file(released: SandboxStage, write_log: LogWriter) -> None:
    assert "no logs under /aws/elasticbeanstalk/" in released.run("logs").stdout
    write_log("var/log/eb-docker/containers/app/stdouterr.log", "i-2", "started \x1b[31mred", "listening")
    write_log("var/log/eb-docker/containers/app/stdouterr.log", "i-1", "first")
    write_log("var/log/nginx/access.log", "i-1", *(f"GET /{number}" for number in range(60)))
    write_log("environment-health.log", "i-1", "{}")
    lines = released.run("logs").stdout.splitlines()
    assert lines[0] == "/var/log/nginx/access.log"
    assert [line.split()[-1] for line in lines[1:41]] == [f"/{number}" for number in range(20, 60)]
    assert lines[41] == "/var/log/eb-docker/containers/app/stdouterr.log"
    assert [line.split()[1:] for line in lines[42:]] == [
        ["i-1", "first"],
        ["i-2", "started", "red"],
        ["i-2", "listening"],
    ]
    assert released.run("logs", "--json").document[-1]["message"] == "listening"


def test_logs_show_the_present_instance_whatever_the_order_of_the_streams(
    released: SandboxStage, write_log: LogWriter
) -> None:
    (instance,) = released.sandbox.aws().instances(released.target.environment).all
    log = "var/log/eb-engine.log"
    write_log(log, instance.instance_id, "why it failed")
    for number in range(6):
        write_log(log, f"i-replaced{number}", "ended")
    logs = released.sandbox.client("logs")

    def have_the_newest_last(parsed: Any, **_: object) -> None:
        parsed["logStreams"] = [it for it in parsed["logStreams"] if it["logStreamName"].startswith("i-replaced")][:5]

    logs.meta.events.register("after-call.*.DescribeLogStreams", have_the_newest_last)
    try:
        lines = released.run("logs").stdout
    finally:
        logs.meta.events.unregister("after-call.*.DescribeLogStreams", have_the_newest_last)
    assert f"{instance.instance_id}  why it failed" in lines


@pytest.mark.parametrize("command", ["status", "versions", "events", "logs", "secrets"])
def test_missing_stack_is_reported_in_one_line(stage: SandboxStage, command: str) -> None:
    folder = stage.project.folder
    text = (folder / "beanpod.toml").read_text()
    (folder / "other.toml").write_text(text.replace("stages.dev", "stages.test"))
    result = stage.run(command, "--manifest", str(folder / "other.toml"))
    assert result.code == 2
    assert result.stderr.startswith("beanpod: stage test is not deployed: there is no stack guestbook-test-")
    assert result.stderr.count("\n") == 1


def test_result_in_a_workflow_contains_no_workflow_command(released: SandboxStage, write_log: LogWriter) -> None:
    write_log("var/log/evil.log", "i-1", "::error::mine", "##[error]mine")
    result = released.run("logs", environ={"GITHUB_ACTIONS": "true"})
    assert "##[error]mine" in result.stdout
    obeyed = ActionsRunner().read(result.stdout)
    assert (obeyed.commands, obeyed.stopped_by) == ([], None)
