"""What is asked of Docker in which order, and what its answers mean: buildx and the troubles no test machine has."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from beanpod.deploy.errors import BuildError, UsageError
from beanpod.deploy.images import Builder, BuildSpec, Docker, Finished, LocalImage, Registry, build_and_push, connect
from beanpod.deploy.images._client import Client
from beanpod.deploy.images._credentials import Credentials
from beanpod.deploy.images._repository import Repository
from tests.deploy.images.canned import Answer, canned
from tests.deploy.images.recorder import Recorder, StillClock
from tests.deploy.images.scripted import ScriptedRunner, said
from tests.deploy.images.sources import write_source

_ID, _MANIFEST = "sha256:" + "c" * 64, "sha256:" + "d" * 64
_GITHUB = {"ACTIONS_RUNTIME_TOKEN": "planted", "ACTIONS_RESULTS_URL": "https://cache.example.com"}
_TIMEOUT = said(1, "net/http: TLS handshake timeout")
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
    return said(0, json.dumps([found]))


def _docker(
    runner: ScriptedRunner,
    builder: Builder = Builder.BUILDX,
    report: Recorder | None = None,
    clock: StillClock | None = None,
) -> Docker:
    return Docker(Client(runner, {"PATH": "/bin"}), builder, report or Recorder(), clock or StillClock())


def _connected(runner: ScriptedRunner, environment: Mapping[str, str]) -> Docker:
    with (
        canned(Answer(200)) as server,
        connect(f"{server.host}/a/b", environment=environment, report=Recorder(), runner=runner) as (docker, _),
    ):
        return docker


def _publish(runner: ScriptedRunner, *specs: BuildSpec, repository: str = "localhost:9/a/b") -> None:
    registry = Registry(Repository(repository), None)
    build_and_push(specs, platform="linux/amd64", docker=_docker(runner), registry=registry, report=Recorder())


def test_buildx_builds_where_it_is_installed() -> None:
    assert _connected(ScriptedRunner(), {}).builder is Builder.BUILDX


@pytest.mark.parametrize(
    ("answers", "environment"),
    [({"buildx version": said(1)}, {}), ({}, {"DOCKER_BUILDKIT": "0"})],
    ids=["no buildx", "unwanted"],
)
def test_the_engine_builds_where_buildx_does_not(
    answers: dict[str, Finished | list[Finished]], environment: dict[str, str]
) -> None:
    assert _connected(ScriptedRunner(answers), environment).builder is Builder.ENGINE


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
        {"buildx inspect": said(0, f"Name:   builder\nDriver:   {driver}\nNodes:\nName: builder0\n")}
    )

    assert _connected(runner, environment).github_cache is used


def test_buildx_names_the_image_in_its_metadata_file(tmp_path: Path) -> None:
    runner = ScriptedRunner({"image inspect": _inspected()}, metadata=_METADATA)

    image = _docker(runner).build(write_source(tmp_path, "one"), "linux/amd64")

    assert image == LocalImage(_ID, "linux", "amd64")
    assert runner.commands[-1] == ["docker", "image", "inspect", _ID, _MANIFEST]


@pytest.mark.parametrize(("variables", "cut"), [({"SOURCE_DATE_EPOCH": "1700000000"}, True), ({}, False)])
def test_an_image_is_made_reproducible_where_the_workflow_asks_for_it(
    tmp_path: Path, variables: dict[str, str], cut: bool
) -> None:
    runner = ScriptedRunner({"image inspect": _inspected()}, metadata=_METADATA)
    docker = Docker(Client(runner, variables), Builder.BUILDX, Recorder(), StillClock())

    docker.build(write_source(tmp_path, "one"), "linux/amd64")

    assert ("type=docker,rewrite-timestamp=true" in runner.commands[0]) is cut
    assert runner.environments[0] == variables


def test_an_image_store_may_know_an_image_by_its_manifest(tmp_path: Path) -> None:
    partly = Finished(1, _inspected(_MANIFEST).stdout, (f"Error: No such image: {_ID}",))
    runner = ScriptedRunner({"image inspect": partly}, metadata=_METADATA)

    assert _docker(runner).build(write_source(tmp_path, "one"), "linux/amd64").id == _MANIFEST


@pytest.mark.parametrize(
    "media_type",
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"],
)
def test_an_index_is_refused(tmp_path: Path, media_type: str) -> None:
    metadata = {"containerimage.digest": _MANIFEST, "containerimage.descriptor": {"mediaType": media_type}}
    runner = ScriptedRunner(metadata=json.dumps(metadata))

    with pytest.raises(BuildError, match="buildx made an index instead of an image: remove BUILDX_"):
        _docker(runner).build(write_source(tmp_path, "one"), "linux/amd64")


@pytest.mark.parametrize("metadata", ["", "[]", '{"buildx.build.ref": "x"}'], ids=["empty", "a list", "no image"])
def test_metadata_without_an_image_is_refused(tmp_path: Path, metadata: str) -> None:
    with pytest.raises(BuildError, match="buildx's metadata file names no image: update buildx"):
        _docker(ScriptedRunner(metadata=metadata)).build(write_source(tmp_path, "one"), "linux/amd64")


def test_an_image_that_is_gone_is_named(tmp_path: Path) -> None:
    runner = ScriptedRunner({"image inspect": said(1, "Error: No such image")}, metadata=_METADATA)

    with pytest.raises(BuildError, match=f"looking at the image {_MANIFEST} failed: exit code 1: .*No such image"):
        _docker(runner).build(write_source(tmp_path, "one"), "linux/amd64")


def test_build_arguments_travel_by_environment(tmp_path: Path) -> None:
    runner = ScriptedRunner({"image inspect": _inspected()}, metadata=_METADATA)
    spec = write_source(tmp_path, "one", args={"TOKEN": "planted"})

    _docker(runner).build(spec, "linux/amd64")

    assert runner.environments[0] == {"PATH": "/bin", "TOKEN": "planted"}
    assert "planted" not in str(runner.commands)
    assert "planted" not in repr(spec)


def test_an_image_for_other_instances_is_refused(tmp_path: Path) -> None:
    message = "the image is for linux/arm64, the instances are linux/amd64: install buildx, leave --platform out"
    runner = ScriptedRunner({"image inspect": _inspected(architecture="arm64")}, metadata=_METADATA)

    with pytest.raises(BuildError, match=rf"service web: {message}"):
        _publish(runner, write_source(tmp_path, "one", name="web"))
    assert not any("push" in command for command in runner.commands)


def test_a_push_that_fails_for_the_moment_is_tried_again() -> None:
    runner = ScriptedRunner({"push": [_TIMEOUT, _TIMEOUT, said(0)], "image inspect": _inspected()})
    report, clock = Recorder(), StillClock()

    _docker(runner, report=report, clock=clock).push(LocalImage(_ID, "linux", "amd64"), "a/b:c")

    assert clock.sleeps == [2.0, 8.0]
    assert report.warnings == [
        "pushing a/b:c failed, next attempt in 2 s",
        "pushing a/b:c failed, next attempt in 8 s",
    ]


def test_a_push_that_keeps_failing_ends_after_three_attempts() -> None:
    runner = ScriptedRunner({"push": _TIMEOUT})

    with pytest.raises(BuildError, match="pushing a/b:c failed: the registry or the network failed: try again"):
        _docker(runner).push(LocalImage(_ID, "linux", "amd64"), "a/b:c")
    assert len(runner.commands) == 4


def test_a_push_that_is_denied_is_not_tried_again() -> None:
    runner = ScriptedRunner({"push": said(1, "denied: requested access to the resource is denied")})

    with pytest.raises(BuildError, match="pushing a/b:c failed: this login may not write there: create the reposi"):
        _docker(runner).push(LocalImage(_ID, "linux", "amd64"), "a/b:c")
    assert len(runner.commands) == 2


@pytest.mark.parametrize(
    "answer",
    [
        'Error: Get "https://registry-1.docker.io/v2/": unauthorized: incorrect username or password',
        "Error response from daemon: login attempt to http://localhost:5801/v2/ failed with status: 401 Unauthorized",
        'Error response from daemon: Get "https://ghcr.io/v2/": denied: denied',
    ],
    ids=["Docker Hub", "password file", "GitHub"],
)
def test_a_login_that_is_refused_names_the_user(answer: str) -> None:
    runner = ScriptedRunner({"login": said(1, answer)})

    with pytest.raises(UsageError, match="Docker Hub refuses the login of ada: check DOCKER_USERNAME and DOCKER_PASS"):
        _docker(runner).login(Repository("ada/guestbook"), Credentials("ada", "planted"))
    assert "planted" not in str(runner.commands)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (
            (Answer(404), Answer(404)),
            "was pushed but localhost:.* does not show it to this login: give the access token",
        ),
        (
            (Answer(404), Answer(200, headers={"Docker-Content-Digest": "sha256:other"})),
            "is sha256:other in the registry, which is not what Docker pushed: run the deployment again",
        ),
    ],
    ids=["hidden", "another"],
)
def test_a_digest_that_the_registry_does_not_confirm_is_refused(
    tmp_path: Path, answers: tuple[Answer, ...], words: str
) -> None:
    with canned(*answers) as server:
        name = f"{server.host}/a/b"
        runner = ScriptedRunner({"image inspect": _inspected(digests=(f"{name}@{_MANIFEST}",))}, metadata=_METADATA)
        with pytest.raises(BuildError, match=words):
            _publish(runner, write_source(tmp_path, "one"), repository=name)


@pytest.mark.parametrize(
    ("context", "dockerfile", "words"),
    [
        ("gone", "Dockerfile", r"service web: the build context .*gone is no folder: correct its path"),
        (
            "",
            "Dockerfile.prod",
            r"service web: there is no Dockerfile .*Dockerfile\.prod: write it or correct its path",
        ),
    ],
    ids=["context", "dockerfile"],
)
def test_files_that_are_not_there_are_named_before_anything_is_built(
    tmp_path: Path, context: str, dockerfile: str, words: str
) -> None:
    good = write_source(tmp_path, "one", name="good")
    bad = replace(good, name="web", context=tmp_path / context, dockerfile=tmp_path / dockerfile)
    runner = ScriptedRunner()

    with pytest.raises(BuildError, match=words):
        _publish(runner, good, bad)
    assert runner.commands == []
