"""What only Ceph's gateway holds, of the stores here: conditions and locks, also when many ask at once."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.kit.peers.buckets import MiB, a_vault, chunks, left
from tests.kit.peers.rgw import Rgw
from tests.kit.store_probe import Support, probe
from transfer.errors import Unknown

pytestmark = [pytest.mark.servers, pytest.mark.slow]

RACERS = 8


def refused(call: Callable[[], Any]) -> str | None:
    """The code with which the store refused; None if it did it."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


def test_what_it_really_does_is_found_by_trying(rgw: Rgw) -> None:
    found = probe(a_vault(rgw, locks=True), datetime.now(UTC))

    assert found.credentials is Support.KEPT
    assert found.versions is Support.KEPT
    assert found.lock is Support.KEPT
    assert found.checksums is not Support.KEPT  # it takes a wrong one: our own SHA-256 is what counts


@pytest.mark.parametrize("length", [MiB, 40 * MiB])
def test_what_is_removed_from_a_bucket_with_versions_is_gone_in_every_version(rgw: Rgw, length: int) -> None:
    vault = a_vault(rgw, versions=True)
    location = vault.keep(chunks(length))
    assert left(vault) == [location.key]

    vault.remove(location.key)

    assert left(vault) == []
    with pytest.raises(Unknown):
        list(vault.read(location))


@pytest.mark.parametrize("length", [100_000, 4 * MiB])
@pytest.mark.parametrize("attempt", range(5))
def test_of_many_who_write_what_must_not_be_there_one_wins(rgw: Rgw, length: int, attempt: int) -> None:
    vault = a_vault(rgw)
    bodies = [bytes([number]) * length for number in range(RACERS)]

    def write(body: bytes) -> str | None:
        put = vault._client.put_object
        return refused(lambda: put(Bucket=vault._bucket, Key="only", Body=body, IfNoneMatch="*"))

    with ThreadPoolExecutor(RACERS) as pool:
        answers = list(pool.map(write, bodies))

    assert answers.count(None) == 1, answers
    there = vault._client.get_object(Bucket=vault._bucket, Key="only")["Body"].read()
    assert hashlib.sha256(there).digest() == hashlib.sha256(bodies[answers.index(None)]).digest()


def test_what_is_locked_is_neither_removed_nor_given_a_shorter_lock(rgw: Rgw) -> None:
    vault = a_vault(rgw, locks=True)
    client, until = vault._client, datetime.now(UTC) + timedelta(days=1)
    put = client.put_object(
        Bucket=vault._bucket, Key="anchor", Body=b"root", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until
    )
    version = {"Bucket": vault._bucket, "Key": "anchor", "VersionId": put["VersionId"]}
    shorter = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(seconds=2)}

    with ThreadPoolExecutor(RACERS) as pool:
        removals = list(pool.map(lambda _: refused(lambda: client.delete_object(**version)), range(RACERS)))
        cuts = list(
            pool.map(
                lambda _: refused(lambda: client.put_object_retention(**version, Retention=shorter)), range(RACERS)
            )
        )

    assert set(removals) == {"AccessDenied"}
    assert None not in cuts
    assert client.get_object(**version)["Body"].read() == b"root"


def test_who_writes_over_a_version_at_once_loses_no_version(rgw: Rgw) -> None:
    vault = a_vault(rgw, versions=True)

    def write(number: int) -> str:
        put = vault._client.put_object(Bucket=vault._bucket, Key="shared", Body=bytes([number]))
        return str(put["VersionId"])

    with ThreadPoolExecutor(RACERS) as pool:
        written = list(pool.map(write, range(RACERS * 4)))

    read = {
        vault._client.get_object(Bucket=vault._bucket, Key="shared", VersionId=version)["Body"].read()
        for version in written
    }
    assert len(set(written)) == len(read) == RACERS * 4
