"""What the builder asks of Docker: buildx, which the machine need not have, and answers that it does not give."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from beanpod.deploy.errors import BuildError
from beanpod.deploy.images import Builder, BuildSpec, Finished, Repository, build_and_push, connect
from beanpod.deploy.images.docker import Docker
from tests.deploy.images.fakes import Recorder, ScriptedRunner, StillClock, printed, write_source

_ID, _MANIFEST = "sha256:" + "c" * 64, "sha256:" + "d" * 64
_GITHUB = {"ACTIONS_RUNTIME_TOKEN": "planted", "ACTIONS_RESULTS_URL": "https://cache.example.com"}
# As https://docs.docker.com/reference/cli/docker/buildx/build/#metadata-file shows it.
_METADATA = json.dumps(
    {
        "buildx.build.ref": "mybuilder/mybuilder0/0fjb6ubs52xx3vygf6fgdl611",
        "containerimage.config.digest": _ID,
        "containerimage.descriptor": {
            "digest": _MANIFEST,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "size": 506,
        },
        "containerimage.digest": _MANIFEST,
    }
)


def _inspected(image_id: str = _ID, architecture: str = "amd64", digests: tuple[str, ...] = ()) -> Finished:
    found = {"Id": image_id, "Os": "linux", "Architecture": architecture, "RepoDigests": list(digests)}
    return printed(0, json.dumps([found]))


def _builder(runner: ScriptedRunner, variables: Mapping[str, str] | None = None) -> Builder:
    docker = Docker(runner, variables or {"PATH": "/bin"}, Recorder(), StillClock())
    return Builder(docker, Repository("ada/shop"), buildx=True, buildkit=True)


def _connected(runner: ScriptedRunner, environment: Mapping[str, str]) -> Builder:
    with connect("ada/shop", environment=environment, report=Recorder(), runner=runner) as builder:
        return builder


def _publish(runner: ScriptedRunner, *specs: BuildSpec) -> None:
    build_and_push(specs, platform="linux/amd64", builder=_builder(runner), report=Recorder())


@pytest.mark.parametrize(
    ("answers", "environment", "buildx"),
    [({}, {}, True), ({"buildx version": printed(1)}, {}, False), ({}, {"DOCKER_BUILDKIT": "0"}, False)],
    ids=["buildx", "no buildx", "classic builder wanted"],
)
def test_buildx_builds_where_it_is_installed(
    answers: dict[str, Finished | list[Finished]], environment: dict[str, str], buildx: bool
) -> None:
    assert _connected(ScriptedRunner(answers), environment).buildx is buildx


@pytest.mark.parametrize(
    ("version", "environment", "buildkit"),
    [
        ("20.10.24 20.10.24", {}, None),
        ("20.10.24 28.2.2", {"DOCKER_BUILDKIT": "1"}, True),
        ("28.2.2 20.10.24", {}, False),
        ("28.2.2 28.2.2", {"DOCKER_BUILDKIT": "1"}, None),
        ("28.2.2 28.2.2", {"DOCKER_BUILDKIT": "0"}, False),
    ],
)
def test_client_and_variable_decide_whether_docker_build_uses_buildkit(
    version: str, environment: dict[str, str], buildkit: bool | None
) -> None:
    runner = ScriptedRunner({"version": printed(0, version), "buildx version": printed(1)})
    assert _connected(runner, environment).buildkit is buildkit


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
    runner = ScriptedRunner(
        {"buildx inspect": printed(0, f"Name:   builder\nDriver:   {driver}\nNodes:\nName: builder0\n")}
    )
    assert _connected(runner, environment).github_cache is used


def test_buildx_names_the_image_in_its_metadata_file(tmp_path: Path) -> None:
    runner = ScriptedRunner({"image inspect": _inspected()}, metadata=_METADATA)

    assert _builder(runner).build(write_source(tmp_path, "one"), "linux/amd64") == _ID
    assert runner.commands[-1] == ["docker", "image", "inspect", _ID, _MANIFEST]


def test_the_containerd_image_store_knows_an_image_by_its_manifest(tmp_path: Path) -> None:
    partly = Finished(1, _inspected(_MANIFEST).stdout, (f"Error: No such image: {_ID}",))
    runner = ScriptedRunner({"image inspect": partly}, metadata=_METADATA)

    assert _builder(runner).build(write_source(tmp_path, "one"), "linux/amd64") == _MANIFEST


@pytest.mark.parametrize(("variables", "rewritten"), [({"SOURCE_DATE_EPOCH": "1700000000"}, True), ({"A": "b"}, False)])
def test_an_image_is_reproducible_where_the_workflow_asks_for_it(
    tmp_path: Path, variables: dict[str, str], rewritten: bool
) -> None:
    runner = ScriptedRunner({"image inspect": _inspected()}, metadata=_METADATA)

    _builder(runner, variables).build(write_source(tmp_path, "one"), "linux/amd64")

    assert ("type=docker,rewrite-timestamp=true" in runner.commands[0]) is rewritten
    assert runner.environments[0] == variables


def test_build_arguments_are_passed_as_variables(tmp_path: Path) -> None:
    runner = ScriptedRunner({"image inspect": _inspected()}, metadata=_METADATA)
    spec = write_source(tmp_path, "one", args={"TOKEN": "planted"})

    _builder(runner).build(spec, "linux/amd64")

    assert runner.environments[0] == {"PATH": "/bin", "TOKEN": "planted"}
    assert "planted" not in str(runner.commands)
    assert "planted" not in repr(spec)


@pytest.mark.parametrize(
    "media_type",
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"],
)
def test_an_index_is_refused(tmp_path: Path, media_type: str) -> None:
    metadata = {"containerimage.digest": _MANIFEST, "containerimage.descriptor": {"mediaType": media_type}}
    runner = ScriptedRunner(metadata=json.dumps(metadata))

    with pytest.raises(BuildError, match="buildx made an index instead of an image: remove BUILDX_"):
        _builder(runner).build(write_source(tmp_path, "one"), "linux/amd64")


@pytest.mark.parametrize("metadata", ["", "[]", '{"buildx.build.ref": "x"}'], ids=["empty", "a list", "no image"])
def test_metadata_without_an_image_is_refused(tmp_path: Path, metadata: str) -> None:
    with pytest.raises(BuildError, match="buildx's metadata file names no image: update buildx"):
        _builder(ScriptedRunner(metadata=metadata)).build(write_source(tmp_path, "one"), "linux/amd64")


def test_an_image_that_is_gone_is_named(tmp_path: Path) -> None:
    runner = ScriptedRunner({"image inspect": printed(1, "Error: No such image")}, metadata=_METADATA)

    with pytest.raises(BuildError, match=f"looking at the image {_MANIFEST} failed: exit code 1: .*No such image"):
        _builder(runner).build(write_source(tmp_path, "one"), "linux/amd64")


def test_an_image_for_other_instances_is_refused(tmp_path: Path) -> None:
    message = "the image is for linux/arm64, the instances are linux/amd64: install buildx, leave --platform out"
    runner = ScriptedRunner({"image inspect": _inspected(architecture="arm64")}, metadata=_METADATA)

    with pytest.raises(BuildError, match=rf"service web: {message}"):
        _publish(runner, write_source(tmp_path, "one", name="web"))
    assert not any("push" in command for command in runner.commands)


_PUSHED = printed(0, f"cccc: digest: {_MANIFEST} size: 526")


def test_the_digest_is_the_one_of_this_push() -> None:
    digests = ("ada/shop@sha256:" + "a" * 64, f"ada/shop@{_MANIFEST}", "ghcr.io/other@sha256:" + "b" * 64)
    runner = ScriptedRunner({"push": _PUSHED, "image inspect": _inspected(digests=digests)})

    image = _builder(runner).push(_ID, "1")

    assert (image.reference, image.pushed) == (f"ada/shop:1@{_MANIFEST}", True)
    assert runner.commands[1:3] == [["docker", "tag", _ID, "ada/shop:1"], ["docker", "push", "ada/shop:1"]]


def test_a_push_without_a_digest_is_refused() -> None:
    runner = ScriptedRunner({"push": _PUSHED, "image inspect": _inspected(digests=("ada/shop@sha256:other",))})

    with pytest.raises(BuildError, match="ada/shop:1 was pushed, but Docker does not show its digest: update Docker"):
        _builder(runner).push(_ID, "1")


def test_a_push_that_is_denied_names_the_remedy() -> None:
    runner = ScriptedRunner({"push": printed(1, "denied: requested access to the resource is denied")})

    with pytest.raises(BuildError, match="pushing ada/shop:1 failed: this login has no write access: create the repo"):
        _builder(runner).push(_ID, "1")


@pytest.mark.parametrize(
    ("context", "dockerfile", "words"),
    [
        ("gone", "Dockerfile", r"service web: the build context .*gone is not a directory: correct its path"),
        (
            "",
            "Dockerfile.prod",
            r"service web: the Dockerfile .*Dockerfile\.prod does not exist: write it or correct its path",
        ),
    ],
    ids=["context", "dockerfile"],
)
def test_missing_files_are_named_before_any_build(tmp_path: Path, context: str, dockerfile: str, words: str) -> None:
    good = write_source(tmp_path, "one", name="good")
    bad = replace(good, name="web", context=tmp_path / context, dockerfile=tmp_path / dockerfile)
    runner = ScriptedRunner()

    with pytest.raises(BuildError, match=words):
        _publish(runner, good, bad)
    assert runner.commands == []
