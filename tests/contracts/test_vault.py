"""What every vault promises (`transfer.staging.Vault`): the real store and the one in memory alike."""

import hashlib
import random
from dataclasses import replace

import pytest

from tests.kit.fakes import MemoryVault
from tests.kit.peers.rgw import a_rgw
from tests.kit.peers.versitygw import a_versitygw
from transfer.adapters.vault import PART, S3Vault
from transfer.errors import Unknown, Unreadable
from transfer.staging import CHUNK, Location

MiB = 1 << 20


@pytest.fixture(scope="module")
def versitygw(tmp_path_factory):
    with a_versitygw(tmp_path_factory.mktemp("versitygw")) as peer:
        yield peer


@pytest.fixture(scope="module")
def rgw(tmp_path_factory):
    with a_rgw(tmp_path_factory.mktemp("rgw")) as peer:
        yield peer


_STORES = [
    *(pytest.param(name, marks=pytest.mark.servers) for name in ("store", "versitygw")),
    pytest.param("rgw", marks=[pytest.mark.servers, pytest.mark.slow]),
]


@pytest.fixture(params=["memory", *_STORES])
def vault(request):
    """In memory, in the embedded store (Swift), in versitygw and Ceph's gateway where they are installed."""
    if request.param == "memory":
        return MemoryVault()
    store = request.getfixturevalue(request.param)
    vault = S3Vault(
        endpoint=store.endpoint,
        region="us-east-1",
        access_key=store.access_key,
        secret_key=store.secret_key,
        bucket="contract",
        checksums="when_required" if request.param == "rgw" else "when_supported",
    )
    vault.ensure_bucket()
    return vault


def drawn(length, seed=1):
    return random.Random(seed).randbytes(length)


def in_chunks(data, size=1_000_003):
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("length", [0, 1, 5 * MiB - 1, PART, PART + 1, 3 * PART - MiB])
def test_what_is_kept_is_read_again_to_the_byte(vault, length):
    data = drawn(length)

    location = vault.keep(in_chunks(data))

    assert (location.offset, location.length) == (0, length)
    assert location.sha256 == hashlib.sha256(data).hexdigest()
    chunks = list(vault.read(location))
    assert b"".join(chunks) == data
    assert all(len(chunk) <= CHUNK for chunk in chunks)


@pytest.mark.parametrize("length", [0, 1, PART + 1])
def test_a_file_is_kept_whole_wherever_it_was_read_to(vault, length, tmp_path):
    data = drawn(length)
    digest = hashlib.sha256(data).hexdigest()
    (tmp_path / "file").write_bytes(data)

    with (tmp_path / "file").open("rb") as file:
        file.seek(length // 2)
        location = vault.keep_file(file, length, digest)
        assert not file.closed

    assert location == Location(key=location.key, offset=0, length=length, sha256=digest)
    assert b"".join(vault.read(location)) == data
    assert location.key in set(vault.keys())


def test_chunks_may_be_empty_and_views(vault):
    location = vault.keep([b"", memoryview(b"abc")[1:], b"", memoryview(b"d")])

    assert b"".join(vault.read(location)) == b"bcd"


@pytest.mark.parametrize("vault", ["store", "versitygw"], indirect=True)
@pytest.mark.servers
def test_the_answer_to_a_small_put_names_the_md5_of_its_bytes(vault, monkeypatch):
    """So nobody need ask again. A store whose answer does not is asked."""
    monkeypatch.setattr(vault._client, "head_object", None)

    assert b"".join(vault.read(vault.keep([b"small"]))) == b"small"


def test_keeping_twice_makes_two_objects_whose_names_say_nothing_of_what_is_in_them(vault):
    first, second = vault.keep([b"same"]), vault.keep([b"same"])

    assert first.key != second.key
    assert first.sha256[:8] not in first.key
    vault.remove(first.key)
    assert b"".join(vault.read(second)) == b"same"


def test_a_part_of_an_object_is_read_as_a_location_of_its_own(vault):
    data = drawn(PART + MiB)
    location = vault.keep(in_chunks(data))
    inner = data[PART - 10 : PART + 10]
    part = Location(location.key, PART - 10, 20, hashlib.sha256(inner).hexdigest())

    assert b"".join(vault.read(part)) == inner
    assert b"".join(vault.read_range(part, 5, 15)) == inner[5:15]
    assert b"".join(vault.read_range(part, 5, 5)) == b""


def test_other_bytes_than_were_kept_are_noticed_when_read(vault):
    location = vault.keep([b"one thing"])

    with pytest.raises(Unreadable):
        list(vault.read(replace(location, sha256=hashlib.sha256(b"another").hexdigest())))


def test_an_object_shorter_than_was_kept_is_noticed_when_read(vault):
    location = vault.keep([b"short"])

    with pytest.raises(Unreadable):
        list(vault.read(replace(location, length=6)))


def test_what_was_removed_is_gone_and_removing_it_again_does_nothing(vault):
    location = vault.keep([b"gone soon"])

    vault.remove(location.key)
    vault.remove(location.key)

    with pytest.raises(Unknown):
        list(vault.read(location))


def test_removing_what_never_was_does_nothing(vault):
    kept = vault.keep([b"another"])

    vault.remove("00/never")

    assert b"".join(vault.read(kept)) == b"another"
    with pytest.raises(Unknown):
        list(vault.read(replace(kept, key="00/never")))


def test_what_is_kept_is_listed_and_what_was_removed_is_not(vault):
    kept = {vault.keep([bytes([n])]).key for n in range(3)}
    gone = vault.keep([b"gone"]).key
    vault.remove(gone)

    assert kept <= set(vault.keys())
    assert gone not in set(vault.keys())


@pytest.mark.parametrize("length", [0, 9, PART + MiB])
def test_what_was_lost_is_put_back_under_its_own_name(vault, length):
    data = drawn(length)
    location = vault.keep(in_chunks(data))
    vault.remove(location.key)

    vault.put_back(location, in_chunks(data))
    vault.put_back(location, in_chunks(data))

    assert b"".join(vault.read(location)) == data


def test_other_bytes_are_not_put_back(vault):
    location = vault.keep([b"one thing"])
    vault.remove(location.key)

    with pytest.raises(Unreadable):
        vault.put_back(location, [b"something"])
    with pytest.raises(Unknown):
        list(vault.read(location))


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("length", [0, 1, PART + 1, 2 * PART + MiB])
def test_a_source_that_fails_midway_fails_the_keeping_with_its_own_error(vault, length):
    def failing():
        yield from in_chunks(drawn(length))
        raise Interrupted

    with pytest.raises(Interrupted):
        vault.keep(failing())


def test_a_store_that_is_there_answers(vault):
    assert vault.answers()


@pytest.mark.servers
def test_a_store_that_is_away_or_turns_us_away_does_not_answer(store):
    how = {"region": "us-east-1", "access_key": store.access_key, "bucket": "contract"}
    away = S3Vault(endpoint="http://127.0.0.1:1", secret_key=store.secret_key, **how)
    closed = S3Vault(endpoint=store.endpoint, secret_key="not this one", **how)

    assert not away.answers()
    assert not closed.answers()
