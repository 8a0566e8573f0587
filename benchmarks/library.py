"""The JavaScript library for the baseline, unpacked from the Python packages to be of the same version."""

import json
import shutil
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

NODE_MODULES = Path(__file__).parent / "node_modules"


def unpack(target: Path = NODE_MODULES) -> None:
    """Unpack what jsii would load into `target`, once for each set of versions; takes about 10 seconds."""
    archives = list(_archives())
    stamp = target / ".archives"
    wanted = "\n".join(archive.name for archive in archives)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    shutil.rmtree(target, ignore_errors=True)
    for archive in archives:
        _unpack_one(archive, target)
    stamp.write_text(wanted, encoding="utf-8")


def _archives() -> Iterator[Path]:
    """Yield the archives of the app's libraries, without tools such as cdk-nag that may also be installed."""
    packages = Path(sysconfig.get_path("purelib"))
    for package in ("constructs", "cdk_preflight", "aws_cdk", "aws_cdk/*"):
        yield from sorted(packages.glob(f"{package}/_jsii/*.jsii.tgz"))


def _unpack_one(archive: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")
        package = Path(scratch) / "package"
        name = json.loads((package / "package.json").read_text(encoding="utf-8"))["name"]
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(package, target / name)
