"""Run docs/getting-started.md and the pages about operations: from an app to its page, a new key, and an empty account.

AWS is the emulator, with permissions enforced and with containers. Docker, the registry, git, pip, npm, the CDK CLI,
the AWS CLI, the workflow and the deploy command are real.
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
from tests.deploy.registry import local_registry, pushed_layers, share_layers
from tests.docs.github import GitHub
from tests.docs.pages import ROOT, Block, blocks, examples, parts_not_printed, screen
from tests.docs.walkthrough import Walkthrough
from tests.wheels import link_packages, wheels
from tools.github import Run

__all__ = ["docker_engine", "pushed_layers", "wheels"]
START = ROOT / "docs/getting-started.md"
OPERATIONS = ("changes", "operations", "removing")
PASSWORD = "open sesame"


@dataclass(frozen=True)
class Deployed:
    """The walkthrough after the last step of getting started.

    Attributes:
        walkthrough: For more blocks.
        outputs: What each step printed.
        runs: The runs of the workflow that the push started.
        page: The app's page.
    """

    walkthrough: Walkthrough
    outputs: list[str]
    runs: list[Run]
    page: str

    @property
    def aws(self) -> EmbeddedAws:
        return self.walkthrough.aws


def steps() -> list[Block]:
    """The blocks of the numbered sections."""
    return [block for block in blocks(START, "sh", "toml") if re.match(r"\d+\. ", block.heading)]


def operation(heading: str) -> list[Block]:
    """The blocks of one section that concern the first stage."""
    pages = [block for name in OPERATIONS for block in blocks(ROOT / f"docs/{name}.md", "sh", "toml")]
    found = [block for block in pages if block.heading == heading]
    return [block for block in found if "prod" not in block.text]


def assert_shown(deployed: Deployed, *examples: tuple[Block, Block]) -> None:
    """Run each block, and compare what it prints with the text below it on the page."""
    assert examples
    for command, shown in examples:
        printed = deployed.walkthrough.show(command)
        assert parts_not_printed(shown.text, printed) == [], f"{command}\n{screen(printed)}"


@pytest.fixture(scope="module")
def deployed(
    docker_engine: Engine, wheels: dict[str, Path], pushed_layers: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("walkthrough")
    share_layers(folder / "registry/data", pushed_layers, "ada/guestbook")
    (folder / "home").mkdir()
    app = Path(
        shutil.copytree(ROOT / "service", folder / "app", ignore=shutil.ignore_patterns("node_modules", "*.yaml"))
    )
    with (
        local_registry(folder / "registry", username="ada", password=PASSWORD) as registry,
        EmbeddedAws.start(region="eu-central-1", enforce_iam=True, docker=True) as aws,
    ):
        aws.set_pace(watch=3)
        github = GitHub.make(folder / "github", app)
        packages = link_packages(folder / "packages")
        walkthrough = Walkthrough(
            folder / "home", wheels["beanpod"].parent, packages, aws, registry, github, docker_engine
        )
        walkthrough.clone()
        outputs, runs = walkthrough.follow(*steps()), walkthrough.runs
        with urlopen(runs[0].outputs["dev.deploy"]["url"]) as page:
            yield Deployed(walkthrough, outputs, runs, page.read().decode())


def test_a_push_deploys_the_app(deployed: Deployed) -> None:
    (run,) = deployed.runs
    assert run.code == 0, run.log
    outputs = run.outputs["dev.deploy"]
    label, url = outputs["version-label"], outputs["url"]
    assert (outputs["changed"], outputs["health-path"]) == ("true", f"GET {url}/health answered 200")
    *_, again, status, health = deployed.outputs
    assert f"Nothing to do: {label} is deployed already to {url}" in again
    assert re.search(rf"Ready +Ok\n +version +{label}\n +url +{re.escape(url)}\n", status)
    assert '"database":"ok"' in health
    assert f'<dd id="version">{label}</dd>' in deployed.page


def test_the_steps_print_what_the_page_shows(deployed: Deployed) -> None:
    printed = {block.text: output for block, output in zip(steps(), deployed.outputs, strict=True)}
    for heading in dict.fromkeys(block.heading for block in steps()):
        for command, shown in examples(START, heading):
            # This repository is not on GitHub.
            text = re.sub(r"^GitHub .*\n", "", shown.text, flags=re.MULTILINE)
            output = printed[command.text].replace(f"{deployed.walkthrough.registry.host}/", "")
            assert parts_not_printed(text, output) == [], f"{command}\n{screen(output)}"


def test_github_has_the_four_secrets_and_none_was_printed(deployed: Deployed) -> None:
    secrets = deployed.walkthrough.github.repository.secrets
    assert set(secrets) == {"AWS_ACCESS_KEY", "AWS_SECRET_KEY", "DOCKER_USERNAME", "DOCKER_PASSWORD"}
    assert (secrets["DOCKER_USERNAME"], secrets["DOCKER_PASSWORD"]) == ("ada", PASSWORD)
    assert deployed.walkthrough.github.repository.variables == {"AWS_REGION": "eu-central-1"}
    shown = deployed.walkthrough.output + "".join(run.log + run.summary for run in deployed.runs)
    assert not [secret for secret in (secrets["AWS_SECRET_KEY"], PASSWORD) if secret in shown]


def test_operations_do_and_print_what_their_pages_say(deployed: Deployed) -> None:
    """One after the other, as an owner does it: the last ones leave nothing for those before."""
    _look_at_the_difference(deployed)
    assert_shown(deployed, *examples(ROOT / "docs/operations.md", "Status, events and logs"))
    _roll_back(deployed)
    _rotate_the_key(deployed)
    _change_a_secret(deployed)
    _remove_a_stage(deployed)
    _remove_everything(deployed)


def _look_at_the_difference(deployed: Deployed) -> None:
    (unchanged,) = deployed.walkthrough.follow(*operation("Preview infrastructure changes"))
    stacks = ", ".join(f"guestbook-dev-{part}" for part in ("network", "database", "service", "delivery"))
    assert unchanged.splitlines()[-1] == f"unchanged  {stacks}"
    manifest = deployed.walkthrough.project / "beanpod.toml"
    text = manifest.read_text()
    manifest.write_text(text.replace('GREETING = "Hello"', 'GREETING = "Good morning"'))
    (changed,) = deployed.walkthrough.follow(*operation("Preview infrastructure changes"))
    manifest.write_text(text)
    assert "  ~  Environment  AWS::ElasticBeanstalk::Environment  restarts the app" in changed
    assert "      GREETING  Hello → Good morning" in changed


def _roll_back(deployed: Deployed) -> None:
    server = deployed.walkthrough.project / "server.js"
    text = server.read_text()
    server.write_text(f"{text}// The same, but another release.\n")
    deployed.walkthrough.follow(Block(START, "", "sh", "beanpod deploy\n"))
    assert_shown(deployed, *examples(ROOT / "docs/rollback.md", "By hand"))
    server.write_text("process.exit(3);\n")
    assert_shown(deployed, *examples(ROOT / "docs/rollback.md", "A release that fails"))
    server.write_text(text)


def _rotate_the_key(deployed: Deployed) -> None:
    old = deployed.walkthrough.github.repository.secrets
    deployed.walkthrough.follow(*operation("Rotate the deploy user's key"))
    deployed.walkthrough.push()
    assert "Nothing to do" in deployed.walkthrough.runs[0].log
    key = {"aws_access_key_id": old["AWS_ACCESS_KEY"], "aws_secret_access_key": old["AWS_SECRET_KEY"]}
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        boto3.client("sts", **{**deployed.aws.client_arguments, **key}).get_caller_identity()


def _change_a_secret(deployed: Deployed) -> None:
    deployed.walkthrough.follow(*operation("Change a secret or a variable"))
    name = "/guestbook/docker-password"
    stored = client("ssm", deployed.aws).get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (stored["Version"], stored["Value"]) == (2, PASSWORD)
    events = client("elasticbeanstalk", deployed.aws).describe_events()["Events"]
    assert "restartAppServer is starting." in {event["Message"] for event in events}


def _remove_a_stage(deployed: Deployed) -> None:
    assert_shown(deployed, *examples(ROOT / "docs/removing.md", "Remove a stage"))
    ((commands, shown),) = examples(ROOT / "docs/removing.md", "What is left")
    snapshots = deployed.walkthrough.show(commands)
    assert parts_not_printed(shown.text, snapshots) == [], snapshots
    assert snapshots.splitlines()[-1].startswith("guestbook-dev-database-snapshot-")
    found = client("cloudformation", deployed.aws).describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in found] == ["CDKToolkit"]
    buckets = client("s3", deployed.aws).list_buckets()["Buckets"]
    assert [bucket["Name"].partition("-")[0] for bucket in buckets] == ["cdk"]
    assert client("rds", deployed.aws).describe_db_instances()["DBInstances"] == []
    assert client("secretsmanager", deployed.aws).list_secrets()["SecretList"] == []
    assert client("iam", deployed.aws).list_users()["Users"] == []
    parameters = client("ssm", deployed.aws).describe_parameters()["Parameters"]
    assert [parameter["Name"].split("/")[1] for parameter in parameters] == ["cdk-bootstrap"]


def _remove_everything(deployed: Deployed) -> None:
    deployed.walkthrough.follow(*operation("Remove everything"))
    assert client("cloudformation", deployed.aws).describe_stacks()["Stacks"] == []
    assert client("s3", deployed.aws).list_buckets()["Buckets"] == []
    assert client("rds", deployed.aws).describe_db_snapshots(SnapshotType="manual")["DBSnapshots"] == []
    assert client("logs", deployed.aws).describe_log_groups()["logGroups"] == []
    assert client("elasticbeanstalk", deployed.aws).describe_applications()["Applications"] == []
