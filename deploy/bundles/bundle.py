"""A bundle: what Beanstalk unpacks on the instance, named after its content."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from deploy.bundles.archive import BundleFile, zipped

_HASH_DIGITS = 16
_PREFIX = "bundles"


@dataclass(frozen=True)
class Bundle:
    """The files of a release in one zip.

    files: by their paths in it. data: the zip. hash: 16 digits of the SHA-256 of `data`. label: the version label on
    Beanstalk, which by this means one content for good. key: the object's key in the bucket. notes: what the bundle
    leaves out of the user's own files, a line each.
    """

    files: Mapping[str, BundleFile]
    data: bytes = field(repr=False)
    hash: str
    label: str
    key: str
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, files: Mapping[str, BundleFile], *, service: str, application: str, notes: tuple[str, ...] = ()
    ) -> "Bundle":
        """The bundle of the files, for the service's application on Beanstalk."""
        data = zipped(files)
        digits = hashlib.sha256(data).hexdigest()[:_HASH_DIGITS]
        return cls(
            files=MappingProxyType(dict(files)),
            data=data,
            hash=digits,
            label=f"{service}-{digits}",
            key=f"{_PREFIX}/{application}/{digits}.zip",
            notes=notes,
        )
