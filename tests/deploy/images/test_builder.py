"""What is asked of Docker: the command lines, also of buildx, which the machine need not have, and its answers."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beanpod.deploy.errors import BuildError
from beanpod.deploy.images import (
    Builder,
    BuildSpec,
    CommandResult,
    Repository,
    build_and_push,
    commands,
    connect,
    tag_of,
)
from beanpod.deploy.images.docker import Docker
from tests.deploy.clocks import StillClock
from tests.deploy.images.fakes import ScriptedRunner, printed, write_source
from tests.fake_reporter import FakeReporter

_ID, _MANIFEST = "sha256:" + "c" * 64, "sha256:" + "d" * 64
_GITHUB = {"ACTIONS_RUNTIME_TOKEN": "planted", "ACTIONS_RESULTS_URL": "https://cache.example.com"}
# As https://docs.docker.com/reference/cli/docker/buildx/build/#metadata-file shows it.
_METADATA = json.dumps({"containerimage.config.digest": _ID, "containerimage.digest": _MANIFEST})
_ARGUMENTS = {"B": "2", "A": "1", "PATH": "/x"}
_SPEC = BuildSpec("web", Path("/src"), Path("/src/Dockerfile"), "linux/arm64", args=_ARGUMENTS, target="prod")
_COMMON = (
    *("--platform", "linux/arm64", "--file", "/src/Dockerfile", "--target", "prod"),
    *("--build-arg", "A", "--build-arg", "B", "--build-arg", "PATH=/x", "/src"),
)
_BUILDX = ("--progress=plain", "--metadata-file", "/tmp/m", "--provenance=false", "--sbom=false")
_CACHE = ("--cache-from", "type=gha,scope=web", "--cache-to", "type=gha,scope=web,mode=max,ignore-error=true")


def _buildx(*, github_cache: bool = False, reproducible: bool = False) -> list[str]:
    options = {"github_cache": github_cache, "reproducible": reproducible}
    return commands.buildx_build(_SPEC, metadata_file=Path("/tmp/m"), **options)


_INSPECT = ["docker", "manifest", "inspect", "--verbose"]
_LOGIN = ["docker", "login", "--username", "ada", "--password-stdin"]
_BUILD = ["docker", "buildx", "build"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (commands.build(_SPEC, id_file=Path("/tmp/id")), ["docker", "build", "--iidfile", "/tmp/id", *_COMMON]),
        (_buildx(), [*_BUILD, "--load", *_BUILDX, *_COMMON]),
        (_buildx(github_cache=True), [*_BUILD, "--load", *_BUILDX, *_CACHE, *_COMMON]),
        (_buildx(reproducible=True), [*_BUILD, "--output", "type=docker,rewrite-timestamp=true", *_BUILDX, *_COMMON]),
        (commands.login("ada", None), _LOGIN),
        (commands.login("ada", "a:5"), [*_LOGIN, "a:5"]),
        (commands.manifest_inspect("a/b:1", insecure=False), [*_INSPECT, "a/b:1"]),
        (commands.manifest_inspect("a/b:1", insecure=True), [*_INSPECT, "--insecure", "a/b:1"]),
    ],
)
def test_command_lines(command: list[str], expected: list[str]) -> None:
    assert command == expected


def test_a_build_argument_does_not_change_the_clients_own_settings() -> None:
    names = ("PATH", "HOME", "DOCKER_HOST", "BUILDX_BUILDER", "BUILDKIT_PROGRESS")
    assert commands.build_environment({**_ARGUMENTS, **dict.fromkeys(names, "x")}) == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        (None, "0123456789abcdef"),
        ("web", "web-0123456789abcdef"),
        ("Web_2.x", "Web_2.x-0123456789abcdef"),
        (".web", "web-0123456789abcdef"),
        ("-.-", "0123456789abcdef"),
        ("w" * 120, "w" * 100 + "-0123456789abcdef"),
    ],
)
def test_a_tag_is_made_of_the_service_and_the_content(name: str | None, tag: str) -> None:
    assert tag_of(name, "sha256:0123456789abcdef0123456789abcdef") == tag


@given(st.text("azAZ09._-", min_size=1))
def test_every_name_of_a_service_makes_a_tag(name: str) -> None:
    # https://distribution.github.io/distribution/spec/api/#pulling-an-image-manifest
    assert re.fullmatch(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", tag_of(name, _ID))


def _inspected(image_id: str = _ID, architecture: str = "amd64", digests: tuple[str, ...] = ()) -> CommandResult:
    found = {"Id": image_id, "Os": "linux", "Architecture": architecture, "RepoDigests": list(digests)}
    return printed(0, json.dumps([found]))


def _builder(runner: ScriptedRunner, variables: Mapping[str, str] | None = None) -> Builder:
    docker = Docker(variables or {"PATH": "/bin"}, FakeReporter(), StillClock(), runner)
    return Builder(docker, Repository("ada/shop"), buildx=True)


def _connected(runner: ScriptedRunner, environment: Mapping[str, str]) -> Builder:
    with connect(Docker(environment, FakeReporter(), StillClock(), runner), "ada/shop") as builder:
        return builder


@pytest.mark.parametrize(
    ("installed", "environment", "buildx", "classic"),
    [
        (True, {}, True, False),
        (False, {}, False, True),
        (True, {"DOCKER_BUILDKIT": "0"}, False, True),
        (False, {"DOCKER_BUILDKIT": "1"}, False, False),
    ],
    ids=["buildx", "no buildx", "classic builder wanted", "BuildKit of an older docker command"],
)
def test_buildx_builds_where_it_is_installed(
    installed: bool, environment: dict[str, str], buildx: bool, classic: bool
) -> None:
    builder = _connected(ScriptedRunner({} if installed else {"buildx version": printed(1)}), environment)
    assert (builder.buildx, builder.is_classic) == (buildx, classic)


def test_what_needs_buildkit_is_refused_where_only_the_classic_builder_is(tmp_path: Path) -> None:
    spec = write_source(tmp_path, "", dockerfile="FROM a\nRUN --mount=type=cache,target=/c true\n")
    message = "line 2, RUN --mount, needs BuildKit, and this Docker has only its classic"
    with pytest.raises(BuildError, match=message):
        _connected(ScriptedRunner({"buildx version": printed(1)}), {}).check(spec)


@pytest.mark.parametrize(
    ("driver", "environment", "used"),
    [
        ("docker-container", _GITHUB, True),
        ("docker", _GITHUB, False),
        ("docker-container", {"ACTIONS_RUNTIME_TOKEN": "planted"}, False),
        ("docker-container", {}, False),
    ],
    ids=["offered", "the engine's own driver", "no address", "not in GitHub"],
)
def test_githubs_cache_is_used_where_the_workflow_offers_it(
    driver: str, environment: dict[str, str], used: bool
) -> None:
    runner = ScriptedRunner({"buildx inspect": printed(0, f"Name:   builder\nDriver:   {driver}\nNodes:\n")})
    assert _connected(runner, environment).github_cache is used


def test_buildx_names_the_image_in_its_metadata_file(tmp_path: Path) -> None:
    # The containerd image store knows an image by its manifest.
    for stored in (_ID, _MANIFEST):
        runner = ScriptedRunner({"image inspect": _inspected(stored)}, metadata=_METADATA)
        assert _builder(runner).build(write_source(tmp_path, "one")) == stored
        assert runner.commands[-1] == ["docker", "image", "inspect", _ID, _MANIFEST]


@pytest.mark.parametrize(("variables", "rewritten"), [({"SOURCE_DATE_EPOCH": "1700000000"}, True), ({"A": "b"}, False)])
def test_an_image_is_reproducible_where_the_workflow_asks_for_it(
    tmp_path: Path, variables: dict[str, str], rewritten: bool
) -> None:
    runner = ScriptedRunner({"image inspect": _inspected()}, metadata=_METADATA)
    spec = write_source(tmp_path, "one", args={"TOKEN": "planted"})

    _builder(runner, variables).build(spec)

    assert ("type=docker,rewrite-timestamp=true" in runner.commands[0]) is rewritten
    assert runner.environments[0] == {**variables, "TOKEN": "planted"}
    assert "planted" not in f"{runner.commands} {spec}"


def test_an_image_is_built_again_when_another_process_removes_images_from_the_engine(tmp_path: Path) -> None:
    failed = printed(1, 'unable to find image "sha256:fcf1"')
    runner = ScriptedRunner({"buildx build": [failed, printed(0)], "image inspect": _inspected()}, metadata=_METADATA)
    report = FakeReporter()
    builder = replace(_builder(runner), docker=Docker({}, report, StillClock(), runner))

    assert builder.build(write_source(tmp_path, "one", name="web")) == _ID
    assert report.warnings == ["building service web failed, next attempt in 2 s"]


NO_IMAGE = printed(1, "Error: No such image")
NOT_NAMED = "buildx's metadata file names no image: remove BUILDX_"
NOT_FOUND = f"looking at the image {_MANIFEST} failed: exit code 1: .*No such image"


@pytest.mark.parametrize(
    ("metadata", "message"),
    [("", NOT_NAMED), ("[]", NOT_NAMED), ('{"containerimage.digest": "x"}', NOT_NAMED), (_METADATA, NOT_FOUND)],
    ids=["empty", "a list", "an index", "missing"],
)
def test_metadata_without_an_image_is_refused(tmp_path: Path, metadata: str, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        _builder(ScriptedRunner({"image inspect": NO_IMAGE}, metadata)).build(write_source(tmp_path, "one"))


def test_an_image_for_other_instances_is_refused(tmp_path: Path) -> None:
    message = "the image is for linux/arm64, the instances are linux/amd64: install buildx, leave --platform out"
    runner = ScriptedRunner({"image inspect": _inspected(architecture="arm64")}, metadata=_METADATA)
    with pytest.raises(BuildError, match=rf"service web: {message}"):
        build_and_push([write_source(tmp_path, "one", name="web")], _builder(runner))
    assert not any("push" in command for command in runner.commands)


_PUSHED = printed(0, f"cccc: digest: {_MANIFEST} size: 526")


def test_the_digest_is_the_one_of_this_push() -> None:
    digests = ("ada/shop@sha256:" + "a" * 64, f"ada/shop@{_MANIFEST}", "ghcr.io/other@sha256:" + "b" * 64)
    runner = ScriptedRunner({"push": _PUSHED, "image inspect": _inspected(digests=digests)})

    image = _builder(runner).push(_ID, "1")

    assert (image.reference, image.pushed) == (f"ada/shop:1@{_MANIFEST}", True)
    assert runner.commands[1:3] == [["docker", "tag", _ID, "ada/shop:1"], ["docker", "push", "ada/shop:1"]]


_DENIED = printed(1, "denied: requested access to the resource is denied")


@pytest.mark.parametrize(
    ("pushed", "message"),
    [
        (_PUSHED, "ada/shop:1 was pushed, but Docker does not show its digest: update Docker"),
        (_DENIED, "pushing ada/shop:1 failed: this login has no write access: create the repo"),
    ],
)
def test_a_push_that_fails_is_named(pushed: CommandResult, message: str) -> None:
    runner = ScriptedRunner({"push": pushed, "image inspect": _inspected(digests=("ada/shop@sha256:other",))})
    with pytest.raises(BuildError, match=message):
        _builder(runner).push(_ID, "1")
