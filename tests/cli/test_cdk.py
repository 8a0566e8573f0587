"""`beanpod cdk`: the pinned CDK CLI, installed once from a lock file with hashes."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from beanpod.cli import cdk
from beanpod.cli.cdk import deployment, install, synthesis
from beanpod.deploy.errors import UsageError
from tests.http_servers import serving

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "constructs/beanpod/cli/cdk_cli"
MANIFEST = '[service]\nname = "shop"\nimage = "ada/shop"\n[stages.dev]\n[stages.prod]\n'
APP = """\
from aws_cdk import App, CfnResource, Stack

app = App()
stack = Stack(app, f"shop-{app.node.try_get_context('stage') or 'dev'}-own")
CfnResource(stack, "Topic", type="AWS::SNS::Topic")
app.synth()
"""


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of an app with one stack."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in {"app.py": APP, "beanpod.toml": MANIFEST, "cdk.json": '{"app": "python app.py"}'}.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def first_runs(
    environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> "list[subprocess.CompletedProcess[str]]":
    """Two runs at once, which find no CLI."""
    folder = tmp_path_factory.mktemp("empty")
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda _: run(environ, "--version", folder=folder), range(2)))


def run(environ: dict[str, str], *arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "beanpod", "cdk", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


def test_two_processes_may_install_the_cli_at_once(
    environ: dict[str, str], first_runs: "list[subprocess.CompletedProcess[str]]"
) -> None:
    assert [(first.returncode, first.stdout) for first in first_runs] == [(0, first_runs[0].stdout)] * 2, first_runs
    installing = "Installing the CDK CLI: once for this version of Beanpod.\n"
    assert {first.stderr for first in first_runs} - {""} == {installing}
    (installed,) = Path(environ["XDG_CACHE_HOME"], "beanpod").iterdir()
    assert (installed / "node_modules/aws-cdk/bin/cdk").is_file()


@pytest.mark.usefixtures("first_runs")
def test_the_cli_is_installed_once_and_runs_the_app(environ: dict[str, str], project: Path) -> None:
    again = run(environ, "list", "--no-notices", folder=project)
    assert again.returncode == 0, again.stderr
    assert again.stdout.split() == ["shop-dev-own"]
    assert "Installing" not in again.stderr
    assert run(environ, "frobnicate", folder=project).returncode == 1


@pytest.mark.usefixtures("first_runs")
def test_what_is_checked_before_a_deployment_is_synthesised_with_all_its_flags(
    environ: dict[str, str], project: Path, tmp_path: Path
) -> None:
    flags = ("-c", "stage=prod", "--no-path-metadata", "--no-version-reporting")
    others = ("--require-approval", "never", "--force", "--concurrency=2", "--ci")
    # Without credentials it ends after the synthesis. What jsii unpacks is a quarter of a gigabyte.
    unpacked = {"JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache/aws/jsii/package-cache")}
    alone = {**environ, **unpacked, "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path), "FORCE_COLOR": "1"}
    done = run(alone, *flags, "deploy", "--all", *others, "--output", str(tmp_path / "out"), folder=project)
    assert done.stdout == ""
    assert "beanpod: there are no AWS credentials" in done.stderr
    assert not re.search("Unknown option|Successfully synthesized|\x1b", done.stderr), done.stderr
    template = (tmp_path / "out/shop-prod-own.template.json").read_text()
    assert not re.search("aws:cdk:path|AWS::CDK::Metadata", template)


@pytest.mark.usefixtures("first_runs")
def test_an_app_may_print_in_any_encoding(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os, sys\nos.write(2, b'caf\\xe9\\n')\nsys.exit(3)\n")
    (tmp_path / "beanpod.toml").write_text(MANIFEST)
    alone = {**environ, "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1", "HOME": str(tmp_path)}
    done = run(alone, "deploy", "--all", "--app", "python app.py", folder=tmp_path)
    assert (done.returncode, "caf\ufffd" in done.stderr) == (1, True), done.stderr


@pytest.mark.usefixtures("first_runs")
def test_no_other_stage_is_synthesised_into_what_is_checked(
    environ: dict[str, str], project: Path, tmp_path: Path
) -> None:
    found: list[str] = []

    class NothingDeployed(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if (output / "manifest.json").exists() and not found:
                again = run(alone, "synth", "-c", "stage=prod", "--output", str(output), folder=project)
                found.append(again.stderr)
            self.send_response(400)
            self.end_headers()
            self.wfile.write(b"<E><Error><Code>ValidationError</Code><Message>does not exist</Message></Error></E>")

    output = tmp_path / "out"
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "key")
    alone = {**environ, **keys, "AWS_REGION": "eu-west-1"}
    with serving(NothingDeployed) as port:
        asking = {**alone, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        assert run(asking, "deploy", "--all", "--output", str(output), folder=project).returncode == 1
    assert "are currently reading from" in found[0]
    assert (output / "shop-dev-own.template.json").exists()
    assert not (output / "shop-prod-own.template.json").exists()
    assert run(alone, "synth", "--quiet", "--no-notices", "--output", str(output), folder=project).returncode == 0


@pytest.mark.parametrize("app", [["--app", "python app.py"], ["--app=python app.py"], ["-a", "python app.py"], []])
def test_what_was_checked_is_deployed_whichever_app_is_named(app: list[str]) -> None:
    given = ["deploy", *app, "--all", "-c", "stage=prod"]
    assert deployment(given, Path("out")) == ["deploy", "--all", "-c", "stage=prod", "--app", "out"]


def test_a_synthesis_has_the_arguments_of_the_deployment() -> None:
    given = ["-o", "out", "deploy", "shop-dev-network"]
    wanted = ["synth", "shop-dev-network", "--quiet", "--no-notices", "--output", "out"]
    assert synthesis(given, Path("out")) == wanted


@pytest.mark.parametrize("arguments", [["watch"], ["deploy", "--all", "--watch"], ["watch", "-c", "stage=prod"]])
def test_changes_are_not_deployed_unseen(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beanpod.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "execve", lambda *_: None)
    with pytest.raises(UsageError, match="cdk watch deploys each change without looking for replacements: run"):
        cdk.run(arguments)


@pytest.mark.parametrize("option", [["--stage", "prod"], ["--stage=prod"]])
def test_a_stage_that_the_cli_would_ignore_is_refused(option: list[str]) -> None:
    with pytest.raises(UsageError, match="the CDK CLI ignores --stage: write -c stage=prod"):
        cdk.run(["destroy", "--all", "--force", *option], {})


def test_a_profile_named_deploy_is_not_taken_for_the_command() -> None:
    """Otherwise the CLI would deploy where it should only synthesise, before anything is checked."""
    with pytest.raises(UsageError, match="in one word, such as --profile=deploy"):
        synthesis(["--profile", "deploy", "deploy", "--all"], Path("out"))
    named = synthesis(["--profile=deploy", "deploy", "--all"], Path("out"))
    assert named[:3] == ["--profile=deploy", "synth", "--all"]
    assert synthesis(["deploy", "deploy"], Path("out"))[:2] == ["synth", "deploy"]


def test_a_failed_installation_is_one_line_and_nothing_is_installed(tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error code EINTEGRITY' >&2\nexit 1\n")
    npm.chmod(0o755)
    with pytest.raises(UsageError, match="npm could not install the CDK CLI") as caught:
        install(tmp_path / "cache/cdk", {"package.json": b"{}"}, npm=str(npm), environ={})
    assert caught.value.causes == ("npm error code EINTEGRITY",)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_half_deleted_installation_is_replaced(tmp_path: Path) -> None:
    script = "node_modules/aws-cdk/bin/cdk"
    npm = tmp_path / "npm"
    npm.write_text(f"#!/bin/sh\nmkdir -p {Path(script).parent} && touch {script}\n")
    npm.chmod(0o755)
    (tmp_path / "cache/cdk/node_modules/aws-cdk").mkdir(parents=True)
    install(tmp_path / "cache/cdk", {}, npm=str(npm), environ=os.environ)
    assert (tmp_path / "cache/cdk" / script).is_file()


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(UsageError, match=r"/cache'?: set XDG_CACHE_HOME to a folder that can be written$"):
        install(tmp_path / "cache/cdk", {}, npm="npm", environ={})


def test_without_the_extra_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['aws_cdk'] = None; from beanpod.cli.cdk import run; run([])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "UsageError: the CDK is not installed: run pip install 'beanpod[cdk]'" in done.stderr


def test_the_version_is_that_of_this_repository() -> None:
    pinned = json.loads((LOCKS / "package.json").read_text())["dependencies"]["aws-cdk"]
    assert pinned == json.loads((ROOT / "package.json").read_text())["devDependencies"]["aws-cdk"]
    lock = json.loads((LOCKS / "package-lock.json").read_text())["packages"]
    assert lock["node_modules/aws-cdk"]["version"] == pinned
    assert all("integrity" in package for name, package in lock.items() if name)
