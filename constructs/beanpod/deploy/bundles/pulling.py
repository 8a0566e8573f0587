"""Images that are not built here: what the instances need to pull them.

https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/docker-configuration.remote-repo.html: Beanstalk logs in at
Amazon ECR itself, as the instance profile; everywhere else a hook has to.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from beanpod.deploy.bundles.archive import BundleFile
from beanpod.deploy.images import Repository

# Account and region may be variables.
_ECR = re.compile(r"[^/.]+\.dkr\.ecr(?:-fips)?\.[^/]+\.amazonaws\.com(?:\.cn)?")
_ECR_POLICY = "AmazonEC2ContainerRegistryReadOnly"
# What a script of the owner's does that logs in at a registry.
_LOGIN = re.compile(rb"docker login|credHelpers|docker-credential|\.docker/config\.json")

Images = Mapping[str, str]


def is_ecr(image: str) -> bool:
    """Whether an image or a repository is one of Amazon ECR, where nothing is for everybody."""
    return _ECR.fullmatch(Repository(image).host) is not None


def ecr_notes(images: Images) -> Iterator[str]:
    """What the instances need for images of ECR. images: by where messages say that they are named."""
    for user, image in images.items():
        if is_ecr(image):
            yield (
                f"{user}: {image} is in Amazon ECR: Elastic Beanstalk can pull it if the role of the instances has "
                f"{_ECR_POLICY}; see docs/your-app.md"
            )


def logs_in_for(images: Images, repository: str) -> bool:
    """Whether the login at the repository's registry serves any of the images; Docker's own are for everybody."""
    host = Repository(repository).host
    return any(
        place.host == host and not place.path.startswith("library/")
        for place, _ in map(Repository.of_image, _known(images).values())
    )


def pull_problems(
    images: Images,
    repository: str,
    *,
    has_login: bool,
    files: Mapping[str, BundleFile],
    is_public: Callable[[str], bool | None],
) -> Iterator[str]:
    """The images that the instances could not pull, and what to do about each.

    Args:
        images: By their services.
        repository: The manifest's, at whose registry the instances log in.
        has_login: Whether the manifest has a login.
        files: Of the bundle, in which a hook of the owner's may log in elsewhere.
        is_public: Whether anybody may pull an image; None where the registry does not say.
    """
    own = Repository(repository)
    logs_in = any(_LOGIN.search(file.data) for name, file in files.items() if name.startswith((".platform/", ".ebext")))
    for service, image in _known(images).items():
        place, _ = Repository.of_image(image)
        served = logs_in or is_ecr(image) or place.path.startswith("library/") or (has_login and place.host == own.host)
        if served or is_public(image) is not False:
            continue
        closed = f"service {service}: {image} is private or does not exist on {place.registry}"
        if place.host == own.host:
            yield f"{closed}: add DOCKER_USERNAME and DOCKER_PASSWORD of an account that can pull it to [secrets]"
        else:
            yield (
                f"{closed}, and the instances log in to {own.registry} only: push it to {own.registry}, or run "
                f"docker login {place.host} in a hook of your own, such as .platform/hooks/prebuild/10_login.sh"
            )


def _known(images: Images) -> dict[str, str]:
    return {service: image for service, image in images.items() if "$" not in image}
