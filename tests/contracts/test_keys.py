"""What every place of keys promises: a folder, and the key service on another host (`transfer.adapters.held_keys`)."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kit.key_services import KeyService, a_key_service
from transfer.adapters import keys_copy
from transfer.adapters.held_keys import HeldKeys, KeysMoved
from transfer.adapters.keys import FolderKeys
from transfer.adapters.keys_copy import KeysCopy, WrongPassphrase
from transfer.adapters.service_keys import HELD_SECONDS
from transfer.errors import Unavailable, Unreadable
from transfer.identifiers import PatientId
from transfer.sealing import SIGNER, SITE, KeyGone, KeyName

WORDS = "correct horse battery staple"


@dataclass
class Place:
    """A place of keys, as several hosts reach it, and the folder behind it."""

    ask: Callable[[], HeldKeys]
    folder: Path
    copy: Path


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyService]:
    with a_key_service(tmp_path_factory.mktemp("keys") / "service") as service:
        yield service


@pytest.fixture(params=["folder", pytest.param("service", marks=pytest.mark.servers)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "service":
        service = request.getfixturevalue("service")
        return Place(service.client, service.keys, service.folder / "copy")
    monkeypatch.setattr(keys_copy, "_COST", {"n": 16, "r": 8, "p": 1})
    folder, copy = tmp_path / "keys", tmp_path / "copy"
    return Place(lambda: FolderKeys(folder, KeysCopy(copy)), folder, copy)


@pytest.fixture
def name() -> KeyName:
    return KeyName.patient(PatientId.draw())


def in_time(is_so: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it does not come to be"
        time.sleep(0.05)


def test_what_one_host_seals_another_opens_and_finds_again(place: Place, name: KeyName):
    here, there = place.ask(), place.ask()
    here.make(name)

    sealed = here.seal(name, b"gross description", about="r1")

    assert there.unseal(name, sealed, about="r1") == b"gross description"
    assert there.hmac(SITE, b"number") == here.hmac(SITE, b"number") != here.hmac(name, b"number")
    with pytest.raises(Unreadable):
        there.unseal(name, sealed, about="r2")


def test_many_hosts_that_make_one_key_at_once_have_one(place: Place, name: KeyName):
    ready, found = threading.Barrier(8, timeout=30), []

    def make() -> None:
        mine = place.ask()
        ready.wait()
        mine.make(name)
        found.append(mine.hmac(name, b"x"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len({*found, place.ask().hmac(name, b"x")}) == 1


def test_a_key_that_is_there_is_kept_whatever_is_offered(place: Place, name: KeyName):
    here = place.ask()
    kept = here.offer(name, os.urandom(32))

    assert here.offer(name, os.urandom(32)) == kept
    assert place.ask().offer(name, os.urandom(32)) == kept == place.ask().fetch(name)
    here.make(name)
    assert place.ask().fetch(name) == kept


def test_what_packets_are_signed_with_is_kept_with_them(place: Place):
    pem = place.ask().offer(SIGNER, b"-----BEGIN" + b"x" * 2000)

    assert place.ask().fetch(SIGNER) == pem
    assert SIGNER in place.ask().names()


def test_a_destroyed_key_is_gone_for_good_and_within_seconds_everywhere(place: Place, name: KeyName):
    here, there = place.ask(), place.ask()
    here.make(name)
    sealed = there.seal(name, b"x", about="r1")
    with (place.folder / name).open("rb") as lying:
        here.destroy(name)
        here.destroy(name)
        with pytest.raises(KeyGone):
            here.unseal(name, sealed, about="r1")
        in_time(lambda: not _opens(there, name, sealed), HELD_SECONDS + 30)
        assert not any(lying.read())  # overwritten where it lay
    assert not (place.folder / name).exists()
    assert (there.has(name), there.was_destroyed(name), name in there.names()) == (False, True, False)
    assert place.ask().destroyed().count(name) == 1
    with pytest.raises(KeyGone):
        there.seal(name, b"x", about="r1")


def _opens(keys: HeldKeys, name: KeyName, sealed: bytes) -> bool:
    try:
        return keys.unseal(name, sealed, about="r1") == b"x"
    except KeyGone:
        return False


def test_a_key_that_never_was_is_missing_and_not_destroyed(place: Place, name: KeyName):
    here = place.ask()
    here.destroy(name)

    assert (here.has(name), here.was_destroyed(name)) == (False, False)
    with pytest.raises(KeyGone):
        here.hmac(name, b"x")
    with pytest.raises(KeyGone):
        here.fetch(name)


def test_a_destruction_elsewhere_is_named_here_and_takes_the_key(place: Place, name: KeyName):
    other = KeyName.patient(PatientId.draw())
    here = place.ask()
    here.make(name)
    for each in (name, other, other):
        here.name_destroyed(each)

    assert [here.destroyed().count(each) for each in (name, other)] == [1, 1]
    assert not here.has(name)


def test_ends_are_noted_outside_the_ledger(place: Place):
    place.ask().note_end("m000000000000001", "paused")
    place.ask().note_end("m000000000000001", "revoked")

    assert place.ask().noted_ends()["m000000000000001"] == "revoked"


def test_the_copy_follows_and_asks_for_its_passphrase(place: Place, name: KeyName):
    here = place.ask()
    here.make(name)
    assert here.has_copy()
    assert here.take_copy(WORDS) == len(here.names())
    with pytest.raises(WrongPassphrase):
        here.take_copy("another")

    sealed = place.copy / "keys" / f"{name}.sealed"
    assert sealed.exists()
    here.destroy(name)
    assert not sealed.exists()


def test_where_the_copy_is_away_a_key_is_gone_here_and_the_purge_is_told(place: Place, name: KeyName):
    here = place.ask()
    here.make(name)
    here.take_copy(WORDS)
    away = place.copy.rename(place.copy.with_name("away"))
    try:
        with pytest.raises(Unavailable, match="copy of the keys"):
            here.destroy(name)
        assert not here.has(name)
    finally:
        away.rename(place.copy)
    here.destroy(name)
    assert not (place.copy / "keys" / f"{name}.sealed").exists()


def test_keys_that_moved_are_still_read_and_none_is_made_or_destroyed(place: Place, name: KeyName):
    here, new = place.ask(), KeyName.patient(PatientId.draw())
    here.make(name)
    here.say_moved("/elsewhere")
    try:
        assert here.moved() == "/elsewhere"
        assert place.ask().hmac(name, b"x")
        for change in (here.make, here.destroy, here.name_destroyed):
            with pytest.raises(KeysMoved):
                change(new)
        here.note_end("m000000000000002", "revoked")  # nobody is kept from ending a permission
    finally:
        here.say_moved("")
    assert here.moved() == ""
    here.make(new)
    assert here.has(new)


def test_no_key_stands_in_a_repr_a_log_or_an_error(place: Place, name: KeyName, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    here = place.ask()
    here.make(name)
    key = here.fetch(name)
    said = [repr(here), str(vars(here).keys())]
    for wrong in (b"", b"x" * 40):
        with pytest.raises(Unreadable) as told:
            here.unseal(name, wrong, about="r1")
        said.append(repr(told.value))
    here.destroy(name)
    with pytest.raises(KeyGone) as gone:
        here.fetch(name)
    said += [repr(gone.value), caplog.text]

    for text in said:
        assert key.hex() not in text
        assert repr(key)[2:-1] not in text
