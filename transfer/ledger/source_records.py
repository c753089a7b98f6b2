"""What departments owe and how they answered, over all cases."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from transfer import facts
from transfer.identifiers import CaseId, DepartmentId, InstitutionId, RequestId
from transfer.ledger import Tx
from transfer.ledger.case_lists import AWAITED_STATES
from transfer.requests import RequestState


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAsk:
    """A request to which a department owes something. `due_at` is UTC, `next_action_on` is a day there."""

    request: RequestId
    case: CaseId
    institution: InstitutionId
    department: DepartmentId
    state: RequestState
    lines: tuple[str, ...]
    checklist: str | None
    receiver: InstitutionId | None
    needed_by: date | None
    due_at: datetime | None
    next_action_on: date | None


def owed_in_all(tx: Tx, institution: str) -> int:
    """How many requests in open cases one institution owes something to."""
    return int(
        tx.value(
            f"""SELECT count(*) FROM requests AS r JOIN cases AS c USING (case_id)
                WHERE c.is_open AND r.state IN {AWAITED_STATES} AND r.institution = %s""",  # noqa: S608  our own text
            institution,
        )
    )


def open_asks(tx: Tx, institution: str, *, limit: int | None, after: int) -> list[OpenAsk]:
    """So much of what one institution owes in open cases, after the first `after`: what is needed first at the top."""
    rows = tx.rows(
        f"""SELECT r.*, c.checklist, c.receiver, c.needed_by AS case_needed_by
            FROM requests AS r JOIN cases AS c USING (case_id)
            WHERE c.is_open AND r.state IN {AWAITED_STATES} AND r.institution = %s
            ORDER BY c.needed_by NULLS LAST, c.opened_at, r.request LIMIT %s OFFSET %s""",  # noqa: S608  our own text
        *(institution, limit, after),
    )
    return [
        OpenAsk(
            request=RequestId(row.request),
            case=CaseId(row.case_id),
            institution=InstitutionId(row.institution),
            department=DepartmentId(row.department),
            state=RequestState(row.state),
            lines=tuple(row.lines),
            checklist=row.checklist,
            receiver=InstitutionId(row.receiver) if row.receiver else None,
            needed_by=row.case_needed_by,
            due_at=row.due_at,
            next_action_on=row.next_action_on,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """How one department answered lately. `heard_at` (UTC): when it said something last, or was called."""

    #: from the request to its first answer, the last ones, the newest first
    took: tuple[timedelta, ...]
    #: requests that it refused, and of which it found nobody
    refused: int
    not_found: int
    heard_at: datetime | None


def answers(tx: Tx, places: Sequence[tuple[str, str]], *, since: datetime, last: int) -> dict[tuple[str, str], Answers]:
    """How each of these departments (institution, department) answered since then (UTC), by its `last` answers."""
    rows = tx.rows(
        """SELECT p.institution, p.department,
             ARRAY(SELECT r.answered_at - r.made_at FROM requests AS r
               WHERE r.institution = p.institution AND r.department = p.department
                 AND r.answered_at >= p.since AND r.made_at >= p.since ORDER BY r.answered_at DESC LIMIT %s) AS took,
             (SELECT count(*) FROM requests AS r WHERE r.institution = p.institution
               AND r.department = p.department AND r.refused_at >= p.since) AS refused,
             (SELECT count(*) FROM requests AS r WHERE r.institution = p.institution
               AND r.department = p.department AND r.not_found_at >= p.since) AS not_found,
             (SELECT max(r.heard_at) FROM requests AS r WHERE r.institution = p.institution
               AND r.department = p.department AND r.heard_at >= p.since) AS heard_at
           FROM (SELECT *, %s::timestamptz AS since FROM unnest(%s::text[], %s::text[]) AS a (institution, department))
             AS p""",
        *(last, since, [one for one, _ in places], [one for _, one in places]),
    )
    return {
        (row.institution, row.department): Answers(
            took=tuple(row.took), refused=row.refused, not_found=row.not_found, heard_at=row.heard_at
        )
        for row in rows
    }


def miscounted(tx: Tx, since: datetime) -> Counter[str]:
    """By institution, how many counts of pieces since then (UTC) were not the one announced."""
    rows = tx.rows(
        """SELECT text, previous, hash FROM facts WHERE kind = 'material-received'
             AND position('"state":"discrepant"'::bytea IN text) > 0 AND at >= %s""",
        since,
    )
    found = (facts.read(row.text, row.previous, row.hash).fact for row in rows)
    return Counter(one.institution for one in found if isinstance(one, facts.MaterialReceived))
