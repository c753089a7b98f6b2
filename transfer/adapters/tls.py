"""TLS towards sources and receivers, where an institution's file says more than its address."""

import os
import ssl
from pathlib import Path

from transfer.credentials import Tls
from transfer.errors import NeedsReview
from transfer.remedies import Remedy, RemedyCode
from transfer.settings import is_open_to_others


class BadFile(NeedsReview):
    """A file that an institution's YAML names under `tls` cannot be used. The message says which."""

    remedy = Remedy(RemedyCode.CORRECT_FILE)


def context(tls: Tls | None) -> ssl.SSLContext | None:
    """Whom we trust at an address and what we show there; None: as this machine trusts everybody, and nothing is shown.

    The files are read anew each time, so that a renewed certificate needs no restart.

    Raises:
        BadFile: one of them is missing, not PEM, or a key that others can read.
    """
    if tls is None or tls == Tls():
        return None
    for name, path in (("authority", tls.authority), ("certificate", tls.certificate), ("key", tls.key)):
        # nor a pipe, at which a reader would wait; Path.is_file raises where a folder lets nobody in
        if path and not os.path.isfile(path):  # noqa: PTH113
            raise BadFile(f"tls.{name} names no file that is there")
    try:
        made = _least(ssl.create_default_context(cafile=tls.authority))
    except (OSError, ssl.SSLError):
        raise BadFile("tls.authority is no file of certificates") from None
    if tls.certificate and tls.key:
        _check_shut(tls.key)
        try:
            # without a password OpenSSL would ask for one at the terminal, and wait
            made.load_cert_chain(tls.certificate, tls.key, password="")
        except (OSError, ssl.SSLError):
            if has_passphrase(tls.key):
                raise BadFile("tls.key has a passphrase, which nobody can type here") from None
            raise BadFile("tls.certificate and tls.key are no certificate with its key") from None
    return made


def required(tls: Tls | None) -> ssl.SSLContext:
    """The same for an address that does not say by itself that it is TLS. Raises `BadFile`."""
    return context(tls) or _least(ssl.create_default_context())


def has_passphrase(key: Path) -> bool:
    """Whether a key in PEM is sealed by one (RFC 7468 section 11; RFC 1421 of the older form). False: it is no file."""
    try:
        return b"ENCRYPTED" in key.read_bytes()
    except OSError:
        return False


def _least(made: ssl.SSLContext) -> ssl.SSLContext:
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def _check_shut(key: Path) -> None:
    try:
        mode = key.stat().st_mode
    except OSError:
        raise BadFile("tls.key is not there") from None
    if is_open_to_others(mode):
        raise BadFile(f"tls.key can be read by others: chmod 600 {key}")
