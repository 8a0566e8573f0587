"""What one run of the Docker runtime owns: its folder, label, network and certificate authority; and their removal."""

import fcntl
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from beanpod_emulator.docker_runtime.docker import Docker
from beanpod_emulator.state import Emulator

_CERTIFICATE_DAYS = 30
_PREFIX = "beanpod-emulator-"
_LABEL = "beanpod.emulator"
_LOCK = "lock"
# A folder without a lock is this young if its process has just created it.
_NEW_SECONDS = 60
_REMOVAL_ATTEMPTS = 10
_BETWEEN_ATTEMPTS_SECONDS = 0.5


class CertificateAuthority:
    """The authority of one run, in the place of Amazon's: it issues certificates for the names of databases.

    Attributes:
        path: Its own certificate, readable by every user of a container.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "ca.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Beanpod's embedded RDS")
        certificate = _builder(self._name, self._name, self._key, ca=True).sign(self._key, hashes.SHA256())
        _write(self.path, certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str, folder: Path) -> None:
        """Write server.pem and server.key for a host name."""
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        # The host may be longer than the 64 characters of a common name.
        builder = _builder(_name("database"), self._name, key, ca=False).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
        )
        _write(folder / "server.pem", builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        _write(folder / "server.key", key.private_bytes(*form))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(
        now + timedelta(days=_CERTIFICATE_DAYS)
    )
    return builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o644)


class RunResources:
    """The resources of one run of the Docker runtime.

    A lock on a file in the folder lasts exactly as long as the process, so that others can tell whether it runs.

    Attributes:
        folder: The files of the run.
        label: The label of its containers, networks and volumes.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.label = f"{_LABEL}={self.folder}"
        self._lock = _lock(self.folder)

    @property
    def name(self) -> str:
        """A name for the run's network."""
        return self.folder.name

    def remove(self, docker: Docker) -> None:
        """Remove everything with the label, and the folder.

        The engine may still be creating something for a client that was killed: repeat until nothing is found.
        """
        for _ in range(_REMOVAL_ATTEMPTS):
            if not _remove(docker, str(self.folder)):
                break
            time.sleep(_BETWEEN_ATTEMPTS_SECONDS)
        self._lock.close()


def remove_leftovers(docker: Docker, own: RunResources) -> None:
    """Remove the resources of runs whose process no longer exists."""
    for folder in _folders(docker):
        if folder != str(own.folder) and _is_dead(Path(folder)):
            _remove(docker, folder)


def _folders(docker: Docker) -> set[str]:
    found = {str(path) for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")}
    form = f'{{{{.Label "{_LABEL}"}}}}'
    for kind in (("ps", "--all"), ("network", "ls"), ("volume", "ls")):
        found |= set(docker.run(*kind, "--filter", f"label={_LABEL}", "--format", form).splitlines())
    return {folder for folder in found if Path(folder).name.startswith(_PREFIX)}


def _is_dead(folder: Path) -> bool:
    if not folder.is_dir():
        return True
    if not (folder / _LOCK).exists():
        return time.time() - folder.stat().st_mtime > _NEW_SECONDS
    with suppress(OSError), (folder / _LOCK).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _lock(folder: Path) -> IO[bytes]:
    """Lock a file that has its final name only once it is locked."""
    file = (folder / "unlocked").open("wb")
    fcntl.flock(file, fcntl.LOCK_EX)
    (folder / "unlocked").rename(folder / _LOCK)
    return file


def _remove(docker: Docker, folder: str) -> int:
    """Remove a folder, and what has its label; return how many containers, networks and volumes there were."""
    count = docker.remove_labelled(f"{_LABEL}={folder}")
    shutil.rmtree(folder, ignore_errors=True)
    return count


@dataclass(frozen=True)
class RuntimeContext:
    """What containers of the runtime need: the engine, the run's resources, and the emulator.

    Attributes:
        authority: Issues the certificates of databases.
        pulled: Ids of the images that instances have pulled.
    """

    docker: Docker
    run: RunResources
    authority: CertificateAuthority
    emulator: Emulator
    pulled: set[str] = field(default_factory=set)

    @property
    def network(self) -> str:
        """Name of the Docker network that represents the VPC."""
        return self.run.name
