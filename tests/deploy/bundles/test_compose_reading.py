"""Compose files as Docker Compose reads them for us: several files, variables, and the text that is written."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from beanpod.deploy.bundles import plan_bundle
from beanpod.deploy.bundles.compose.interpolation import InterpolationError, interpolate, interpolated, undefined
from beanpod.deploy.bundles.compose.model import TransformContext
from beanpod.deploy.bundles.compose.reading import Compose as Reader
from beanpod.deploy.bundles.compose.reading import ComposeError, load, to_yaml
from beanpod.deploy.images import CommandResult, CommandRunner, TimedOutError
from tests.deploy.bundles.compose_command import Compose
from tests.deploy.bundles.projects import COMPOSE, compose_bundle, compose_stage, composed, pushed, write

WEB = 'services:\n  app:\n    build: .\n    ports: ["80:8080"]\n'


def test_services_of_other_files_are_included_with_paths_from_their_own_folder(tmp_path: Path) -> None:
    other = """
services:
  worker: {build: {context: ./src}, env_file: [{path: ./worker.env, required: false}]}
  proxy: {image: "nginx:1", volumes: ["./proxy.conf:/etc/nginx/nginx.conf:ro"], secrets: [key], configs: [site]}
secrets: {key: {file: ./key.pem}}
configs: {site: {file: ./site.json}}
"""
    uploaded = {"other/proxy.conf", "other/key.pem", "other/site.json"}
    files = dict.fromkeys((*uploaded, "other/src/Dockerfile", "other/worker.env"), "FROM busybox:stable\n")
    write(tmp_path, {"other/compose.yaml": other, **files})
    plan = plan_bundle(
        compose_stage(tmp_path, f"include: [other/compose.yaml]\n{WEB}    depends_on: [proxy]\n"), tmp_path
    )
    assert [(spec.name, spec.context) for spec in plan.specs] == [("app", tmp_path), ("worker", tmp_path / "other/src")]
    bundle = pushed(plan)
    file = composed(bundle)
    assert list(file["services"]) == ["app", "proxy", "worker"]
    assert file["services"]["proxy"]["volumes"][0] == "./other/proxy.conf:/etc/nginx/nginx.conf:ro"
    assert file["secrets"] == {"key": {"file": "./other/key.pem"}}
    assert file["configs"] == {"site": {"file": "./other/site.json"}}
    assert uploaded <= bundle.files.keys()
    assert any("left out: other/worker.env" in note for note in bundle.notes)


def test_a_service_extends_one_of_another_file(tmp_path: Path) -> None:
    base = 'services: {base: {build: {context: .}, command: serve, volumes: ["./page.html:/page.html:ro"]}}'
    write(tmp_path, {"common/base.yaml": base, "common/Dockerfile": "FROM busybox:stable\n", "common/page.html": ""})
    text = 'services: {app: {extends: {file: common/base.yaml, service: base}, ports: ["80:8080"]}}'
    (spec,) = plan_bundle(compose_stage(tmp_path, text), tmp_path).specs
    assert spec.context == tmp_path / "common"
    above = 'services: {app: {volumes: ["./common/page.html:/page.html:ro"]}}'
    app = composed(compose_bundle(tmp_path, text, compose__prod__yaml=above))["services"]["app"]
    assert app["command"] == "serve"
    assert app["volumes"][0] == "./common/page.html:/page.html:ro"


def test_the_file_for_production_is_merged_as_compose_does(tmp_path: Path) -> None:
    text = """
services:
  app:
    {build: ., ports: ["80:8080", "81:81"], command: [a, b], environment: {A: "1", B: "2"}, cap_add: [A], tty: true}
"""
    above = """
services:
  app:
    {ports: !override ["80:9090"], command: c d, environment: ["A=3", "C=4"], cap_add: [B], tty: !reset null}
