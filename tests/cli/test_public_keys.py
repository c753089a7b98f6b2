"""What a center pins: the same key in each form, and the thumbprint that `transfer verify` prints."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from joserfc.jwk import RSAKey

from tests.kit.handed_over import handed_over
from transfer.adapters.packet.signature import KeySigner
from transfer.cli import main
from transfer.flow.services import Services
from transfer.sealing import SIGNER
from transfer.verify.keys import pinned_keys


@pytest.mark.servers
def test_each_form_is_the_key_that_packets_are_signed_with(transfer: Callable[..., Result], services: Services):
    signs_with = KeySigner.from_pem(services.ledger.keys.fetch(SIGNER)).public_jwk()  # type: ignore[attr-defined]

    jwks = json.loads(transfer("keys", "public", "--jwks").stdout)
    pem = transfer("keys", "public", "--pem").stdout
    (told,) = json.loads(transfer("keys", "public", "--json").stdout)

    assert list(pinned_keys(jwks)) == [signs_with["kid"]] == [told["kid"]]
    assert RSAKey.import_key(pem).thumbprint() == signs_with["kid"]
    assert "PRIVATE" not in pem
    assert not {"d", "p", "q"} & jwks["keys"][0].keys()


@pytest.mark.servers
def test_it_says_since_when_it_signs(transfer: Callable[..., Result], services: Services):
    assert "has signed no packet" in transfer("keys", "public").stdout

    handed_over(services)

    assert "RS256, RSA 3072 bits, signs packets since 20" in transfer("keys", "public").stdout


@pytest.mark.servers
def test_one_form_at_a_time(transfer: Callable[..., Result]):
    assert transfer("keys", "public", "--pem", "--jwks").exit_code == 2


def test_versions_are_told_without_an_installation():
    said = CliRunner().invoke(main, ["--version"]).output.splitlines()

    assert [line.split()[0] for line in said] == ["records-transfer", "Apache", "ledger:"]
    assert said[1] == "Apache Airflow 3.3.2"


def test_an_image_says_of_which_commit_it_is(monkeypatch: pytest.MonkeyPatch):
    from transfer import versions

    monkeypatch.setenv("TRANSFER_COMMIT", "0123456789ab")
    versions.commit.cache_clear()

    assert versions.with_commit().endswith("(0123456789ab)")
    versions.commit.cache_clear()
