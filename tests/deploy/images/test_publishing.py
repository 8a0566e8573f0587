"""Images are built by each builder of this machine's Docker, and pushed to real registries."""

import base64
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from beanpod.deploy.bundles import plan_bundle
from beanpod.deploy.errors import BuildError, UsageError
from beanpod.deploy.images import BuildSpec, ProcessRunner, Repository, connect
from beanpod.deploy.images.docker import failure
from beanpod.deploy.report import Phase
from beanpod.manifest import Manifest
from tests.cli.commands.test_build import WITHOUT_RIGHTS
from tests.deploy.engine import Engine, absent
from tests.deploy.images.canned import Answer, canned
from tests.deploy.images.fakes import Shop, write_source
from tests.deploy.registry import LocalRegistry

CASES = Path(__file__).parents[2] / "cases"
LIMIT = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'


def test_an_image_is_pushed_and_known_by_the_registrys_digest(shop: Shop, tmp_path: Path) -> None:
    image = shop.publish(write_source(tmp_path / "source", "one"))[None]

    assert shop.registry.tags(shop.path) == [image.tag]
    assert image.digest == shop.registry.digest(shop.path, image.tag)
    assert image.reference == f"{shop.repository}:{image.tag}@{image.digest}"
    assert image.pushed
    assert shop.report.phases == [Phase.BUILD, Phase.PUSH]


def test_an_unchanged_image_is_not_pushed_again(shop: Shop, tmp_path: Path) -> None:
    spec = write_source(tmp_path / "source", "one")
    first = shop.publish(spec)[None]
    uploads = shop.registry.uploads()
    os.utime(spec.context / "app", (1, 1))

    second = shop.publish(spec)[None]

    assert uploads > 0
    assert shop.registry.uploads() == uploads
    assert not second.pushed
    assert second.reference == first.reference
    assert len(shop.runner.named("push")) == 1


def test_a_changed_image_gets_another_tag_and_the_old_one_remains(classic_shop: Shop, tmp_path: Path) -> None:
    first = classic_shop.publish(write_source(tmp_path / "source", "one"))[None]
    second = classic_shop.publish(write_source(tmp_path / "source", "two"))[None]

    assert second.tag != first.tag
    assert second.digest != first.digest
    assert classic_shop.registry.tags(classic_shop.path) == sorted((first.tag, second.tag))


def test_a_tag_that_was_moved_is_corrected(classic_shop: Shop, tmp_path: Path) -> None:
    spec = write_source(tmp_path / "source", "one")
    first = classic_shop.publish(spec)[None]
    other = classic_shop.publish(write_source(tmp_path / "other", "two"))[None]
    repository = classic_shop.registry.folder / "data/docker/registry/v2/repositories" / classic_shop.path
    (repository / "_manifests/tags" / first.tag / "current/link").write_text(other.digest)

    again = classic_shop.publish(spec)[None]

    assert again.pushed
    assert again.reference == first.reference


def test_what_runs_is_named_by_digest_and_not_by_a_tag_that_moves(
    open_shop: Shop, docker_engine: Engine, tmp_path: Path
) -> None:
    first = open_shop.publish(write_source(tmp_path / "source", "one"))[None]
    second = open_shop.publish(write_source(tmp_path / "source", "two"))[None]
    moved = f"{first.repository}:{first.tag}"
    docker_engine.run("tag", f"{second.repository}:{second.tag}", moved)
    docker_engine.run("push", moved)

    docker_engine.run("pull", first.reference)

    assert open_shop.registry.digest(open_shop.path, first.tag) == second.digest
    assert first.digest in docker_engine.run("image", "inspect", first.reference)
    assert "latest" not in open_shop.registry.tags(open_shop.path)


