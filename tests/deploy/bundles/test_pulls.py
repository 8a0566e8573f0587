"""Images that are not built here: the login that the instances need for them."""

from pathlib import Path

import pytest

from tests.deploy.bundles.cases import bundle_of, change, copied, plan_of
from tests.deploy.bundles.projects import refused, write

LOGIN = '[variables]\nDOCKER_USERNAME = "ada"\n[secrets]\nDOCKER_PASSWORD = { ssm = "/shop/password" }\n'
HOOK = ".platform/hooks/prebuild/00_beanpod_login.sh"
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:1"


def project_of(folder: Path, image: str, *, login: bool = False) -> Path:
    """A project of one service off the shelf. login: whether the manifest has one."""
    project = copied("images-only", folder)
    change(project, "nginx:stable", image)
    if login:
        with (project / "beanpod.toml").open("a") as manifest:
            manifest.write(f"\n{LOGIN}")
    return project


def check(project: Path, *, public: bool | None = None, asked: int = 1) -> None:
    """Check what the project pulls, where this is the answer about its image. asked: how often for it."""
    images: list[str] = []
    try:
        plan_of(project).check_pulls(is_public=lambda image: images.append(image) or public)  # type: ignore[func-returns-value]
    finally:
        assert len(images) == asked


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
    private = "ada/wiki:1 is private or does not exist on Docker Hub"
    login = "add DOCKER_USERNAME and DOCKER_PASSWORD of an account that can pull it to [secrets]"
    assert refused(lambda: check(project, public=False)) == [f"compose.yaml: service web: {private}: {login}"]
    check(project_of(tmp_path / "more", "ada/wiki:1", login=True), asked=0)
    check(project_of(tmp_path / "official", "nginx:stable"), asked=0)


def test_a_private_image_of_another_registry_needs_a_hook_of_its_own(tmp_path: Path) -> None:
    project = project_of(tmp_path, "ghcr.io/ada/wiki:1", login=True)
    (problem,) = refused(lambda: check(project, public=False))
    assert "the instances log in to Docker Hub only: push it to Docker Hub, or run docker login ghcr.io" in problem
    check(project, public=None)
    write(project, {".platform/hooks/prebuild/10_login.sh": "#!/bin/sh\ndocker login ghcr.io\n"})
    check(project, asked=0)


@pytest.mark.parametrize("login", [True, False])
def test_a_project_library_of_another_registry_is_not_dockers_own(tmp_path: Path, login: bool) -> None:
    project = project_of(tmp_path, "harbor.example.com/library/wiki:1", login=login)
    change(project, "ada/shop", "harbor.example.com/library/shop", "beanpod.toml")
    assert (HOOK in bundle_of(project).files) == login
    if login:
        check(project, asked=0)
    else:
        assert "is private or does not exist" in refused(lambda: check(project, public=False))[0]


def test_an_image_is_named_as_compose_reads_it(tmp_path: Path) -> None:
    project = project_of(tmp_path, "${REGISTRY}/wiki:${TAG:-1}")
    with (project / "beanpod.toml").open("a") as manifest:
        manifest.write('[variables]\nREGISTRY = "ghcr.io/ada"\nTAG = "7"\n')
    assert bundle_of(project).image == "ghcr.io/ada/wiki:7"


@pytest.mark.parametrize("image", [ECR, "${ACCOUNT:-1}.dkr.ecr.${REGION:-x}.amazonaws.com/shop:1"])
def test_amazon_ecr_needs_a_role_and_no_login(tmp_path: Path, image: str) -> None:
    project = project_of(tmp_path, image, login=True)
    check(project, asked=0)
    assert HOOK not in bundle_of(project).files
    (note,) = [note for note in bundle_of(project).notes if "ECR" in note]
    assert "amazonaws.com/shop:1 is in Amazon ECR: Elastic Beanstalk can pull it if" in note
    assert "AmazonEC2ContainerRegistryReadOnly" in note
