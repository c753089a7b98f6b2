"""What the embedded store cannot show: versions, locks and checksums, on versitygw."""

from datetime import UTC, datetime

import pytest

from tests.kit.peers.buckets import MiB, a_vault, chunks, left
from tests.kit.peers.versitygw import Versitygw
from tests.kit.store_probe import Support, probe
from transfer.adapters.vault import PART
from transfer.errors import Unknown

pytestmark = pytest.mark.servers


def test_what_it_really_does_is_found_by_trying(versitygw: Versitygw) -> None:
    vault = a_vault(versitygw, locks=True)

    found = probe(vault, datetime.now(UTC))

    assert found.checksums is Support.KEPT
    assert found.credentials is Support.KEPT
    assert found.versions is Support.KEPT
    assert found.lock is Support.KEPT
    assert found.customer_keys is Support.IGNORED  # it takes the key, and shows the bytes without it


@pytest.mark.parametrize("length", [MiB, 40 * MiB])
def test_what_is_removed_from_a_bucket_with_versions_is_gone_in_every_version(
    versitygw: Versitygw, length: int
) -> None:
    vault = a_vault(versitygw, versions=True)
    location = vault.keep(chunks(length))
    assert left(vault) == [location.key]

    vault.remove(location.key)

    assert left(vault) == []
    with pytest.raises(Unknown):
        list(vault.read(location))


def test_the_store_keeps_a_checksum_with_what_was_kept_in_parts(versitygw: Versitygw) -> None:
    vault = a_vault(versitygw)
    location = vault.keep(chunks(2 * PART + MiB))

    known = vault._client.head_object(Bucket=vault._bucket, Key=location.key, ChecksumMode="ENABLED")

    assert known["ChecksumCRC32"].endswith("-3")
    assert known["ChecksumType"] == "COMPOSITE"


def test_an_upload_that_its_writer_left_open_is_aborted_with_its_key(versitygw: Versitygw) -> None:
    vault = a_vault(versitygw)
    vault._client.create_multipart_upload(Bucket=vault._bucket, Key="00/left")

    assert [upload.key for upload in vault.open_uploads()] == ["00/left"]
    vault.remove("00/left")
    assert vault.open_uploads() == []
