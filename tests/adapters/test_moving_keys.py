"""Keys move from one place to another, whole, once, and back; what was destroyed anywhere stays so."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit.key_services import KeyService, a_key_service
from transfer.adapters.held_keys import HeldKeys, KeysMoved
from transfer.adapters.keys import FolderKeys
from transfer.adapters.moving_keys import Moved, move_keys
from transfer.errors import NotAllowed, OutOfOrder, Refused
from transfer.identifiers import PatientId
from transfer.sealing import SIGNER, SITE, KeyGone, KeyName

NAMES = [KeyName.patient(PatientId.draw()) for _ in range(5)]
GONE = KeyName.patient(PatientId.draw())


@pytest.fixture
def old(tmp_path: Path) -> FolderKeys:
    keys = FolderKeys(tmp_path / "old")
    for name in (*NAMES, GONE):
        keys.make(name)
    keys.offer(SIGNER, b"-----BEGIN")
    keys.destroy(GONE)
    keys.note_end("m000000000000001", "revoked")
    return keys


@pytest.fixture
def service(tmp_path: Path) -> Iterator[KeyService]:
    with a_key_service(tmp_path / "service", begun=False) as service:
        yield service


def a_folder(path: Path) -> FolderKeys:
    return FolderKeys(path, begins=False)


def moved(old: HeldKeys, new: HeldKeys) -> Moved:
    return move_keys(old, new, "elsewhere", lambda _done, _total: None)


def content(keys: HeldKeys) -> dict[str, bytes]:
    return {name: keys.fetch(name) for name in keys.names()}


def test_all_is_at_the_new_place_and_the_old_one_makes_and_destroys_nothing_more(old: FolderKeys, tmp_path: Path):
    before = content(old)
    new = a_folder(tmp_path / "new")

    told: list[tuple[int, int]] = []
    assert move_keys(old, new, "elsewhere", lambda *done: told.append(done)) == Moved(keys=7, destroyed=1, ends=1)

    assert told[-1] == (7, 7)
    assert content(new) == before
    assert new.was_destroyed(GONE)
    assert new.noted_ends() == {"m000000000000001": "revoked"}
    with pytest.raises(KeysMoved):
        old.make(KeyName.patient(PatientId.draw()))
    with pytest.raises(KeysMoved):
        old.destroy(NAMES[0])
    assert old.forget() == 7
    assert content(old) == {}


@pytest.mark.servers
def test_from_a_folder_to_a_service_and_back(old: FolderKeys, service: KeyService, tmp_path: Path):
    before = content(old)
    moved(old, service.client())
    old.forget()
    there, late = service.client(), KeyName.patient(PatientId.draw())
    assert content(there) == before
    there.make(late)
    there.destroy(NAMES[0])

    moved(there, a_folder(tmp_path / "old"))

    back = FolderKeys(tmp_path / "old")
    assert set(content(back)) == {*before, late} - {NAMES[0]}
    assert back.was_destroyed(NAMES[0])
    assert back.noted_ends() == {"m000000000000001": "revoked"}
    back.destroy(late)
    with pytest.raises(KeysMoved):
        service.client().make(KeyName.patient(PatientId.draw()))


class Failing(FolderKeys):
    """A place that ends before its n-th change."""

    left = 0

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OutOfOrder("ended here")

    def offer(self, name: KeyName, secret: bytes) -> bytes:
        self._count()
        return super().offer(name, secret)

    def name_destroyed(self, name: KeyName) -> None:
        self._count()
        super().name_destroyed(name)

    def note_end(self, permission: str, how: str) -> None:
        self._count()
        super().note_end(permission, how)


def test_interrupted_anywhere_it_is_done_again(old: FolderKeys, tmp_path: Path):
    before, n = content(old), 0
    while True:
        new = Failing(tmp_path / f"new{n}", begins=False)
        new.left = n
        try:
            moved(old, new)
        except OutOfOrder:
            assert moved(old, a_folder(tmp_path / f"new{n}")) == Moved(keys=7, destroyed=1, ends=1)
            assert content(a_folder(tmp_path / f"new{n}")) == before
            n += 1
        else:
            break
    assert n == 10


def test_a_key_destroyed_at_the_new_place_after_an_interrupted_move_does_not_come_back(old: FolderKeys, tmp_path: Path):
    new = a_folder(tmp_path / "new")
    moved(old, new)
    new.destroy(NAMES[1])

    assert moved(old, new).destroyed == 2

    with pytest.raises(KeyGone):
        new.fetch(NAMES[1])


def wrong_site(folder: Path) -> FolderKeys:
    return FolderKeys(folder)


def wrong_key(folder: Path) -> FolderKeys:
    keys = a_folder(folder)
    keys.offer(SITE, FolderKeys(folder.with_name("old")).fetch(SITE))
    keys.make(NAMES[2])
    return keys


@pytest.mark.parametrize("there", [wrong_site, wrong_key])
def test_other_keys_are_never_written_over(old: FolderKeys, tmp_path: Path, there: Callable[[Path], FolderKeys]):
    new = there(tmp_path / "new")
    before = content(new)

    with pytest.raises(Refused):
        moved(old, new)

    assert before.items() <= content(new).items()


def test_a_place_is_not_moved_to_itself_nor_forgotten_while_it_is_the_only_one(old: FolderKeys, tmp_path: Path):
    before = content(old)
    with pytest.raises(Refused, match="one place"):
        moved(old, a_folder(tmp_path / "old"))
    with pytest.raises(NotAllowed):
        old.forget()

    assert old.moved() == ""
    assert content(old) == before


def test_nothing_is_no_place_to_move_from(tmp_path: Path):
    with pytest.raises(KeyGone):
        moved(a_folder(tmp_path / "empty"), a_folder(tmp_path / "new"))
    assert a_folder(tmp_path / "new").names() == []
