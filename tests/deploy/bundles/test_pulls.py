"""Images that are not built here: the login that the instances need for them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.bundles.cases import bundle_of, copied, plan_of
from tests.deploy.bundles.projects import refused, write

LOGIN = '[variables]\nDOCKER_USERNAME = "ada"\n[secrets]\nDOCKER_PASSWORD = { ssm = "/shop/password" }\n'
HOOK = ".platform/hooks/prebuild/00_beanpod_login.sh"
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:1"


def project_of(folder: Path, image: str, *, login: bool = False) -> Path:
    """A project of one service off the shelf. login: whether the manifest has one."""
    project = copied("images-only", folder)
    compose = project / "compose.yaml"
    compose.write_text(compose.read_text().replace("nginx:stable", image))
    if login:
        manifest = project / "beanpod.toml"
        manifest.write_text(f"{manifest.read_text()}\n{LOGIN}")
    return project


def problems(project: Path, is_public: Callable[[str], bool | None]) -> list[str]:
    return refused(lambda: checked(project, is_public))


def checked(project: Path, is_public: Callable[[str], bool | None]) -> None:
    plan_of(project).check_pulls(is_public=is_public)


def private(image: str) -> bool:
    return False


def never(image: str) -> bool:
    raise AssertionError(f"asked for {image}")


@pytest.mark.parametrize(
    ("image", "login", "expected"),
    [
        ("ada/wiki:1", True, True),
        ("ada/wiki:1", False, False),
        ("nginx:stable", True, False),
        ("ghcr.io/ada/wiki:1", True, False),
    ],
)
def test_the_login_serves_images_of_its_registry(tmp_path: Path, image: str, login: bool, expected: bool) -> None:
    assert (HOOK in bundle_of(project_of(tmp_path, image, login=login)).files) == expected


def test_a_private_image_without_a_login_is_refused_before_it_cannot_be_pulled(tmp_path: Path) -> None:
    project = project_of(tmp_path, "ada/wiki:1")
    assert problems(project, private) == [
        (
            "compose.yaml: service web: ada/wiki:1 is private or does not exist on Docker Hub: add DOCKER_USERNAME and "
            "DOCKER_PASSWORD of an account that can pull it to [secrets]"
        )
    ]
    with_login = project_of(tmp_path / "more", "ada/wiki:1", login=True)
    checked(with_login, never)
    assert HOOK in bundle_of(with_login).files


def test_a_private_image_of_another_registry_needs_a_hook_of_its_own(tmp_path: Path) -> None:
    project = project_of(tmp_path, "ghcr.io/ada/wiki:1", login=True)
    (problem,) = problems(project, private)
    assert "the instances log in to Docker Hub only: push it to Docker Hub, or run docker login ghcr.io" in problem
    write(project, {".platform/hooks/prebuild/10_login.sh": "#!/bin/sh\ndocker login ghcr.io\n"})
    checked(project, private)


def test_an_image_of_unknown_visibility_is_accepted(tmp_path: Path) -> None:
    checked(project_of(tmp_path, "ghcr.io/ada/wiki:1"), lambda image: None)
    checked(project_of(tmp_path / "more", "nginx:stable"), never)


def test_an_image_is_named_as_compose_reads_it(tmp_path: Path) -> None:
    project = project_of(tmp_path, "${REGISTRY}/wiki:${TAG:-1}")
    manifest = project / "beanpod.toml"
    manifest.write_text(f'{manifest.read_text()}[variables]\nREGISTRY = "ghcr.io/ada"\nTAG = "7"\n')
    assert bundle_of(project).image == "ghcr.io/ada/wiki:7"


@pytest.mark.parametrize("image", [ECR, "${ACCOUNT:-1}.dkr.ecr.${REGION:-x}.amazonaws.com/shop:1"])
def test_amazon_ecr_needs_a_role_and_no_login(tmp_path: Path, image: str) -> None:
    project = project_of(tmp_path, image, login=True)
    checked(project, never)
    assert HOOK not in bundle_of(project).files
    (note,) = [note for note in bundle_of(project).notes if "ECR" in note]
    assert "amazonaws.com/shop:1 is in Amazon ECR: Elastic Beanstalk can pull it if" in note
    assert "AmazonEC2ContainerRegistryReadOnly" in note
