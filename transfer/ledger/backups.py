"""Backups as the trail names them: begun before anything is copied, so that a purge knows who still holds what."""

from datetime import date, timedelta

from transfer import facts
from transfer.identifiers import BackupId
from transfer.ledger import Tx, lock_number

#: shared by those who read which backups there are, taken by one that begins a backup
_BEGINNING = lock_number("backups")


def begin(tx: Tx, backup: BackupId, days: int) -> date:
    """Name a backup before it copies anything. Returns the day it lapses.

    It waits for purges that do not know of it. So what it copies after this transaction is the ledger after them.
    """
    tx.row("SELECT pg_advisory_xact_lock(%s)", _BEGINNING)
    lapses = (tx.now() + timedelta(days=days)).date()
    tx.append(facts.SYSTEM, facts.BackupBegun(backup=backup, lapses=lapses.isoformat()))
    return lapses


def destroyed(tx: Tx, backup: BackupId) -> None:
    """A backup is gone. Call it after its last byte: until then purges name it."""
    tx.append(facts.SYSTEM, facts.BackupDestroyed(backup=backup))


def living(tx: Tx) -> tuple[str, ...]:
    """Backups that have not lapsed and are not known to be destroyed, finished or not, each with the day it lapses.
    None begins before we commit.
    """
    tx.row("SELECT pg_advisory_xact_lock_shared(%s)", _BEGINNING)
    rows = tx.rows(
        # by their kinds alone, which stand in no other chain: of the system's own chain papers are the most
        "SELECT text, previous, hash FROM facts WHERE kind = ANY(%s) ORDER BY sequence",
        facts.stored_kinds(facts.BackupBegun, facts.BackedUp, facts.BackupDestroyed),
    )
    lapses: dict[str, str] = {}
    for row in rows:
        match facts.read(row.text, row.previous, row.hash).fact:
            case facts.BackupBegun(backup=backup, lapses=day) | facts.BackedUp(backup=backup, lapses=day):
                lapses[backup] = day
            case facts.BackupDestroyed(backup=backup):
                lapses.pop(backup, None)
    today = tx.now().date().isoformat()
    return tuple(sorted(f"{backup} until {day}" for backup, day in lapses.items() if day >= today))
