"""The zip of a bundle: the same files give the same bytes on any machine.

Names are sorted, times fixed at the first one a zip can hold, and of a file's mode only "executable" counts, so that
neither a checkout nor a umask shows. Nothing is compressed: zlib and its successors write different bytes for the
same text, and a bundle is a few kilobytes of text.
"""

import io
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from beanpod.deploy.bundles.stamp import BLANK

_EARLIEST = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_PLAIN, _EXECUTABLE = 0o644, 0o755


@dataclass(frozen=True)
class BundleFile:
    """A file of the bundle. stamped: whether BLANK in it stands for the bundle's hash."""

    data: bytes = field(repr=False)
    executable: bool = False
    stamped: bool = False

    @property
    def mode(self) -> int:
        """0o755 or 0o644."""
        return _EXECUTABLE if self.executable else _PLAIN

    def filled(self, digits: str) -> "BundleFile":
        """The file in the bundle that has this hash."""
        return replace(self, data=self.data.replace(BLANK.encode(), digits.encode())) if self.stamped else self


def zipped(files: Mapping[str, BundleFile]) -> bytes:
    """A zip of the files by their paths in it."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(_entry(name, files[name]), files[name].data)
    return buffer.getvalue()


def _entry(name: str, file: BundleFile) -> ZipInfo:
    entry = ZipInfo(name, _EARLIEST)
    # Python puts its own platform here, and unzip reads the mode below only where Unix wrote it.
    entry.create_system = _UNIX
    entry.external_attr = (stat.S_IFREG | file.mode) << 16
    return entry
