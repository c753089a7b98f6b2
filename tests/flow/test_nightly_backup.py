"""A job of every night: one folder of backups, the interrupted gone on with, those whose day is over destroyed."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.kit.builders import a_case_without_slides, new_services
from transfer.adapters.backup_folder import BackupFolder
from transfer.adapters.backup_shelf import BackupShelf
from transfer.backups import Manifest
from transfer.errors import OutOfOrder, Refused
from transfer.flow.backing_up import back_up, check_reachable, destroy_outlived
from transfer.flow.services import Services
from transfer.ledger import Ledger, backups

pytestmark = pytest.mark.servers


@dataclass
class Nights:
    services: Services
    shelf: BackupShelf
    folder: Path
    owner: str

    def back_up(self, days: int = 35) -> Manifest:
        with self.services.ledger.transaction() as tx:
            today = tx.now().date()
        with self.shelf.alone():
            into = self.shelf.next(today)
            vault = self.services.vault
            return back_up(into, self.services.ledger, vault, self.owner, days=days, told=lambda *_: None)

    def destroy(self, keep: int | None = None) -> list[str]:
        return [*destroy_outlived(self.shelf, self.services.ledger, keep)]

    def living(self) -> set[str]:
        with self.services.ledger.transaction() as tx:
            return {one.split()[0] for one in backups.living(tx)}

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def nights(ledger: Ledger, migrated: Any, tmp_path: Path) -> Nights:
    services = new_services(ledger)
    a_case_without_slides(services)
    folder = tmp_path / "backups"
    return Nights(services, BackupShelf(folder, ledger.keys), folder, migrated.url("owner"))


def test_each_night_has_a_folder_of_its_own(nights: Nights) -> None:
    made = [nights.back_up() for _ in range(2)]

    day = made[0].taken_at.date().isoformat()
    assert nights.names() == [day, f"{day}-2"]
    assert nights.living() == {one.backup for one in made}


def test_a_backup_that_was_interrupted_is_gone_on_with_by_the_next_night(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BackupFolder, "finish", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        nights.back_up()
    monkeypatch.undo()
    (interrupted,) = nights.living()
    nights.services.vault.objects.clear()  # type: ignore[attr-defined]

    manifest = nights.back_up()

    assert manifest.backup == interrupted
    assert manifest.objects, "what was copied already is used again"
    assert not manifest.lacking
    assert len(nights.names()) == 1


def test_an_attempt_that_died_before_its_first_byte_is_gone_on_with(nights: Nights) -> None:
    (nights.folder / "2020-01-01").mkdir(parents=True)

    nights.back_up()

    assert nights.names() == ["2020-01-01"]


def test_those_whose_day_is_over_are_destroyed_and_the_newest_stays(
    nights: Nights, hours_pass: Callable[[timedelta], None]
) -> None:
    first = nights.back_up(days=1)
    hours_pass(timedelta(days=3))
    assert nights.destroy() == [], "the newest stays, whatever its day says"
    second = nights.back_up(days=1)

    assert nights.destroy() == [first.backup]
    assert nights.destroy() == []
    assert nights.living() == {second.backup}
    assert len(nights.names()) == 1


def test_of_too_many_the_oldest_go_and_purges_name_them_no_more(nights: Nights) -> None:
    made = [nights.back_up() for _ in range(4)]

    assert nights.destroy(keep=2) == [one.backup for one in made[:2]]
    assert nights.living() == {one.backup for one in made[2:]}


def test_what_is_not_ours_is_left_alone(nights: Nights, tmp_path: Path) -> None:
    old = nights.folder / "2001-01-01"
    old.mkdir(parents=True)
    (old / "holiday.txt").write_text("not a backup")
    nights.back_up()
    nights.back_up()

    nights.destroy(keep=1)

    assert (old / "holiday.txt").exists()


@pytest.mark.parametrize("step", ["rename", "rmtree"])
def test_a_job_killed_while_it_destroys_leaves_no_half_backup(nights: Nights, step: str) -> None:
    """Killed right before it is renamed, or with half of its files gone."""
    made = [nights.back_up() for _ in range(2)]
    child = os.fork()
    if child == 0:

        def dies(path: Path, *_: object) -> None:
            if step == "rmtree":
                next(path.rglob("ledger/*")).unlink()
            os._exit(9)

        try:
            if step == "rename":
                Path.rename = dies  # type: ignore[method-assign, assignment]
            else:
                shutil.rmtree = dies  # type: ignore[assignment]
            nights.shelf.destroy(BackupFolder(nights.folder / nights.names()[0], nights.services.ledger.keys))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9

    whole = {manifest.backup for manifest in nights.shelf.whole().values()}
    assert whole == {one.backup for one in made[0 if step == "rename" else 1 :]}
    nights.destroy(keep=1)
    assert {manifest.backup for manifest in nights.shelf.whole().values()} == {made[1].backup}
    assert len(nights.names()) == 1, "nothing of the other is left"


def test_two_jobs_at_once_do_not_write_over_each_other(nights: Nights) -> None:
    with nights.shelf.alone(), pytest.raises(Refused, match="under way"):
        nights.back_up()
    nights.back_up()


def test_nothing_is_begun_where_something_is_away(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, vault = nights.services.ledger, nights.services.vault
    check_reachable(ledger, vault, nights.owner)
    monkeypatch.setattr(vault, "answers", lambda: False)
    with pytest.raises(OutOfOrder, match="store"):
        check_reachable(ledger, vault, nights.owner)
    with pytest.raises(OutOfOrder, match="TRANSFER_OWNER_DATABASE_URL"):
        check_reachable(ledger, vault, "postgresql://nobody@127.0.0.1:1/x?connect_timeout=2")
