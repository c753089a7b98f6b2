"""A backup holds all of it, sealed; what was damaged is refused; what was purged or ended since stays so."""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Timer
from typing import Any

import psycopg
import pytest

from tests.kit.builders import a_case, a_case_without_slides, came_in, comes, new_services, patient_of, the_hold
from tests.kit.clusters import Emptier, without_rows
from tests.kit.fakes import MemoryVault
from tests.kit.processing import process_all
from tests.kit.staff import NURSE
from transfer import facts
from transfer.adapters.backup_folder import BackupFolder
from transfer.adapters.keys import FolderKeys
from transfer.arrivals import ArrivalKind, Door
from transfer.backups import Manifest, NoBackup
from transfer.errors import OtherKeys, Refused
from transfer.facts import Origin
from transfer.flow.backing_up import ProgressCallback, back_up
from transfer.flow.desk import add_note, resolve
from transfer.flow.enforce import purge
from transfer.flow.housekeeping import remove_orphaned
from transfer.flow.restoring import KeysMissing, Settled, check, restore
from transfer.flow.services import Services
from transfer.flow.stopping import end
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId, InstitutionId
from transfer.ledger import (
    Ledger,
    arrivals,
    arriving,
    backups,
    migrate,
    patients,
    permissions,
    purging,
    rounds,
    snapshot,
    trail,
    vault_objects,
)
from transfer.ledger.arrivals import NewArrival
from transfer.permissions import End
from transfer.records import RecordKind
from transfer.rounds import Dag
from transfer.sealing import KeyGone, KeyName

pytestmark = pytest.mark.servers

#: what a restore itself writes
CHANGED = {"due_runs", "facts", "chain_heads"}


def told(_done: int, _total: int) -> None:
    """Nobody looks."""


@dataclass
class Place:
    """An installation that can lose everything, and the folder its backup lies in."""

    services: Services
    folder: BackupFolder
    owner: str

    def back_up(self, told: ProgressCallback = told) -> Manifest:
        return back_up(self.folder, self.services.ledger, self.services.vault, self.owner, days=35, told=told)

    def check(self) -> Manifest:
        return check(self.folder, self.services.ledger.keys, told)

    def lose_everything(self) -> None:
        self.services.ledger.close()
        self.services.vault.objects.clear()  # type: ignore[attr-defined]
        with psycopg.connect(self.owner) as owner:
            without_rows(owner)

    def restore(self, *, replace: bool = False, sweep: bool = False, told: ProgressCallback = told) -> Settled:
        self.services.ledger.close()
        keys, by, vault = self.services.ledger.keys, Origin(process="test"), self.services.vault
        settled = restore(self.folder, keys, vault, self.owner, by, replace=replace, sweep=sweep, told=told)
        self.open()
        return settled

    def open(self) -> None:
        old = self.services.ledger
        self.services = replace(self.services, ledger=Ledger(old.url, old.keys, old.origin))

    def tables(self) -> list[str]:
        with snapshot.owner(self.owner) as owner:
            return [shape.name for shape in snapshot.shapes(owner)]

    def rows(self) -> dict[str, list[bytes]]:
        with snapshot.owner(self.owner) as owner:
            return {shape.name: list(snapshot.rows_of(owner, shape)) for shape in snapshot.shapes(owner)}


@pytest.fixture
def place(ledger: Ledger, migrated: Any, emptier: Emptier, tmp_path: Path) -> Iterator[Place]:
    emptier.close()  # a restore wants to be alone
    services = new_services(ledger)
    place = Place(services, BackupFolder(tmp_path / "backup", ledger.keys), migrated.url("owner"))
    yield place
    place.services.ledger.close()


def files(place: Place) -> list[Path]:
    return sorted(path for path in place.folder.folder.rglob("*") if path.is_file())


def revoked(place: Place, case: CaseId, how: End = End.REVOKED) -> None:
    with place.services.ledger.transaction() as tx:
        (one,) = permissions.filed(tx, patient_of(place.services, case))
        end(tx, one, how)


