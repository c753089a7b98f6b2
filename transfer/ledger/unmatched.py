"""Unmatched messages: nobody's patient is known for them. Counted by day, sealed for a while, forgotten unread."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from transfer.arrivals import ArrivalOutcome
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CameToNothing:
    """Messages of one institution that joined no patient: how many, and of how many nothing in them names one."""

    institution: str
    messages: int
    nameless: int


def came_to_nothing(tx: Tx, since: datetime) -> list[CameToNothing]:
    """What came since then (UTC) and lies sealed, for it is about nobody we have a case for."""
    rows = tx.rows(
        """SELECT institution, count(*) AS messages, count(*) FILTER (WHERE NOT EXISTS (
             SELECT 1 FROM arrival_terms AS t WHERE t.arrival = a.arrival)) AS nameless
           FROM arrivals AS a WHERE state = 'sealed' AND patient IS NULL AND received_at >= %s AND outcome <> %s
           GROUP BY institution ORDER BY institution""",
        *(since, ArrivalOutcome.DIVIDED),
    )
    return [CameToNothing(institution=row.institution, messages=row.messages, nameless=row.nameless) for row in rows]


def forget_lapsed(tx: Tx) -> list[Arrival]:
    """Remove unmatched messages whose time is over, and count them. The caller names their objects in the vault.

    What a task has claimed is spared: the task may just be matching it to a patient.
    """
    rows = tx.rows(
        """DELETE FROM arrivals WHERE arrival IN (
             SELECT arrival FROM arrivals
             WHERE state = 'sealed' AND patient IS NULL AND purge_after <= (SELECT transfer.now())
               AND (lease_until IS NULL OR lease_until <= transfer.now()) LIMIT 500 FOR UPDATE SKIP LOCKED)
           RETURNING *"""
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
