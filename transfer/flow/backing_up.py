"""Taking a backup while everything runs: the ledger at one moment, then every object it names.

Objects are never rewritten, so that what the ledger named at that moment can be copied at leisure; what is purged
meanwhile is noted as purged. Whatever the backup holds is sealed: patients' objects under their own keys, which are
not in it (docs/decisions/0013-backups.md).
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Final, TypeVar

import psycopg

from transfer import facts
from transfer.adapters.backup_folder import BackupFolder
from transfer.adapters.backup_shelf import BackupShelf
from transfer.backups import BackedUpObject, BackedUpTable, Manifest, outlived
from transfer.errors import OutOfOrder, Unknown, Unreadable
from transfer.identifiers import BackupId
from transfer.ledger import Ledger, Tx, backups, migrate, snapshot
from transfer.ledger.snapshot import Named
from transfer.sealing import KeyGone
from transfer.staging import Vault

#: told how many objects are done, and of how many
ProgressCallback = Callable[[int, int], None]


T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE: Final = 4


class _Became(Enum):
    KEPT = auto()
    PURGED = auto()
    #: the store does not give it as it was kept
    LACKING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """The ledger at the moment of the backup."""

    taken_at: datetime
    migration: str
    tables: tuple[BackedUpTable, ...]
    objects: list[Named]


def back_up(
    folder: BackupFolder, ledger: Ledger, vault: Vault, owner_url: str, *, days: int, told: ProgressCallback
) -> Manifest:
    """Take a backup into the folder. That there is one, and when it lapses, is in the trail before the first copy: what
    is purged from then on may lie in it.

    Begun again after it was interrupted, it takes the ledger anew and copies only the objects that are not there yet.

    Raises:
        Refused: something else lies in the folder.
        Unavailable: ledger or store does not answer; the same call again goes on.
    """
    backup = folder.begin()
    with ledger.transaction() as tx:
        lapses = backups.begin(tx, backup, days)
    try:
        moment = _copy_ledger(folder, ledger, owner_url)
    except psycopg.OperationalError as error:
        raise OutOfOrder(f"the ledger did not answer ({type(error).__name__})") from None
    copied: list[tuple[BackedUpObject, _Became]] = []
    for one in side_by_side(lambda named: _copy_object(folder, ledger, vault, named), moment.objects):
        copied.append(one)
        told(len(copied), len(moment.objects))
    manifest = Manifest(
        backup=backup,
        taken_at=moment.taken_at,
        lapses=lapses,
        code=ledger.origin.code,
        migration=moment.migration,
        tables=moment.tables,
        objects=tuple(one for one, became in copied if became is _Became.KEPT),
        purged=tuple(one.key for one, became in copied if became is _Became.PURGED),
        lacking=tuple(one.key for one, became in copied if became is _Became.LACKING),
    )
    with ledger.transaction() as tx:
        fact = facts.BackedUp(backup=manifest.backup, lapses=manifest.lapses.isoformat(), objects=len(manifest.objects))
        tx.append(facts.SYSTEM, fact)
    folder.finish(manifest)
    return manifest


def check_reachable(ledger: Ledger, vault: Vault, owner_url: str) -> None:
    """What a backup needs answers, so that none is begun, and no key copied, for one that cannot be.

    Raises:
        Unavailable: ledger or store does not answer.
    """
    with ledger.transaction() as tx:
        tx.now()
    try:
        with snapshot.owner(owner_url) as connection:
            migrate.newest(connection)
    except psycopg.OperationalError:
        raise OutOfOrder("the ledger does not let its owner in (TRANSFER_OWNER_DATABASE_URL)") from None
    if not vault.answers():
        raise OutOfOrder("the object store does not answer, or does not take our key")


def destroy_outlived(shelf: BackupShelf, ledger: Ledger, keep: int | None) -> list[BackupId]:
    """Destroy the backups whose day is over and, with `keep`, all but so many of the newest; each is in the trail.

    What was interrupted is found by the next call: the trail may then name one as living that is gone, until its day.
    """
    shelf.tidy()
    with ledger.transaction() as tx:
        today = tx.now().date()
    whole = shelf.whole()
    folders = {manifest.backup: folder for folder, manifest in whole.items()}
    gone = [manifest.backup for manifest in outlived(whole.values(), today, keep)]
    for backup in gone:
        shelf.destroy(folders[backup])
        with ledger.transaction() as tx:
            backups.destroyed(tx, backup)
    return gone


def side_by_side(do: Callable[[T], R], things: Sequence[T]) -> Iterator[R]:
    """Do it to several at once, most of whose time is waiting; what became of each, in order. The first error stops."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="copy") as pool:
        try:
            yield from pool.map(do, things)
        finally:
            pool.shutdown(cancel_futures=True)


def _copy_ledger(folder: BackupFolder, ledger: Ledger, owner_url: str) -> _Moment:
    """All tables, and the objects they name, in one picture."""
    with snapshot.owner(owner_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        tx = Tx(connection, ledger.keys, ledger.origin)
        taken_at = tx.now()
        tables = tuple(
            folder.write_table(shape.name, shape.columns, snapshot.rows_of(connection, shape))
            for shape in snapshot.shapes(connection)
        )
        return _Moment(
            taken_at=taken_at,
            migration=migrate.newest(connection),
            tables=tables,
            objects=snapshot.objects(tx),
        )


def _copy_object(folder: BackupFolder, ledger: Ledger, vault: Vault, named: Named) -> tuple[BackedUpObject, _Became]:
    place = named.location
    kept = BackedUpObject(key=place.key, size=place.length, sha256=place.sha256, under=named.under)
    try:
        folder.write_object(kept, vault.read(place))
    except KeyGone:
        return kept, _Became.PURGED
    except (Unknown, Unreadable):
        return kept, _Became.PURGED if _is_gone(ledger, named) else _Became.LACKING
    return kept, _Became.KEPT


def _is_gone(ledger: Ledger, named: Named) -> bool:
    """It was purged while we were at it: nobody names it any more, or its key is gone."""
    with ledger.transaction() as tx:
        return not tx.keys.has(named.under) or not snapshot.is_named(tx, named)
