"""Frames that an MLLP door did not take: whose, how they ended, how many."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from transfer.arrivals import Door
from transfer.doors import FrameEnding
from transfer.identifiers import InstitutionId
from transfer.ledger import Tx

#: a sender that gets no answer sends again, long before this is over
_TOLD_FOR: Final = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesNotTaken:
    """How frames of one institution ended, so many in a row, the last one at `last_at` (UTC)."""

    institution: InstitutionId
    ending: FrameEnding
    count: int
    last_at: datetime


def note(tx: Tx, institution: InstitutionId, ending: FrameEnding) -> None:
    """One more frame ended so."""
    tx.run(
        """INSERT INTO frames_not_taken AS f (institution, ending, count, last_at) VALUES (%s, %s, 1, transfer.now())
           ON CONFLICT (institution, ending) DO UPDATE SET last_at = transfer.now(),
             count = CASE WHEN f.last_at > transfer.now() - %s THEN f.count + 1 ELSE 1 END""",
        *(institution, ending, _TOLD_FOR),
    )


def not_taken(tx: Tx) -> list[FramesNotTaken]:
    """Those after which no message of their institution came by MLLP, the last ones first. Nobody need know of a sender
    that was put right, or that sends no more for three days.
    """
    rows = tx.rows(
        """SELECT f.* FROM frames_not_taken AS f
           WHERE f.last_at > transfer.now() - %s AND NOT EXISTS
             (SELECT 1 FROM arrivals AS a WHERE a.institution = f.institution AND a.door = %s
                AND a.received_at > f.last_at)
           ORDER BY f.last_at DESC, f.institution, f.ending""",
        *(_TOLD_FOR, Door.MLLP),
    )
    return [
        FramesNotTaken(
            institution=InstitutionId(row.institution),
            ending=FrameEnding(row.ending),
            count=row.count,
            last_at=row.last_at,
        )
        for row in rows
    ]
