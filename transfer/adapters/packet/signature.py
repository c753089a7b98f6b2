"""Signing a packet: detached JWS (RFC 7515, appendix F) with an RSA key, RS256.

CDex prefers RS256 for signatures on clinical data. The same packet signed twice gives the same bytes. There is exactly
one valid signature, whereas with ECDSA anybody can turn one into another.
"""

from collections.abc import Iterable
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from transfer.errors import OtherKeys

ALGORITHM: Final = "RS256"
#: NIST SP 800-57 part 1: 128 bits of strength, for packets that are kept for years
KEY_BITS: Final = 3072


class KeySigner:
    """A `transfer.packet.PacketSigner` whose key is among the keys of the installation."""

    def __init__(self, key: RSAKey) -> None:
        self._key = key
        self._kid = key.thumbprint()

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """The key that `new_key` made.

        Whether its primes are prime is not asked again, which takes 0.08 s of a processor: `sign` looks at what it
        made. A signature by a damaged key could tell the key (Boneh, DeMillo and Lipton, 1997), and leaves nowhere.

        Raises:
            OtherKeys: it is another kind of key.
            ValueError: it is none.
        """
        key = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, RSAPrivateKey):
            raise OtherKeys("the key that signs packets is none of RSA")
        return cls(RSAKey.import_key(key))

    def sign(self, payload: bytes) -> str:
        """See `Signer.sign`.

        Raises:
            OtherKeys: what the key makes is no signature of its own. The key is damaged.
        """
        whole = jws.serialize_compact({"alg": ALGORITHM, "kid": self._kid}, payload, self._key, [ALGORITHM])
        try:
            jws.deserialize_compact(whole, self._key, [ALGORITHM])
        except JoseError:
            raise OtherKeys("the key that signs packets is damaged") from None
        protected, _, signature = whole.split(".")
        return f"{protected}..{signature}"

    def public_jwk(self) -> dict[str, str]:
        """See `Signer.public_jwk`."""
        public = self._key.as_dict(private=False)
        return {
            "alg": ALGORITHM,
            "e": str(public["e"]),
            "kid": self._kid,
            "kty": "RSA",
            "n": str(public["n"]),
            "use": "sig",
        }

    def public_pem(self) -> str:
        """The public key as SubjectPublicKeyInfo in PEM (RFC 7468, section 13)."""
        return self._key.as_pem(private=False).decode()


def new_key() -> bytes:
    """A new signing key, PEM."""
    return RSAKey.generate_key(KEY_BITS).as_pem(private=True)


def jwks(signers: Iterable[KeySigner]) -> dict[str, list[dict[str, str]]]:
    """The JWK set (RFC 7517) that receivers pin."""
    return {"keys": [signer.public_jwk() for signer in signers]}