def test_the_images_of_several_services_share_a_repository(shop: Shop, tmp_path: Path) -> None:
    web = write_source(tmp_path / "web", "web", name="web")
    worker = write_source(tmp_path / "worker", "worker", name="worker.2")

    images = shop.publish(web, worker)

    assert list(images) == ["web", "worker.2"]
    assert shop.registry.tags(shop.path) == sorted(image.tag for image in images.values())
    assert images["web"].tag.startswith("web-")
    assert images["worker.2"].tag.startswith("worker.2-")


def label(engine: Engine, name: str, reference: str) -> str:
    """A label of an image."""
    template = f'{{{{index .Config.Labels "{name}"}}}}'
    return engine.run("image", "inspect", "--format", template, reference.partition("@")[0]).strip()


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
    image = shop.publish(BuildSpec(None, folder, dockerfile, {"WHO": "good day"}, "web"))[None]
    assert label(docker_engine, "who", image.reference) == "good day"


def test_platform_arguments_are_set_by_both_builders(
    open_registry: LocalRegistry, docker_engine: Engine, variables: dict[str, str], tmp_path: Path
) -> None:
    shop = Shop(open_registry, docker_engine, variables)
    declared = "ARG TARGETARCH\nARG TARGETOS\nARG BUILDARCH=none\nARG OTHER=x\n"
    dockerfile = f"FROM scratch\nCOPY app /app\n{declared}LABEL of=$TARGETOS/$TARGETARCH/$OTHER/$BUILDARCH\n"
    image = shop.publish(write_source(tmp_path, "one", dockerfile=dockerfile, args={"OTHER": "y"}))[None]
    assert label(docker_engine, "of", image.reference) == f"{docker_engine.platform}/y/none"


def test_the_platform_is_always_named(classic_shop: Shop, tmp_path: Path) -> None:
    classic_shop.publish(write_source(tmp_path, "one"))

    [command] = classic_shop.runner.named("build")
    assert command[command.index("--platform") + 1] == classic_shop.platform


def test_an_image_for_another_platform_is_not_pushed(classic_shop: Shop, docker_engine: Engine, tmp_path: Path) -> None:
    # The classic builder uses an image from its cache for the other platform, too.
    spec = write_source(tmp_path / "source", "one")
    image = classic_shop.publish(spec)[None]
    classic_shop.platform = docker_engine.other_platform

    message = f"the image is for {docker_engine.platform}, the instances are {classic_shop.platform}:"
    with pytest.raises(BuildError, match=message):
        classic_shop.publish(spec)
    assert classic_shop.registry.tags(classic_shop.path) == [image.tag]


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
    specs = plan_bundle(Manifest.read(file).stage(), file.parent).specs
    assert Shop(open_registry, docker_engine, variables).publish(*specs)[None].pushed


def spec_of_case(name: str, tmp_path: Path) -> BuildSpec:
    folder = Path(shutil.copytree(CASES / name, tmp_path / name))
    # Tests in parallel share the engine, and would remove each other's images.
    with (folder / "Dockerfile").open("a") as file:
        file.write(f"LABEL made={tmp_path}\n")
    return BuildSpec(None, folder, folder / "Dockerfile")


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
    assert not any("Step" in line for line in open_shop.report.printed)
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


def _has_buildx(engine: Engine) -> bool:
    return engine.buildkit is not None and "PATH" not in engine.buildkit


def test_without_buildx_the_message_says_how_to_install_it(
    open_shop: Shop, docker_engine: Engine, tmp_path: Path
) -> None:
    if _has_buildx(docker_engine):
        absent("buildx is installed")
    del open_shop.variables["DOCKER_BUILDKIT"]
    with pytest.raises(BuildError, match="this Docker has only its classic builder: install buildx"):
        open_shop.publish(spec_of_case("heredoc-only", tmp_path))


