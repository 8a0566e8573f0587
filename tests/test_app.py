"""app.py as the CDK CLI runs it: its exit code, messages and files."""

import json
import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

import aws_cdk
import pytest
from aws_cdk import App

from beanpod.stages import report_errors

ROOT = Path(__file__).parents[1]
PARTS = ("network", "database", "service", "delivery")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository of somebody's own: the app, a manifest and a Dockerfile."""
    shutil.copy(ROOT / "app.py", tmp_path)
    shutil.copy(ROOT / "beanpod.toml", tmp_path)
    (tmp_path / "service").mkdir()
    (tmp_path / "service/Dockerfile").touch()
    return tmp_path


def run(project: Path) -> "subprocess.CompletedProcess[str]":
    """Run the app with the CLI's variables."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "CDK_OUTDIR": str(project / "cdk.out"),
        "CDK_CONTEXT_JSON": json.dumps(flags),
        # tests/stacks applies AWS's rules to the same stacks, which takes most of the time.
        "CDK_VALIDATION": "false",
    }
    return subprocess.run(
        [sys.executable, "app.py"], cwd=project, env=environment, capture_output=True, text=True, check=False
    )


def run_here(project: Path, *, rules: bool = True, **context: str) -> int:
    """Run the app in this process, whose Node does not see the CLI's variables. Return the exit code."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.setenv("CDK_VALIDATION", str(rules).lower())
        patch.setattr(aws_cdk, "App", partial(App, context=flags | context, outdir=str(project / "cdk.out")))
        try:
            runpy.run_path("app.py")
        except SystemExit as ended:
            return int(str(ended.code))
    return 0


def edit(project: Path, before: str, after: str) -> None:
    path = project / "beanpod.toml"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))


def test_the_first_stage_is_synthesised_also_where_the_app_is_not(project: Path) -> None:
    shutil.rmtree(project / "service")
    ended = run(project)
    assert ended.returncode == 0, ended.stderr
    assert stacks(project) == {f"guestbook-dev-{part}" for part in PARTS}
    # Both stages are of one account.
    assert "beanpod:SharedAccount" in metadata(project)


def test_another_stage_is_chosen_by_context_and_its_account_asks_for_no_look_up(project: Path) -> None:
    edit(project, "[stages.prod]\n", '[stages.prod]\naccount = "222222222222"\nregion = "eu-west-1"\n')
    edit(project, "[stages.dev]\n", '[stages.dev]\naccount = "111111111111"\n')
    assert run_here(project, rules=False, stage="prod") == 0
    assert stacks(project) == {f"guestbook-prod-{part}" for part in PARTS}
    assembly = json.loads((project / "cdk.out/manifest.json").read_text())
    assert "missing" not in assembly
    environment = assembly["artifacts"]["guestbook-prod-network"]["environment"]
    assert environment == "aws://222222222222/eu-west-1"
    assert "beanpod:SharedAccount" not in metadata(project)


def stacks(project: Path) -> set[str]:
    return {path.name.removesuffix(".template.json") for path in (project / "cdk.out").glob("*.template.json")}


def test_a_bad_manifest_ends_with_2_and_one_list_and_writes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(project, 'name = "guestbook"', 'nam = "guestbook"')
    assert run_here(project) == 2
    assert "service.nam" in capsys.readouterr().err
    assert not (project / "cdk.out").exists()


def test_an_unknown_stage_ends_with_2_and_names_those_there_are(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(project, stage="prd") == 2
    assert "prod" in capsys.readouterr().err


def test_what_aws_would_refuse_ends_with_1_and_names_the_construct(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    option = '[[stages.dev.environment.options]]\nnamespace = "aws:elasticbeanstalk:command"\n'
    edit(project, "[stages.prod]", f'{option}name = "Timeout"\nvalue = "99999"\n\n[stages.prod]')
    assert run_here(project) == 1
    refusal = capsys.readouterr().err
    assert "Timeout" in refusal
    assert "cdk-preflight" in refusal
    assert run_here(project, rules=False) == 0


def test_every_flag_that_the_cdk_recommends_is_set() -> None:
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    # A weak reference lets the database's stack be removed below an environment that uses it.
    wanted = recommended_flags() | {"@aws-cdk/core:defaultCrossStackReferences": "strong"}
    assert {flag: flags.get(flag) for flag in wanted} == wanted


def recommended_flags() -> dict[str, Any]:
    """As they stand in the pinned library: `cdk init` begins with them."""
    (archive,) = (Path(sysconfig.get_path("purelib")) / "aws_cdk/_jsii").glob("aws-cdk-lib@*.jsii.tgz")
    with tarfile.open(archive, "r|gz") as package:
        member = next(member for member in package if member.name == "package/recommended-feature-flags.json")
        file = package.extractfile(member)
        assert file
        return dict(json.load(file))


def metadata(project: Path) -> str:
    """Return the metadata of the cloud assembly, where the CDK CLI reads warnings."""
    files = (path for path in (project / "cdk.out").glob("*.json") if "template" not in path.name)
    return "".join(path.read_text() for path in files)


def test_an_error_in_the_owners_own_code_keeps_its_trace() -> None:
    with pytest.raises(ValueError, match="invalid literal"), report_errors():
        int("no number")
