"""Holds: questions that only a person can decide, and what was answered."""

from dataclasses import dataclass
from datetime import datetime

from transfer import facts
from transfer.facts import Chain
from transfer.identifiers import CaseId, HoldId
from transfer.ledger import Row, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Something only a person can decide. `code` has its sentences in `transfer.sentences`."""

    id: HoldId
    subject: str
    code: str
    about: str | None
    opened_at: datetime
    resolved_at: datetime | None
    answer: str | None


def place(tx: Tx, subject: str, code: str, about: str | None = None) -> HoldId | None:
    """Ask a person. Asking the same again while it is open asks once (None)."""
    row = tx.row(
        """INSERT INTO holds (hold, subject, code, about, opened_at) VALUES (%s, %s, %s, %s, transfer.now())
           ON CONFLICT (subject, code, coalesce(about, '')) WHERE resolved_at IS NULL DO NOTHING RETURNING hold""",
        *(HoldId.draw(), subject, code, about),
    )
    if row is None:
        return None
    if CaseId.pattern.fullmatch(subject):
        tx.append(Chain.case(CaseId(subject)), facts.HoldOpened(hold=row.hold, code=code, about=about))
    return HoldId(row.hold)


def resolve(tx: Tx, hold: str, answer: str, note: str | None = None) -> Hold | None:
    """A person decided. None: there is no such open hold."""
    row = tx.row(
        """UPDATE holds SET resolved_at = transfer.now(), answer = %s WHERE hold = %s AND resolved_at IS NULL
           RETURNING *""",
        *(answer, hold),
    )
    if row is None:
        return None
    if CaseId.pattern.fullmatch(row.subject):
        tx.append(Chain.case(CaseId(row.subject)), facts.HoldResolved(hold=hold, answer=answer, note=note))
    return _hold(row)


def last_answer(tx: Tx, subject: str, code: str) -> str | None:
    """A person's last answer to this question, if there is one."""
    answer: str | None = tx.value(
        """SELECT answer FROM holds WHERE subject = %s AND code = %s AND resolved_at IS NOT NULL
           ORDER BY resolved_at DESC LIMIT 1""",
        *(subject, code),
    )
    return answer


def last_answer_about(tx: Tx, code: str, about: str) -> str | None:
    """A person's last answer to this question about this thing, on whatever case it was asked."""
    answer: str | None = tx.value(
        """SELECT answer FROM holds WHERE code = %s AND about = %s AND answer IS NOT NULL
           ORDER BY resolved_at DESC LIMIT 1""",
        *(code, about),
    )
    return answer


def record_answer(tx: Tx, hold: Hold, person: str, answer: str, about: str = "") -> int:
    """Keep one person's answer to a question that several must answer alike. Returns how many gave the same one."""
    tx.run(
        """INSERT INTO hold_answers (hold, person, answer, about, answered_at) VALUES (%s, %s, %s, %s, transfer.now())
           ON CONFLICT (hold, person) DO UPDATE SET answer = excluded.answer, about = excluded.about,
             answered_at = excluded.answered_at""",
        *(hold.id, person, answer, about),
    )
    same = "SELECT count(*) FROM hold_answers WHERE hold = %s AND answer = %s AND about = %s"
    return int(tx.value(same, hold.id, answer, about))


def answers(tx: Tx, hold: str) -> list[tuple[str, str]]:
    """The answers to such a question so far: person and answer."""
    rows = tx.rows("SELECT person, answer FROM hold_answers WHERE hold = %s ORDER BY answered_at", hold)
    return [(row.person, row.answer) for row in rows]


def withdraw(tx: Tx, subject: str, code: str, answer: str, *, about: str | None = None) -> None:
    """Close holds that need no answer any more: a form came, a packet went."""
    for row in tx.rows(
        """SELECT hold FROM holds WHERE subject = %s AND code = %s AND resolved_at IS NULL
           AND (%s::text IS NULL OR about = %s)""",
        *(subject, code, about, about),
    ):
        resolve(tx, row.hold, answer)


def open_holds(tx: Tx, subject: str | None = None) -> list[Hold]:
    rows = tx.rows(
        "SELECT * FROM holds WHERE resolved_at IS NULL AND (%s::text IS NULL OR subject = %s) ORDER BY opened_at",
        *(subject, subject),
    )
    return [_hold(row) for row in rows]


def get(tx: Tx, hold: str) -> Hold | None:
    row = tx.row("SELECT * FROM holds WHERE hold = %s", hold)
    return _hold(row) if row else None


def _hold(row: Row) -> Hold:
    fields = row._asdict()
    return Hold(id=HoldId(fields.pop("hold")), **fields)
