"""TLS towards sources and receivers, where an institution's file says more than its address."""

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
    try:
        made = _least(ssl.create_default_context(cafile=tls.authority))
    except (OSError, ssl.SSLError):
        raise BadFile("tls.authority is no file of certificates") from None
    if tls.certificate and tls.key:
        _check_shut(tls.key)
        try:
            made.load_cert_chain(tls.certificate, tls.key)
        except (OSError, ssl.SSLError):
            raise BadFile("tls.certificate and tls.key are no certificate with its key") from None
    return made


def required(tls: Tls | None) -> ssl.SSLContext:
    """The same for an address that does not say by itself that it is TLS. Raises `BadFile`."""
    return context(tls) or _least(ssl.create_default_context())


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
