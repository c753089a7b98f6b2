"""Questions to people as an auditor asks for them: of a time, with what each of several people answered."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from transfer.holds import HoldAnswer
from transfer.ledger import Tx
from transfer.ledger.holds import Hold, of_row


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAnswer:
    """What one of several people answered, who must all answer alike; `at` is UTC."""

    person: str
    answer: HoldAnswer
    at: datetime


def between(tx: Tx, begin: datetime, end: datetime) -> list[Hold]:
    """Every question that was asked or answered from `begin` on and before `end` (UTC), in the order of asking."""
    rows = tx.rows(
        """SELECT * FROM holds WHERE (opened_at >= %s AND opened_at < %s) OR (resolved_at >= %s AND resolved_at < %s)
           ORDER BY opened_at, hold""",
        *(begin, end, begin, end),
    )
    return [of_row(row) for row in rows]


def opinions(tx: Tx, holds: Collection[str]) -> dict[str, list[GivenAnswer]]:
    """The answers to those of the questions that several people must answer alike, in their order."""
    found: dict[str, list[GivenAnswer]] = {}
    rows = tx.rows("SELECT * FROM hold_answers WHERE hold = ANY(%s) ORDER BY hold, answered_at", list(holds))
    for row in rows:
        opinion = GivenAnswer(person=row.person, answer=HoldAnswer(row.answer), at=row.answered_at)
        found.setdefault(row.hold, []).append(opinion)
    return found
