"""The key of an institution's day: what belongs to no known patient is sealed under the key of the day it came.

A key is destroyed once its day has lapsed and nothing is sealed under it any more.
"""

from collections.abc import Mapping
from datetime import date

from transfer import facts
from transfer.identifiers import InstitutionId
from transfer.ledger import Tx
from transfer.sealing import KeyGone, KeyName, Keys


def seal_each(keys: Keys, institution: InstitutionId, day: date, contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """As `Keys.seal_each`, under the day's key, which is made where it is missing; also where there are no contents.
    Who seals under it writes the row, too, that closes the day when the key is destroyed.
    """
    key = KeyName.day(institution, day)
    if contents:
        try:
            return keys.seal_each(key, contents)
        except KeyGone:  # the day's first
            pass
    keys.make(key)
    return keys.seal_each(key, contents)


def begin(tx: Tx, institution: InstitutionId, day: date) -> KeyName:
    """The day's key, made with that row. Twice is once."""
    key = KeyName.day(institution, day)
    tx.keys.make(key)
    tx.run("INSERT INTO unmatched_counts (institution, day) VALUES (%s, %s) ON CONFLICT DO NOTHING", institution, day)
    return key


def lapsed(tx: Tx) -> list[tuple[InstitutionId, date]]:
    """Days that ended 72 h ago and are not closed: their keys are to be destroyed."""
    rows = tx.rows(
        """SELECT institution, day FROM unmatched_counts
           WHERE NOT is_closed AND day < (SELECT (transfer.now() - interval '96 hours')::date)
           ORDER BY day, institution"""
    )
    return [(InstitutionId(row.institution), row.day) for row in rows]


def is_empty(tx: Tx, institution: InstitutionId, day: date) -> bool:
    """Whether nothing is sealed under the day's key any more."""
    key = KeyName.day(institution, day)
    return not tx.row("SELECT 1 FROM arrivals WHERE key = %s AND state <> 'purged' LIMIT 1", key)


def close(tx: Tx, institution: InstitutionId, day: date) -> facts.UnmatchedPurged | None:
    """Close a day whose key was destroyed. One fact counts its unmatched messages. None: it was closed before."""
    row = tx.row(
        """UPDATE unmatched_counts SET is_closed = true WHERE institution = %s AND day = %s AND NOT is_closed
           RETURNING purged""",
        *(institution, day),
    )
    if row is None:
        return None
    return facts.UnmatchedPurged(institution=institution, day=day.isoformat(), count=row.purged, key_destroyed=True)
