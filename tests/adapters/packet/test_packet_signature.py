"""The key a packet is signed with."""

import json
from base64 import urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc import jws
from joserfc.jwk import RSAKey

from tests.kit.packets import a_signer
from transfer.adapters.packet.signature import KeySigner, jwks, new_key
from transfer.errors import OtherKeys


def test_a_new_key_is_read_again_from_its_pem():
    pem = new_key()

    assert KeySigner.from_pem(pem).public_jwk() == KeySigner.from_pem(pem).public_jwk()
    assert KeySigner.from_pem(new_key()).public_jwk() != KeySigner.from_pem(pem).public_jwk()


def test_any_jose_library_checks_the_signature():
    protected, _, mark = a_signer().sign(b"payload").split(".")
    whole = f"{protected}.{urlsafe_b64encode(b'payload').decode().rstrip('=')}.{mark}"
    checked = jws.deserialize_compact(whole, RSAKey.import_key(a_signer().public_jwk()), ["RS256"])

    assert checked.payload == b"payload"
    assert checked.protected["kid"] == a_signer().public_jwk()["kid"]


def test_what_a_damaged_key_signs_leaves_nowhere():
    whole = load_pem_private_key(new_key(), None)
    assert isinstance(whole, rsa.RSAPrivateKey)
    said = whole.private_numbers()
    damaged = rsa.RSAPrivateNumbers(
        p=said.p,
        q=said.q,
        d=said.d ^ 2,
        dmp1=said.dmp1 ^ 2,
        dmq1=said.dmq1,
        iqmp=said.iqmp,
        public_numbers=said.public_numbers,
    ).private_key(unsafe_skip_rsa_key_validation=True)

    with pytest.raises(OtherKeys, match="damaged"):
        KeySigner.from_pem(_pem(damaged)).sign(b"payload")


def test_a_key_of_another_kind_signs_nothing():
    with pytest.raises(OtherKeys, match="RSA"):
        KeySigner.from_pem(_pem(ec.generate_private_key(ec.SECP256R1())))


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_signing_twice_gives_the_same_signature():
    assert a_signer().sign(b"x") == a_signer().sign(b"x")


def test_the_public_set_holds_no_private_part():
    published = jwks([a_signer(), a_signer("theirs")])

    assert len(published["keys"]) == 2
    assert not any({"d", "p", "q", "dp", "dq", "qi"} & key.keys() for key in published["keys"])
    assert published["keys"][0]["kid"] == RSAKey.import_key(published["keys"][0]).thumbprint()
    assert "PRIVATE" not in json.dumps(published)
