"""The exact command lines, also of buildx, which the machine need not have."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beanpod.deploy import images
from beanpod.deploy.images import BuildSpec, commands, platform_of, tag_of

_SPEC = BuildSpec("web", Path("/src"), Path("/src/Dockerfile"))
_ALL = BuildSpec("web", Path("/src"), Path("/src/Dockerfile"), args={"B": "2", "A": "1", "PATH": "/x"}, target="prod")


def _buildx(*, github_cache: bool = False, reproducible: bool = False) -> list[str]:
    return commands.buildx_build(
        _SPEC,
        platform="linux/arm64",
        metadata_file=Path("/tmp/m.json"),
        github_cache=github_cache,
        reproducible=reproducible,
    )


def test_the_public_names_are_these() -> None:
    names = (
        "INSTRUCTIONS BuildSpec BuildStage Builder Dockerfile Finished Image Instruction Platform ProcessRunner "
        "Repository Runner TimedOutError build_and_push connect given_credentials is_public needs_buildkit "
        "platform_arguments platform_of read_dockerfile tag_of"
    )
    assert images.__all__ == names.split()
    assert all(hasattr(images, name) for name in images.__all__)


def test_buildx_loads_one_image_without_attestations() -> None:
    assert _buildx() == [
        *("docker", "buildx", "build", "--load", "--progress=plain", "--metadata-file", "/tmp/m.json"),
        *("--provenance=false", "--sbom=false", "--platform", "linux/arm64", "--file", "/src/Dockerfile", "/src"),
    ]


def test_a_reproducible_image_has_the_times_of_its_files_rewritten() -> None:
    command = _buildx(reproducible=True)

    assert command[3:5] == ["--output", "type=docker,rewrite-timestamp=true"]
    assert "--load" not in command


def test_docker_build_writes_the_image_id() -> None:
    assert commands.build(_SPEC, platform="linux/amd64", id_file=Path("/tmp/id")) == [
        *("docker", "build", "--iidfile", "/tmp/id", "--platform", "linux/amd64"),
        *("--file", "/src/Dockerfile", "/src"),
    ]


def test_the_values_of_build_arguments_are_not_in_the_command_line() -> None:
    command = commands.build(_ALL, platform="linux/amd64", id_file=Path("/tmp/id"))

    assert command[-11:] == [
        *("--file", "/src/Dockerfile", "--target", "prod"),
        *("--build-arg", "A", "--build-arg", "B", "--build-arg", "PATH=/x", "/src"),
    ]
    assert commands.build_environment(_ALL.args) == {"A": "1", "B": "2"}


@pytest.mark.parametrize("name", ["PATH", "HOME", "DOCKER_HOST", "BUILDX_BUILDER", "BUILDKIT_PROGRESS"])
def test_a_build_argument_does_not_change_the_clients_own_settings(name: str) -> None:
    assert commands.build_environment({name: "x"}) == {}


def test_githubs_cache_is_kept_for_each_image() -> None:
    command = _buildx(github_cache=True)

    assert command[command.index("--cache-from") + 1] == "type=gha,scope=web"
    assert command[command.index("--cache-to") + 1] == "type=gha,scope=web,mode=max,ignore-error=true"
    assert "--cache-to" not in _buildx()


def test_a_manifest_is_looked_up_without_tls_only_where_asked() -> None:
    command = ["docker", "manifest", "inspect", "--verbose", "a/b:1"]
    assert commands.manifest_inspect("a/b:1", insecure=False) == command
    assert commands.manifest_inspect("a/b:1", insecure=True) == [*command[:-1], "--insecure", "a/b:1"]


def test_a_login_to_docker_hub_names_no_host() -> None:
    assert commands.login("ada", None) == ["docker", "login", "--username", "ada", "--password-stdin"]
    assert commands.login("ada", "localhost:5000")[-1] == "localhost:5000"


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


@given(st.from_regex(r"[a-zA-Z0-9._-]+", fullmatch=True), st.from_regex(r"[0-9a-f]{64}", fullmatch=True))
def test_every_name_of_a_service_makes_a_tag(name: str, digits: str) -> None:
    # The grammar of tags and of compose's service names:
    # https://distribution.github.io/distribution/spec/api/#pulling-an-image-manifest
    assert re.fullmatch(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", tag_of(name, f"sha256:{digits}"))


def test_docker_has_its_own_names_for_architectures() -> None:
    assert (platform_of("x86_64"), platform_of("arm64")) == ("linux/amd64", "linux/arm64")
