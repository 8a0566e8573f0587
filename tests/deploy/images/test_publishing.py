"""Images are built by each builder of this machine's Docker, and pushed to real registries."""

import base64
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from beanpod.deploy.errors import BuildError, UsageError
from beanpod.deploy.images import BuildSpec
from beanpod.deploy.report import Phase
from tests.deploy.bundles.projects import write
from tests.deploy.engine import Engine, absent
from tests.deploy.images.fakes import Shop, write_source
from tests.deploy.registry import LocalRegistry

CASES = Path(__file__).parents[2] / "cases"


def test_an_image_is_pushed_once_and_known_by_the_registrys_digest(shop: Shop, tmp_path: Path) -> None:
    spec = write_source(tmp_path / "source", "one")
    image = shop.publish(spec)[None]

    assert shop.registry.tags(shop.path) == [image.tag]
    assert image.digest == shop.registry.digest(shop.path, image.tag)
    assert (image.reference, image.pushed) == (f"{shop.repository}:{image.tag}@{image.digest}", True)
    assert shop.report.phases == [Phase.BUILD, Phase.PUSH]

    os.utime(spec.context / "app", (1, 1))
    again = shop.publish(spec)[None]

    assert (again.reference, again.pushed) == (image.reference, False)
    assert len(shop.runner.named("push")) == 1


def test_a_changed_image_gets_another_tag_and_a_tag_that_was_moved_is_corrected(
    classic_shop: Shop, tmp_path: Path
) -> None:
    spec, other = (write_source(tmp_path / name, name, name=name) for name in ("web", "worker.2"))
    images = classic_shop.publish(spec, other)
    first, second = images["web"], images["worker.2"]

    assert [image.tag.rpartition("-")[0] for image in images.values()] == ["web", "worker.2"]
    assert first.tag.rpartition("-")[2] != second.tag.rpartition("-")[2]
    assert first.digest != second.digest
    assert classic_shop.registry.tags(classic_shop.path) == sorted((first.tag, second.tag))

    repository = classic_shop.registry.folder / "data/docker/registry/v2/repositories" / classic_shop.path
    (repository / "_manifests/tags" / first.tag / "current/link").write_text(second.digest)
    again = classic_shop.publish(spec)["web"]
    assert (again.reference, again.pushed) == (first.reference, True)

    # The registry has lost it.
    shutil.rmtree(repository / "_manifests")
    again = classic_shop.publish(spec)["web"]
    assert (again.reference, again.pushed) == (first.reference, True)


def test_context_arguments_and_target_reach_both_builders(
    open_registry: LocalRegistry, docker_engine: Engine, variables: dict[str, str], tmp_path: Path
) -> None:
    shop = Shop(open_registry, docker_engine, variables)
    write(tmp_path, {"libs/lib.txt": str(tmp_path)})
    declared = "ARG WHO\nARG TARGETARCH\nARG TARGETOS\nARG BUILDARCH=none\n"
    label = 'LABEL of="$WHO $TARGETOS/$TARGETARCH $BUILDARCH"\n'
    dockerfile = f"FROM scratch AS web\n{declared}COPY libs/lib.txt /\n{label}FROM web\nLABEL of=another\n"
    write(tmp_path, {"apps/api/Dockerfile": dockerfile})

    image = shop.publish(
        BuildSpec(None, tmp_path, tmp_path / "apps/api/Dockerfile", "linux/amd64", {"WHO": "good day"}, "web")
    )[None]

    template = '{{index .Config.Labels "of"}}'
    found = docker_engine.run("image", "inspect", "--format", template, image.reference.partition("@")[0])
    assert found.strip() == f"good day {docker_engine.platform} none"


def spec_of_case(name: str, tmp_path: Path) -> BuildSpec:
    folder = Path(shutil.copytree(CASES / name, tmp_path / name))
    # Tests in parallel share the engine, and would remove each other's images.
    with (folder / "Dockerfile").open("a") as file:
        file.write(f"LABEL made={tmp_path}\n")
    return BuildSpec(None, folder, folder / "Dockerfile", "linux/amd64")


def test_the_classic_builder_ignores_a_syntax_directive(open_shop: Shop, tmp_path: Path) -> None:
    assert open_shop.publish(spec_of_case("syntax-line", tmp_path))[None].pushed


