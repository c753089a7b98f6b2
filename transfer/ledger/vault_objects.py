"""Objects of the vault by the ledger's names: registered before their first byte, struck once a row names them, or
marked for deletion.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from transfer.identifiers import PatientId
from transfer.ledger import Ledger, Tx


def mark_for_deletion(tx: Tx, keys: Iterable[str]) -> None:
    """Mark objects for deletion. A process that dies before it removes them leaves their names for the next."""
    for key in keys:
        tx.run("INSERT INTO vault_uploads (key, at) VALUES (%s, '-infinity') ON CONFLICT DO NOTHING", key)


def mark_unused_for_deletion(tx: Tx, keys: Iterable[str]) -> None:
    """Mark the objects for deletion that nothing names any more: two records may have come in one message."""
    unused = tx.rows(
        """SELECT DISTINCT key FROM unnest(%s::text[]) AS key
           WHERE NOT EXISTS (SELECT 1 FROM record_parts WHERE vault_key = key)
             AND NOT EXISTS (SELECT 1 FROM arrivals WHERE vault_key = key)""",
        list(keys),
    )
    mark_for_deletion(tx, (row.key for row in unused))


def orphaned(tx: Tx, older_than: timedelta) -> list[str]:
    """Objects marked for deletion, and orphaned objects: their writer named them that long ago and never finished."""
    rows = tx.rows(
        """SELECT key FROM vault_uploads
           WHERE at = '-infinity' OR at < transfer.now() - greatest(%s, interval '6 hours')""",
        older_than,
    )
    return [row.key for row in rows]


_written_for: ContextVar[PatientId | None] = ContextVar("written_for", default=None)


@contextmanager
def writing_for(patient: PatientId) -> Iterator[None]:
    """Objects that this thread begins in the block belong to this patient. A purge removes what a dead writer left."""
    token = _written_for.set(patient)
    try:
        yield
    finally:
        _written_for.reset(token)


def register_upload(ledger: Ledger, key: str) -> None:
    """Name an object before its first byte, in a transaction of its own, because the caller's may be rolled back."""
    with ledger.statement() as tx:
        _register(tx, key)


def _register(tx: Tx, key: str) -> None:
    """Name an object that is about to be written."""
    tx.run(
        "INSERT INTO vault_uploads (key, at, patient) VALUES (%s, transfer.now(), %s) ON CONFLICT DO NOTHING",
        *(key, _written_for.get()),
    )


def strike(tx: Tx, keys: Sequence[str]) -> None:
    """Strike the objects from the uploads: the ledger names them for good now."""
    tx.send("DELETE FROM vault_uploads WHERE key = ANY(%s)", list(keys))
