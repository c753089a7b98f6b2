"""Requests: one ask to one department, claimed by the task that makes it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from transfer import facts, requests
from transfer.errors import ChangedMeanwhile
from transfer.facts import Chain
from transfer.holds import HoldCode
from transfer.identifiers import CaseId, DepartmentId, InstitutionId, PatientId, RequestId
from transfer.ledger import Row, Tx, rounds
from transfer.permissions import Ruling
from transfer.requests import TIMED, Request, RequestState
from transfer.rounds import LEASE, Dag

#: states of a request that a task makes, now or later
ASKED_FOR = [RequestState.DUE, RequestState.ASKING, RequestState.PARTLY]
_TIMED = sorted(TIMED)
#: cases that one sweep owes a round
_AT_ONCE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A request that we have claimed. What we write about it carries the claim; an older claim loses."""

    request: Request
    claim: int


def make(
    tx: Tx,
    case: CaseId,
    institution: str,
    department: str,
    lines: Sequence[str],
    state: RequestState,
    *,
    need: str = "",
) -> None:
    """Note that a department is to be asked, for what the list needs of it or for one added `need`. Noting it twice
    notes it once.
    """
    request = RequestId.draw()
    new = tx.run(
        """INSERT INTO requests (request, case_id, institution, department, need, lines, state, not_before, made_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, transfer.now(), transfer.now())
           ON CONFLICT (case_id, institution, department, need) DO NOTHING""",
        *(request, case, institution, department, need, list(lines), state),
    )
    if new:
        place = {"institution": institution, "department": department}
        made = facts.RequestMade(request=request, lines=tuple(lines), need=need or None, **place)
        tx.append(Chain.case(case), made)
        tx.append(Chain.case(case), facts.RequestMoved(request=request, state=state, attempt=0))


def change_lines(tx: Tx, request: Request, lines: Sequence[str]) -> None:
    """The case has another checklist: the request is to fill these lines from now on."""
    tx.run("UPDATE requests SET lines = %s WHERE request = %s", list(lines), request.id)
    tx.append(Chain.case(request.case), facts.RequestLinesChanged(request=request.id, lines=tuple(lines)))


def of_case(tx: Tx, case: CaseId) -> list[Request]:
    """Of each department the request for the list first, then those for added needs."""
    rows = tx.held_rows(case, "SELECT * FROM requests WHERE case_id = %s ORDER BY institution, department, need", case)
    return [_request(row) for row in rows]


def get(tx: Tx, request: str) -> Request | None:
    row = tx.row("SELECT * FROM requests WHERE request = %s", request)
    return _request(row) if row else None


def patient_of(tx: Tx, request: str, institution: InstitutionId) -> PatientId | None:
    """The patient whom we asked this institution about by this request; None where we did not."""
    found: str | None = tx.value(
        "SELECT patient FROM requests JOIN cases USING (case_id) WHERE request = %s AND institution = %s",
        *(request, institution),
    )
    return PatientId(found) if found else None


def due(tx: Tx, case: CaseId) -> list[Request]:
    """What a round may ask now: due, or to be asked again, and without another's live lease."""
    rows = tx.rows(
        """SELECT * FROM requests WHERE case_id = %s AND state = ANY(%s) AND not_before <= transfer.now()
             AND (lease_until IS NULL OR lease_until <= transfer.now()) ORDER BY institution, department""",
        *(case, ASKED_FOR),
    )
    return [_request(row) for row in rows]


def next_due(tx: Tx, case: CaseId, *, but: Sequence[str] = ()) -> datetime | None:
    """When the pause of the earliest request that may not be made now is over.

    What waits for its turn is not among them: it is called. Nor is what a task is asking: the end of its lease is no
    pause. Where the task dies, its turn lapses and `turns.sweep` sees it.
    """
    return tx.value(  # type: ignore[no-any-return]
        """SELECT min(not_before) FROM requests
           WHERE case_id = %s AND state = ANY(%s) AND NOT request = ANY(%s) AND not_before > transfer.now()""",
        *(case, ASKED_FOR, list(but)),
    )


