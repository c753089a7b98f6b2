"""An authority made for one test run, and what it signs: a server on this machine, and clients it knows."""

import hashlib
import ipaddress
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files in `folder`."""

    folder: Path

    @property
    def files(self) -> dict[str, Path]:
        """What a server needs."""
        names = {"authority": "authority.pem", "certificate": "server.pem", "key": "server.key"}
        return {word: self.folder / name for word, name in names.items()}

    def client(self, name: str = "client", *, shows_certificate: bool = True) -> ssl.SSLContext:
        """One that trusts this authority and nobody else."""
        context = ssl.create_default_context(cafile=self.folder / "authority.pem")
        if shows_certificate:
            context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context

    def fingerprint(self, name: str = "client") -> str:
        """SHA-256 of a certificate, hex."""
        shown = ssl.PEM_cert_to_DER_cert((self.folder / f"{name}.pem").read_text())
        return hashlib.sha256(shown).hexdigest()


def certificates(folder: Path, *more: str, hosts: Sequence[str] = (), days: int = 1) -> Certificates:
    """A server, a client, and `more` clients, for so many days. `hosts` are other names of the server."""
    folder.mkdir()
    authority = ec.generate_private_key(ec.SECP256R1())
    is_one = x509.BasicConstraints(ca=True, path_length=0)
    _write(folder, "authority", authority, _certificate("authority", authority, authority, "authority", is_one, days))
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    place = x509.SubjectAlternativeName([*map(x509.DNSName, ("localhost", *hosts)), here])
    for name in ("server", "client", *more):
        key = ec.generate_private_key(ec.SECP256R1())
        _write(folder, name, key, _certificate(name, key, authority, "authority", place, days))
    return Certificates(folder)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    signed_by: ec.EllipticCurvePrivateKey,
    issuer: str,
    says: x509.ExtensionType,
    days: int,
) -> x509.Certificate:
    subject, by = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)]) for each in (name, issuer))
    now = datetime.now(UTC)
    number = x509.random_serial_number()
    begins, ends = now - timedelta(days=1), now + timedelta(days=days)
    made = x509.CertificateBuilder(by, subject, key.public_key(), number, begins, ends)
    return made.add_extension(says, critical=True).sign(signed_by, hashes.SHA256())


def _write(folder: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{name}.key").touch(mode=0o600)
    (folder / f"{name}.key").write_bytes(private)
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(pem))


def client_hello() -> bytes:
    """The first record of a handshake."""
    out = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    return out.read()
