"""What one run of the Docker runtime owns: its folder, label, network and certificate authority; and their removal."""

import base64
import fcntl
import hashlib
import shutil
import ssl
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from botocore.httpsession import get_cert_path
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
    """The authority of one run, in the place of Amazon's: it issues the certificates of databases and domains.

    Attributes:
        path: Its own certificate, readable by every user of a container.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "ca.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Beanpod's emulated AWS")
        certificate = self._builder(self._name, self._key).add_extension(_ONLY_SIGNS, critical=True)
        _write(self.path, certificate.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def trusted(self) -> Path:
        """Return a file with its certificate, and those that this machine trusts."""
        path = self.path.with_name("trusted.pem")
        others = ssl.get_default_verify_paths().cafile or get_cert_path(True)
        path.write_bytes(self.path.read_bytes() + Path(str(others)).read_bytes())
        return path

    @property
    def key_hash(self) -> str:
        """The SHA-256 hash of its public key, by which Chromium is made to trust it."""
        form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(self._key.public_key().public_bytes(*form)).digest()).decode()

    def issue(self, folder: Path, *hosts: str) -> None:
        """Write server.pem and server.key for host names."""
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        # A host may be longer than the 64 characters of a common name.
        builder = self._builder(_name("server"), key).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False
        )
        certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        # With the authority's own, whose key Chromium looks for.
        _write(folder / "server.pem", certificate + self.path.read_bytes())
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        _write(folder / "server.key", key.private_bytes(*form))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        """Return the builder of a certificate with what Python 3.13 and others insist on."""
        now, public = datetime.now(UTC), self._key.public_key()
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(
            now + timedelta(days=_CERTIFICATE_DAYS)
        )
        constraints = x509.BasicConstraints(ca=key is self._key, path_length=None)
        return (
            builder.add_extension(constraints, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        )


_ONLY_SIGNS = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


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
