"""What a record says of itself, written anew; and held still while a packet is ruled on by it."""

from collections.abc import Iterable
from dataclasses import fields, replace

from transfer import codec
from transfer.identifiers import RecordId
from transfer.ledger import Tx
from transfer.ledger.records import About, StoredRecord, from_row
from transfer.sealing import KeyName


def rewrite(tx: Tx, kept: StoredRecord, about: About, *, is_whole: bool) -> None:
    """A study grew, or its missing instances came. Packets that hold it are ruled on by what it says from now on.

    What others wrote since `kept` was read stays, where `about` says nothing else than `kept` of it, and so does each
    label. A record that was purged meanwhile is left as it is.
    """
    row = tx.row("SELECT * FROM records WHERE record = %s AND purged_at IS NULL FOR UPDATE", kept.id)
    if row is None:
        return
    now = from_row(tx, row).about
    said = {one.name: getattr(about, one.name) for one in fields(About)}
    changed = {name: value for name, value in said.items() if value != getattr(kept.about, name)}
    changed["labels"] = about.labels | (now.labels - kept.about.labels)
    about = replace(now, **changed)
    sealed = tx.keys.seal(KeyName.patient(kept.patient), codec.dump(About, about), about=kept.id)
    tx.run(
        "UPDATE records SET about = %s, is_whole = %s, rewritten_at = transfer.now() WHERE record = %s",
        *(sealed, is_whole, kept.id),
    )


def held_still(tx: Tx, wanted: Iterable[RecordId]) -> list[StoredRecord]:
    """These as they are now, what is purged left out. Nobody writes one anew until this transaction ends."""
    rows = tx.rows(
        "SELECT * FROM records WHERE record = ANY(%s) AND purged_at IS NULL ORDER BY record FOR SHARE", sorted(wanted)
    )
    return [from_row(tx, row) for row in rows]
