"""The authority of this run, in the place of Amazon's: databases speak TLS with certificates for their own names."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAYS = 30


class Authority:
    """Issues certificates. folder: its own is in there, `path`, readable by every user of a container."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "ca.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Beanpod's embedded RDS")
        certificate = _about(self._name, self._name, self._key, ca=True).sign(self._key, hashes.SHA256())
        _write(self.path, certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str, folder: Path) -> None:
        """Write server.pem and server.key for a host name."""
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        # The host may be longer than the 64 characters of a common name.
        about = _about(_name("database"), self._name, key, ca=False).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
        )
        _write(folder / "server.pem", about.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        _write(folder / "server.key", key.private_bytes(*form))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _about(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=_DAYS))
    return builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o644)
