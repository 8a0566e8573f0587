"""The documentation, followed: from an app to a page in the browser, a new key, and nothing left.

The blocks of docs/getting-started.md and docs/operations.md are what runs. AWS is the embedded one with permissions
enforced and with containers; Docker, the registry, git, the CDK CLI, the AWS CLI, the workflow's steps and the deploy
script are real.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import boto3
import pytest
from botocore.exceptions import ClientError

from beanpod_emulator import EmbeddedAws
from tests.deploy.deployed_stage import client
from tests.deploy.engine import Engine, docker_engine
from tests.deploy.registry import local_registry
from tests.docs.github import GitHub
from tests.docs.newcomer import Newcomer
from tests.docs.pages import ROOT, Block, blocks
from tests.wheels import build, copy_sources
from tools.github import Run

__all__ = ["docker_engine"]
START = ROOT / "docs/getting-started.md"
OPERATIONS = ROOT / "docs/operations.md"
PASSWORD = "open sesame"


@dataclass(frozen=True)
class Arrived:
    """A newcomer after the last step. told: what each step printed. ran: what the push started."""

    newcomer: Newcomer
    told: list[str]
    ran: list[Run]

    @property
    def aws(self) -> EmbeddedAws:
        return self.newcomer.aws


def steps() -> list[Block]:
    """The blocks of the numbered sections."""
    return [block for block in blocks(START, "sh", "toml") if re.match(r"\d+\. ", block.heading)]


def operation(heading: str) -> list[Block]:
    """The blocks of one section that concern the first stage."""
    found = [block for block in blocks(OPERATIONS, "sh", "toml") if block.heading == heading]
    return [block for block in found if "prod" not in block.text]


@pytest.fixture(scope="module")
def arrived(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arrived]:
    folder = tmp_path_factory.mktemp("newcomer")
    (folder / "home").mkdir()
    app = Path(
        shutil.copytree(ROOT / "service", folder / "app", ignore=shutil.ignore_patterns("node_modules", "*.yaml"))
    )
    build(copy_sources(folder / "sources"), folder / "wheels", "--wheel")
    with (
        local_registry(folder / "registry", username="ada", password=PASSWORD) as registry,
        EmbeddedAws.start(region="eu-central-1", enforce_iam=True, docker=True) as aws,
    ):
        aws.set_pace(watch=3)
        github = GitHub.make(folder / "github", app)
        newcomer = Newcomer(folder / "home", folder / "wheels", aws, registry, github, docker_engine)
        newcomer.clone()
        yield Arrived(newcomer, newcomer.follow(*steps()), newcomer.ran)


def test_the_steps_lead_from_nothing_to_a_page_by_a_push(arrived: Arrived) -> None:
    (deployed,) = arrived.ran
    assert deployed.code == 0, deployed.log
    outputs = deployed.outputs["dev.deploy"]
    label, url = outputs["version-label"], outputs["url"]
    assert (outputs["changed"], outputs["health-path"]) == ("true", f"GET {url}/health answered 200")
    *_, again, status, health = arrived.told
    assert f"Nothing to do: {label} is deployed already to {url}" in again
    assert re.search(rf"Ready +Ok\n +version +{label}\n +url +{re.escape(url)}\n", status)
    assert '"database":"ok"' in health
    with urlopen(url) as page:
        assert f'<dd id="version">{label}</dd>' in page.read().decode()


def test_init_prints_what_the_page_shows(arrived: Arrived) -> None:
    (shown,) = blocks(START, "text")
    (printed,) = [told for told in arrived.told if "created  beanpod.toml" in told]
    # This repository is not on GitHub.
    expected = "".join(line for line in shown.text.splitlines(keepends=True) if not line.startswith("GitHub"))
    assert printed.replace(f"{arrived.newcomer.registry.host}/", "").startswith(expected)


def test_github_has_the_four_secrets_and_nobody_saw_them(arrived: Arrived) -> None:
    secrets = arrived.newcomer.github.secrets
    assert set(secrets) == {"AWS_ACCESS_KEY", "AWS_SECRET_KEY", "DOCKER_USERNAME", "DOCKER_PASSWORD"}
    assert (secrets["DOCKER_USERNAME"], secrets["DOCKER_PASSWORD"]) == ("ada", PASSWORD)
    assert arrived.newcomer.github.variables == {"AWS_REGION": "eu-central-1"}
    shown = arrived.newcomer.told + "".join(ran.log + ran.summary for ran in arrived.ran)
    assert not [secret for secret in (secrets["AWS_SECRET_KEY"], PASSWORD) if secret in shown]


def test_a_new_key_deploys_and_the_old_one_is_refused(arrived: Arrived) -> None:
    old = arrived.newcomer.github.secrets
    arrived.newcomer.follow(*operation("Rotate the deploy user's key"))
    arrived.newcomer.push()
    assert "Nothing to do" in arrived.newcomer.ran[0].log
    key = {"aws_access_key_id": old["AWS_ACCESS_KEY"], "aws_secret_access_key": old["AWS_SECRET_KEY"]}
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        boto3.client("sts", **{**arrived.aws.client_arguments, **key}).get_caller_identity()


def test_a_changed_secret_is_stored_and_the_app_started_again(arrived: Arrived) -> None:
    arrived.newcomer.follow(*operation("Change a secret or a variable"))
    name = "/guestbook/docker-password"
    stored = client("ssm", arrived.aws).get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (stored["Version"], stored["Value"]) == (2, PASSWORD)
    events = client("elasticbeanstalk", arrived.aws).describe_events()["Events"]
    assert "restartAppServer is starting." in {event["Message"] for event in events}


def test_removing_a_stage_leaves_what_the_page_says(arrived: Arrived) -> None:
    *_, snapshots = arrived.newcomer.follow(*operation("Remove a stage"))
    assert snapshots.splitlines()[-1].startswith("guestbook-dev-database-snapshot-")
    found = client("cloudformation", arrived.aws).describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in found] == ["CDKToolkit"]
    buckets = client("s3", arrived.aws).list_buckets()["Buckets"]
    assert [bucket["Name"].partition("-")[0] for bucket in buckets] == ["cdk"]
    assert client("rds", arrived.aws).describe_db_instances()["DBInstances"] == []
    assert client("secretsmanager", arrived.aws).list_secrets()["SecretList"] == []
    assert client("iam", arrived.aws).list_users()["Users"] == []
    parameters = client("ssm", arrived.aws).describe_parameters()["Parameters"]
    assert [parameter["Name"].split("/")[1] for parameter in parameters] == ["cdk-bootstrap"]


def test_removing_everything_leaves_nothing(arrived: Arrived) -> None:
    arrived.newcomer.follow(*operation("Remove everything"))
    assert client("cloudformation", arrived.aws).describe_stacks()["Stacks"] == []
    assert client("s3", arrived.aws).list_buckets()["Buckets"] == []
    assert client("rds", arrived.aws).describe_db_snapshots(SnapshotType="manual")["DBSnapshots"] == []
    assert client("logs", arrived.aws).describe_log_groups()["logGroups"] == []
    assert client("elasticbeanstalk", arrived.aws).describe_applications()["Applications"] == []


def test_the_steps_are_numbered_from_one() -> None:
    numbers = list(dict.fromkeys(int(block.heading.partition(".")[0]) for block in steps()))
    assert numbers == list(range(1, len(numbers) + 1))
