"""What departments owe and how they answered, over all cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from transfer.identifiers import CaseId, DepartmentId, InstitutionId, RequestId
from transfer.ledger import Tx
from transfer.requests import AWAITED, RequestState


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


def open_asks(tx: Tx, institution: str | None = None) -> list[OpenAsk]:
    """What is owed in open cases, by one institution or by all: what is needed first at the top."""
    rows = tx.rows(
        """SELECT r.*, c.checklist, c.receiver, c.needed_by AS case_needed_by
           FROM requests AS r JOIN cases AS c USING (case_id)
           WHERE c.is_open AND r.state = ANY(%s) AND (%s::text IS NULL OR r.institution = %s)
           ORDER BY c.needed_by NULLS LAST, c.opened_at, r.request""",
        *(sorted(AWAITED), institution, institution),
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


def departments_of(tx: Tx, requests: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Request → the institution and the department that it is made to."""
    rows = tx.rows("SELECT request, institution, department FROM requests WHERE request = ANY(%s)", list(requests))
    return {row.request: (row.institution, row.department) for row in rows}