def test_a_build_with_a_client_older_than_23_fails_with_the_remedy(
    open_shop: Shop, docker_engine: Engine, tmp_path: Path
) -> None:
    if docker_engine.buildkit is None or _has_buildx(docker_engine):
        absent("no client of this machine has BuildKit in itself")
    open_shop.variables |= docker_engine.buildkit
    del open_shop.variables["DOCKER_BUILDKIT"]
    with pytest.raises(BuildError, match="needs BuildKit, and this Docker has only its classic builder") as refused:
        open_shop.publish(spec_of_case("mount-only", tmp_path))
    assert refused.value.causes
    open_shop.variables["DOCKER_BUILDKIT"] = "1"
    assert open_shop.publish(spec_of_case("mount-only", tmp_path / "again"))[None].pushed


def test_the_classic_builder_ignores_a_syntax_directive(open_shop: Shop, tmp_path: Path) -> None:
    assert open_shop.publish(spec_of_case("syntax-line", tmp_path))[None].pushed


def test_a_build_that_fails_shows_the_builders_words(shop: Shop, tmp_path: Path) -> None:
    spec = write_source(tmp_path, "one", dockerfile="FROM scratch\nCOPY missing.txt /\n")

    with pytest.raises(BuildError, match=r"building .*Dockerfile failed: exit code 1: .*missing\.txt") as caught:
        shop.publish(spec)

    assert any("missing.txt" in cause for cause in caught.value.causes)
    assert any("missing.txt" in line for line in shop.report.printed)
    assert shop.registry.tags(shop.path) == []


def test_a_rate_limit_on_the_base_image_names_the_remedy(shop: Shop, tmp_path: Path) -> None:
    with canned(Answer(429, LIMIT, {"Content-Type": "application/json"})) as limited:
        spec = write_source(tmp_path, "", dockerfile=f"FROM {limited.host}/library/base:1\n")
        with pytest.raises(
            BuildError, match=r"building .* failed: the registry's rate limit is reached \(429\): set DO"
        ):
            shop.publish(spec)


def test_folder_of_the_context_that_cannot_be_read_names_the_remedy(docker_engine: Engine, tmp_path: Path) -> None:
    spec = write_source(tmp_path / "source", "one")
    (spec.context / "private").mkdir(mode=0)
    command = [*WITHOUT_RIGHTS, "docker", "build", "--file", str(spec.dockerfile), str(spec.context)]
    variables = docker_engine.variables(tmp_path / "home")

    refused = ProcessRunner().run(command, environment=variables, timeout=300)
    assert "cannot read every file in the build context" in str(failure("building", refused))
    (spec.context / "private").chmod(0o700)
    assert ProcessRunner().run(command, environment=variables, timeout=300).code == 0


def test_a_wrong_password_is_refused_before_the_build(classic_shop: Shop, tmp_path: Path) -> None:
    classic_shop.variables["DOCKER_PASSWORD"] = "wrong"

    with pytest.raises(UsageError, match=r"localhost:\d+ refuses the login of ada: check DOCKER_USERNAME and"):
        classic_shop.publish(write_source(tmp_path, "one"))

    assert classic_shop.runner.named("build") == []


@pytest.mark.parametrize(("login", "aim"), [(True, "logging in to"), (False, "contacting")], ids=["given", "own"])
def test_a_registry_that_is_down_is_named_before_the_build(
    classic_shop: Shop, tmp_path: Path, login: bool, aim: str
) -> None:
    classic_shop.repository = "localhost:9/ada/guestbook"
    if not login:
        del classic_shop.variables["DOCKER_USERNAME"], classic_shop.variables["DOCKER_PASSWORD"]

    with pytest.raises(BuildError, match=rf"{aim} localhost:9 failed: the registry does not answer: check its"):
        classic_shop.publish(write_source(tmp_path, "one"))

    assert classic_shop.runner.named("build") == []


def test_a_push_to_a_registry_that_is_down_fails(open_shop: Shop, docker_engine: Engine, tmp_path: Path) -> None:
    with connect(open_shop.repository, environment=open_shop.variables, report=open_shop.report) as builder:
        image_id = builder.build(write_source(tmp_path, "one"), open_shop.platform)
        down = replace(builder, repository=Repository("localhost:9/a/b"))
        with pytest.raises(BuildError, match=r"pushing localhost:9/a/b:c failed: the registry does not answer"):
            down.push(image_id, "c")
    docker_engine.remove_images("localhost:9")


