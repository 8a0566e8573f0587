"""What the builders write about the image they made."""

from beanpod.deploy.errors import BuildError
from beanpod.deploy.images._json import read_object

# The attestations of a build, and several platforms, make an index: a list of images.
INDEX_TYPES = frozenset(
    {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}
)


def ids_in_metadata(text: str) -> tuple[str, ...]:
    """The ids under which the engine may know an image that buildx loaded into it, from buildx's metadata file.

    An engine's id of an image is the digest of its configuration, or with the containerd image store that of its
    manifest: the metadata has both. https://docs.docker.com/reference/cli/docker/buildx/build/#metadata-file
    Raises BuildError when the file names no image or an index.
    """
    metadata = read_object(text)
    if metadata.get("containerimage.descriptor", {}).get("mediaType") in INDEX_TYPES:
        raise BuildError(
            "buildx made an index instead of an image: remove BUILDX_* settings that add attestations or platforms"
        )
    keys = ("containerimage.config.digest", "containerimage.digest")
    ids = tuple(dict.fromkeys(str(metadata[key]) for key in keys if metadata.get(key)))
    if not ids:
        raise BuildError("buildx's metadata file names no image: update buildx, `docker buildx version` shows yours")
    return ids
