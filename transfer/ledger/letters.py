"""Letters to facilities: queued, claimed by the task that sends them, settled. Each change is a fact of the case."""

from collections.abc import Collection
from datetime import datetime, timedelta

from transfer import facts
from transfer.facts import Chain
from transfer.identifiers import CaseId, InstitutionId, LetterId, RequestId
from transfer.ledger import Row, Tx, rounds
from transfer.letters import Letter, LetterKind, LetterState, SendingFailure, SendingWay
from transfer.requests import Request
from transfer.rounds import LEASE, Dag

#: letters of one page of the outbox
PAGE = 50


def queue(
    tx: Tx, request: Request, kind: LetterKind, way: SendingWay, not_before: datetime, *, is_automatic: bool = False
) -> LetterId:
    """A letter about a request is to go, from then on. The caller holds the case's lock, and no letter is open."""
    letter = LetterId.draw()
    tx.run(
        """INSERT INTO letters (letter, case_id, request, kind, way, state, queued_at, not_before, is_automatic)
           VALUES (%s, %s, %s, %s, %s, %s, transfer.now(), %s, %s)""",
        *(letter, request.case, request.id, kind, way, LetterState.QUEUED, not_before, is_automatic),
    )
    queued = facts.LetterQueued(letter=letter, request=request.id, which=kind, way=way, is_automatic=is_automatic)
    tx.append(Chain.case(request.case), queued)
    rounds.owe(tx, Dag.OPEN_CASE, request.case, after=max(not_before - tx.now(), timedelta(0)))
    return letter


def get(tx: Tx, letter: str) -> Letter | None:
    row = tx.row("SELECT * FROM letters WHERE letter = %s", letter)
    return _letter(row) if row else None


def of_request(tx: Tx, request: str) -> list[Letter]:
    """In the order in which they were queued."""
    rows = tx.rows("SELECT * FROM letters WHERE request = %s ORDER BY queued_at, letter", request)
    return [_letter(row) for row in rows]


def due(tx: Tx, case: CaseId) -> list[LetterId]:
    """What may be sent now, and what a task that died began to send."""
    rows = tx.rows(
        """SELECT letter FROM letters WHERE case_id = %s AND (state = 'queued' AND not_before <= transfer.now()
             OR state = 'sending' AND lease_until <= transfer.now()) ORDER BY queued_at, letter""",
        case,
    )
    return [LetterId(row.letter) for row in rows]


def next_due(tx: Tx, case: CaseId) -> datetime | None:
    """When the next of the case may be sent, or shows that the task which sends it has died."""
    return tx.value(  # type: ignore[no-any-return]
        """SELECT min(CASE state WHEN 'queued' THEN not_before ELSE lease_until END) FROM letters
           WHERE case_id = %s AND state IN ('queued', 'sending')""",
        case,
    )


def claim(tx: Tx, letter: LetterId) -> Letter | None:
    """Take a queued letter whose time has come. None: another task has it, or it is to go no more."""
    row = tx.row(
        """UPDATE letters SET state = 'sending', attempts = attempts + 1, lease_until = transfer.now() + %s
           WHERE letter = %s AND state = 'queued' AND not_before <= transfer.now() RETURNING *""",
        *(LEASE, letter),
    )
    return _letter(row) if row else None


def begin(tx: Tx, letter: Letter, begun: facts.LetterBegun) -> None:
    """It leaves now: written before its first byte."""
    tx.run(
        "UPDATE letters SET way = %s, sent_to = %s, note = %s WHERE letter = %s",
        *(letter.way, begun.sent_to, begun.note, letter.id),
    )
    tx.append(Chain.case(letter.case), begun)


def put_off(tx: Tx, letter: Letter, until: datetime) -> None:
    """It does not go yet."""
    tx.run(
        """UPDATE letters SET state = 'queued', not_before = %s, lease_until = NULL, attempts = attempts - 1
           WHERE letter = %s""",
        *(until, letter.id),
    )


def settle(
    tx: Tx,
    letter: Letter,
    state: LetterState,
    *,
    pages: int | None = None,
    failure: SendingFailure | None = None,
    confirmation: str | None = None,
    again_at: datetime | None = None,
) -> None:
    """What became of it. `again_at`: it is tried again then, by itself."""
    tx.run(
        """UPDATE letters SET state = %s, pages = coalesce(%s, pages), failure = %s, confirmation = %s,
             not_before = coalesce(%s, not_before), lease_until = NULL,
             settled_at = CASE WHEN %s::timestamptz IS NULL THEN transfer.now() END WHERE letter = %s""",
        *(state, pages, failure, confirmation, again_at, again_at, letter.id),
    )
    settled = facts.LetterSettled(
        letter=letter.id,
        request=letter.request,
        state=state,
        pages=pages,
        failure=failure,
        confirmation=confirmation,
    )
    tx.append(Chain.case(letter.case), settled)


def queue_again(tx: Tx, letter: Letter, way: SendingWay, not_before: datetime) -> None:
    """A person wants it tried once more, or what failed to go another way."""
    tx.run(
        """UPDATE letters SET state = 'queued', way = %s, not_before = %s, attempts = 0, failure = NULL,
             settled_at = NULL, is_automatic = false WHERE letter = %s""",
        *(way, not_before, letter.id),
    )
    fact = facts.LetterQueued(letter=letter.id, request=letter.request, which=letter.kind, way=way)
    tx.append(Chain.case(letter.case), fact)
    rounds.owe(tx, Dag.OPEN_CASE, letter.case, after=max(not_before - tx.now(), timedelta(0)))


def hurry(tx: Tx, institution: InstitutionId) -> None:
    """What waits for a call to this facility may go now."""
    rows = tx.rows(
        """UPDATE letters SET not_before = transfer.now() FROM requests AS r
           WHERE r.request = letters.request AND r.institution = %s AND letters.state = 'queued'
           RETURNING letters.case_id""",
        institution,
    )
    for case in sorted({row.case_id for row in rows}):
        rounds.owe(tx, Dag.OPEN_CASE, case)


def outbox(tx: Tx, states: Collection[LetterState], *, page: int, later: bool) -> list[Letter]:
    """Those in these states, newest first: one page of them, numbered from 1, and one more if there are others.

    `later`: also those that go by themselves on a day to come.
    """
    rows = tx.rows(
        """SELECT * FROM letters WHERE state = ANY(%s)
             AND (%s OR NOT is_automatic OR state <> 'queued' OR not_before <= transfer.now())
           ORDER BY queued_at DESC, letter LIMIT %s OFFSET %s""",
        *(sorted(states), later, PAGE + 1, PAGE * (page - 1)),
    )
    return [_letter(row) for row in rows]


def _letter(row: Row) -> Letter:
    return Letter(
        id=LetterId(row.letter),
        case=CaseId(row.case_id),
        request=RequestId(row.request),
        kind=LetterKind(row.kind),
        way=SendingWay(row.way),
        state=LetterState(row.state),
        queued_at=row.queued_at,
        not_before=row.not_before,
        attempts=row.attempts,
        sent_to=row.sent_to,
        pages=row.pages,
        confirmation=row.confirmation,
        failure=SendingFailure(row.failure) if row.failure else None,
        settled_at=row.settled_at,
        note=row.note,
        is_automatic=row.is_automatic,
    )