def test_a_machine_without_docker_is_named(classic_shop: Shop, tmp_path: Path) -> None:
    classic_shop.variables |= {"PATH": str(tmp_path)}

    with pytest.raises(
        BuildError, match=r"looking for the Docker engine failed: the docker command was not found on the"
    ):
        classic_shop.publish(write_source(tmp_path, "one"))


def test_an_engine_that_is_not_running_is_named(classic_shop: Shop, tmp_path: Path) -> None:
    classic_shop.variables["DOCKER_HOST"] = f"unix://{tmp_path}/none"

    with pytest.raises(BuildError, match=r"looking for the Docker engine failed: no Docker engine answers: start Dock"):
        classic_shop.publish(write_source(tmp_path, "one"))


def test_the_password_is_only_in_the_temporary_configuration(shop: Shop, tmp_path: Path) -> None:
    password = shop.registry.password
    encoded = base64.b64encode(f"ada:{password}".encode()).decode()
    seen: list[str] = []
    configurations: list[str] = []

    def watch(environment: dict[str, str]) -> None:
        seen.extend([*_command_lines(), *_files(Path(environment["HOME"])), *environment.values()])
        configurations.extend(_files(Path(environment["DOCKER_CONFIG"])))

    shop.runner.while_running = watch
    shop.publish(write_source(tmp_path / "source", "one"))
    seen += [*shop.report.messages, *shop.report.printed, *shop.report.warnings]

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


_CHILD = """
import os, signal, sys
from pathlib import Path
from beanpod.deploy.images import ProcessRunner, build_and_push, connect
from tests.deploy.images.fakes import Recorder, write_source

repository, platform, source, word = sys.argv[1:]

class KillingRunner(ProcessRunner):
    def run(self, arguments, **options):
        def die(line):
            os.kill(os.getpid(), signal.SIGKILL)
        if arguments[1] == word:
            options["show"] = die
        return super().run(arguments, **options)

with connect(repository, environment=os.environ, report=Recorder(), runner=KillingRunner()) as builder:
    build_and_push([write_source(Path(source), "one")], platform=platform, builder=builder, report=Recorder())
"""


@pytest.mark.parametrize("word", ["login", "build", "push"])
def test_after_a_kill_the_next_run_pushes_the_image_and_removes_the_login(
    classic_shop: Shop, tmp_path: Path, word: str
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    classic_shop.variables |= {"TMPDIR": str(temporary)}
    arguments = [classic_shop.repository, classic_shop.platform, str(tmp_path / "source")]
    variables = classic_shop.variables | {"PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", _CHILD, *arguments, word], env=variables, check=False)
    assert killed.returncode == -signal.SIGKILL
    left = list(temporary.glob("beanpod-docker-*"))
    assert [folder.stat().st_mode & 0o077 for folder in left] == [0]

    os.utime(left[0], (0, 0))
    subprocess.run([sys.executable, "-c", _CHILD, *arguments, ""], env=variables, check=True)

    assert list(temporary.glob("beanpod-docker-*")) == []
    assert len(classic_shop.registry.tags(classic_shop.path)) == 1


def test_an_interruption_ends_docker_and_removes_the_login(shop: Shop, tmp_path: Path) -> None:
    folders: list[Path] = []

    def interrupt(environment: dict[str, str]) -> None:
        folders.append(Path(environment["DOCKER_CONFIG"]))
        if shop.runner.commands[-1][1] == "push":
            raise KeyboardInterrupt

    shop.runner.while_running = interrupt
    with pytest.raises(KeyboardInterrupt):
        shop.publish(write_source(tmp_path / "source", "one"))

    assert shop.runner.commands[-1][1] == "push"
    assert not folders[-1].exists()
    assert not [line for line in _command_lines() if shop.repository in line]
