"""TLS between processes of ours on two hosts (RFC 8446): each side shows a certificate, and trusts one file alone."""

import ssl
from pathlib import Path

from transfer.adapters.tls import has_passphrase
from transfer.settings import BadSetting, is_open_to_others


def context(files: tuple[Path, Path, Path], *, is_server: bool) -> ssl.SSLContext:
    """TLS 1.3 with the certificate, key and authority of `Settings.keys_tls`. The authority's file may hold the other
    side's certificates themselves.

    Raises:
        BadSetting: a file is missing or none of its kind, they do not belong together, or others can read the key.
    """
    certificate, key, authority = files
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.verify_mode = ssl.CERT_REQUIRED
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        mode = key.stat().st_mode
    except OSError:
        raise BadSetting("TRANSFER_KEYS_KEY", "names a file that is not there", "It is a PEM file.") from None
    if is_open_to_others(mode):
        raise BadSetting("TRANSFER_KEYS_KEY", "is a key that others can read", f"Run `chmod 600 {key}`.")
    try:
        made.load_cert_chain(certificate, key, password="")  # else OpenSSL would ask for one at the terminal, and wait
    except (OSError, ssl.SSLError):
        if has_passphrase(key):
            raise BadSetting("TRANSFER_KEYS_KEY", "has a passphrase", "Take it away by `openssl pkey`.") from None
        raise BadSetting(
            "TRANSFER_KEYS_CERTIFICATE", "and TRANSFER_KEYS_KEY do not belong together", "Both are PEM files."
        ) from None
    try:
        made.load_verify_locations(authority)
    except (OSError, ssl.SSLError):
        raise BadSetting("TRANSFER_KEYS_AUTHORITY", "is no file of certificates", "It is PEM.") from None
    return made
