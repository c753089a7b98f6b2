"""The copy of the keys: opened by its passphrase alone, and following what is destroyed."""

import os
import shutil
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from transfer.adapters import keys_copy
from transfer.adapters.keys import FolderKeys
from transfer.adapters.keys_copy import KeysCopy, WrongPassphrase
from transfer.errors import Refused, Unavailable, Unreadable
from transfer.sealing import SITE, KeyName

ONE, OTHER = KeyName("patient/one"), KeyName("patient/other")
WORDS = "nine drowsy herons wait"


@pytest.fixture(autouse=True)
def a_quick_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each guess costs half a second otherwise, and so does each test's."""
    monkeypatch.setattr(keys_copy, "_COST", {"n": 16, "r": 8, "p": 1})


@pytest.fixture
def copy(tmp_path: Path) -> KeysCopy:
    return KeysCopy(tmp_path / "copy")


@pytest.fixture
def keys(tmp_path: Path, copy: KeysCopy) -> FolderKeys:
    keys = FolderKeys(tmp_path / "keys", copy)
    for name in (ONE, OTHER):
        keys.make(name)
    return keys


def taken(tmp_path: Path, copy: KeysCopy) -> int:
    return copy.take(tmp_path / "keys", WORDS)


def put_back(tmp_path: Path, copy: KeysCopy, words: str = WORDS) -> FolderKeys:
    copy.put_back(tmp_path / "keys", words)
    return FolderKeys(tmp_path / "keys", copy)


def test_what_was_lost_is_put_back_and_opens_what_it_sealed(tmp_path: Path, keys: FolderKeys, copy: KeysCopy) -> None:
    sealed, term = keys.seal(ONE, b"note", about="r1"), keys.hmac(SITE, b"number")
    (tmp_path / "keys" / "signer.pem").write_bytes(b"a signer")
    assert taken(tmp_path, copy) == 4
    shutil.rmtree(tmp_path / "keys")

    back = put_back(tmp_path, copy)

    assert back.unseal(ONE, sealed, about="r1") == b"note"
    assert back.hmac(SITE, b"number") == term
    assert (tmp_path / "keys" / "signer.pem").read_bytes() == b"a signer"


def test_no_key_lies_in_it_in_clear_and_only_we_can_open_it(tmp_path: Path, keys: FolderKeys, copy: KeysCopy) -> None:
    taken(tmp_path, copy)
    files = [path for path in (tmp_path / "copy").rglob("*") if path.is_file()]
    everything = b"".join(path.read_bytes() for path in files)

    assert not any((tmp_path / "keys" / name).read_bytes() in everything for name in (SITE, ONE, OTHER))
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_another_passphrase_does_not_open_it(tmp_path: Path, keys: FolderKeys, copy: KeysCopy) -> None:
    taken(tmp_path, copy)

    with pytest.raises(WrongPassphrase):
        put_back(tmp_path, copy, "ten drowsy herons wait")
    with pytest.raises(WrongPassphrase):
        copy.take(tmp_path / "keys", "ten drowsy herons wait")


def test_a_key_that_is_destroyed_is_destroyed_in_the_copy_and_never_put_back(
    tmp_path: Path, keys: FolderKeys, copy: KeysCopy
) -> None:
    taken(tmp_path, copy)
    keys.destroy(ONE)
    assert [path.name for path in (tmp_path / "copy").rglob("one*")] == []
    shutil.rmtree(tmp_path / "keys")

    back = put_back(tmp_path, copy)

    assert not back.has(ONE)
    assert back.was_destroyed(ONE)
    assert back.has(OTHER)


def test_a_key_destroyed_while_the_copy_is_away_is_gone_here_and_owed_there(
    tmp_path: Path, keys: FolderKeys, copy: KeysCopy
) -> None:
    taken(tmp_path, copy)
    (tmp_path / "copy").rename(tmp_path / "away")

    with pytest.raises(Unavailable):
        keys.destroy(ONE)
    assert not keys.has(ONE)
    (tmp_path / "away").rename(tmp_path / "copy")
    keys.destroy(ONE)

    assert [path.name for path in (tmp_path / "copy").rglob("one*")] == []


def test_a_copy_kept_by_a_thief_before_the_destruction_is_not_put_back_over_it(
    tmp_path: Path, keys: FolderKeys, copy: KeysCopy
) -> None:
    """An old picture of the copy, brought back by mistake: the folder here knows what was destroyed."""
    taken(tmp_path, copy)
    shutil.copytree(tmp_path / "copy", tmp_path / "old")
    keys.destroy(ONE)

    KeysCopy(tmp_path / "old").put_back(tmp_path / "keys", WORDS)

    assert not keys.has(ONE)


def test_ends_are_noted_in_both_places_and_come_back(tmp_path: Path, keys: FolderKeys, copy: KeysCopy) -> None:
    keys.note_end("m1", "paused")
    taken(tmp_path, copy)
    keys.note_end("m2", "revoked")
    shutil.rmtree(tmp_path / "keys")

    assert put_back(tmp_path, copy).noted_ends() == {"m1": "paused", "m2": "revoked"}


def test_a_copy_that_is_away_keeps_nobody_from_ending_a_permission(
    tmp_path: Path, keys: FolderKeys, copy: KeysCopy
) -> None:
    taken(tmp_path, copy)
    (tmp_path / "copy").rename(tmp_path / "away")

    keys.note_end("m1", "revoked")

    assert keys.noted_ends() == {"m1": "revoked"}


