"""A store of the site's own: TLS by a private authority, addresses, and credentials that the machine is given."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.peers.certificates import Certificates, certificates
from tests.kit.peers.versitygw import Versitygw, a_versitygw
from transfer import wiring
from transfer.errors import OutOfOrder
from transfer.settings import BadSetting, Settings

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("store") / "tls")


@pytest.fixture(scope="module")
def store(known: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Versitygw]:
    with a_versitygw(tmp_path_factory.mktemp("versitygw"), known) as store:
        yield store


def settings(store: Versitygw, known: Certificates, folder: Path, **more: str) -> Settings:
    names = {
        "TRANSFER_S3_ENDPOINT": store.endpoint,
        "TRANSFER_S3_ACCESS_KEY": store.access_key,
        "TRANSFER_S3_SECRET_KEY": store.secret_key,
        "TRANSFER_S3_AUTHORITY": str(known.files["authority"]),
    }
    return Settings.load(names | more, folder)


def test_a_store_is_trusted_by_the_authority_that_the_settings_name_and_by_no_other(
    store: Versitygw, known: Certificates, tmp_path: Path
) -> None:
    vault = wiring.vault(settings(store, known, tmp_path))
    vault.ensure_bucket()
    location = vault.keep([b"x" * 100_000])
    assert b"".join(vault.read(location)) == b"x" * 100_000

    strangers = certificates(tmp_path / "strangers")
    for authority in ("", str(strangers.files["authority"])):
        untrusting = wiring.vault(settings(store, known, tmp_path, TRANSFER_S3_AUTHORITY=authority))
        with pytest.raises(OutOfOrder):
            untrusting.keep([b"x"])


def test_the_store_is_shown_what_the_machine_is_given(
    store: Versitygw, known: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an instance's role gives it: here by botocore's own variables, which stand in its chain before that."""
    given = {"TRANSFER_S3_CREDENTIALS": "machine", "TRANSFER_S3_ACCESS_KEY": "", "TRANSFER_S3_SECRET_KEY": ""}
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(OutOfOrder, match="given no credentials"):
        wiring.vault(settings(store, known, tmp_path, **given)).keep([b"x"])

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", store.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", store.secret_key)
    vault = wiring.vault(settings(store, known, tmp_path, **given))
    vault.ensure_bucket()
    assert b"".join(vault.read(vault.keep([b"x"]))) == b"x"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"TRANSFER_S3_ENDPOINT": ""}, "TRANSFER_S3_ENDPOINT"),
        ({"TRANSFER_S3_ACCESS_KEY": ""}, "TRANSFER_S3_ACCESS_KEY"),
        ({"TRANSFER_S3_SECRET_KEY": ""}, "TRANSFER_S3_SECRET_KEY"),
        ({"TRANSFER_S3_AUTHORITY": "/nowhere"}, "TRANSFER_S3_AUTHORITY"),
        ({"TRANSFER_S3_ADDRESSING": "host"}, "TRANSFER_S3_ADDRESSING"),
        ({"TRANSFER_S3_CREDENTIALS": "role"}, "TRANSFER_S3_CREDENTIALS"),
    ],
)
def test_what_is_missing_is_named(
    store: Versitygw, known: Certificates, tmp_path: Path, changed: dict[str, str], named: str
) -> None:
    with pytest.raises(BadSetting, match=rf"^{named} "):
        wiring.vault(settings(store, known, tmp_path, **changed))


def test_the_bucket_may_stand_in_the_host_name(store: Versitygw, known: Certificates, tmp_path: Path) -> None:
    vault = wiring.vault(settings(store, known, tmp_path, TRANSFER_S3_ADDRESSING="virtual"))

    url = vault._client.generate_presigned_url("get_object", {"Bucket": "records", "Key": "00/k"})

    assert url.startswith(store.endpoint.replace("https://", "https://records."))
