"""What change sets say of stacks on the emulator."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from beanpod.cli import cdk
from beanpod.cli.change_sets import Account, StackChange, assembled_stacks, stack_changes
from beanpod.cli.deployed_stacks import (
    check_destruction,
    check_replacements,
    chosen_stacks,
    deployment_account,
    option_values,
)
from beanpod.deploy.errors import DeployError, UsageError
from beanpod_emulator import EmbeddedAws
from emulator.tests.clients import Clients
from tests.cli.assemblies import TAGS, resource, template, write_assembly


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with EmbeddedAws.start() as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        found = Clients(aws)
        found("s3").create_bucket(Bucket=f"cdk-hnb659fds-assets-{aws.account}-{aws.region}")
        yield found


def group(path: str, **properties: Any) -> dict[str, Any]:
    return resource(path, "AWS::Logs::LogGroup", **properties)


def deploy(clients: Clients, stack: str, *resources: dict[str, Any], **sections: Any) -> None:
    tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    body = json.dumps(template(*resources, **sections))
    clients("cloudformation").create_stack(StackName=stack, TemplateBody=body, Tags=tags)


def change_of(folder: Path, stack: str, *resources: dict[str, Any], **sections: Any) -> StackChange:
    """What the deployment of a template would change."""
    assembly = write_assembly(folder, **{stack: template(*resources, **sections)})
    (change,) = stack_changes(assembled_stacks(assembly), Account("us-east-1"))
    return change


def test_resources_are_added_changed_replaced_and_removed(clients: Clients, tmp_path: Path) -> None:
    size = {"Type": "String"}
    before = group("groups/Jobs", LogGroupName="one", RetentionInDays=1)
    gone = group("groups/Gone") | {"DeletionPolicy": "Retain"}
    deploy(clients, "groups", before, group("groups/Kept"), gone, Parameters={"Size": size | {"Default": "1"}})
    after = group("groups/Jobs", LogGroupName="two", RetentionInDays=3)
    new = group("groups/New")
    change = change_of(tmp_path / "app", "groups", after, group("groups/Kept"), new, Parameters={"Size": size})
    assert change.kind == "changed"
    found = {it.path: it for it in change.resources}
    assert {path: (it.action, it.replacement, it.policy) for path, it in found.items()} == {
        "Jobs": ("change", "yes", "Delete"),
        "New": ("add", "no", "Delete"),
        "Gone": ("remove", "no", "Retain"),
    }
    names = {it.name: (it.before, it.after, it.replaces) for it in found["Jobs"].properties}
    assert names == {"RetentionInDays": (1, 3, "no"), "LogGroupName": ("one", "two", "yes")}
    assert not clients("cloudformation").list_change_sets(StackName="groups")["Summaries"]


@pytest.mark.parametrize(
    ("given", "values"),
    [
        (["--parameters", "New=a=b"], {"Old": None, "New": "a=b"}),
        (["--parameters=shop:New=two", "--parameters", "New=three"], {"Old": None, "New": "two"}),
        (["--parameters", "Old=two", "--parameters", "Unknown=3", "--parameters", "other:New=4"], {"Old": "two"}),
    ],
)
def test_parameters_are_those_that_the_cdk_cli_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], values: dict[str, str | None]
) -> None:
    stack = {"StackStatus": "UPDATE_COMPLETE", "Parameters": [{"ParameterKey": "Old"}, {"ParameterKey": "Gone"}]}
    client = Mock(**{"describe_stacks.return_value": {"Stacks": [stack]}, "get_template.return_value": {}})
    client.create_change_set.return_value = {"Id": "1"}
    client.get_paginator.return_value.paginate.return_value = []
    monkeypatch.setattr(Account, "client", lambda *_, **__: client)
    declared = {"Old": {"Type": "String"}, "New": {"Type": "String"}}
    assembly = write_assembly(tmp_path / "app", shop=template(group("shop/Jobs"), Parameters=declared))
    stack_changes(chosen_stacks(assembly, ["deploy", "--all", *given]), Account("us-east-1"))
    sent = client.create_change_set.call_args.kwargs["Parameters"]
    assert {it["ParameterKey"]: it.get("ParameterValue") for it in sent} == values
    assert [it["ParameterKey"] for it in sent if it.get("UsePreviousValue")] == [it for it in values if not values[it]]


def test_nothing_changes_and_a_stack_is_new(clients: Clients, tmp_path: Path) -> None:
    deploy(clients, "same", group("same/Jobs"))
    assert change_of(tmp_path / "same", "same", group("same/Jobs")) == StackChange("same", "unchanged")
    assert change_of(tmp_path / "new", "other", group("other/Jobs")) == StackChange("other", "new")


def test_a_stack_that_becomes_empty_is_removed(clients: Clients, tmp_path: Path) -> None:
    deploy(clients, "emptied", group("emptied/Jobs", RetentionInDays=1))
    change = change_of(tmp_path / "after", "emptied")
    assert change.kind == "removed"
    (removed,) = change.resources
    assert (removed.path, removed.action, removed.type) == ("Jobs", "remove", "AWS::Logs::LogGroup")
    assert removed.settings == {"RetentionInDays": 1}
    assert change_of(tmp_path / "never", "never").kind == "unchanged"


def test_a_long_template_is_uploaded_first(clients: Clients, tmp_path: Path) -> None:
    deploy(clients, "long", group("long/Jobs"))
    notes = {"Notes": "x" * 60_000}
    change = change_of(tmp_path / "after", "long", group("long/Jobs"), group("long/Second"), Metadata=notes)
    assert [it.path for it in change.resources] == ["Second"]


def test_what_cloudformation_refuses_is_said(clients: Clients, tmp_path: Path) -> None:
    deploy(clients, "refused", group("refused/Jobs"))
    with pytest.raises(DeployError, match=r"AWS::Nothing::Known"):
        change_of(tmp_path / "after", "refused", resource("refused/What", "AWS::Nothing::Known"))


def test_a_stack_whose_creation_could_not_be_undone_is_made_anew(clients: Clients, tmp_path: Path) -> None:
    database = {"Engine": "mysql", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20"}
    login = {"MasterUsername": "app", "MasterUserPassword": "open-sesame", "DeletionProtection": True}
    deploy(clients, "taken", group("taken/Jobs", LogGroupName="taken"))
    failing = group("undone/Fails", LogGroupName="taken") | {"DependsOn": "Db"}
    deploy(clients, "undone", resource("undone/Db", "AWS::RDS::DBInstance", **database, **login), failing)
    assert clients.stack("undone")["StackStatus"] == "ROLLBACK_FAILED"
    assert change_of(tmp_path / "after", "undone", group("undone/Jobs")) == StackChange("undone", "new")


def test_a_stack_whose_rollback_failed_is_rolled_back_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Stack:stuck is in UPDATE_ROLLBACK_FAILED state and can not be updated."
    error = ClientError({"Error": {"Code": "ValidationError", "Message": text}}, "CreateChangeSet")
    stuck: dict[str, Any] = {"describe_stacks.return_value": {"Stacks": [{"StackStatus": "UPDATE_ROLLBACK_FAILED"}]}}
    stuck |= {"get_template.return_value": {}, "create_change_set.side_effect": error}
    monkeypatch.setattr(Account, "client", lambda *_, **__: Mock(**stuck))
    with pytest.raises(UsageError, match=r"UPDATE_ROLLBACK_FAILED.* `beanpod cdk rollback stuck`"):
        change_of(tmp_path / "after", "stuck", group("stuck/Jobs"))


def scheduled(night: str) -> dict[str, Any]:
    """An environment with a scheduled action for the night, and one for the morning."""
    options = [
        {"Namespace": "aws:autoscaling:scheduledaction", "ResourceName": name, "OptionName": "MinSize", "Value": size}
        for name, size in (("Night", night), ("Morning", "2"))
    ]
    return resource("timed/Environment", "AWS::ElasticBeanstalk::Environment", OptionSettings=options)


@pytest.mark.parametrize(
    ("after", "name", "before"),
    [
        ("0", "MinSize [Night]", "1"),
        # CloudFormation lists it for a resource that an option refers to.
        ("1", "OptionSettings", None),
    ],
)
def test_a_changed_option_of_an_environment_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str, name: str, before: str | None
) -> None:
    change: dict[str, Any] = {"LogicalResourceId": "Environment", "ResourceType": "AWS::ElasticBeanstalk::Environment"}
    target = {"Attribute": "Properties", "Name": "OptionSettings", "RequiresRecreation": "Never"}
    change |= {"Action": "Modify", "Replacement": "False", "Details": [{"Target": target}]}
    deployed: dict[str, Any] = {
        "describe_stacks.return_value": {"Stacks": [{"StackStatus": "UPDATE_COMPLETE"}]},
        "get_template.return_value": {"TemplateBody": template(scheduled("1"))},
        "create_change_set.return_value": {"Id": "1"},
        "get_paginator.return_value.paginate.return_value": [
            {"Changes": [{"Type": "Resource", "ResourceChange": change}]}
        ],
    }
    monkeypatch.setattr(Account, "client", lambda *_, **__: Mock(**deployed))
    found = change_of(tmp_path / "app", "timed", scheduled(after))
    assert [(it.name, it.before) for one in found.resources for it in one.properties] == [(name, before)]


def chosen_ids(assembly: Path, *arguments: str) -> list[str]:
    """Ids of the stacks that `cdk deploy` with these arguments deploys."""
    return [stack.artifact_id for stack in chosen_stacks(assembly, ["deploy", *arguments])]


def test_the_stacks_are_those_that_the_cli_would_deploy(tmp_path: Path) -> None:
    assembly = write_assembly(tmp_path / "app", one={}, two={}, three={}, needs={"two": "one"})
    assert [stack.name for stack in assembled_stacks(assembly)] == ["one", "two", "three"]
    assert chosen_ids(assembly, "--all", "-c", "stage=dev") == ["one", "two", "three"]
    assert chosen_ids(assembly, "two") == ["one", "two"]
    assert chosen_ids(assembly, "t*", "--exclusively") == ["two", "three"]


@pytest.mark.parametrize("written", ["-c stage=prod", "-c=stage=prod", "--context stage=prod", "--context=stage=prod"])
def test_an_option_of_the_cdk_cli_is_read_as_the_cli_reads_it(written: str) -> None:
    # Missed, the first stage would be checked and deployed instead of the one that was named.
    assert list(option_values(["deploy", "--all", *written.split()], "--context", "-c")) == ["stage=prod"]


def in_a_stage(assembly: Path, folder: Path) -> Path:
    """Put the stacks of an assembly into a `Stage` of the app in `folder`."""
    folder.mkdir()
    assembly.rename(folder / "assembly-Prod")
    artifact = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}
    (folder / "manifest.json").write_text(json.dumps({"version": "36.0.0", "artifacts": {"assembly-Prod": artifact}}))
    return folder


def test_the_stacks_of_a_stage_of_the_cdk_are_compared(clients: Clients, tmp_path: Path) -> None:
    deploy(clients, "staged", group("staged/Jobs"))
    written = write_assembly(tmp_path / "one", needed={}, staged=template(group("staged/Jobs"), group("staged/New")))
    manifest = json.loads((written / "manifest.json").read_text())
    # The ids of artifacts, and what they depend on, are others than the stacks' names.
    made = manifest["artifacts"].pop("staged")
    manifest["artifacts"]["ProdStaged1234"] = made | {"displayName": "Prod/Staged", "dependencies": ["needed"]}
    made["properties"]["stackName"] = "staged"
    (written / "manifest.json").write_text(json.dumps(manifest))
    app = in_a_stage(written, tmp_path / "app")
    assert chosen_ids(app, "Prod/Staged") == ["needed", "ProdStaged1234"]
    assert chosen_ids(app, "staged", "-e") == ["ProdStaged1234"]
    (change,) = stack_changes(chosen_stacks(app, ["deploy", "staged", "-e"]), Account("us-east-1"))
    assert (change.stack, [it.path for it in change.resources]) == ("staged", ["New"])


def test_the_region_is_that_of_the_cdk_cli(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert Account(None).client("sts").meta.region_name == "eu-west-1"
    assert Account("us-west-2").client("sts").meta.region_name == "us-west-2"


@pytest.mark.parametrize(
    ("option", "variable", "project", "user", "key", "region"),
    [
        ("", "", "", "", "default", "us-east-1"),
        ("", "", "", "own", "own", "eu-west-1"),
        ("", "", "own", "other", "own", "eu-west-1"),
        ("", "own", "other", "other", "own", "eu-west-1"),
        ("own", "other", "other", "other", "own", "eu-west-1"),
    ],
)
def test_the_account_is_the_one_that_the_cdk_cli_deploys_to(
    clients: Clients,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    variable: str,
    project: str,
    user: str,
    key: str,
    region: str,
) -> None:
    """Otherwise every stack would be new in the other account, and nothing be refused."""
    regions = {"own": "eu-west-1", "other": "ap-south-1"}
    (tmp_path / "config").write_text(
        "".join(f"[profile {it}]\naws_access_key_id={it}\naws_secret_access_key=key\n" for it in regions)
    )
    (tmp_path / "home").mkdir()
    for path, name in ((tmp_path / "cdk.json", project), (tmp_path / "home/.cdk.json", user)):
        path.write_text(json.dumps({"profile": name, "region": regions[name]} if name else {}))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "default")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    if variable:
        monkeypatch.setenv("CDK_PROFILE", variable)
        monkeypatch.setenv("CDK_REGION", regions[variable])
    arguments = ["--profile", option, f"--region={regions[option]}"] if option else []
    client = deployment_account(None, ["deploy", *arguments], tmp_path).client("sts")
    credentials = client._request_signer._credentials
    assert (credentials.access_key, client.meta.region_name) == (key, region)
    assert deployment_account("us-west-2", arguments, tmp_path).region == "us-west-2"


@pytest.mark.parametrize(
    ("files", "stage"),
    [
        ({}, "dev"),
        ({"cdk.json": {"context": {"stage": "prod"}}}, "prod"),
        ({"cdk.json": {"context": {"stage": "dev"}}, "cdk.context.json": {"stage": "prod"}}, "dev"),
        ({"cdk.context.json": {"stage": "prod"}, ".cdk.json": {"context": {"stage": "dev"}}}, "prod"),
        ({".cdk.json": {"context": {"stage": "prod"}}}, "prod"),
        ({"cdk.json": []}, "dev"),
    ],
)
def test_the_stage_may_be_chosen_where_the_cdk_cli_reads_the_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, Any], stage: str
) -> None:
    (tmp_path / "beanpod.toml").write_text(MANIFEST)
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    asked: list[str] = []

    def deployed(name: str, *_: object) -> None:
        asked.append(name)

    monkeypatch.setattr("beanpod.cli.deployed_stacks._stack", deployed)
    check_destruction(Path("beanpod.toml"), ["destroy", "--all"])
    check_destruction(Path("beanpod.toml"), ["destroy", "--all", "-c", "stage=prod"])
    assert asked == [f"shop-{stage}-service", "shop-prod-service"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("s3 = moon", "a setting of ~/.aws/config has a value in its line"),
        ("endpoint_url = moon", "Invalid endpoint: moon"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_of_usage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str, message: str
) -> None:
    (tmp_path / "config").write_text(f"[default]\n{setting}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    # That of the emulator, which wins over the file's.
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match=message):
        Account("us-east-1").client("s3")


def test_a_stack_is_looked_for_in_the_region_that_the_app_gives_it(clients: Clients, tmp_path: Path) -> None:
    deploy(clients, "elsewhere", group("elsewhere/Jobs"))
    assembly = write_assembly(tmp_path / "app", elsewhere=template(group("elsewhere/Jobs")))
    manifest = (assembly / "manifest.json").read_text()
    (assembly / "manifest.json").write_text(manifest.replace("unknown-region", "us-east-1"))
    (change,) = stack_changes(assembled_stacks(assembly), Account("eu-west-1"))
    assert change.kind == "unchanged"


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

    def vpc(stage: str, cidr: str) -> dict[str, Any]:
        return resource(f"shop-{stage}-network/Vpc", "AWS::EC2::VPC", CidrBlock=cidr)

    for stage in STAGES:
        deploy(clients, f"shop-{stage}-network", vpc(stage, "10.0.0.0/16"))
    after = {f"shop-{stage}-network": template(vpc(stage, "10.1.0.0/16")) for stage in STAGES}
    assembly = write_assembly(tmp_path / "app", **after)
    with pytest.raises(UsageError, match=r"the network of stage prod, .* under \[stages\.prod\]"):
        list(check_replacements(tmp_path / "beanpod.toml", assembly, ["deploy", "--all"]))
    dev_only = ["deploy", "shop-dev-network"]
    assert list(check_replacements(tmp_path / "beanpod.toml", assembly, dev_only)) == []


def test_the_stacks_of_another_project_with_the_same_name_are_refused(
    clients: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def service(image: str, own: str = "web:1") -> dict[str, Any]:
        outputs = {"ServiceImage": {"Value": image}, "Image": {"Value": own}}
        return template(group("shop-prod-service/Jobs")) | {"Outputs": outputs}

    (tmp_path / "beanpod.toml").write_text(MANIFEST)
    body = json.dumps(service("bob/shop"))
    clients("cloudformation").create_stack(StackName="shop-prod-service", TemplateBody=body)
    assembly = write_assembly(tmp_path / "app", **{"shop-prod-service": service("ada/shop")})
    message = "stack shop-prod-service belongs to another project: its image is bob/shop, this one's is ada/shop: "
    with pytest.raises(UsageError, match=message):
        list(check_replacements(tmp_path / "beanpod.toml", assembly, ["deploy", "--all"]))
    moved = ["deploy", "--all", "-c", "moved-from=bob/shop"]
    assert list(check_replacements(tmp_path / "beanpod.toml", assembly, moved)) == []
    destroy = ["destroy", "--all", "-c", "stage=prod"]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="this one's is ada/shop: destroy it from there, or, if the image has moved"):
        cdk.run(destroy)
    check_destruction(tmp_path / "beanpod.toml", [*destroy, "-c", "moved-from=bob/shop"])
    check_destruction(tmp_path / "beanpod.toml", ["destroy", "--all", "-c", "stage=dev"])
    write_assembly(tmp_path / "same", **{"shop-prod-service": service("bob/shop", own="web:2")})
    assert list(check_replacements(tmp_path / "beanpod.toml", tmp_path / "same", ["deploy", "--all"])) == []


def test_a_stack_that_the_manifest_names_is_checked_for_its_stage(clients: Clients, tmp_path: Path) -> None:
    named = "".join(f'[stages.{stage}.delivery]\nstack = "Own{stage}"\n' for stage in STAGES)
    (tmp_path / "beanpod.toml").write_text(MANIFEST + named)
    deploy(clients, "Ownprod", resource("Ownprod/Vpc", "AWS::EC2::VPC", CidrBlock="10.0.0.0/16"))
    after = template(resource("Ownprod/Vpc", "AWS::EC2::VPC", CidrBlock="10.1.0.0/16"))
    assembly = write_assembly(tmp_path / "app", Ownprod=after)
    with pytest.raises(UsageError, match=r"the network of stage prod, .* under \[stages\.prod\]"):
        list(check_replacements(tmp_path / "beanpod.toml", assembly, ["deploy", "Ownprod"]))


def test_a_bucket_for_access_logs_in_another_region_is_refused(clients: Clients, tmp_path: Path) -> None:
    placement: Any = {"LocationConstraint": "eu-west-1"}
    Account("eu-west-1").client("s3").create_bucket(Bucket="far-logs", CreateBucketConfiguration=placement)
    clients("s3").create_bucket(Bucket="near-logs")
    assembly, manifest = write_assembly(tmp_path / "app", new=template(group("new/Jobs"))), tmp_path / "beanpod.toml"

    def check(bucket: str) -> list[str]:
        settings = f'preset = "production"\nenvironment.load_balancer.access_logs_bucket = "{bucket}"\n'
        manifest.write_text(settings + MANIFEST.replace('allow_replacement = ["network"]', ""))
        return list(check_replacements(manifest, assembly, ["deploy", "--all"]))

    with pytest.raises(UsageError, match=r"bucket far-logs is in eu-west-1, and the load balancer of stage dev in us-"):
        check("far-logs")
    assert check("near-logs") == []
    # The deployment itself may make it.
    assert check("no-logs-yet") == []
