"""A bundle: what Beanstalk unpacks on the instance, named after its content."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from beanpod.deploy.bundles.archive import BundleFile, zipped

_HASH_DIGITS = 16
_PREFIX = "bundles"


@dataclass(frozen=True)
class Bundle:
    """The files of a release in one zip.

    files: by their paths in it. data: the zip. hash: 16 digits of the SHA-256 of the zip without its hash, see `of`.
    label: the version label on Beanstalk, which by this means one content for good. key: the object's key in the
    bucket. notes: what the bundle leaves out of the user's own files, a line each. image: the one that serves requests,
    as the bundle names it.
    """

    files: Mapping[str, BundleFile]
    data: bytes = field(repr=False)
    hash: str
    label: str
    key: str
    notes: tuple[str, ...] = ()
    image: str = ""

    @property
    def digest(self) -> str:
        """Of the image that serves, such as sha256:...; "" where the bundle names that by a tag alone."""
        return self.image.partition("@")[2]

    @classmethod
    def of(
        cls,
        files: Mapping[str, BundleFile],
        *,
        service: str,
        application: str,
        notes: tuple[str, ...] = (),
        image: str = "",
    ) -> "Bundle":
        """The bundle of the files, for the service's application on Beanstalk.

        No content can contain its own hash: it is that of the zip with stamp.BLANK wherever a stamped file names it,
        and filled in after. So the same files still give the same bytes and the same label, other files others.
        """
        digits = hash_of(files)
        filled = {name: file.filled(digits) for name, file in files.items()}
        return cls(
            files=MappingProxyType(filled),
            data=zipped(filled),
            hash=digits,
            label=label_of(service, digits),
            key=f"{_PREFIX}/{application}/{digits}.zip",
            notes=notes,
            image=image,
        )


def hash_of(files: Mapping[str, BundleFile]) -> str:
    """16 digits of the SHA-256 of the files' zip, with stamp.BLANK in the place of the hash itself."""
    return hashlib.sha256(zipped(files)).hexdigest()[:_HASH_DIGITS]


def label_of(service: str, digits: str) -> str:
    """The version label of the service's bundle that has this hash."""
    return f"{service}-{digits}"
