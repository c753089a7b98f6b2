"""The letters that somebody opened in one sign-in, and what they sent about them, kept as long as that may last."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from transfer import facts
from transfer.facts import Chain
from transfer.identifiers import ArrivalId, CaseId, RequestId
from transfer.ledger import Row, Tx
from transfer.letter_codes import CodeHolder, LetterCode
from transfer.outside_sessions import TRIES_COUNT_FOR
from transfer.requests import RequestAnswer
from transfer.sessions import AT_MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLetter:
    """A letter whose code somebody showed."""

    holder: CodeHolder
    case: CaseId
    #: what a source was asked; None: the letter is about the whole case
    request: RequestId | None
    #: the PIN was typed, too
    is_proven: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterReply:
    """What was sent about a request: an answer, or so many files. `sent_at` is UTC."""

    arrival: ArrivalId
    request: RequestId
    answer: RequestAnswer | None
    files: int
    sent_at: datetime


def open_letter(tx: Tx, account: str, letter: LetterCode) -> None:
    """Somebody showed its code in this sign-in, which is a fact, once. The caller holds the case's lock."""
    tx.run("DELETE FROM opened_letters WHERE opened_at <= transfer.now() - %s", AT_MOST)
    is_new = tx.run(
        """INSERT INTO opened_letters (account, subject, holder, case_id, opened_at)
           VALUES (%s, %s, %s, %s, transfer.now()) ON CONFLICT DO NOTHING""",
        *(account, letter.request or letter.case, letter.holder, letter.case),
    )
    if is_new:
        fact = facts.LetterOpened(holder=letter.holder, request=letter.request)
        tx.append(Chain.case(letter.case), fact)


def sign_ins_lately(tx: Tx, letter: LetterCode) -> int:
    """In how many sign-ins it was opened within the time that tries are counted for."""
    found = tx.value(
        """SELECT count(*) FROM opened_letters
            WHERE subject = %s AND holder = %s AND opened_at > transfer.now() - %s""",
        *(letter.request or letter.case, letter.holder, TRIES_COUNT_FOR),
    )
    return int(found)


def of_account(tx: Tx, account: str) -> list[OpenedLetter]:
    """What was opened in this sign-in, in its order."""
    rows = tx.rows("SELECT * FROM opened_letters WHERE account = %s ORDER BY opened_at, subject", account)
    return [_letter(row) for row in rows]


def end(tx: Tx, case: CaseId, holder: CodeHolder) -> None:
    """What this holder's codes opened is open to nobody any more; a sign-in that opened nothing else is over. The
    caller holds the case's lock. Doing so again does nothing.
    """
    tx.run(
        """WITH ended AS (DELETE FROM opened_letters WHERE case_id = %s AND holder = %s RETURNING account)
           DELETE FROM outside_sessions s USING ended e
            WHERE s.account = e.account AND NOT EXISTS (
              SELECT FROM opened_letters o WHERE o.account = s.account AND NOT (o.case_id = %s AND o.holder = %s))""",
        *(case, holder, case, holder),
    )


def keep_reply(tx: Tx, account: str, reply: LetterReply) -> None:
    """This was sent in this sign-in. Twice is once."""
    tx.run("DELETE FROM letter_replies WHERE sent_at <= transfer.now() - %s", AT_MOST)
    tx.run(
        """INSERT INTO letter_replies (arrival, account, request, answer, files, sent_at)
           VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        *(reply.arrival, account, reply.request, reply.answer, reply.files, reply.sent_at),
    )


def replies(tx: Tx, account: str) -> Iterator[LetterReply]:
    """What was sent in this sign-in, in its order."""
    rows = tx.rows("SELECT * FROM letter_replies WHERE account = %s ORDER BY sent_at, arrival", account)
    for row in rows:
        yield LetterReply(
            arrival=ArrivalId(row.arrival),
            request=RequestId(row.request),
            answer=RequestAnswer(row.answer) if row.answer else None,
            files=row.files,
            sent_at=row.sent_at,
        )


def _letter(row: Row) -> OpenedLetter:
    request = RequestId(row.subject) if row.holder == CodeHolder.SOURCE else None
    return OpenedLetter(
        holder=CodeHolder(row.holder), case=CaseId(row.case_id), request=request, is_proven=row.is_proven
    )