def purged(place: Place, case: CaseId) -> None:
    revoked(place, case)
    with place.services.ledger.transaction() as tx:
        (one,) = permissions.filed(tx, patient_of(place.services, case))
    purge(place.services, one)


def assert_whole(place: Place) -> None:
    with place.services.ledger.transaction() as tx:
        assert [one for chain in trail.chains(tx) if (one := trail.walk(tx, chain).broken)] == []


def test_every_row_and_every_byte_comes_back(place: Place) -> None:
    case = a_packet(place)
    before, objects = place.rows(), dict(place.services.vault.objects)  # type: ignore[attr-defined]
    place.back_up()
    place.lose_everything()

    place.restore()

    after = place.rows()
    assert set(after) == set(before)
    assert {name for name in before if after[name] != before[name]} <= CHANGED
    assert set(before["facts"]) <= set(after["facts"])
    assert place.services.vault.objects == objects  # type: ignore[attr-defined]
    assert objects
    assert_whole(place)
    with place.services.ledger.transaction() as tx:
        assert tx.case(case).newest_packet


def test_every_table_of_the_ledger_is_in_it_but_the_installations_clock(place: Place) -> None:
    with psycopg.connect(place.owner) as owner:
        rows = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'transfer'").fetchall()
        counted = owner.execute("SELECT count(*) FROM pg_sequences WHERE schemaname = 'transfer'").fetchone()

    assert {name for (name,) in rows} - set(place.tables()) == {"clock"}
    assert counted == (0,), "a sequence would begin at its start again"


def test_two_backups_of_the_same_ledger_hold_the_same(place: Place) -> None:
    a_case_without_slides(place.services)
    first = place.back_up()
    place.folder = BackupFolder(place.folder.folder.with_name("second"), place.services.ledger.keys)
    second = place.back_up()

    assert first.objects == second.objects
    assert {t for t in first.tables if t.name not in CHANGED} == {t for t in second.tables if t.name not in CHANGED}


