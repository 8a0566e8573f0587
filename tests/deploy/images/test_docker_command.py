"""A docker command that fails: the words are from Docker 20.10, 28 and BuildKit, the message is one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beanpod.deploy.errors import BuildError
from beanpod.deploy.images import CommandResult
from beanpod.deploy.images.docker import Docker, failure
from tests.deploy.clocks import StillClock
from tests.deploy.images.fakes import ScriptedRunner, printed
from tests.fake_reporter import FakeReporter

RATE_LIMIT = r"the registry's rate limit is reached \(429\)"
DISK = "the Docker engine's disk is full"
CANNOT_READ = "this user cannot read every file in the build context"
REMOVED = "another process removed images from this Docker engine meanwhile: try again"
FAILED = "the registry or the network failed: try again"
# What docker prints, and the line that it becomes.
_PRINTED = {
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?": (
        "cannot connect to the Docker daemon: start Docker and try `docker info`"
    ),
    # Docker 29.
    "failed to connect to the docker API at unix:///nowhere; check if the path is correct and if the daemon is": (
        "cannot connect to the Docker daemon: start Docker"
    ),
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock": (
        "this user may not use the Docker engine: add them to the group docker"
    ),
    "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating": (
        f"{RATE_LIMIT}: try again later, or if DOCKER_USERNAME is not set, set it"
    ),
    "failed to create LLB definition: pulling from host x failed with status code: 429 Too Many Requests": RATE_LIMIT,
    "error checking context: can't stat '/project/data/private'": (
        f"{CANNOT_READ}: grant this user read permission, or remove the file"
    ),
    "failed to solve: failed to read dockerfile: error from sender: open /x: permission denied": CANNOT_READ,
    "write /app/file: no space left on device": f"{DISK}: free space with `docker system prune --all`",
    "cp: error writing '/x': No space left on device\nThe command '/bin/sh -c cp' returned a non-zero code: 1": DISK,
    "exec /bin/sh: exec format error\nThe command '/bin/sh -c ls' returned a non-zero code: 1": (
        "this machine cannot run programs of that platform: build on one that can, or install QEMU"
    ),
    "failed to solve: busybox:stable: no match for platform in manifest: not found": (
        "the base image does not exist for that platform: choose another base image or other instance types"
    ),
    "no basic auth credentials": (
        "the registry requires a login: set DOCKER_USERNAME and DOCKER_PASSWORD for that of service.image, or"
    ),
    "pull access denied for ada/base, repository does not exist or may require 'docker login'": (
        "a base image does not exist, or reading it needs another login: check the FROM lines"
    ),
    "denied: requested access to the resource is denied": (
        "this login has no write access: create the repository, or give the access token read and write perm"
    ),
    'Get "http://localhost:5999/v2/": dial tcp 127.0.0.1:5999: connect: connection refused': (
        "the registry does not answer: check its address and that it runs"
    ),
    'Step 1/2 : RUN echo error\nunable to find image "sha256:fcf1"': REMOVED,
    "failed to export image: failed to set parent sha256:332e: unknown parent image ID sha256:332e": REMOVED,
    "failed to copy: failed to do request: write tcp 10.0.0.2:443: write: broken pipe": FAILED,
    "received unexpected HTTP status: 502 Bad Gateway": FAILED,
}


@pytest.mark.parametrize(("words", "line"), _PRINTED.items())
def test_output_of_docker_becomes_one_line_with_a_remedy(words: str, line: str) -> None:
    error = failure("building service web", printed(1, words))
    with pytest.raises(BuildError, match=f"^building service web failed: {line}"):
        raise error
    assert "\n" not in str(error)
    assert error.causes[-1] == words.splitlines()[-1]


@pytest.mark.parametrize(
    "ending",
    [
        "The command '/bin/sh -c npm ci' returned a non-zero code: 1",
        "executor failed running [/bin/sh -c npm ci]: exit code: 1",
        'ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1',
    ],
    ids=["classic", "BuildKit 20.10", "buildx"],
)
def test_output_of_a_step_is_not_mistaken_for_a_failure_of_docker(ending: str) -> None:
    error = failure("building service web", printed(1, f"npm error connect ECONNREFUSED: connection refused\n{ending}"))

    assert str(error) == f"building service web failed: exit code 1: {ending}"
    assert error.causes == ("npm error connect ECONNREFUSED: connection refused", ending)


def test_the_last_lines_are_the_causes() -> None:
    early = ["Step 1/9 : RUN echo denied", *(f"error {number}" for number in range(9))]
    assert str(failure("building x", printed(1, "\n".join(early)))) == "building x failed: exit code 1: error 8"
    finished = printed(1, "one\ntwo\n------\nthree\nthree\nfour\nfive")
    assert failure("building x", finished).causes == ("two", "three", "four", "five")
    assert str(failure("building x", CommandResult(137))) == "building x failed: docker printed nothing, exit code 137"
    killed = failure("pushing x", CommandResult(-9, lines=("5f70bf18a086: Pushing",)))
    assert str(killed) == "pushing x failed: signal 9 (Killed): 5f70bf18a086: Pushing"


@given(st.lists(st.text(st.characters(blacklist_characters="\r\n")), max_size=9), st.integers(1, 255))
def test_the_message_is_always_one_short_line(lines: list[str], code: int) -> None:
    message = str(failure("building x", CommandResult(code, "", tuple(lines))))

    assert "\n" not in message
    assert len(message) < 300


def test_the_environment_is_not_in_the_repr() -> None:
    docker = Docker({"DOCKER_PASSWORD": "planted"}, FakeReporter(), StillClock())
    assert "planted" not in repr(docker)


_TIMEOUT = printed(1, "net/http: TLS handshake timeout")


@pytest.mark.parametrize(
    ("answers", "code", "attempts"),
    [
        ([_TIMEOUT, _TIMEOUT, printed(0)], 0, 3),
        ([_TIMEOUT, _TIMEOUT, _TIMEOUT, printed(0)], 1, 3),
        ([printed(1, "denied: requested access to the resource is denied"), printed(0)], 1, 1),
    ],
    ids=["passing", "lasting", "denied"],
)
def test_a_command_is_repeated_while_the_network_fails(answers: list[CommandResult], code: int, attempts: int) -> None:
    runner, report, clock = ScriptedRunner({"push": answers}), FakeReporter(), StillClock()
    finished = Docker({}, report, clock, runner).retry(["docker", "push", "a/b:c"], "pushing a/b:c")
    assert (finished.code, len(runner.commands)) == (code, attempts)
    assert clock.sleeps == [2.0, 8.0][: attempts - 1]
    assert report.warnings == [f"pushing a/b:c failed, next attempt in {pause:.0f} s" for pause in clock.sleeps]
