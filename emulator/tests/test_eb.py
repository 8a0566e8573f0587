"""The EB CLI: deploy, status, health, abort."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients, option, run

# In an environment of its own, beside this one's packages: it needs others than they do.
EB = Path(sys.prefix) / "eb" / "bin" / "eb"
CONFIG = """\
branch-defaults:
  default:
    environment: guestbook-dev
global:
  application_name: guestbook
  default_region: us-east-1
  profile: null
  sc: null
  workspace_type: Application
"""
Eb = Callable[..., str]


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws.start(update_seconds=2, launch_seconds=0) as running:
        yield running


@pytest.fixture(scope="module")
def eb(aws: EmbeddedAws, clients: Clients, tmp_path_factory: pytest.TempPathFactory) -> Eb:
    """Runs the EB CLI in a project of its own, for an environment that runs the sample application."""
    project = tmp_path_factory.mktemp("project")
    (project / ".elasticbeanstalk").mkdir()
    (project / ".elasticbeanstalk/config.yml").write_text(CONFIG)
    (project / "Dockerfile").write_text("FROM busybox\n")
    clients.launch("guestbook-dev", option("aws:elasticbeanstalk:healthreporting:system", "SystemType", "enhanced"))

    def call(*arguments: str, ends: int = 0) -> str:
        done = run(aws, str(EB), *arguments, folder=project)
        assert done.returncode == ends, done.stdout
        return done.stdout

    return call


def _status(eb: Eb) -> dict[str, str]:
    pairs = (line.split(": ", 1) for line in eb("status").splitlines() if ": " in line)
    return {name.strip(): value.strip() for name, value in pairs}


def test_eb_lists_environments_and_their_status(clients: Clients, eb: Eb) -> None:
    assert eb("list").split() == ["*", "guestbook-dev"]
    status, (shown,) = _status(eb), clients("elasticbeanstalk").describe_environments()["Environments"]
    assert (status["Status"], status["Health"]) == ("Ready", shown["Health"])
    assert status["Deployed Version"] == shown["VersionLabel"]


def test_eb_deploys_and_shows_events_and_health(clients: Clients, eb: Eb) -> None:
    output = eb("deploy", "--label", "v1")
    assert "Upload Complete." in output
    assert [line.split("INFO")[1].strip() for line in output.splitlines() if "INFO" in line] == [
        "Environment update is starting.",
        "Deploying new version to instance(s).",
        "Instance deployment completed successfully.",
        "New application version was deployed to running EC2 instances.",
        "Environment update completed successfully.",
    ]
    assert _status(eb)["Deployed Version"] == "v1"
    assert "Environment health has transitioned from Info to Ok." in eb("events")
    assert re.search(r"i-\w+\s+Deployed\s+\d+\s+v1", eb("health"))


def test_eb_sees_a_deployment_fail(aws: EmbeddedAws, eb: Eb) -> None:
    aws.inject_fault("error-event")
    output = eb("deploy", "--label", "broken", ends=4)
    assert output.rstrip().endswith("ERROR: ServiceError - Failed to deploy application.")


def test_eb_aborts_an_update(aws: EmbeddedAws, clients: Clients, eb: Eb) -> None:
    aws.set_pace(update=600)
    clients("elasticbeanstalk").update_environment(EnvironmentName="guestbook-dev", VersionLabel=clients.version("v9"))
    status = _status(eb)
    assert (status["Status"], status["Deployed Version"]) == ("Updating", "v9")
    aws.set_pace(update=0)
    assert 'Aborting update to environment "guestbook-dev".' in eb("abort")
    aws.set_pace(update=2)
    status = _status(eb)
    assert status["Status"] == "Ready"
    assert status["Deployed Version"] != "v9"
    assert "The environment update is being aborted." in eb("events")
