"""A bundle: the zip that Elastic Beanstalk unpacks on the instances, named after its content.

The same files give the same bytes on any machine: names are sorted, a time comes from the content, and of a mode only
"executable" counts. Nothing is compressed, because zlib and its successors write different bytes for the same text.
"""

import hashlib
import io
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from beanpod._bucket_keys import BUNDLES

# In a file of the bundle, where its hash belongs: no content can contain its own hash.
HASH_PLACEHOLDER = "__BEANPOD_HASH__"
# Where a container finds what is released. /run is for what exists while it runs: no image has files of its own there.
METADATA_MOUNT = "/run/beanpod"
_METADATA = "/var/lib/beanpod"
# The first and the shortest that a zip has.
_EARLIEST, _STEP = datetime(1980, 1, 1), timedelta(seconds=2)
_UNIX = 3
_PLAIN, _EXECUTABLE = 0o644, 0o755


@dataclass(frozen=True)
class BundleFile:
    """A file of the bundle.

    Attributes:
        data: Its content.
        executable: Whether its mode is 0o755 instead of 0o644.
        has_placeholder: Whether HASH_PLACEHOLDER in it stands for the bundle's hash.
    """

    data: bytes = field(repr=False)
    executable: bool = False
    has_placeholder: bool = False

    @property
    def mode(self) -> int:
        """0o755 or 0o644."""
        return _EXECUTABLE if self.executable else _PLAIN

    def with_hash(self, digits: str) -> "BundleFile":
        """Write the bundle's hash into the file."""
        if not self.has_placeholder:
            return self
        return replace(self, data=self.data.replace(HASH_PLACEHOLDER.encode(), digits.encode()))


def zipped(files: Mapping[str, BundleFile]) -> bytes:
    """Zip the files by their paths."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_STORED) as archive:
        for name in sorted(files):
            entry = ZipInfo(name, _time(files[name].data))
            # Python writes its own platform here, and unzip reads the mode below only from Unix.
            entry.create_system = _UNIX
            entry.external_attr = (stat.S_IFREG | files[name].mode) << 16
            archive.writestr(entry, files[name].data)
    return buffer.getvalue()


def _time(data: bytes) -> tuple[int, int, int, int, int, int]:
    """Return a time before 1998 for a content, by which web servers tell browsers whether a file has changed."""
    time = _EARLIEST + int(hashlib.sha256(data).hexdigest()[:7], 16) * _STEP
    return time.year, time.month, time.day, time.hour, time.minute, time.second


_HASH_DIGITS = 16


@dataclass(frozen=True)
class Bundle:
    """The files of a release in one zip.

    Attributes:
        files: By their paths in the zip.
        data: The zip.
        hash: 16 digits of the SHA-256 of the zip without its hash, see `of`.
        label: The version label on Elastic Beanstalk, which so never means two contents.
        key: The object's key in the bucket.
        notes: What the bundle leaves out or changes of the project, a line each.
        image: The image that receives requests, as the bundle names it.
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
        """Of the image that receives requests, such as sha256:...; "" if the bundle names it by a tag alone."""
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
        """Make the bundle of the files.

        The hash is that of the zip with HASH_PLACEHOLDER in the hash's place, which is filled in afterwards: the same
        files give the same bytes and the same label, which begins with the name of the service.
        """
        digits = hash_of(files)
        filled = {name: file.with_hash(digits) for name, file in files.items()}
        return cls(
            files=MappingProxyType(filled),
            data=zipped(filled),
            hash=digits,
            label=label_of(service, digits),
            key=f"{BUNDLES}{application}/{digits}.zip",
            notes=notes,
            image=image,
        )


def hash_of(files: Mapping[str, BundleFile]) -> str:
    """Return 16 digits of the SHA-256 of the files' zip, with HASH_PLACEHOLDER in the hash's place."""
    return hashlib.sha256(zipped(files)).hexdigest()[:_HASH_DIGITS]


def label_of(service: str, digits: str) -> str:
    """Return the version label of the bundle with this hash."""
    return f"{service}-{digits}"


def metadata_folder(service: str | None) -> str:
    """Name the folder on the instance that has a release's metadata, by the bundle's hash.

    Args:
        service: Of a compose file, as each has an image of its own; None without a compose file.
    """
    return "/".join(filter(None, (_METADATA, HASH_PLACEHOLDER, service)))