@pytest.mark.parametrize(
    ("name", "need"),
    [
        ("heredoc-only", "line 2, a here-document of RUN"),
        ("buildkit-only", "line 2, RUN --mount"),
        ("mount-only", "line 2, RUN --mount"),
    ],
)
def test_case_is_refused_by_the_classic_builder_and_built_by_buildkit(
    open_shop: Shop, docker_engine: Engine, tmp_path: Path, name: str, need: str
) -> None:
    spec = spec_of_case(name, tmp_path)
    with pytest.raises(BuildError) as refused:
        open_shop.publish(spec)
    assert f"{need}, needs BuildKit, and DOCKER_BUILDKIT=0 asks for the classic builder: unset it" in str(refused.value)
    assert not any("Step" in line for line in open_shop.report.messages)
    if docker_engine.buildkit is None:
        absent("no client of this machine has BuildKit")
    open_shop.variables |= docker_engine.buildkit
    if name != "mount-only" and _is_old(docker_engine):
        # Here-documents are younger than this engine, whose BuildKit reads them as instructions.
        with pytest.raises(BuildError, match=r"line 2, .* is newer than the BuildKit of this engine: begin the Docker"):
            open_shop.publish(spec)
    else:
        assert open_shop.publish(spec)[None].pushed


def _is_old(engine: Engine) -> bool:
    return int(engine.run("version", "--format", "{{.Server.Version}}").partition(".")[0]) < 23


def test_a_build_that_fails_shows_the_builders_words(shop: Shop, tmp_path: Path) -> None:
    spec = write_source(tmp_path, "one", dockerfile="FROM scratch\nCOPY missing.txt /\n")

    with pytest.raises(BuildError, match=r"building .*Dockerfile failed: exit code 1: .*missing\.txt") as caught:
        shop.publish(spec)

    assert any("missing.txt" in cause for cause in caught.value.causes)
    assert any("missing.txt" in line for line in shop.report.messages)
    assert shop.registry.tags(shop.path) == []


@pytest.mark.parametrize(
    ("variables", "repository", "error", "message"),
    [
        ({"DOCKER_PASSWORD": "wrong"}, "", UsageError, r"localhost:\d+ refuses the login of ada: check DOCKER_"),
        ({}, "localhost:9/ada/a", BuildError, "logging in to localhost:9 failed: the registry does not answer"),
        ({"PATH": "/nowhere"}, "", BuildError, "looking for the Docker engine failed: the docker command was not"),
    ],
)
def test_what_prevents_a_push_is_named_before_the_build(
    classic_shop: Shop, tmp_path: Path, variables: dict[str, str], repository: str, error: type[Exception], message: str
) -> None:
    classic_shop.variables |= variables
    classic_shop.repository = repository or classic_shop.repository
    with pytest.raises(error, match=message):
        classic_shop.publish(write_source(tmp_path, "one"))
    assert classic_shop.runner.named("build") == []


def test_the_password_is_only_in_the_temporary_configuration(shop: Shop, tmp_path: Path) -> None:
    password = shop.registry.password
    encoded = base64.b64encode(f"ada:{password}".encode()).decode()
    seen: list[str] = []
    configurations: list[str] = []
    watched: set[int] = set()

    def watch(environment: dict[str, str]) -> None:
        # Once while each command runs.
        if len(shop.runner.commands) not in watched:
            watched.add(len(shop.runner.commands))
            seen.extend([*_command_lines(), *_files(Path(environment["HOME"])), *environment.values()])
            configurations.extend(_files(Path(environment["DOCKER_CONFIG"])))

    shop.runner.while_running = watch
    shop.publish(write_source(tmp_path / "source", "one"))
    seen += [*shop.report.messages, *shop.report.warnings]

    assert any("docker" in text and "push" in text for text in seen)
    assert not [text for text in seen if password in text or encoded in text]
    assert any(encoded in text for text in configurations)
    assert shop.report.masked == [password]


def _command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended


def _files(folder: Path) -> Iterator[str]:
    return (path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


def test_an_interruption_ends_docker_and_removes_the_login(classic_shop: Shop, tmp_path: Path) -> None:
    folders: list[Path] = []

    def interrupt(environment: dict[str, str]) -> None:
        folders.append(Path(environment["DOCKER_CONFIG"]))
        if classic_shop.runner.commands[-1][1] == "push":
            raise KeyboardInterrupt

    classic_shop.runner.while_running = interrupt
    with pytest.raises(KeyboardInterrupt):
        classic_shop.publish(write_source(tmp_path / "source", "one"))

    assert classic_shop.runner.commands[-1][1] == "push"
    assert not folders[-1].exists()
    assert not [line for line in _command_lines() if classic_shop.repository in line]
