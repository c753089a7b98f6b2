"""Holds: questions that only a person can decide, and what was answered."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from transfer import facts
from transfer.facts import Chain
from transfer.holds import HoldAnswer, HoldCode, SystemAnswer
from transfer.identifiers import CaseId, HoldId
from transfer.ledger import Row, Tx
from transfer.requests import RequestAnswer

#: a person's answer, here or by telephone for a source, or what made the question needless
AnyAnswer = HoldAnswer | RequestAnswer | SystemAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Something only a person can decide. `code` has its sentences in `transfer.sentences`."""

    id: HoldId
    subject: str
    code: HoldCode
    about: str | None
    opened_at: datetime
    resolved_at: datetime | None
    answer: AnyAnswer | None
    #: by when somebody is to answer, UTC; None: it has no clock
    due_at: datetime | None


def place(
    tx: Tx, subject: str, code: HoldCode, about: str | None = None, *, due: timedelta | None = None
) -> HoldId | None:
    """Ask a person, who is to answer within `due`. Asking the same again while it is open asks once (None)."""
    row = tx.row(
        """INSERT INTO holds (hold, subject, code, about, opened_at, due_at)
           VALUES (%s, %s, %s, %s, transfer.now(), transfer.now() + %s)
           ON CONFLICT (subject, code, coalesce(about, '')) WHERE resolved_at IS NULL DO NOTHING RETURNING hold""",
        *(HoldId.draw(), subject, code, about, due),
    )
    if row is None:
        return None
    if CaseId.pattern.fullmatch(subject):
        tx.append(Chain.case(CaseId(subject)), facts.HoldOpened(hold=row.hold, code=code, about=about))
    return HoldId(row.hold)


def resolve(tx: Tx, hold: str, answer: AnyAnswer, note: str | None = None) -> Hold | None:
    """Write the answer, or what made the question needless. None: there is no such open hold."""
    row = tx.row(
        """UPDATE holds SET resolved_at = transfer.now(), answer = %s WHERE hold = %s AND resolved_at IS NULL
           RETURNING *""",
        *(answer, hold),
    )
    if row is None:
        return None
    if CaseId.pattern.fullmatch(row.subject):
        tx.append(Chain.case(CaseId(row.subject)), facts.HoldResolved(hold=hold, answer=answer, note=note))
    return of_row(row)


def last_answer(tx: Tx, subject: str, code: HoldCode, about: str | None = None) -> AnyAnswer | None:
    """The last answer to this question, about this thing where one is named; None: nobody has answered."""
    answer: str | None = tx.value(
        """SELECT answer FROM holds WHERE subject = %s AND code = %s AND resolved_at IS NOT NULL
             AND (%s::text IS NULL OR about = %s) ORDER BY resolved_at DESC LIMIT 1""",
        *(subject, code, about, about),
    )
    return _answer(answer) if answer else None


def last_answer_about(tx: Tx, code: HoldCode, about: str) -> AnyAnswer | None:
    """The last answer to this question about this thing, on whatever case it was asked."""
    answer: str | None = tx.value(
        """SELECT answer FROM holds WHERE code = %s AND about = %s AND answer IS NOT NULL
           ORDER BY resolved_at DESC LIMIT 1""",
        *(code, about),
    )
    return _answer(answer) if answer else None


def record_answer(tx: Tx, hold: Hold, person: str, answer: HoldAnswer, about: str = "") -> int:
    """Keep one person's answer to a question that several must answer alike. Returns how many gave the same one."""
    tx.run(
        """INSERT INTO hold_answers (hold, person, answer, about, answered_at) VALUES (%s, %s, %s, %s, transfer.now())
           ON CONFLICT (hold, person) DO UPDATE SET answer = excluded.answer, about = excluded.about,
             answered_at = excluded.answered_at""",
        *(hold.id, person, answer, about),
    )
    same = "SELECT count(*) FROM hold_answers WHERE hold = %s AND answer = %s AND about = %s"
    return int(tx.value(same, hold.id, answer, about))


def answers(tx: Tx, hold: str) -> list[tuple[str, HoldAnswer]]:
    """The answers to such a question so far: person and answer."""
    rows = tx.rows("SELECT person, answer FROM hold_answers WHERE hold = %s ORDER BY answered_at", hold)
    return [(row.person, HoldAnswer(row.answer)) for row in rows]


