"""Towards an archive that speaks DIMSE: whom we trust and what we show stands in the institution's file, too."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.peers.certificates import Certificates, certificates
from tests.kit.scripted_dimse import ScriptedDimse, scripted_dimse
from transfer import wiring
from transfer.adapters.tls import BadFile, required
from transfer.errors import TurnedAway, Unexpected, Unreachable
from transfer.institutions import DimseSource

#: an institution answers over TLS
pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls") / "known")


@pytest.fixture(params=["127.0.0.1"])
def archive(known: Certificates, request: pytest.FixtureRequest) -> Iterator[ScriptedDimse]:
    """It wants a certificate of its own authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=known.files["authority"])
    context.load_cert_chain(known.files["certificate"], known.files["key"])
    context.verify_mode = ssl.CERT_REQUIRED
    if request.param == "old":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    with scripted_dimse(context, "127.0.0.1" if request.param == "old" else request.param) as archive:
        yield archive


def asked(archive: ScriptedDimse, tls: dict[str, Path] | None, host: str = "localhost") -> object:
    titles = {"called_ae_title": "PACS", "calling_ae_title": "US"}
    file = {"by": "dimse", "host": host, "port": archive.port, "tls": tls, **titles}
    return wiring.archive(DimseSource.model_validate(file)).series("1.2.3")


def shown(known: Certificates) -> dict[str, Path]:
    return {**known.files, "certificate": known.folder / "client.pem", "key": known.folder / "client.key"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_by_the_files_its_yaml_names_an_archive_is_reached(archive: ScriptedDimse, known: Certificates, host: str):
    assert asked(archive, shown(known), host) == []
    assert archive.levels == ["SERIES"]


@pytest.mark.parametrize("archive", ["old"], indirect=True)
def test_who_shows_no_certificate_is_turned_away(archive: ScriptedDimse, known: Certificates):
    with pytest.raises(TurnedAway):
        asked(archive, {"authority": known.files["authority"]})
    assert archive.proposals == []


def test_who_shows_no_certificate_gets_nothing_where_that_is_said_only_behind_the_handshake(
    archive: ScriptedDimse, known: Certificates
):
    with pytest.raises((TurnedAway, Unreachable)):
        asked(archive, {"authority": known.files["authority"]})
    assert archive.proposals == []


def test_an_archive_that_another_authority_vouches_for_is_told_nothing(
    archive: ScriptedDimse, known: Certificates, tmp_path: Path
):
    others = certificates(tmp_path / "others")

    with pytest.raises(Unexpected, match="certificate"):
        asked(archive, shown(known) | {"authority": others.files["authority"]})
    assert archive.proposals == []


@pytest.mark.parametrize("archive", ["127.0.0.2"], indirect=True)
def test_an_archive_with_another_name_in_its_certificate_is_told_nothing(archive: ScriptedDimse, known: Certificates):
    with pytest.raises(Unexpected, match="certificate"):
        asked(archive, shown(known), "127.0.0.2")
    assert archive.proposals == []


def test_a_key_that_others_can_read_is_not_used(archive: ScriptedDimse, known: Certificates, tmp_path: Path):
    open_key = tmp_path / "client.key"
    open_key.write_bytes((known.folder / "client.key").read_bytes())
    open_key.chmod(0o644)

    with pytest.raises(BadFile):
        asked(archive, shown(known) | {"key": open_key})


def test_without_a_word_of_tls_the_machines_own_trust_is_used_and_no_old_protocol():
    context = required(None)

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