def claim(tx: Tx, request: str) -> Claimed | None:
    """Take a request that is due, so that one task asks. None: another has it, or there is nothing to ask any more."""
    row = tx.row(
        """UPDATE requests SET claim = claim + 1, lease_until = transfer.now() + %s
           WHERE request = %s AND state = ANY(%s) AND not_before <= transfer.now()
             AND (lease_until IS NULL OR lease_until <= transfer.now()) RETURNING *""",
        *(LEASE, request, ASKED_FOR),
    )
    return Claimed(request=_request(row), claim=row.claim) if row else None


def renew(tx: Tx, claimed: Claimed) -> bool:
    """Hold it for another lease. False: it was taken over or withdrawn."""
    return bool(
        tx.run(
            "UPDATE requests SET lease_until = transfer.now() + %s WHERE request = %s AND claim = %s AND state <> %s",
            *(LEASE, claimed.request.id, claimed.claim, RequestState.WITHDRAWN),
        )
    )


def let_go(tx: Tx, claimed: Claimed) -> None:
    """It is not made after all: whoever has a turn may claim it."""
    tx.run(
        "UPDATE requests SET lease_until = NULL WHERE request = %s AND claim = %s",
        *(claimed.request.id, claimed.claim),
    )


def overrule(tx: Tx, request: Request) -> None:
    """A person says how it stands. A task that works on it loses its claim and writes nothing."""
    tx.run("UPDATE requests SET claim = claim + 1, lease_until = NULL WHERE request = %s", request.id)


def revoke_claims(tx: Tx) -> None:
    """After a restore: nobody holds a claim, whoever thinks so."""
    tx.run("UPDATE requests SET lease_until = NULL, claim = claim + 1 WHERE lease_until IS NOT NULL")


def hurry(tx: Tx, request: Request) -> None:
    """Make what is due later due now."""
    tx.run("UPDATE requests SET not_before = transfer.now() WHERE request = %s", request.id)


def give_time(tx: Tx, request: Request, due_at: datetime) -> None:
    """Say by when the source is to have done what it owes, UTC."""
    tx.run("UPDATE requests SET due_at = %s WHERE request = %s", due_at, request.id)


def plan_action(tx: Tx, request: Request, on: date) -> None:
    """Somebody looks after it on this day of the source's, unless it moves on before."""
    tx.run("UPDATE requests SET next_action_on = %s WHERE request = %s", on, request.id)
    tx.touch(request.case)


def heard(tx: Tx, request: str) -> None:
    """Its department said something to it, or was called about it."""
    tx.run("UPDATE requests SET heard_at = transfer.now() WHERE request = %s", request)


def to_call(tx: Tx, cases: Sequence[CaseId], today: date) -> list[Request]:
    """The requests of these cases that somebody looks after by today: whoever owes something has not given it yet."""
    rows = tx.rows(
        """SELECT * FROM requests WHERE case_id = ANY(%s) AND state = ANY(%s) AND next_action_on <= %s
           ORDER BY next_action_on, institution, department""",
        *(list(cases), sorted(requests.AWAITED), today),
    )
    return [_request(row) for row in rows]


def overdue(tx: Tx, case: CaseId) -> list[Request]:
    """The requests of a case whose source is late."""
    rows = tx.rows(
        "SELECT * FROM requests WHERE case_id = %s AND state = ANY(%s) AND due_at <= transfer.now() ORDER BY request",
        *(case, _TIMED),
    )
    return [_request(row) for row in rows]


