"""What change sets say of stacks on the emulator."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnParameter, CfnResource, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs

from beanpod.cli.change_sets import Account, StackChange, assembled_stacks, stack_changes
from beanpod.cli.deployed_stacks import check_replacements, chosen_stacks, option_values
from beanpod.deploy.errors import DeployError, UsageError
from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients
from tests.stacks.changing import deploy_assembly


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with EmbeddedAws.start() as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        found = Clients(aws)
        found("s3").create_bucket(Bucket=f"cdk-hnb659fds-assets-{aws.account}-{aws.region}")
        yield found


def app(folder: Path, **stacks: Any) -> App:
    """An app with these stacks; each value adds the resources of one."""
    made = App(outdir=str(folder))
    for name, add in stacks.items():
        add(Stack(made, name, tags={"team": "books"}))
    return made


def changes_of(made: App, stack: str) -> StackChange:
    assembly = Path(made.synth().directory)
    (change,) = stack_changes(assembly, [stack], Account("us-east-1"))
    return change


def log_group(stack: Stack, name: str = "Jobs", **settings: Any) -> None:
    logs.CfnLogGroup(stack, name, **settings)


def test_resources_are_added_changed_replaced_and_removed(clients: Clients, tmp_path: Path) -> None:
    def before(stack: Stack) -> None:
        log_group(stack, log_group_name="one", retention_in_days=1)
        log_group(stack, "Kept")
        log_group(stack, "Gone")
        CfnParameter(stack, "Size", type="String", default="1")

    def after(stack: Stack) -> None:
        log_group(stack, log_group_name="two", retention_in_days=3)
        log_group(stack, "Kept")
        log_group(stack, "New")
        CfnParameter(stack, "Size", type="String")

    deploy_assembly(clients, app(tmp_path / "before", groups=before).synth())
    change = changes_of(app(tmp_path / "after", groups=after), "groups")
    assert change.kind == "changed"
    found = {it.path: it for it in change.resources}
    assert {path: (it.action, it.replacement) for path, it in found.items()} == {
        "Jobs": ("change", "yes"),
        "New": ("add", "no"),
        "Gone": ("remove", "no"),
    }
    names = {it.name: (it.before, it.after, it.replaces) for it in found["Jobs"].properties}
    assert names == {"RetentionInDays": (1, 3, "no"), "LogGroupName": ("one", "two", "yes")}
    assert not clients("cloudformation").list_change_sets(StackName="groups")["Summaries"]


def test_nothing_changes_and_a_stack_is_new(clients: Clients, tmp_path: Path) -> None:
    deploy_assembly(clients, app(tmp_path / "before", same=log_group).synth())
    assert changes_of(app(tmp_path / "same", same=log_group), "same") == StackChange("same", "unchanged")
    assert changes_of(app(tmp_path / "new", other=log_group), "other") == StackChange("other", "new")


def test_a_stack_that_becomes_empty_is_removed(clients: Clients, tmp_path: Path) -> None:
    deploy_assembly(clients, app(tmp_path / "before", emptied=log_group).synth())
    change = changes_of(app(tmp_path / "after", emptied=lambda _: None), "emptied")
    assert change.kind == "removed"
    assert [(it.path, it.action, it.type) for it in change.resources] == [("Jobs", "remove", "AWS::Logs::LogGroup")]
    assert changes_of(app(tmp_path / "never", never=lambda _: None), "never").kind == "unchanged"


def test_a_long_template_is_uploaded_first(clients: Clients, tmp_path: Path) -> None:
    def long(stack: Stack) -> None:
        log_group(stack)
        log_group(stack, "Second")
        stack.template_options.metadata = {"Notes": "x" * 60_000}

    deploy_assembly(clients, app(tmp_path / "before", long=log_group).synth())
    made = app(tmp_path / "after", long=long)
    assert [it.path for it in changes_of(made, "long").resources] == ["Second"]


def test_what_cloudformation_refuses_is_said(clients: Clients, tmp_path: Path) -> None:
    deploy_assembly(clients, app(tmp_path / "before", refused=log_group).synth())
    after = app(tmp_path / "after", refused=lambda stack: CfnResource(stack, "What", type="AWS::Nothing::Known"))
    with pytest.raises(DeployError, match=r"AWS::Nothing::Known"):
        changes_of(after, "refused")


def test_the_stacks_are_those_that_the_cli_would_deploy(tmp_path: Path) -> None:
    made = app(tmp_path / "app", one=log_group, two=log_group, three=log_group)
    first, second, _ = (made.node.find_child(name) for name in ("one", "two", "three"))
    assert isinstance(first, Stack)
    assert isinstance(second, Stack)
    second.add_dependency(first)
    assembly = Path(made.synth().directory)
    assert list(assembled_stacks(assembly)) == ["one", "two", "three"]
    assert chosen_stacks(assembly, ["deploy", "--all", "-c", "stage=dev"]) == ["one", "two", "three"]
    assert chosen_stacks(assembly, ["deploy", "two"]) == ["one", "two"]
    assert chosen_stacks(assembly, ["deploy", "t*", "--exclusively"]) == ["two", "three"]


@pytest.mark.parametrize("written", ["-c stage=prod", "-c=stage=prod", "--context stage=prod", "--context=stage=prod"])
def test_an_option_of_the_cdk_cli_is_read_as_the_cli_reads_it(written: str) -> None:
    # Missed, the first stage would be checked and deployed instead of the one that was named.
    assert list(option_values(["deploy", "--all", *written.split()], "--context", "-c")) == ["stage=prod"]


STAGES = ("dev", "prod")
MANIFEST = """\
[service]
name = "shop"
image = "ada/shop"
dockerfile = "Dockerfile"

[stages.dev]
allow_replacement = ["network"]

[stages.prod]
"""


def test_each_stack_is_checked_for_its_own_stage(clients: Clients, tmp_path: Path) -> None:
    # The stage may be chosen in cdk.json, or an app may make the stacks of several stages.
    (tmp_path / "beanpod.toml").write_text(MANIFEST)

    def network(cidr: str) -> dict[str, Any]:
        return {f"shop-{stage}-network": lambda stack: ec2.CfnVPC(stack, "Vpc", cidr_block=cidr) for stage in STAGES}

    deploy_assembly(clients, app(tmp_path / "before", **network("10.0.0.0/16")).synth())
    assembly = Path(app(tmp_path / "after", **network("10.1.0.0/16")).synth().directory)
    with pytest.raises(UsageError, match=r"the network of stage prod, .* under \[stages\.prod\]"):
        list(check_replacements(tmp_path / "beanpod.toml", assembly, ["deploy", "--all"]))
    dev_only = ["deploy", "shop-dev-network"]
    assert list(check_replacements(tmp_path / "beanpod.toml", assembly, dev_only)) == []
