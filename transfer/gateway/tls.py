"""TLS at our doors (IHE ITI-19): one certificate for all of them, TLS 1.2 or newer.

Plain text is for this machine alone, or for where something else ends TLS in front of the doors and says so.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path

from transfer.adapters.tls import has_passphrase
from transfer.addresses import is_loopback
from transfer.institutions import Institution
from transfer.settings import BadSetting, Settings, is_open_to_others


def doors_context(settings: Settings, institutions: Mapping[str, Institution]) -> ssl.SSLContext | None:
    """How all doors speak; None is plain.

    A client certificate is asked for where authorities are named. Who must show one, and which, stands in the
    institutions' files; a certificate of nobody we know does not pass the handshake.

    Raises:
        BadSetting: half a setting, a file that is none, a key that others can read; plain text towards other machines;
            certificates in the institutions' files that could never be shown here.
    """
    authorities = settings.tls_client_authorities
    if settings.tls_certificate is None or settings.tls_key is None:
        _check_may_be_plain(settings)
    pinned = [each.id for each in institutions.values() if each.certificates_at_mllp]
    if pinned and settings.tls_certificate is None:
        raise BadSetting(
            "TRANSFER_TLS_CERTIFICATE",
            f"is not set, and the file of {pinned[0]} lists certificates, which are shown to TLS alone",
            "Set TRANSFER_TLS_CERTIFICATE and TRANSFER_TLS_KEY.",
        )
    if pinned and authorities is None:
        raise BadSetting(
            "TRANSFER_TLS_CLIENT_AUTHORITIES",
            f"is not set, and the file of {pinned[0]} lists certificates",
            "Name the file of the authorities that issued them, or of the certificates themselves.",
        )
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    return _context(settings.tls_certificate, settings.tls_key, authorities)


def _context(certificate: Path, key: Path, authorities: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    _check_shut("TRANSFER_TLS_KEY", key)
    try:
        # without a password OpenSSL would ask for one at the terminal, and wait
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError):
        if has_passphrase(key):
            raise BadSetting("TRANSFER_TLS_KEY", "has a passphrase", "Take it away by `openssl pkey`.") from None
        raise BadSetting(
            "TRANSFER_TLS_CERTIFICATE", "and TRANSFER_TLS_KEY do not belong together", "Both are PEM files."
        ) from None
    if authorities:
        try:
            context.load_verify_locations(authorities)
        except (OSError, ssl.SSLError):
            raise BadSetting("TRANSFER_TLS_CLIENT_AUTHORITIES", "is no file of certificates", "It is PEM.") from None
        context.verify_mode = ssl.CERT_OPTIONAL
        # a sender's own certificate may stand in the file instead of the authority that signed it
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _check_shut(name: str, key: Path) -> None:
    try:
        mode = key.stat().st_mode
    except OSError:
        raise BadSetting(name, "names a file that is not there", "It is a PEM file.") from None
    if is_open_to_others(mode):
        raise BadSetting(name, "is a key that others can read", f"Run `chmod 600 {key}`.")


def _check_may_be_plain(settings: Settings) -> None:
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise BadSetting("TRANSFER_TLS_KEY", "and TRANSFER_TLS_CERTIFICATE go together", "Set both, or none.")
    host, _ = settings.gateway_http
    if not is_loopback(host) and not settings.tls_terminated:
        raise BadSetting(
            "TRANSFER_GATEWAY_HTTP",
            "is an address that other machines reach, and the doors would speak plain text there",
            "Set TRANSFER_TLS_CERTIFICATE and TRANSFER_TLS_KEY; or TRANSFER_TLS_TERMINATED=1 where a proxy ends TLS in "
            "front of it and nothing else reaches it.",
        )