def withdraw(tx: Tx, subject: str, code: HoldCode, answer: SystemAnswer, *, about: str | None = None) -> None:
    """Close holds that need no answer any more: a form came, a packet went."""
    held = tx.case_if_held(CaseId(subject)) if CaseId.pattern.fullmatch(subject) else None
    if held and not any(one.code == code and about in (None, one.about) for one in held.holds.values()):
        return  # most are asked seldom, and it is known without looking
    for row in tx.rows(
        """SELECT hold FROM holds WHERE subject = %s AND code = %s AND resolved_at IS NULL
           AND (%s::text IS NULL OR about = %s)""",
        *(subject, code, about, about),
    ):
        resolve(tx, row.hold, answer)


def withdraw_about(tx: Tx, about: str, codes: Collection[HoldCode], answer: SystemAnswer) -> None:
    """Close what is asked about this thing, on whatever case it is asked."""
    rows = tx.rows(
        "SELECT hold FROM holds WHERE about = %s AND code = ANY(%s) AND resolved_at IS NULL ORDER BY subject",
        *(about, list(codes)),
    )
    for row in rows:
        resolve(tx, row.hold, answer)


def is_asked(tx: Tx, subject: str, code: HoldCode) -> bool:
    """Whether this question is open."""
    row = tx.row("SELECT 1 FROM holds WHERE subject = %s AND code = %s AND resolved_at IS NULL", subject, code)
    return row is not None


def was_asked_since(tx: Tx, code: HoldCode, about: str, arrival: str) -> bool:
    """Whether this question about this thing was asked when this arrival came or later, answered or not."""
    row = tx.row(
        """SELECT 1 FROM holds WHERE about = %s AND code = %s
           AND opened_at >= (SELECT received_at FROM arrivals WHERE arrival = %s) LIMIT 1""",
        *(about, code, arrival),
    )
    return row is not None


def is_asked_about(tx: Tx, code: HoldCode, about: str) -> bool:
    """Whether this question about this thing is open, on whatever case it is asked."""
    return tx.row("SELECT 1 FROM holds WHERE about = %s AND code = %s AND resolved_at IS NULL", about, code) is not None


_WAITING: Final = "SELECT * FROM holds WHERE resolved_at IS NULL"


def open_holds(tx: Tx, subject: str | None = None) -> list[Hold]:
    """What waits for a person: what has a clock first, by its clock, then the oldest."""
    if subject is None:
        rows = tx.rows(f"{_WAITING} ORDER BY due_at NULLS LAST, opened_at, hold")
    else:
        rows = tx.held_rows(
            subject, f"{_WAITING} AND subject = %s ORDER BY due_at NULLS LAST, opened_at, hold", subject
        )
    return [of_row(row) for row in rows]


def open_page(tx: Tx, *, limit: int, after: int) -> tuple[list[Hold], int]:
    """So many of the same after the first `after`, and how many there are in all."""
    rows = tx.rows(
        """SELECT * FROM holds WHERE resolved_at IS NULL
           ORDER BY due_at NULLS LAST, opened_at, hold LIMIT %s OFFSET %s""",
        *(limit, after),
    )
    count = int(tx.value("SELECT count(*) FROM holds WHERE resolved_at IS NULL"))
    return [of_row(row) for row in rows], count


def about_arrivals(tx: Tx, limit: int) -> list[tuple[Hold, str]]:
    """What waits for a person about messages that are in no case yet, each with its institution: by its clock, then the
    oldest first.
    """
    rows = tx.rows(
        """SELECT h.*, a.institution FROM holds AS h JOIN arrivals AS a ON a.arrival = h.subject
           WHERE h.resolved_at IS NULL AND h.subject LIKE 'a%%'
           ORDER BY h.due_at NULLS LAST, h.opened_at, h.hold LIMIT %s""",
        limit,
    )
    return [(of_row(row), row.institution) for row in rows]


def get(tx: Tx, hold: str) -> Hold | None:
    row = tx.row("SELECT * FROM holds WHERE hold = %s", hold)
    return of_row(row) if row else None


def of_row(row: Row) -> Hold:
    """A row of `holds`."""
    return Hold(
        id=HoldId(row.hold),
        subject=row.subject,
        code=HoldCode(row.code),
        about=row.about,
        opened_at=row.opened_at,
        resolved_at=row.resolved_at,
        answer=_answer(row.answer) if row.answer else None,
        due_at=row.due_at,
    )


def _answer(stored: str) -> AnyAnswer:
    for kind in (HoldAnswer, RequestAnswer):
        if stored in set(kind):
            return kind(stored)
    return SystemAnswer(stored)
