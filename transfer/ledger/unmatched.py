"""Unmatched messages: nobody's patient is known for them. Counted by day, sealed for a while, forgotten unread."""

from collections import Counter

from transfer.ledger import Tx, arrivals
from transfer.ledger.arrivals import Arrival


def count_received(tx: Tx, arrival: Arrival) -> None:
    """Count an unmatched message on its day. It leaves no fact of its own."""
    tx.run(
        """INSERT INTO unmatched_counts (institution, day, received) VALUES (%s, %s, 1)
           ON CONFLICT (institution, day) DO UPDATE SET received = unmatched_counts.received + 1""",
        *(arrival.institution, arrival.received_at.date()),
    )


def count_matched(tx: Tx, arrival: Arrival) -> None:
    """Count, on the day it came, a message that was unmatched and has a patient now."""
    tx.run(
        """INSERT INTO unmatched_counts (institution, day, matched) VALUES (%s, %s, 1)
           ON CONFLICT (institution, day) DO UPDATE SET matched = unmatched_counts.matched + 1""",
        *(arrival.institution, arrival.received_at.date()),
    )


def forget_lapsed(tx: Tx, limit: int = 500) -> list[Arrival]:
    """Remove unmatched messages whose time is over, and count them. The caller names their objects in the vault.

    What a task has claimed is spared: the task may just be matching it to a patient.
    """
    rows = tx.rows(
        """DELETE FROM arrivals WHERE arrival IN (
             SELECT arrival FROM arrivals
             WHERE state = 'sealed' AND patient IS NULL AND purge_after <= (SELECT transfer.now())
               AND (lease_until IS NULL OR lease_until <= transfer.now()) LIMIT %s FOR UPDATE SKIP LOCKED)
           RETURNING *""",
        limit,
    )
    gone = [arrivals.of_row(row) for row in rows]
    for (institution, day), count in sorted(Counter((a.institution, a.received_at.date()) for a in gone).items()):
        tx.run(
            "UPDATE unmatched_counts SET purged = purged + %s WHERE institution = %s AND day = %s",
            *(count, institution, day),
        )
    return gone


def has_lapsed(tx: Tx) -> bool:
    """Whether there is one whose time is over."""
    row = tx.row(
        """SELECT 1 FROM arrivals
           WHERE state = 'sealed' AND patient IS NULL AND purge_after <= (SELECT transfer.now()) LIMIT 1"""
    )
    return row is not None
