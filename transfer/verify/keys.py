"""Public keys and the signature: RS256 only, each in its one canonical form, so that no byte can change unnoticed."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import rfc8785
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

_ALGORITHM: Final = "RS256"
_MEMBERS: Final = frozenset({"alg", "e", "kid", "kty", "n", "use"})
_DETACHED: Final = re.compile(rb"[A-Za-z0-9_-]{1,1024}\.\.[A-Za-z0-9_-]{1,2048}")
#: characters of a modulus: 2048 to 8192 bits
_MODULUS: Final = range(342, 1367)
#: no key and no signature of ours is larger
LARGEST: Final = 4096


def pinned_keys(jwks: Mapping[str, Any]) -> dict[str, RSAKey]:
    """The keys that are trusted, by RFC 7638 thumbprint. Keys of other kinds are passed over.

    Raises:
        ValueError: this is not a JWK set.
    """
    keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ValueError('not a JWK set: it should read {"keys": [...]}')
    usable = (_usable(key) for key in keys if key.get("kty") == "RSA")
    return {key.thumbprint(): key for key in usable if key is not None}


def enclosed_key(text: bytes) -> RSAKey | None:
    """The public key in a packet's key file; None unless it is written exactly as we write one."""
    if len(text) > LARGEST or not text.startswith(b'{"alg"'):
        return None
    try:
        said = json.loads(text)
        is_ours = isinstance(said, dict) and said.keys() == _MEMBERS and rfc8785.dumps(said) == text
    except (ValueError, RecursionError):
        return None
    key = _usable(said) if is_ours else None
    return key if key is not None and key.thumbprint() == said["kid"] else None


def written(key: RSAKey) -> bytes:
    """The key file that a packet signed with this key holds."""
    public = key.as_dict(private=False)
    members = {
        "alg": _ALGORITHM,
        "e": public["e"],
        "kid": key.thumbprint(),
        "kty": "RSA",
        "n": public["n"],
        "use": "sig",
    }
    return rfc8785.dumps(members)


def _usable(said: Mapping[str, Any]) -> RSAKey | None:
    modulus = said.get("n")
    if said.get("e") != "AQAB" or not isinstance(modulus, str) or len(modulus) not in _MODULUS:
        return None
    try:
        return RSAKey.import_key({"kty": "RSA", "n": modulus, "e": "AQAB"})
    except (JoseError, ValueError):
        return None


def is_signature(text: bytes) -> bool:
    """Looks like a detached compact JWS."""
    return len(text) <= LARGEST and _DETACHED.fullmatch(text) is not None


def holds(signature: bytes, payload: bytes, key: RSAKey) -> bool:
    """Whether this is the one signature of this key over these bytes (RFC 7515, appendix F)."""
    protected, _, mark = signature.partition(b"..")
    if not (is_signature(signature) and _is_canonical(protected) and _is_canonical(mark)):
        return False
    try:
        header = json.loads(_decoded(protected))
        if header != {"alg": _ALGORITHM, "kid": key.thumbprint()}:
            return False
        whole = b".".join((protected, base64.urlsafe_b64encode(payload).rstrip(b"="), mark))
        jws.deserialize_compact(whole, key, algorithms=[_ALGORITHM])
    except (JoseError, ValueError, RecursionError):
        return False
    return True


def _decoded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def _is_canonical(text: bytes) -> bool:
    """base64url leaves bits of the last character unused; any but zeros would be a byte that may change."""
    try:
        return base64.urlsafe_b64encode(_decoded(text)).rstrip(b"=") == text
    except binascii.Error:
        return False
