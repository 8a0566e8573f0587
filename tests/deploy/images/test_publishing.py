"""Images go to a real registry through a real engine, built by each builder this machine has."""

import os
from pathlib import Path

import pytest

from beanpod.deploy.errors import BuildError, UsageError
from beanpod.deploy.images import BuildSpec, connect
from beanpod.deploy.report import Phase
from tests.deploy.engine import Engine
from tests.deploy.images.recorder import StillClock
from tests.deploy.images.shop import Shop
from tests.deploy.images.sources import write_source
from tests.deploy.registry import LocalRegistry


@pytest.fixture
def shop(private_registry: LocalRegistry, docker_engine: Engine, variables: dict[str, str]) -> Shop:
    """With each builder in turn."""
    return Shop(private_registry, docker_engine, variables)


@pytest.fixture
def one_shop(private_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path) -> Shop:
    """With the engine's classic builder, where the builder makes no difference."""
    return Shop(private_registry, docker_engine, docker_engine.variables(tmp_path / "home"))


def test_an_image_arrives_and_is_known_by_the_registrys_own_digest(shop: Shop, tmp_path: Path) -> None:
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


def test_a_changed_image_gets_a_tag_of_its_own_and_the_old_one_stays(one_shop: Shop, tmp_path: Path) -> None:
    first = one_shop.publish(write_source(tmp_path / "source", "one"))[None]
    second = one_shop.publish(write_source(tmp_path / "source", "two"))[None]

    assert second.tag != first.tag
    assert second.digest != first.digest
    assert one_shop.registry.tags(one_shop.path) == sorted((first.tag, second.tag))


def test_a_tag_that_somebody_moved_is_put_right(one_shop: Shop, tmp_path: Path) -> None:
    spec = write_source(tmp_path / "source", "one")
    first = one_shop.publish(spec)[None]
    other = one_shop.publish(write_source(tmp_path / "other", "two"))[None]
    link = (
        one_shop.registry.folder
        / "data/docker/registry/v2/repositories"
        / one_shop.path
        / "_manifests/tags"
        / first.tag
    )
    (link / "current" / "link").write_text(other.digest)

    again = one_shop.publish(spec)[None]

    assert again.pushed
    assert again.reference == first.reference


def test_what_runs_is_named_by_digest_and_not_by_a_tag_that_moves(
    open_registry: LocalRegistry, docker_engine: Engine, tmp_path: Path
) -> None:
    shop = Shop(open_registry, docker_engine, docker_engine.variables(tmp_path / "home"))
    first = shop.publish(write_source(tmp_path / "source", "one"))[None]
    second = shop.publish(write_source(tmp_path / "source", "two"))[None]
    moved = f"{first.repository}:{first.tag}"
    docker_engine.run("tag", f"{second.repository}:{second.tag}", moved)
    docker_engine.run("push", moved)

    docker_engine.run("pull", first.reference)

    assert open_registry.digest(shop.path, first.tag) == second.digest
    assert first.digest in docker_engine.run("image", "inspect", first.reference)
    assert "latest" not in open_registry.tags(shop.path)


def test_the_images_of_several_services_share_a_repository(shop: Shop, tmp_path: Path) -> None:
    web = write_source(tmp_path / "web", "web", name="web")
    worker = write_source(tmp_path / "worker", "worker", name="worker.2")

    images = shop.publish(web, worker)

    assert list(images) == ["web", "worker.2"]
    assert shop.registry.tags(shop.path) == sorted(image.tag for image in images.values())
    assert images["web"].tag.startswith("web-")
    assert images["worker.2"].tag.startswith("worker.2-")


def test_build_arguments_and_the_target_reach_the_build(shop: Shop, tmp_path: Path, docker_engine: Engine) -> None:
    dockerfile = (
        "FROM scratch AS first\nCOPY app /app\nARG GREETING\nLABEL greeting=$GREETING\nFROM first\nLABEL second=yes\n"
    )
    spec = write_source(tmp_path, "one", dockerfile=dockerfile)
    argued = BuildSpec(None, spec.context, spec.dockerfile, args={"GREETING": "good day"}, target="first")

    image = shop.publish(argued)[None]

    name = f"{image.repository}:{image.tag}"
    labels = docker_engine.run("image", "inspect", "--format", "{{json .Config.Labels}}", name)
    assert labels.strip() == '{"greeting":"good day"}'


def test_the_platform_is_always_named(one_shop: Shop, tmp_path: Path) -> None:
    one_shop.publish(write_source(tmp_path, "one"))

    [command] = one_shop.runner.named("build")
    assert command[command.index("--platform") + 1] == one_shop.platform


def test_a_build_that_fails_tells_the_builders_own_words(shop: Shop, tmp_path: Path) -> None:
    spec = write_source(tmp_path, "one", dockerfile="FROM scratch\nCOPY missing.txt /\n")

    with pytest.raises(BuildError, match=r"building .*Dockerfile failed: exit code 1: .*missing\.txt") as caught:
        shop.publish(spec)

    assert any("missing.txt" in cause for cause in caught.value.causes)
    assert any("missing.txt" in line for line in shop.report.printed)
    assert shop.registry.tags(shop.path) == []


def test_a_wrong_password_is_refused_before_anything_is_built(one_shop: Shop, tmp_path: Path) -> None:
    one_shop.variables["DOCKER_PASSWORD"] = "wrong"

    with pytest.raises(UsageError, match=r"localhost:\d+ refuses the login of ada: check DOCKER_USERNAME and"):
        one_shop.publish(write_source(tmp_path, "one"))

    assert one_shop.runner.named("build") == []


def test_a_registry_that_is_down_is_named(one_shop: Shop, tmp_path: Path) -> None:
    one_shop.repository = "localhost:9/ada/guestbook"

    with pytest.raises(BuildError, match=r"logging in to localhost:9 failed: the registry does not answer: check its"):
        one_shop.publish(write_source(tmp_path, "one"))


def test_a_push_to_a_registry_that_is_down_fails(one_shop: Shop, docker_engine: Engine, tmp_path: Path) -> None:
    with connect(
        one_shop.repository,
        environment=one_shop.variables,
        report=one_shop.report,
        runner=one_shop.runner,
        clock=StillClock(),
    ) as (docker, _):
        image = docker.build(write_source(tmp_path, "one"), one_shop.platform)
        with pytest.raises(BuildError, match=r"pushing localhost:9/a/b:c failed: the registry does not answer"):
            docker.push(image, "localhost:9/a/b:c")
    docker_engine.remove_images("localhost:9")
