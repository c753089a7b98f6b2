"""Codes on letters: given, ended, and found by their HMAC. No code is kept as it is."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from transfer import facts, letter_codes
from transfer.facts import Chain
from transfer.identifiers import CaseId, RequestId
from transfer.ledger import Row, Tx
from transfer.letter_codes import LASTS, CodeHolder, LetterCode, read
from transfer.requests import Request
from transfer.sealing import SITE


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCode:
    """A code as it is printed, and until when it works (UTC)."""

    code: str
    ends_at: datetime


def reply_code(tx: Tx, request: Request) -> LiveCode:
    """The code of the department that was asked, for its letter and each reminder: the same while at least half of its
    time is left, else another. The caller holds the case's lock.
    """
    return _give(tx, CodeHolder.SOURCE, request.case, request.id)


def own_code(tx: Tx, case: CaseId, holder: CodeHolder) -> LiveCode:
    """The code of the patient or the referring office, in the same way. The caller holds the case's lock."""
    return _give(tx, holder, case, None)


def _give(tx: Tx, holder: CodeHolder, case: CaseId, request: RequestId | None) -> LiveCode:
    now = tx.now()
    row = tx.row(
        """SELECT salt, ends_at FROM letter_codes WHERE case_id = %s AND holder = %s AND request IS NOT DISTINCT FROM %s
             AND ends_at > %s ORDER BY ends_at DESC LIMIT 1""",
        *(case, holder, request, now + LASTS[holder] / 2),
    )
    if row is not None:
        return LiveCode(code=_made_of(tx, row.salt), ends_at=row.ends_at)
    salt = secrets.token_bytes(16)
    given = LiveCode(code=_made_of(tx, salt), ends_at=now + LASTS[holder])
    tx.run("DELETE FROM letter_codes WHERE ends_at <= %s", now)
    tx.run(
        """INSERT INTO letter_codes (code, salt, holder, case_id, request, ends_at)
           VALUES (%s, %s, %s, %s, %s, %s)""",
        *(_hidden(tx, given.code), salt, holder, case, request, given.ends_at),
    )
    fact = facts.LetterCodeGiven(holder=holder, request=request, until=given.ends_at.isoformat())
    tx.append(Chain.case(case), fact)
    return given


def _made_of(tx: Tx, salt: bytes) -> str:
    return letter_codes.of(tx.keys.hmac(SITE, b"letter-code-of|" + bytes(salt)))


def find(tx: Tx, code: str) -> LetterCode | None:
    """What this code is for; None: it is none of ours, or its time is over."""
    row = tx.row("SELECT * FROM letter_codes WHERE code = %s AND ends_at > transfer.now()", _hidden(tx, code))
    return _code(row) if row else None


def end_all(tx: Tx, case: CaseId, holder: CodeHolder) -> int:
    """No code that this holder was given for the case works any more. Returns how many did."""
    return tx.run(
        "DELETE FROM letter_codes WHERE case_id = %s AND holder = %s AND ends_at > transfer.now()", case, holder
    )


def _hidden(tx: Tx, code: str) -> bytes:
    return tx.keys.hmac(SITE, f"letter-code|{read(code)}".encode())


def _code(row: Row) -> LetterCode:
    return LetterCode(
        holder=CodeHolder(row.holder),
        case=CaseId(row.case_id),
        request=RequestId(row.request) if row.request else None,
    )