def sweep(tx: Tx) -> None:
    """Owe a round to the cases whose sources are late, and to those whose sources were given no time yet.

    A case that is being looked at gives its sources their time itself. One whose rounds fail has its next later, or
    none until a person has decided: their time is not the reason to run it sooner.
    """
    states = "(" + ", ".join(f"'{state}'" for state in _TIMED) + ")"
    # Two questions to one index, each with the part of it that it is about: asked with OR, all who owe are read. Each
    # request found looks for its own case.
    rows = tx.rows(
        f"""SELECT r.case_id FROM (
              SELECT case_id FROM requests WHERE state IN {states} AND due_at <= (SELECT transfer.now())
              UNION SELECT case_id FROM requests AS u WHERE state IN {states} AND due_at IS NULL AND NOT EXISTS (
                SELECT 1 FROM due_runs AS d
                WHERE d.dag_id = %s AND d.subject = u.case_id AND d.state IN ('posted', 'taken'))) AS r
            WHERE (SELECT is_open FROM cases AS c WHERE c.case_id = r.case_id) AND NOT EXISTS (
                SELECT 1 FROM due_runs AS d
                WHERE d.dag_id = %s AND d.subject = r.case_id AND d.state = 'owed' AND d.attempts > 0)
              AND NOT EXISTS (
                SELECT 1 FROM holds AS h
                WHERE h.subject = r.case_id AND h.code = %s AND h.about = %s AND h.resolved_at IS NULL)
            ORDER BY 1 LIMIT {_AT_ONCE}""",  # noqa: S608  our own text
        *(Dag.OPEN_CASE, Dag.OPEN_CASE, HoldCode.MACHINERY_BROKEN, Dag.OPEN_CASE),
    )
    for row in rows:
        rounds.owe(tx, Dag.OPEN_CASE, row.case_id)


def still_ours(tx: Tx, claimed: Claimed) -> Request:
    """The request as it is now, locked; raise `ChangedMeanwhile` if another claimed it or it was withdrawn."""
    row = tx.row("SELECT * FROM requests WHERE request = %s FOR UPDATE", claimed.request.id)
    if row is None or row.claim != claimed.claim or row.state == RequestState.WITHDRAWN:
        raise ChangedMeanwhile(f"{claimed.request.id} was taken over")
    return _request(row)


def move(
    tx: Tx,
    request: Request,
    state: RequestState,
    *,
    ruling: Ruling | None = None,
    findings: Sequence[str] = (),
    after: timedelta = timedelta(0),
    due_at: datetime | None = None,
    release: bool = True,
) -> Request:
    """Move a request along the table of allowed moves and write the fact. `due_at` (UTC) is what the source promised;
    without one, whoever judges the case next gives it a time where the source's runs (`flow.assess`).

    Raises:
        NotAllowed: the table has no such move.
    """
    after_move = replace(requests.move(request, state), due_at=due_at)
    stays = requests.is_same_wait(request, after_move)
    after_move = replace(after_move, next_action_on=request.next_action_on if stays else None)
    tx.run(
        """UPDATE requests SET state = %s, attempts = %s, not_before = transfer.now() + %s, due_at = %s,
             next_action_on = %s,
             lease_until = CASE WHEN %s THEN NULL ELSE lease_until END,
             answered_at = CASE WHEN %s THEN coalesce(answered_at, transfer.now()) ELSE answered_at END,
             refused_at = CASE WHEN %s THEN transfer.now() ELSE refused_at END,
             not_found_at = CASE WHEN %s THEN transfer.now() ELSE not_found_at END
           WHERE request = %s""",
        *(state, after_move.attempts, after, due_at, after_move.next_action_on, release),
        *(state is RequestState.ANSWERED, state in requests.REFUSALS, state is RequestState.NOT_FOUND, request.id),
    )
    fact = facts.RequestMoved(
        request=request.id,
        state=state,
        attempt=after_move.attempts,
        basis=ruling.basis if ruling else None,
        permission=ruling.permission if ruling else None,
        findings=tuple(findings) or (tuple(ruling.findings) if ruling else ()),
    )
    tx.append(Chain.case(request.case), fact)
    return after_move


def _request(row: Row) -> Request:
    return Request(
        id=RequestId(row.request),
        case=CaseId(row.case_id),
        institution=InstitutionId(row.institution),
        department=DepartmentId(row.department),
        lines=tuple(row.lines),
        need=row.need,
        state=RequestState(row.state),
        attempts=row.attempts,
        not_before=row.not_before,
        due_at=row.due_at,
        next_action_on=row.next_action_on,
    )
