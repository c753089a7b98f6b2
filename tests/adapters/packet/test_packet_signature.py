"""The key a packet is signed with."""

import json
import stat
from base64 import urlsafe_b64encode

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from tests.kit.packets import a_signer
from transfer.adapters.packet.signature import KeySigner, jwks, new_key


def test_a_new_key_is_its_owners_alone_and_never_written_over(tmp_path):
    signer = new_key(tmp_path / "key.pem")

    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600
    assert KeySigner.from_file(tmp_path / "key.pem").public_jwk() == signer.public_jwk()
    with pytest.raises(FileExistsError):
        new_key(tmp_path / "key.pem")


def test_any_jose_library_checks_the_signature():
    protected, _, mark = a_signer().sign(b"payload").split(".")
    whole = f"{protected}.{urlsafe_b64encode(b'payload').decode().rstrip('=')}.{mark}"
    checked = jws.deserialize_compact(whole, RSAKey.import_key(a_signer().public_jwk()), ["RS256"])

    assert checked.payload == b"payload"
    assert checked.protected["kid"] == a_signer().public_jwk()["kid"]


def test_signing_twice_gives_the_same_signature():
    assert a_signer().sign(b"x") == a_signer().sign(b"x")


def test_the_public_set_holds_no_private_part():
    published = jwks([a_signer(), a_signer("theirs")])

    assert len(published["keys"]) == 2
    assert not any({"d", "p", "q", "dp", "dq", "qi"} & key.keys() for key in published["keys"])
    assert published["keys"][0]["kid"] == RSAKey.import_key(published["keys"][0]).thumbprint()
    assert "PRIVATE" not in json.dumps(published)