def test_only_we_can_open_it_and_it_says_nothing(place: Place) -> None:
    case = a_case_without_slides(place.services)
    came_in(place.services, case, RecordKind.NOTE, content=b"a very legible note")
    place.back_up()

    assert {stat.S_IMODE(path.stat().st_mode) for path in files(place)} == {0o600}
    folders = [place.folder.folder, *(path for path in place.folder.folder.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    everything = b"".join(path.read_bytes() for path in files(place))
    assert b"legible" not in everything
    assert not any(key.read_bytes() in everything for key in _keys(place))


def _keys(place: Place) -> list[Path]:
    return [path for path in (place.folder.folder.parent / "keys").rglob("*") if path.stat().st_size == 32]


# --- interrupted ------------------------------------------------------------------------------------------------------


class Dying:
    """Keys that end their process at the n-th use, with no time to tidy up."""

    def __init__(self, real: object, deadly: int) -> None:
        self._real = real
        self._left = deadly

    def __getattr__(self, name: str) -> Any:
        self._left -= 1
        if self._left == 0:
            os._exit(9)
        return getattr(self._real, name)


def dies(act: Callable[[Dying], object], place: Place, deadly: int) -> bool:
    """Act in a process of its own that is killed at the n-th use of its keys. False: it came to its end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act(Dying(place.services.ledger.keys, deadly))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9), "it failed"
    return code == 9


def deaths(act: Callable[[Dying], object], place: Place) -> Iterator[int]:
    """Each n at which it was killed: all up to 16, then 32, 64 … until it comes to its end."""
    deadly = 1
    while dies(act, place, deadly):
        yield deadly
        deadly += 1 if deadly < 16 else deadly


def test_a_backup_killed_anywhere_says_so_is_refused_and_is_taken_again(place: Place) -> None:
    a_case_without_slides(place.services)
    place.services.ledger.close()

    def act(keys: Dying) -> None:
        ledger = Ledger(place.services.ledger.url, keys, Origin(process="test"))  # type: ignore[arg-type]
        folder = BackupFolder(place.folder.folder, keys)  # type: ignore[arg-type]
        back_up(folder, ledger, place.services.vault, place.owner, days=35, told=told)

    count = 0
    for _ in deaths(act, place):
        count += 1
        if (place.folder.folder / "backup.json").exists():
            break
        with pytest.raises(NoBackup):
            place.check()
    place.open()

    assert count >= 16
    assert place.check().objects
    place.lose_everything()
    place.restore()
    assert_whole(place)


def test_a_restore_killed_anywhere_is_run_again(place: Place) -> None:
    case = a_case_without_slides(place.services)
    place.back_up()
    place.lose_everything()
    folder, url, by = place.folder.folder, place.owner, Origin(process="test")

    def act(keys: Dying) -> None:
        found = BackupFolder(folder, keys)  # type: ignore[arg-type]
        restore(found, keys, MemoryVault(), url, by, replace=False, told=told)  # type: ignore[arg-type]

    count = 0
    for _ in deaths(act, place):
        count += 1
        with snapshot.owner(place.owner) as owner:
            assert snapshot.is_empty(owner), "all of the ledger is there, or none of it"

    assert count >= 16
    place.restore(replace=True)
    assert_whole(place)
    with place.services.ledger.transaction() as tx:
        assert tx.case(case).opened


def test_a_backup_begun_again_copies_only_what_is_not_there(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    a_case_without_slides(place.services)
    monkeypatch.setattr(BackupFolder, "finish", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        place.back_up()
    monkeypatch.undo()
    place.services.vault.objects.clear()  # type: ignore[attr-defined]

    manifest = place.back_up()

    assert manifest.objects
    assert not manifest.lacking


def test_a_backup_killed_between_its_manifest_and_its_end_is_taken_again(place: Place) -> None:
    a_case_without_slides(place.services)
    place.back_up()
    (place.folder.folder / "UNFINISHED").touch()
    with pytest.raises(NoBackup, match="not finished"):
        place.check()

    manifest = place.back_up()

    assert place.check() == manifest


def test_a_backup_is_named_in_the_trail_before_it_is_one(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever purges names the backups that hold what was purged; one too many rather than one too few."""
    monkeypatch.setattr(BackupFolder, "finish", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        place.back_up()

    with place.services.ledger.transaction() as tx:
        assert backups.living(tx)


# --- damaged ----------------------------------------------------------------------------------------------------------


def test_one_changed_byte_in_any_file_is_found(place: Place) -> None:
    a_case_without_slides(place.services)
    place.back_up()

    for path in files(place):
        content = path.read_bytes()
        at = len(content) // 2
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(NoBackup):
            place.check()
        path.write_bytes(content)
    place.check()


@pytest.mark.parametrize("harm", ["missing", "short", "longer", "empty"])
def test_a_file_missing_short_or_long_is_found(place: Place, harm: str) -> None:
    a_case_without_slides(place.services)
    place.back_up()

    for path in files(place):
        content = path.read_bytes()
        changed = {"missing": b"", "short": content[:-1], "longer": content + b"\0", "empty": b""}[harm]
        path.unlink() if harm == "missing" else path.write_bytes(changed)
        with pytest.raises(NoBackup):
            place.check()
        path.write_bytes(content)


def test_one_object_in_the_place_of_another_is_found(place: Place) -> None:
    a_case_without_slides(place.services)
    place.back_up()
    one, other, *_ = (path for path in files(place) if path.parent.name == "objects")
    one.write_bytes(other.read_bytes())

    with pytest.raises(NoBackup):
        place.check()


def test_a_ledger_that_was_rewritten_is_not_restored(place: Place) -> None:
    case = a_case(place.services)
    with psycopg.connect(place.owner) as owner:
        owner.execute(
            "UPDATE transfer.facts SET hash = sha256(hash) WHERE chain = %s AND sequence = 1", [f"case:{case}"]
        )
    place.back_up()
    place.lose_everything()

    with pytest.raises(NoBackup, match="line 1"):
        place.restore()
    with snapshot.owner(place.owner) as owner:
        assert snapshot.is_empty(owner)
    place.open()


def test_another_installations_keys_do_not_open_it(place: Place, tmp_path: Path) -> None:
    a_case(place.services)
    place.back_up()
    (tmp_path / "keys" / "site").write_bytes(os.urandom(32))

    with pytest.raises(NoBackup, match="not the keys"):
        place.check()


# --- where something is already ---------------------------------------------------------------------------------------


def test_a_folder_with_a_backup_or_something_else_in_it_is_left_alone(place: Place, tmp_path: Path) -> None:
    place.back_up()
    with pytest.raises(Refused, match="already"):
        place.back_up()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    place.folder = BackupFolder(tmp_path / "other", place.services.ledger.keys)

    with pytest.raises(Refused, match="not empty"):
        place.back_up()


def test_a_ledger_that_is_there_is_given_up_only_by_the_word(place: Place) -> None:
    first = a_case_without_slides(place.services)
    place.back_up()
    second = a_case(place.services)
    came_in(place.services, first, RecordKind.NOTE, content=b"came later")

    with pytest.raises(Refused, match="--replace"):
        place.restore()
    place.open()
    place.restore(replace=True)

    with place.services.ledger.transaction() as tx:
        assert tx.case(first).opened
        assert not tx.case(second).opened
        assert tx.value("SELECT count(*) FROM vault_uploads WHERE at = '-infinity'") > 0, "nobody names it any more"


def test_nothing_is_restored_while_others_are_at_work(place: Place) -> None:
    place.back_up()
    place.lose_everything()
    with psycopg.connect(place.services.ledger.url), pytest.raises(Refused, match="at work"):
        place.restore()
    place.open()


def test_who_only_asks_whether_the_database_answers_is_not_at_work(place: Place) -> None:
    place.back_up()
    place.lose_everything()
    asking = psycopg.connect(place.services.ledger.url)
    Timer(0.5, asking.close).start()

    place.restore()

    assert asking.closed


def test_who_began_to_work_while_objects_were_copied_loses_nothing(place: Place) -> None:
    a_case_without_slides(place.services)
    place.back_up()
    place.lose_everything()
    meanwhile = []

    def works(_done: int, _total: int) -> None:
        if not meanwhile:
            place.open()
            meanwhile.append(a_case(place.services))

    with pytest.raises(Refused, match="at work"):
        place.restore(told=works)
    place.services.ledger.close()
    with pytest.raises(Refused, match="--replace"):
        place.restore()
    place.open()

    with place.services.ledger.transaction() as tx:
        assert tx.case(meanwhile[0]).opened


# --- what lies in the store and nobody names --------------------------------------------------------------------------


def test_what_a_dead_writer_left_is_still_named_after_the_ledger_was_given_up(place: Place) -> None:
    place.back_up()
    vault_objects.register_upload(place.services.ledger, "left by a dead writer")

    place.restore(replace=True)

    assert "left by a dead writer" in marked(place)


def test_what_a_restore_that_stopped_had_put_back_is_named(place: Place) -> None:
    a_case_without_slides(place.services)
    place.back_up()
    place.lose_everything()

    def stops(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.restore(told=stops)
    place.open()

    back = place.services.vault.objects  # type: ignore[attr-defined]
    with place.services.ledger.transaction() as tx:
        assert back
        assert set(back) <= {row.key for row in tx.rows("SELECT key FROM vault_uploads")}
    place.restore()
    assert not marked(place)


@pytest.mark.parametrize("sweep", [True, False])
def test_what_a_store_that_outlived_its_ledger_holds_is_counted_and_goes_by_the_word(place: Place, sweep: bool) -> None:
    case = a_packet(place)
    place.back_up()
    named = set(place.services.vault.objects)  # type: ignore[attr-defined]
    came_in(place.services, case, RecordKind.NOTE, content=b"came later")
    (later,) = set(place.services.vault.objects) - named  # type: ignore[attr-defined]
    objects = dict(place.services.vault.objects)  # type: ignore[attr-defined]
    place.lose_everything()
    place.services.vault.objects.update(objects)  # type: ignore[attr-defined]

    assert place.restore(sweep=sweep).stray == 1

    assert marked(place) == ({later} if sweep else set())


def marked(place: Place) -> set[str]:
    with place.services.ledger.transaction() as tx:
        return {row.key for row in tx.rows("SELECT key FROM vault_uploads WHERE at = '-infinity'")}


def test_a_backup_of_an_older_form_is_brought_to_todays(place: Place) -> None:
    names: list[set[str]] = []
    with snapshot.owner(place.owner) as owner:

        def fill() -> None:
            rows = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'transfer'").fetchall()
            names.append({row.tablename for row in rows})

        migrate.rebuild(owner, "0004", fill)
        newest = migrate.newest(owner)

    assert "emergencies" not in names[0]
    assert "emergencies" in place.tables()
    assert int(newest) >= 7
    with snapshot.owner(place.owner) as owner, pytest.raises(Refused, match="older than the backup"):
        migrate.rebuild(owner, "9999", fill)


#: what comes after every migration there is, and renames what a backup of today holds
RENAMING = """
    SET search_path = transfer;
    ALTER TABLE notes RENAME COLUMN text TO sealed;
    ALTER TABLE notes RENAME TO remarks;
    UPDATE record_parts SET role = 'as-received' WHERE role = 'received';
"""


@pytest.fixture
def renamed_since(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Call it, and the code knows a migration more. The database of the other tests is as before afterwards."""
    files = migrate._migrations()
    yield lambda: monkeypatch.setattr(migrate, "_migrations", lambda: [*files, ("9001_other_words.sql", RENAMING)])
    monkeypatch.undo()
    with snapshot.owner(place.owner) as owner:
        migrate.rebuild(owner, files[-1][0][:4], lambda: None)


def test_a_backup_is_restored_where_tables_columns_and_values_were_renamed_since(
    place: Place, renamed_since: Callable[[], None]
) -> None:
    case = a_case_without_slides(place.services)
    add_note(place.services, case, "They call on Thursdays.", actor=NURSE)
    before = place.rows()
    place.back_up()
    place.lose_everything()
    renamed_since()

    place.restore()

    after = place.rows()
    assert after.keys() == before.keys() - {"notes"} | {"remarks"}
    assert after["remarks"] == before["notes"] != []
    with place.services.ledger.transaction() as tx:
        assert {row.role for row in tx.rows("SELECT DISTINCT role FROM record_parts")} == {"as-received"}
        assert tx.rows("SELECT sealed FROM remarks")
    assert_whole(place)


# --- what a restore must not undo -------------------------------------------------------------------------------------


def test_who_was_purged_after_the_backup_stays_purged_in_ledger_vault_and_backup(place: Place) -> None:
    case, other = a_case_without_slides(place.services), a_case_without_slides(place.services)
    patient = patient_of(place.services, case)
    manifest = place.back_up()
    theirs = [one for one in manifest.objects if one.under == KeyName.patient(patient)]
    assert theirs
    purged(place, case)
    with place.services.ledger.transaction() as tx:
        (fact,) = [x.fact for x in tx.lines(facts.Chain.patient(patient)) if isinstance(x.fact, facts.RecordsPurged)]
    assert fact.backups == (f"{manifest.backup} until {manifest.lapses.isoformat()}",)
    place.lose_everything()

    settled = place.restore()

    assert settled.forgotten == (patient,)
    assert not {one.key for one in theirs} & set(place.services.vault.objects)  # type: ignore[attr-defined]
    with pytest.raises(KeyGone):
        list(place.folder.read_object(theirs[0]))
    with place.services.ledger.transaction() as tx:
        assert patients.identity(tx, patient) is None
        assert tx.case(case).closed
        assert tx.value("SELECT count(*) FROM records WHERE purged_at IS NULL") == 3
        assert not tx.case(other).closed
    process_all(place.services)
    assert_whole(place)


@pytest.mark.parametrize("how", [End.REVOKED, End.ENTERED_IN_ERROR, End.PAUSED])
def test_a_permission_that_ended_after_the_backup_ends_again(place: Place, how: End) -> None:
    case = a_case_without_slides(place.services)
    place.back_up()
    revoked(place, case, how)
    place.lose_everything()

    assert len(place.restore().stopped) == 1

    with place.services.ledger.transaction() as tx:
        (one,) = permissions.filed(tx, patient_of(place.services, case))
        owed = tx.rows("SELECT 1 FROM due_runs WHERE dag_id = %s AND state = 'owed'", Dag.ENFORCE_PERMISSIONS)
    assert one.permission.ended is how
    assert owed


@pytest.mark.parametrize("before", [End.REPLACED, End.ENTERED_IN_ERROR])
def test_what_was_revoked_after_it_had_ended_otherwise_is_revoked_again(place: Place, before: End) -> None:
    case = a_case_without_slides(place.services)
    revoked(place, case, before)
    place.back_up()
    revoked(place, case)
    place.lose_everything()

    assert len(place.restore().stopped) == 1

    with place.services.ledger.transaction() as tx:
        (one,) = permissions.filed(tx, patient_of(place.services, case))
    assert one.permission.ended is End.REVOKED


def test_what_had_ended_for_good_is_not_made_a_pause_by_an_older_note(place: Place) -> None:
    """The copy of the keys may have been away when it ended."""
    case = a_case_without_slides(place.services)
    revoked(place, case, End.REPLACED)
    with place.services.ledger.transaction() as tx:
        (one,) = permissions.filed(tx, patient_of(place.services, case))
    place.services.ledger.keys.note_end(one.permission.id, End.PAUSED)
    place.back_up()
    place.lose_everything()

    assert not place.restore().stopped


def test_what_came_in_a_day_whose_key_was_destroyed_is_asked_for_again_and_kept_when_it_comes(place: Place) -> None:
    stored = comes(place.services, "prairie-pathology", ArrivalKind.ANSWER, b"MSH|acknowledged", "text/plain")
    place.back_up()
    day = destroy_day_of(place, stored.arrival)
    place.lose_everything()

    settled = place.restore()

    (unread,) = settled.unread
    assert (unread.institution, unread.messages, unread.unmatched) == ("prairie-pathology", 1, 0)
    assert day.endswith(unread.day.isoformat())
    with place.services.ledger.transaction() as tx:
        assert tx.value("SELECT state FROM arrivals WHERE arrival = %s", stored.arrival) == "purged"
        (restored,) = [x.fact for x in tx.lines(facts.SYSTEM) if isinstance(x.fact, facts.Restored)]
    assert restored.unread == (f"prairie-pathology {unread.day} 1",)
    again = comes(place.services, "prairie-pathology", ArrivalKind.ANSWER, b"MSH|acknowledged", "text/plain")
    assert not again.is_duplicate


def test_an_unmatched_message_whose_time_is_over_is_counted_as_such(place: Place) -> None:
    stored = comes(place.services, "prairie-pathology", ArrivalKind.ANSWER, b"MSH|of nobody known", "text/plain")
    with place.services.ledger.transaction() as tx:
        one = arrivals.claim(tx, stored.arrival)
        assert one
        arrivals.settle(tx, one, "sealed", "unmatched", purge_after=timedelta(0))
    place.back_up()
    destroy_day_of(place, stored.arrival)
    place.lose_everything()

    (unread,) = place.restore().unread

    assert (unread.messages, unread.unmatched) == (1, 1)


@pytest.mark.parametrize("there", [True, False])
def test_a_long_message_that_is_in_the_vault_still_is_kept_under_todays_key(place: Place, there: bool) -> None:
    """It was not decided when the backup was taken; its day's key has gone since, and its bytes never hung on it."""
    location = place.services.vault.keep([b"a long message"])
    incoming = NewArrival(
        institution=InstitutionId("prairie-pathology"),
        door=Door.FHIR,
        kind=ArrivalKind.ANSWER,
        business="one",
        control=None,
        content_type="text/plain",
        payload=None,
        location=location,
        content_sha256=bytes.fromhex(location.sha256),
    )
    with place.services.ledger.transaction() as tx:
        (stored,) = arriving.store(tx, [incoming])
        tx.run("UPDATE arrivals SET key = 'day/prairie-pathology/2026-01-02' WHERE arrival = %s", stored.arrival)
    place.services.ledger.keys.make(KeyName("day/prairie-pathology/2026-01-02"))
    place.back_up()
    destroy_day_of(place, stored.arrival)
    if not there:
        place.services.vault.remove(location.key)

    settled = place.restore(replace=True)

    with place.services.ledger.transaction() as tx:
        kept = arrivals.get(tx, stored.arrival)
        assert bool(kept) is there
        if kept:
            assert kept.state == "stored"
            assert kept.location == location
            assert tx.keys.has(kept.key)
    assert len(settled.unread) == (not there)
    assert (location.key in marked(place)) is not there


def destroy_day_of(place: Place, arrival: str) -> KeyName:
    with place.services.ledger.transaction() as tx:
        key = KeyName(tx.value("SELECT key FROM arrivals WHERE arrival = %s", arrival))
    place.services.ledger.keys.destroy(key)
    return key


def test_a_folder_without_any_key_is_named_and_no_backup_is_called_altered(place: Place, tmp_path: Path) -> None:
    a_case(place.services)
    place.back_up()
    (tmp_path / "keys" / "site").unlink()

    with pytest.raises(KeysMissing):
        place.check()


def test_a_restored_ledger_knows_its_keys(place: Place, tmp_path: Path) -> None:
    a_case(place.services)
    place.back_up()
    place.lose_everything()
    place.restore()

    others = Ledger(place.services.ledger.url, FolderKeys(tmp_path / "others"), Origin(process="test"))
    with pytest.raises(OtherKeys), others.transaction():
        pass
    others.close()
    with place.services.ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM site_mark") == 1


def test_keys_that_are_missing_and_were_not_destroyed_stop_a_restore(place: Place, tmp_path: Path) -> None:
    case = a_case_without_slides(place.services)
    place.back_up()
    (tmp_path / "keys" / KeyName.patient(patient_of(place.services, case))).unlink()
    place.lose_everything()

    with pytest.raises(KeysMissing):
        place.restore()
    place.open()


def test_what_is_purged_while_the_backup_is_taken_is_not_in_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    case, _ = a_case_without_slides(place.services), a_case_without_slides(place.services)
    copied = BackupFolder.write_table

    def purging(self: BackupFolder, name: str, *rest: Any) -> Any:
        table = copied(self, name, *rest)
        if name == "records":
            purged(place, case)
        return table

    monkeypatch.setattr(BackupFolder, "write_table", purging)
    manifest = place.back_up()

    assert len(manifest.purged) + len(manifest.objects) >= 6
    assert not manifest.lacking
    assert not [one for one in manifest.objects if one.under == KeyName.patient(patient_of(place.services, case))]


def test_a_purge_while_a_backup_is_taken_names_that_backup(place: Place) -> None:
    """Where something is spared the key lives, and what was copied by then can be read until the backup lapses."""
    case = a_case_without_slides(place.services)
    patient = patient_of(place.services, case)

    def purging_first(done: int, _total: int) -> None:
        if done == 1:
            purged(place, case)

    manifest = place.back_up(told=purging_first)

    with place.services.ledger.transaction() as tx:
        (fact,) = [x.fact for x in tx.lines(facts.Chain.patient(patient)) if isinstance(x.fact, facts.RecordsPurged)]
    assert fact.backups == (f"{manifest.backup} until {manifest.lapses.isoformat()}",)


def test_a_backup_begun_again_keeps_its_name_and_is_named_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its first attempt copied lies in the same folder: a purge between the two speaks of this backup."""
    a_case_without_slides(place.services)
    monkeypatch.setattr(BackupFolder, "write_object", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        place.back_up()
    monkeypatch.undo()
    with place.services.ledger.transaction() as tx:
        (before,) = backups.living(tx)

    manifest = place.back_up()

    assert before.startswith(manifest.backup)
    with place.services.ledger.transaction() as tx:
        assert backups.living(tx) == (f"{manifest.backup} until {manifest.lapses.isoformat()}",)


def test_what_a_purge_that_does_not_know_of_a_backup_removes_is_not_in_it(place: Place) -> None:
    """It reads which backups there are before it commits; a backup that begins between sees the ledger after it."""
    case = a_case_without_slides(place.services)
    patient = patient_of(place.services, case)
    made: list[Manifest] = []
    backing = threading.Thread(target=lambda: made.append(place.back_up()))
    with place.services.ledger.transaction() as tx:
        patients.begin_epoch(tx, patient)
        assert backups.living(tx) == ()
        backing.start()
        backing.join(1)
        purging.forget_records(tx, patient, [row.record for row in tx.rows("SELECT record FROM records")])
    backing.join(20)

    (manifest,) = made
    assert KeyName.patient(patient) not in {one.under for one in manifest.objects}


def test_what_the_store_lost_is_named(place: Place) -> None:
    a_case_without_slides(place.services)
    lost = next(iter(place.services.vault.objects))  # type: ignore[attr-defined]
    place.services.vault.remove(lost)

    manifest = place.back_up()

    assert manifest.lacking == (lost,)
    assert place.check() == manifest


def test_what_was_made_for_a_packet_and_lost_by_the_store_is_named(place: Place) -> None:
    a_packet(place)
    lost = generated(place)[0]
    place.services.vault.remove(lost)

    manifest = place.back_up()

    assert manifest.lacking == (lost,)
    assert not manifest.purged


def test_what_was_made_for_a_packet_that_is_purged_meanwhile_is_not_lacking(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = a_packet(place)
    copied, lock, waiting = BackupFolder.write_object, threading.Lock(), [True]

    def purge() -> None:
        came = came_in(place.services, case, RecordKind.NOTE)  # spared: so that the key stays
        with place.services.ledger.transaction() as tx:
            gone = tx.rows("SELECT record FROM records WHERE record <> %s", came)
            purging.forget_records(tx, patient_of(place.services, case), [row.record for row in gone])
        remove_orphaned(place.services)

    def purging_first(self: BackupFolder, *rest: Any) -> None:
        with lock:  # several are copied at once
            if waiting:
                waiting.clear()
                purge()
        copied(self, *rest)

    monkeypatch.setattr(BackupFolder, "write_object", purging_first)
    made = set(generated(place))

    manifest = place.back_up()

    assert not manifest.lacking
    assert set(manifest.purged) & made


def a_packet(place: Place) -> CaseId:
    case = a_case_without_slides(place.services)
    resolve(place.services, the_hold(place.services, "approve-partial").id, HoldAnswer.APPROVE, actor=NURSE)
    process_all(place.services)
    return case


def generated(place: Place) -> list[str]:
    """Objects that a packet's plan alone names."""
    with place.services.ledger.transaction() as tx:
        return [one.location.key for one in snapshot.objects(tx) if one.packet]


def test_rounds_at_work_are_owed_again_under_numbers_airflow_never_saw(place: Place) -> None:
    case = a_case(place.services)
    with place.services.ledger.transaction() as tx:
        rounds.owe(tx, Dag.OPEN_CASE, case)
        (one,) = rounds.postable(tx)
        rounds.posted(tx, one)
        assert rounds.take(tx, one.dag, one.subject, one.number)
    place.back_up()
    place.lose_everything()
    place.restore()

    with place.services.ledger.transaction() as tx:
        (again,) = rounds.postable(tx)
    assert (again.dag, again.subject) == (Dag.OPEN_CASE, case)
    assert again.number > one.number + 900
