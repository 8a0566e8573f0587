"""The difference as Markdown."""

import os
from pathlib import Path
from typing import Any

import pytest

from beanpod.cli.change_sets import ResourceChange
from beanpod.cli.difference import Cdk, StackChange, difference, markdown, stack_changes
from beanpod.cli.effects import DATABASE
from beanpod.deploy.errors import UsageError
from tests.cli.assemblies import resource, template, write_assembly

QUEUE = "AWS::SQS::Queue"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cdk() -> Cdk:
    """The CLI of node_modules, which is that of `beanpod cdk`."""
    # Usual in workflows, for pytest and npm.
    return Cdk([str(ROOT / "node_modules/.bin/cdk")], {**os.environ, "FORCE_COLOR": "1"})


def changes_of(base: Path, head: Path, cdk: Cdk) -> list[StackChange]:
    return list(stack_changes(base, head, diff=cdk.diff))


@pytest.fixture(scope="module")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two synthesised stages: one stack is the same and uses another, which changes; one is removed, one is new."""
    folder = tmp_path_factory.mktemp("assemblies")
    same = template(resource("same/Jobs", QUEUE, QueueName={"Fn::ImportValue": "jobs"}))
    exported: dict[str, Any] = {"Jobs": {"Value": "j", "Export": {"Name": "jobs"}}}
    before, after = (
        template(
            resource("changed/Jobs", QUEUE, MessageRetentionPeriod=seconds),
            resource("changed/Named", QUEUE, QueueName=name),
            *([resource("changed/Database", DATABASE)] if exports else []),
            Outputs=exports,
        )
        for seconds, name, exports in ((86_400, "one", exported), (172_800, "two", {}))
    )
    gone, new = (template(resource(f"{name}/Jobs", QUEUE)) for name in ("gone", "new"))
    return (
        write_assembly(folder / "base", same=same, changed=before, gone=gone),
        write_assembly(folder / "head", same=same, changed=after, new=new),
    )


def test_new_changed_and_removed_stacks_are_found(assemblies: tuple[Path, Path], cdk: Cdk) -> None:
    changed, new, gone = changes_of(*assemblies, cdk)
    assert (changed.stack, changed.kind) == ("changed", "changed")
    assert "├─ [-] 86400\n     └─ [+] 172800" in changed.text
    assert (new.stack, new.kind) == ("new", "new")
    assert "[+] AWS::SQS::Queue Jobs" in new.text
    assert gone == StackChange("gone", "removed")
    assert {(it.path, it.type, it.replacement) for it in changed.resources} == {
        ("Named", QUEUE, "yes"),
        ("Database", DATABASE, "no"),
    }
    assert changed.users == ("same",)
    text = markdown({"prod": [changed]})
    commands = ("same --exclusively -c stage=prod", "--all -c stage=prod")
    assert "`beanpod cdk deploy {}` first, then `beanpod cdk deploy {}`".format(*commands) in text
    assert "**removes `Database`** of changed (AWS::RDS::DBInstance): nothing of the old one is kept" in text


def test_a_stage_of_one_side_only_is_new_or_removed(assemblies: tuple[Path, Path], cdk: Cdk) -> None:
    base, _ = assemblies
    assert [change.kind for change in changes_of(base, base / "none", cdk)] == ["removed"] * 3
    assert not changes_of(base, base, cdk)


def test_each_stage_has_a_line() -> None:
    left = [StackChange("shop-old-network", "removed"), StackChange("shop-old-service", "removed")]
    changes = {"dev": [], "prod": [StackChange("shop-prod-service", "changed", "x")], "old": left}
    assert markdown(changes).startswith(
        "## Infrastructure\n\n"
        "- **dev**: no change\n"
        "- **prod**: changed shop-prod-service\n"
        "- **old**: removed shop-old-network, shop-old-service, still on AWS until "
        "`beanpod cdk destroy shop-old-network shop-old-service`\n\n"
        "<details><summary>shop-prod-service, changed</summary>\n\n```\nx\n```\n\n</details>\n"
    )


def test_what_is_replaced_is_marked_with_what_is_kept() -> None:
    environment = ResourceChange("E", "Environment", "AWS::ElasticBeanstalk::Environment", "change", "yes")
    database = ResourceChange("D", "Database/Instance", DATABASE, "change", "maybe", policy="Snapshot")
    role = ResourceChange("R", "Role", "AWS::IAM::Role", "change", "yes")
    text = markdown(
        {"prod": [StackChange("shop-prod-service", "changed", "x", resources=(environment, database, role))]}
    )
    assert text.startswith(
        "## Infrastructure\n\n- **prod**: changed shop-prod-service\n"
        "  - **replaces `Environment`** of shop-prod-service (AWS::ElasticBeanstalk::Environment): "
        "the new environment has another address, and runs the sample application until `beanpod deploy`\n"
        "  - **may replace `Database/Instance`** of shop-prod-service (AWS::RDS::DBInstance): "
        "the new database is empty; a snapshot of the old one is kept; the automated backups are deleted\n"
        "  - **replaces `Role`** of shop-prod-service (AWS::IAM::Role)\n\n<details>"
    )


def test_text_cannot_leave_its_block() -> None:
    text = markdown({"dev": [StackChange("shop-dev-service", "changed", "a\n````\n# not a heading")]})
    assert "\n`````\na\n````\n# not a heading\n`````\n" in text


def test_a_long_difference_is_cut_and_stays_whole_markdown() -> None:
    text = markdown({"dev": [StackChange("one", "new", "─" * 10_000), StackChange("two", "new", "─" * 30_000)]})
    assert len(text.encode()) <= 65_536
    assert text.endswith("─\n```\n\n</details>\n\nThe rest is too long to be shown here.\n")
    assert text.count("<details>") == text.count("</details>") == 2


def test_a_cut_outside_of_a_block_closes_nothing() -> None:
    gone = [StackChange(f"shop-dev-{number:05}", "removed") for number in range(3000)]
    text = markdown({"dev": gone})
    assert "details" not in text
    assert text.endswith("The rest is too long to be shown here.\n")


def test_a_manifest_with_a_byte_order_mark_is_read(tmp_path: Path, cdk: Cdk) -> None:
    (tmp_path / "beanpod.toml").write_text("[stages]\n", encoding="utf-8-sig")
    assert difference(tmp_path, tmp_path, manifest="beanpod.toml", cdk=cdk) == {}


@pytest.mark.parametrize("manifest", ["[service]\n", "[broken"], ids=["no-stages", "broken"])
def test_a_manifest_without_stages_is_refused(manifest: str, tmp_path: Path, cdk: Cdk) -> None:
    (tmp_path / "beanpod.toml").write_text(manifest)
    with pytest.raises(UsageError, match=rf"{tmp_path}/beanpod\.toml names no stages "):
        difference(tmp_path, tmp_path, manifest="beanpod.toml", cdk=cdk)


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "byte order mark"])
def test_a_side_that_cannot_be_synthesised_is_refused(mark: str, tmp_path: Path, cdk: Cdk) -> None:
    (tmp_path / "beanpod.toml").write_text(f"{mark}[stages.dev]\n", encoding="utf-8")
    (tmp_path / "cdk.json").write_text('{"app": "echo no app here >&2; exit 3"}')
    with pytest.raises(UsageError, match=rf"^cdk synth failed in {tmp_path}$") as caught:
        difference(tmp_path, tmp_path, manifest="beanpod.toml", cdk=cdk)
    assert "no app here" in caught.value.causes[0]


def test_the_base_may_have_no_project_yet(tmp_path: Path, cdk: Cdk) -> None:
    assert difference(tmp_path, tmp_path, manifest="beanpod.toml", cdk=cdk) == {}
