"""The documentation is right: its links work, its commands exist, its snippets run."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from textwrap import indent
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from aws_cdk import App
from aws_cdk.assertions import Template
from botocore import xform_name

from beanpod.cli.parser import parse
from beanpod.deploy import errors
from beanpod.deploy.preflight import Target
from beanpod.manifest import Manifest
from tests.docs.pages import PAGES, ROOT, Block, blocks, commands, headings, prose
from tests.docs.snippets import write_manifest

_LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
_OF_EVERY_AWS_COMMAND = {"--query", "--output", "--region"}


def found(*start: str) -> list[list[str]]:
    """Every command in the pages that begins so, each once."""
    every = (command for page in PAGES for command in commands(page) if command[: len(start)] == list(start))
    return [list(command) for command in dict.fromkeys(map(tuple, every))]


def flags(command: list[str]) -> set[str]:
    """The options of a command, without their values."""
    return {word.partition("=")[0] for word in command if re.match(r"--?[a-z]", word)}


def snippets(language: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page, language)]


def anchors(page: Path) -> set[str]:
    """The names GitHub gives to a page's headings, and those that the page gives."""
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings(page))
    return {heading.replace(" ", "-") for heading in plain} | set(
        re.findall(r'<a id="([\w-]+)">', page.read_text("utf-8"))
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        path, _, anchor = link.partition("#")
        if not path.startswith("http"):
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), f"{page.name}: {link}"
            assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


def test_deploy_commands_are_understood() -> None:
    known = [command for command in found("beanpod") if re.match("-|[a-z]", "".join(command[1:2]))]
    assert known
    for command in known:
        parse(command[1:])


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    known = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE)) | set(re.findall(r"\$\(([A-Z]+)\)", makefile))
    words = [(command, {word.split("=")[0] for word in command[1:]} - flags(command)) for command in found("make")]
    assert [command for command, used in words if not used <= known] == []


@pytest.mark.parametrize("action", ["bootstrap", "deploy", "destroy", "diff"])
def test_the_cdk_cli_knows_its_options(action: str) -> None:
    cli = [str(ROOT / "node_modules/.bin/cdk"), action, "--help"]
    printed = subprocess.run(cli, capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"(?<!\S)--?[a-z][\w-]*", printed))
    assert [command for command in found("beanpod", "cdk", action) if not flags(command) <= known] == []


def test_modules_are_there_and_know_their_options() -> None:
    for command in found("python", "-m"):
        name, given = command[2], flags(command[3:])
        assert find_spec(name), name
        if given:
            printed = subprocess.run([sys.executable, "-m", name, "--help"], cwd=ROOT, capture_output=True, text=True)
            assert all(flag in printed.stdout for flag in given), command


def test_aws_knows_its_commands_and_their_options() -> None:
    session = botocore.session.Session()
    for command in found("aws"):
        if len(command) > 2 and command[1] != "configure" and command[2] != "wait":
            model = session.get_service_model(command[1].removesuffix("api"))
            operations = {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}
            shape = operations[command[2]].input_shape
            members = shape.members.items() if shape else ()
            known = {f"--{xform_name(name, '-')}" for name, _ in members}
            known |= {f"--no-{xform_name(name, '-')}" for name, kind in members if kind.type_name == "boolean"}
            assert flags(command[3:]) <= known | _OF_EVERY_AWS_COMMAND, command


@pytest.mark.parametrize("snippet", snippets("toml"), ids=str)
def test_manifests_are_valid(snippet: Block, tmp_path: Path) -> None:
    Manifest.read(write_manifest(snippet.text, tmp_path))


@pytest.mark.parametrize("snippet", snippets("python"), ids=str)
def test_python_synthesises(snippet: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(snippet.text, {"__name__": "__main__"})


@pytest.mark.parametrize("snippet", snippets("py"), ids=str)
def test_lines_at_the_end_of_the_service_stack_synthesise(snippet: Block) -> None:
    imports = "from aws_cdk import aws_iam as iam\nfrom aws_cdk import aws_s3 as s3\n"
    after = "\n\nclass DeliveryStack"
    before, _, rest = (ROOT / "stacks/__init__.py").read_text(encoding="utf-8").partition(after)
    names: dict[str, Any] = {}
    exec(imports + before + indent(snippet.text, " " * 8) + after + rest, names)
    _, _, service, _ = names["add_stage"](App(), Manifest.read(ROOT / "beanpod.toml"))
    Template.from_stack(service)


def test_an_app_of_ones_own_is_found_by_the_deploy_script() -> None:
    *_, snippet = blocks(ROOT / "docs/your-own.md", "python")
    names: dict[str, Any] = {}
    exec(snippet.text, names)
    assembly = Path(names["app"].outdir)
    service = SimpleNamespace(name="shop", image="ada/shop", health_check_path="/health")
    stacks = {"service_stack": "shop-prod-service", "delivery_stack": "shop-prod-delivery"}
    stage: Any = SimpleNamespace(
        name="prod",
        account=None,
        service=service,
        environment=SimpleNamespace(type="LoadBalanced"),
        domain=None,
        health_codes="200",
        delivery=SimpleNamespace(stack=None),
        **stacks,
    )
    aws: Any = SimpleNamespace(region="", stack_outputs=lambda name: _outputs(assembly / f"{name}.template.json"))
    target = Target.find(stage, aws)
    assert (target.region, "EndpointURL" in target.url) == ("eu-central-1", True)


def _outputs(template: Path) -> dict[str, str]:
    outputs = json.loads(template.read_text())["Outputs"]
    return {name: str(output["Value"]) for name, output in outputs.items()}


def test_every_exit_code_is_explained() -> None:
    kinds: list[type[errors.DeployError]] = [errors.DeployError, *errors.DeployError.__subclasses__()]
    ends = {0, *(kind.exit_code for kind in kinds)}
    page = prose(ROOT / "docs/rollback.md")
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)} == ends