def test_the_copy_of_other_keys_is_left_as_it_is(tmp_path: Path, keys: FolderKeys, copy: KeysCopy) -> None:
    """A new installation, its keys drawn anew, whose nightly backup meets the old copy."""
    taken(tmp_path, copy)
    FolderKeys(tmp_path / "new")

    with pytest.raises(Refused, match="other keys"):
        copy.take(tmp_path / "new", WORDS)
    shutil.rmtree(tmp_path / "keys")
    assert put_back(tmp_path, copy).has(ONE)


def test_what_a_new_installation_drew_gives_way_to_the_copy(tmp_path: Path, keys: FolderKeys, copy: KeysCopy) -> None:
    term = keys.hmac(SITE, b"number")
    taken(tmp_path, copy)
    shutil.rmtree(tmp_path / "keys")
    assert FolderKeys(tmp_path / "keys").hmac(SITE, b"number") != term

    assert put_back(tmp_path, copy).hmac(SITE, b"number") == term


def test_a_disk_that_is_not_mounted_is_not_taken_for_a_new_one(
    tmp_path: Path, keys: FolderKeys, copy: KeysCopy
) -> None:
    taken(tmp_path, copy)
    (tmp_path / "copy").rename(tmp_path / "away")

    with pytest.raises(Unavailable):
        taken(tmp_path, copy)
    assert not (tmp_path / "copy").exists()


def test_where_there_is_no_copy_it_says_so(tmp_path: Path, copy: KeysCopy) -> None:
    with pytest.raises(Unavailable):
        put_back(tmp_path, copy)


def test_a_key_destroyed_while_the_copy_is_taken_does_not_stay_in_it(
    tmp_path: Path, keys: FolderKeys, copy: KeysCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after it was read and before it is written, one before its turn came."""
    opened = KeysCopy._opened

    def destroying(self: KeysCopy, cipher: AESGCM, name: str) -> bytes | None:
        if name == ONE:
            keys.destroy(ONE)
            keys.destroy(OTHER)
        return opened(self, cipher, name)

    monkeypatch.setattr(KeysCopy, "_opened", destroying)

    assert taken(tmp_path, copy) == 2

    assert [path.name for path in (tmp_path / "copy" / "keys").rglob("*.sealed")] == ["site.sealed"]


def test_a_copy_that_was_begun_and_is_away_is_owed_what_is_destroyed(
    tmp_path: Path, keys: FolderKeys, copy: KeysCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = KeysCopy._opened

    def failing(self: KeysCopy, cipher: AESGCM, name: str) -> bytes | None:
        if name == OTHER:
            raise OSError("the disk is gone")
        return opened(self, cipher, name)

    monkeypatch.setattr(KeysCopy, "_opened", failing)
    with pytest.raises(OSError, match="the disk is gone"):
        taken(tmp_path, copy)
    (tmp_path / "copy").rename(tmp_path / "away")

    with pytest.raises(Unavailable):
        keys.destroy(ONE)


def test_a_damaged_key_in_the_copy_is_written_anew_from_the_true_one(
    tmp_path: Path, keys: FolderKeys, copy: KeysCopy
) -> None:
    sealed = keys.seal(ONE, b"note", about="r1")
    taken(tmp_path, copy)
    flip(tmp_path / "copy" / "keys" / f"{ONE}.sealed")

    assert taken(tmp_path, copy) == 3
    shutil.rmtree(tmp_path / "keys")

    assert put_back(tmp_path, copy).unseal(ONE, sealed, about="r1") == b"note"


def test_a_damaged_site_key_in_the_copy_may_be_anothers_and_is_left(
    tmp_path: Path, keys: FolderKeys, copy: KeysCopy
) -> None:
    taken(tmp_path, copy)
    flip(tmp_path / "copy" / "keys" / f"{SITE}.sealed")

    with pytest.raises(Unreadable):
        taken(tmp_path, copy)


def flip(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


@pytest.mark.parametrize("deadly", [1, 2, 3, 4, 5])
def test_putting_back_that_was_interrupted_is_run_again(
    tmp_path: Path, keys: FolderKeys, copy: KeysCopy, monkeypatch: pytest.MonkeyPatch, deadly: int
) -> None:
    term, (signer, day) = keys.hmac(SITE, b"number"), (b"a signer", KeyName("day/mercy/2026-11-20"))
    (tmp_path / "keys" / "signer.pem").write_bytes(signer)
    keys.make(day)
    taken(tmp_path, copy)
    shutil.rmtree(tmp_path / "keys")
    FolderKeys(tmp_path / "keys")
    (tmp_path / "keys" / "signer.pem").write_bytes(b"drawn by the new installation")
    write, left = keys_copy.write, deadly

    def failing(path: Path, content: bytes) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise OSError("the disk is full")
        write(path, content)

    monkeypatch.setattr(keys_copy, "write", failing)
    with pytest.raises(OSError, match="full"):
        put_back(tmp_path, copy)
    monkeypatch.undo()

    back = put_back(tmp_path, copy)

    assert back.hmac(SITE, b"number") == term
    assert (tmp_path / "keys" / "signer.pem").read_bytes() == signer
    assert all(back.has(name) for name in (ONE, OTHER, day))


@pytest.mark.parametrize("length", [0, 1, 11, 12, 27])
def test_less_than_anything_sealed_is_not_what_was_sealed(keys: FolderKeys, length: int) -> None:
    with pytest.raises(Unreadable):
        keys.unseal(ONE, os.urandom(length), about="r1")
