"""Until when certificates hold: of our own files, and of a certificate that a server showed (RFC 5280 4.1.2.5)."""

from datetime import datetime
from pathlib import Path

from cryptography import x509


def chain_ends(path: Path) -> datetime | None:
    """When the first of a certificate and its chain ends, UTC; None: the file is not there or holds no certificate."""
    return min(_ends(path), default=None)


def authorities_end(path: Path) -> datetime | None:
    """When the last of several authorities ends, UTC: an old one may stay beside its successor. None as above."""
    return max(_ends(path), default=None)


def shown_ends(der: bytes) -> datetime | None:
    """When a certificate ends that a server showed; None: it cannot be read."""
    try:
        return x509.load_der_x509_certificate(der).not_valid_after_utc
    except ValueError:
        return None


def _ends(path: Path) -> list[datetime]:
    try:
        return [one.not_valid_after_utc for one in x509.load_pem_x509_certificates(path.read_bytes())]
    except (OSError, ValueError):
        return []
