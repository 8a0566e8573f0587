"""Dockerfiles that only BuildKit builds: refused with its name by the classic builder, built where it is."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from beanpod.deploy.bundles import build_specs
from beanpod.deploy.errors import BuildError
from beanpod.deploy.images import BuildSpec, needs_buildkit
from beanpod.manifest import Manifest
from tests.deploy.engine import Engine, absent
from tests.deploy.images.shop import Shop
from tests.deploy.images.sources import write_source
from tests.deploy.registry import LocalRegistry

CASES = Path(__file__).parents[2] / "cases"
HEAD = "FROM scratch\nCOPY app /app\n"


def spec_of_case(name: str, tmp_path: Path) -> BuildSpec:
    folder = Path(shutil.copytree(CASES / name, tmp_path / name))
    # Tests in parallel share the engine, and would remove each other's images.
    with (folder / "Dockerfile").open("a") as file:
        file.write(f"LABEL made={tmp_path}\n")
    return BuildSpec(None, folder, folder / "Dockerfile")


def spec_of(dockerfile: str, tmp_path: Path, args: Mapping[str, str] | None = None) -> BuildSpec:
    return write_source(tmp_path / "source", "one", dockerfile=dockerfile, args=args)


@pytest.mark.parametrize(
    ("name", "need"),
    [
        ("heredoc-only", "line 2, a here-document of RUN"),
        ("buildkit-only", "line 2, RUN --mount"),
        ("mount-only", "line 2, RUN --mount"),
    ],
)
def test_case_is_refused_by_the_classic_builder_and_built_by_buildkit(
    open_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path, name: str, need: str
) -> None:
    shop = Shop(open_registry, docker_engine, docker_engine.variables(tmp_path / "home"))
    spec = spec_of_case(name, tmp_path)
    with pytest.raises(BuildError) as refused:
        shop.publish(spec)
    assert f"{need}, needs BuildKit, and DOCKER_BUILDKIT=0 asks for the classic builder: unset it" in str(refused.value)
    assert not any("Step" in line for line in shop.report.printed)
    if docker_engine.buildkit is None:
        absent("no client of this machine has BuildKit")
    shop.variables |= docker_engine.buildkit
    if name != "mount-only" and _is_old(docker_engine):
        # Here-documents are younger than this engine, whose BuildKit takes them for instructions.
        with pytest.raises(BuildError, match=r"line 2, .* is newer than the BuildKit of this engine: begin the Docker"):
            shop.publish(spec)
    else:
        assert shop.publish(spec)[None].pushed


def _is_old(engine: Engine) -> bool:
    return int(engine.run("version", "--format", "{{.Server.Version}}").partition(".")[0]) < 23


def test_machine_without_buildx_is_told_how_to_get_it(
    open_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path
) -> None:
    if _has_buildx(docker_engine):
        absent("buildx is installed")
    variables = docker_engine.variables(tmp_path / "home")
    del variables["DOCKER_BUILDKIT"]
    shop = Shop(open_registry, docker_engine, variables)
    with pytest.raises(BuildError, match="this Docker has only its classic builder: install buildx"):
        shop.publish(spec_of_case("heredoc-only", tmp_path))


def _has_buildx(engine: Engine) -> bool:
    return engine.buildkit is not None and "PATH" not in engine.buildkit


def test_client_that_does_not_say_how_it_builds_is_told_after_it_failed(
    open_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path
) -> None:
    if docker_engine.buildkit is None or _has_buildx(docker_engine):
        absent("no client of this machine has BuildKit in itself")
    variables = docker_engine.variables(tmp_path / "home") | docker_engine.buildkit
    del variables["DOCKER_BUILDKIT"]
    shop = Shop(open_registry, docker_engine, variables)
    with pytest.raises(BuildError, match="needs BuildKit, and this Docker has only its classic builder") as refused:
        shop.publish(spec_of_case("mount-only", tmp_path))
    assert refused.value.causes
    # The remedy for a Docker that is older than 23.
    shop.variables["DOCKER_BUILDKIT"] = "1"
    assert shop.publish(spec_of_case("mount-only", tmp_path / "again"))[None].pushed


def test_line_of_the_syntax_is_nothing_to_the_classic_builder(
    open_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path
) -> None:
    shop = Shop(open_registry, docker_engine, docker_engine.variables(tmp_path / "home"))
    assert shop.publish(spec_of_case("syntax-line", tmp_path))[None].pushed


def test_arguments_of_the_platform_are_set_by_both(
    open_registry: LocalRegistry, docker_engine: Engine, variables: dict[str, str], tmp_path: Path
) -> None:
    shop = Shop(open_registry, docker_engine, variables)
    declared = "ARG TARGETARCH\nARG TARGETOS\nARG BUILDARCH=none\nARG OTHER=x\n"
    dockerfile = f"{HEAD}{declared}LABEL of=$TARGETOS/$TARGETARCH/$OTHER/$BUILDARCH\n"
    image = shop.publish(spec_of(dockerfile, tmp_path, {"OTHER": "y"}))[None]
    of = docker_engine.run("image", "inspect", "--format", "{{.Config.Labels.of}}", image.reference.rpartition("@")[0])
    assert of.strip() == f"{docker_engine.platform}/y/none"


def test_context_arguments_and_target_reach_both_builders(
    open_registry: LocalRegistry, docker_engine: Engine, variables: dict[str, str], tmp_path: Path
) -> None:
    shop = Shop(open_registry, docker_engine, variables)
    folder = tmp_path / "monorepo"
    (folder / "apps/api").mkdir(parents=True)
    (folder / "libs").mkdir()
    (folder / "libs/lib.txt").write_text(str(tmp_path))
    dockerfile = folder / "apps/api/Dockerfile"
    dockerfile.write_text(
        "FROM scratch AS web\nARG WHO\nCOPY libs/lib.txt /\nLABEL who=$WHO\nFROM web\nLABEL who=nobody\n"
    )
    spec = BuildSpec(None, folder, dockerfile, {"WHO": "ada"}, "web")
    image = shop.publish(spec)[None]
    who = docker_engine.run("image", "inspect", "--format", "{{.Config.Labels.who}}", image.reference.partition("@")[0])
    assert who.strip() == "ada"


@pytest.mark.parametrize(
    ("name", "manifest", "key"),
    [
        ("monorepo-dockerfile", "beanpod.toml", 'context = "."'),
        ("dockerfile-above", "infra/beanpod.toml", 'context = ".."'),
    ],
)
def test_dockerfile_of_a_larger_repository_is_built_by_both(
    open_registry: LocalRegistry,
    docker_engine: Engine,
    variables: dict[str, str],
    tmp_path: Path,
    name: str,
    manifest: str,
    key: str,
) -> None:
    project = Path(shutil.copytree(CASES / name, tmp_path / name))
    (project / "libs/lib.txt").write_text(str(tmp_path))
    file = project / manifest
    file.write_text(f"{file.read_text()}\n{key}\n")
    specs = build_specs(Manifest.read(file).stage(), file.parent)
    assert Shop(open_registry, docker_engine, variables).publish(*specs)[None].pushed


@pytest.mark.parametrize(
    ("dockerfile", "need"),
    [
        ("FROM a\nRUN --mount=type=secret,id=x true\n", "line 2, RUN --mount"),
        ("FROM a\nRUN --network=none true\n", "line 2, RUN --network"),
        ("FROM a\nRUN \\\n  --mount=type=cache,target=/c true\n", "line 2, RUN --mount"),
        ("FROM a\nCOPY --link a /\n", "line 2, COPY --link"),
        ("FROM a\ncopy --chown=1:1 --chmod=755 a /\n", "line 2, COPY --chmod"),
        ("FROM a\nCOPY --parents a/b /\n", "line 2, COPY --parents"),
        ("FROM a\nADD --checksum=sha256:0 https://example.org/x /\n", "line 2, ADD --checksum"),
        ("FROM a\nADD https://example.org/ada/shop.git#v1 /\n", "line 2, ADD of a Git repository"),
        ("FROM a\nCOPY <<A /a\nx\nA\n", "line 2, a here-document of COPY"),
        ("FROM --platform=$BUILDPLATFORM a\n", "line 1, FROM with BUILDPLATFORM"),
        ("FROM a-${TARGETARCH}\n", "line 1, FROM with TARGETARCH"),
        ("# syntax=ghcr.io/ada/frontend\nanything\n", "line 1, syntax ghcr.io/ada/frontend"),
        ("# syntax=docker/dockerfile:1\nFROM a\nRUN true\n", None),
        ("ARG BUILDPLATFORM\nFROM --platform=$BUILDPLATFORM a\n", None),
        ("FROM --platform=linux/amd64 a\nCOPY --chown=1:1 --from=b a /\n", None),
        ("FROM a\nARG TARGETARCH\nHEALTHCHECK --interval=5s CMD true\nRUN echo --mount\n", None),
    ],
)
def test_what_needs_buildkit_is_named_with_its_line(tmp_path: Path, dockerfile: str, need: str | None) -> None:
    assert needs_buildkit(spec_of(dockerfile, tmp_path)) == need


def test_stages_after_the_target_are_not_built_by_the_classic_builder(tmp_path: Path) -> None:
    spec = spec_of("FROM a AS web\nFROM web\nRUN --mount=type=cache,target=/c true\n", tmp_path)
    assert needs_buildkit(spec) == "line 3, RUN --mount"
    assert needs_buildkit(BuildSpec(None, spec.context, spec.dockerfile, target="web")) is None