"""
    app = composed(compose_bundle(tmp_path, text, compose__prod__yaml=above))["services"]["app"]
    assert (app["ports"], app["command"], app["cap_add"]) == (["80:9090"], "c d", ["A", "B"])
    assert (app["environment"], "tty" in app) == ({"A": "3", "B": "2", "C": "4"}, False)


def test_ports_beside_one_with_a_variable_are_read(tmp_path: Path) -> None:
    long = '{target: 7, published: "7", mode: host, name: x}'
    ports = f'["${{NONE:-80}}:8080", "3000-3001:3000-3001", "127.0.0.1:${{LEVEL}}:9", {long}]'
    text = f"services: {{app: {{build: ., ports: {ports}}}}}"
    manifest = f'{COMPOSE}[variables]\nLEVEL = "90"\n'
    app = composed(compose_bundle(tmp_path, text, manifest))["services"]["app"]
    assert sorted(app["ports"]) == ["127.0.0.1:${LEVEL}:9", "3000:3000", "3001:3001", "7:7", "80:8080"]


def test_a_mount_with_a_variable_is_one_of_the_project(tmp_path: Path) -> None:
    volumes = '["${CONF:-./conf}:/conf:ro", "${DATA:-data}:/data", "${X:-./x.conf:/x.conf:ro}", "${D-data:/d}"]'
    text = f'services: {{app: {{image: x, ports: ["80:80"], volumes: {volumes}}}}}\nvolumes: {{data: }}\n'
    write(tmp_path, {"conf/a.conf": "", "x.conf": "x"})
    bundle = compose_bundle(tmp_path, text)
    mounts = ["./conf:/conf:ro", "data:/data", "./x.conf:/x.conf:ro", "data:/d"]
    assert composed(bundle)["services"]["app"]["volumes"][:4] == mounts
    assert {"conf/a.conf", "x.conf"} <= bundle.files.keys()


def test_variables_of_this_machine_are_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {".env": "LEVEL=wrong\nCOMPOSE_FILE=none.yaml\n"})
    for name, value in {"LEVEL": "wrong", "COMPOSE_FILE": "none.yaml", "COMPOSE_PROFILES": "debug"}.items():
        monkeypatch.setenv(name, value)
    text = f"{WEB}    command: run ${{LEVEL:-right}}\n"
    assert composed(compose_bundle(tmp_path, text))["services"]["app"]["command"] == "run right"


@pytest.mark.parametrize("name", ["PATH", "HOME", "DOCKER_CONFIG"])
def test_variables_of_the_stage_are_no_settings_of_docker(tmp_path: Path, name: str) -> None:
    manifest = f'{COMPOSE}[variables]\n{name} = "/none"\nPORT = "8080"\n'
    text = f"{WEB}    command: run ${{{name}}}\n    expose: ['${{PORT}}']\n"
    assert composed(compose_bundle(tmp_path, text, manifest))["services"]["app"]["command"] == f"run ${{{name}}}"


OLD = "docker compose is version 2.24.3: install Docker Compose 2.24.4 or newer"
MISSING = "docker compose is missing: install Docker Compose 2.24.4 or newer"


@pytest.mark.parametrize(
    ("finished", "problem"),
    [
        (CommandResult(0, "2.24.3\n"), OLD),
        (CommandResult(1, "docker: 'compose' is not a docker command."), MISSING),
        (None, MISSING),
    ],
)
def test_a_compose_that_is_missing_or_too_old_is_named(
    tmp_path: Path, finished: CommandResult | None, problem: str
) -> None:
    class Scripted(CommandRunner):
        def run(self, arguments: Sequence[str], **_: Any) -> CommandResult:
            if finished is None:
                raise FileNotFoundError
            assert arguments == ["docker", "compose", "version", "--short"]
            return finished

    problems: list[str] = []
    load(TransformContext(compose_stage(tmp_path, WEB), tmp_path, problems), Reader(tmp_path, Scripted()))
    (found,) = problems
    assert found.startswith(f"compose.yaml: {problem}")


def test_aliases_that_multiply_a_file_are_named(tmp_path: Path) -> None:
    class Slow(CommandRunner):
        def run(self, arguments: Sequence[str], **_: Any) -> CommandResult:
            raise TimedOutError(60, ())

    with pytest.raises(ComposeError, match=r"docker compose timed out after 60 s: aliases \(`\*name`\) of aliases may"):
        Reader(tmp_path, Slow()).read([tmp_path / "compose.yaml"])


def test_aliases_of_aliases_are_refused_at_once(tmp_path: Path) -> None:
    class Unused(CommandRunner):
        def run(self, arguments: Sequence[str], **_: Any) -> CommandResult:
            raise AssertionError(arguments)

    levels = [f"x-{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in pairwise("abcdef")]
    write(tmp_path, {"compose.yaml": "\n".join(["x-a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]", *levels, "services: {}"])})
    with pytest.raises(ComposeError, match=r"^aliases \(`\*name`\) of aliases make it too large: write them out$"):
        Reader(tmp_path, Unused()).read([tmp_path / "compose.yaml"])


def test_an_alias_within_itself_is_refused_by_compose(tmp_path: Path) -> None:
    write(tmp_path, {"compose.yaml": "x-a: &a [*a]\nservices: {app: {image: nginx}}\n"})
    with pytest.raises(ComposeError, match=r"itself|cycle"):
        Reader(tmp_path).read([tmp_path / "compose.yaml"])


scalars = st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(st.characters(exclude_categories=["Cs"]))
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=15
)


@given(tree=st.dictionaries(names, trees, min_size=1, max_size=4))
def test_what_is_written_reads_the_same(tree: dict[str, Any]) -> None:
    assert yaml.safe_load(to_yaml(tree)) == tree


# Text that YAML takes for something else, unless it is quoted.
MISTAKABLE = [
    *("yes", "off", "y", "1e3", "0x1F", "010", "22:22", "2024-01-01", ".5", "1_000", "~", "null", "True", "=", "<<"),
    *("", " a", "a ", "a: b", "#a", "a #b", "- a", "!a", "&a", "*a", "{a}", "[a]", "%a", "@a", "`a", "|", ">"),
    *("a\nb", "a\tb", '"', "'", "\\", "☃", "\x85", "\u2028", ",", "?", ":"),
]


def test_what_is_written_reads_the_same_with_compose(compose: Compose, tmp_path: Path) -> None:
    labels = {f"label{place}": text for place, text in enumerate(MISTAKABLE)}
    service = {"image": "x", "command": MISTAKABLE, "labels": labels}
    write(tmp_path, {"compose.yaml": to_yaml({"services": {"app": service}})})
    app = compose.config(tmp_path, "compose.yaml")["services"]["app"]
    assert (app["command"], app["labels"]) == (MISTAKABLE, labels)


NOTHING_GIVES = (
    "${NONE} is not set on Elastic Beanstalk: add NONE to [variables] or [secrets], write $$ for a dollar itself, "
    "or write ${NONE:-default}"
)

# What a text is where the stage gives GIVEN only.
SETTLED = {
    "plain": "plain",
    "$GIVEN": "${GIVEN}",
    "a${GIVEN}b": "a${GIVEN}b",
    "${GIVEN:-x}": "${GIVEN:-x}",
    "${GIVEN:-${NONE:-y}}": "${GIVEN:-y}",
    "${GIVEN:?why}": "${GIVEN:?why}",
    "${GIVEN:+other}": "${GIVEN:+other}",
    "${NONE:-x}": "x",
    "${NONE-x}": "x",
    "${NONE-}": "",
    "${NONE:-${ALSO:-y}}": "y",
    "${NONE:-$GIVEN}": "${GIVEN}",
    "${NONE:+x}": "",
    "${NONE+x}": "",
    '${NONE:-{"a":{"b":1}}}': '{"a":{"b":1}}',
    "${NONE-a}b}": "ab}",
    "$$NONE": "$$NONE",
    "${NONE:-a$$b}": "a$$b",
    "5$": "5$$",
    "$5": "$$5",
}


@pytest.mark.parametrize(("text", "expected"), SETTLED.items(), ids=SETTLED)
def test_variables_that_the_stage_does_not_set_are_interpolated(text: str, expected: str) -> None:
    assert interpolate(text, {"GIVEN"}) == expected
    assert interpolate(expected, {"GIVEN"}) == expected


def test_compose_reads_interpolated_texts_the_same(compose: Compose, tmp_path: Path) -> None:
    for name, command in (("theirs", list(SETTLED)), ("ours", list(SETTLED.values()))):
        write(tmp_path, {f"{name}.yaml": to_yaml({"services": {"app": {"image": "x", "command": command}}})})
    write(tmp_path, {".env": "GIVEN=given\n"})
    assert compose.config(tmp_path, "ours.yaml") == compose.config(tmp_path, "theirs.yaml")


SETTING = "${COMPOSE_PROJECT_NAME} is a setting of Docker Compose: write the value, or ${COMPOSE_PROJECT_NAME:-default}"
NO_VARIABLE = "is no variable: write ${NAME} or ${NAME:-default}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("$NONE", NOTHING_GIVES),
        ("${NONE:?say which}", f"{NOTHING_GIVES} (say which)"),
        ("$COMPOSE_PROJECT_NAME", SETTING),
        ("${NONE", "a brace is opened and not closed: close it"),
        ("${GIVEN/a/b}", f"${{GIVEN...}} {NO_VARIABLE}"),
        ("${}", f"${{...}} {NO_VARIABLE}"),
        ("${1:-x}", f"${{1...}} {NO_VARIABLE}"),
        ("${NONE:-" * 500 + "}" * 500, "variables are nested too deeply: write fewer"),
    ],
    ids=["missing", "required", "setting", "open", "replacing", "empty", "number", "deep"],
)
def test_texts_that_cannot_be_interpolated_are_refused(text: str, problem: str) -> None:
    tree = {"a": [{"b": text}]}
    assert interpolated(tree, {"GIVEN"}) == tree
    assert list(undefined(tree, {"GIVEN"})) == [(("a", "b"), problem)]


@given(text=st.text("${}:-?+AB1 x", max_size=20))
def test_interpolation_is_idempotent(text: str) -> None:
    try:
        settled = interpolate(text, {"A"})
    except InterpolationError:
        assert interpolated(text, {"A"}) == text
    else:
        assert interpolate(settled, {"A"}) == settled
