"""Keys in a folder: what they seal cannot be read once they are destroyed."""

import threading
from pathlib import Path

import pytest

from transfer.adapters.keys import FolderKeys
from transfer.errors import Unreadable
from transfer.identifiers import PatientId
from transfer.sealing import SITE, KeyGone, KeyName

KEY = KeyName.patient(PatientId("p000000000000000"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def keys(folder: Path) -> FolderKeys:
    keys = FolderKeys(folder)
    keys.make(KEY)
    return keys


def test_what_is_sealed_opens_again_in_another_process(keys: FolderKeys, folder: Path):
    sealed = keys.seal(KEY, b"gross description", about="r1")

    assert FolderKeys(folder).unseal(KEY, sealed, about="r1") == b"gross description"
    assert b"gross" not in sealed


def test_what_was_sealed_about_one_thing_does_not_open_as_another(keys: FolderKeys):
    sealed = keys.seal(KEY, b"x", about="r1")

    with pytest.raises(Unreadable):
        keys.unseal(KEY, sealed, about="r2")
    with pytest.raises(Unreadable):
        keys.unseal(SITE, sealed, about="r1")


def test_a_flipped_bit_is_noticed(keys: FolderKeys):
    sealed = bytearray(keys.seal(KEY, b"x", about="r1"))
    sealed[-1] ^= 1

    with pytest.raises(Unreadable):
        keys.unseal(KEY, bytes(sealed), about="r1")


def test_destroying_a_key_destroys_what_it_sealed(keys: FolderKeys, folder: Path):
    sealed = keys.seal(KEY, b"x", about="r1")
    keys.destroy(KEY)
    keys.destroy(KEY)

    with pytest.raises(KeyGone):
        keys.unseal(KEY, sealed, about="r1")
    with pytest.raises(KeyGone):
        keys.seal(KEY, b"x", about="r1")
    assert not (folder / KEY).exists()


def test_making_a_key_twice_keeps_the_first(keys: FolderKeys):
    sealed = keys.seal(KEY, b"x", about="r1")
    keys.make(KEY)

    assert keys.unseal(KEY, sealed, about="r1") == b"x"


def test_many_who_make_a_key_at_once_end_with_one(folder: Path):
    name = KeyName.patient(PatientId("p111111111111111"))
    ready, digests = threading.Barrier(8, timeout=10), []

    def make() -> None:
        mine = FolderKeys(folder)
        ready.wait()
        mine.make(name)
        digests.append(mine.hmac(name, b"x"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(digests)) == 1
    assert not list((folder / "patient").glob("*.new"))


def test_what_a_killed_process_left_of_a_key_is_written_over_by_the_next(keys: FolderKeys, folder: Path):
    (folder / "patient" / ".new").write_bytes(b"half of a k")
    name = KeyName.patient(PatientId("p111111111111111"))
    keys.make(name)

    assert keys.unseal(name, keys.seal(name, b"x", about="r1"), about="r1") == b"x"
    assert not list((folder / "patient").glob("*.new"))


def test_only_their_owner_can_read_them(keys: FolderKeys, folder: Path):
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / KEY).stat().st_mode & 0o777 == 0o600
