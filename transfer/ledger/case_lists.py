"""Cases as they are listed: by whose turn they are and when they are needed. No list folds a case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from transfer.case import Stage
from transfer.identifiers import CaseId, DepartmentId, InstitutionId, PatientId
from transfer.ledger import Row, Tx
from transfer.requests import AWAITED, Owner
from transfer.waits import CaseWait, load


class ListPart(StrEnum):
    """The parts of a list of cases. Each open case but one nobody has judged yet is in one of the first four."""

    ALL = "all"
    #: it moves only if somebody here acts
    OURS = "ours"
    OTHERS = "others"
    MOVING = "moving"
    DELIVERED = "delivered"
    #: nobody said by when it is needed
    UNDATED = "undated"
    #: the patient has an appointment soon
    EXPECTED = "expected"


_OTHERS: Final = "('patient', 'referring-office', 'source', 'center')"
#: after so long housekeeping tells anew what time alone changes, as an expiry
TOLD_FOR: Final = timedelta(hours=6)
#: housekeeping catches up where a row has lagged behind its case for so long, and a list does so at once; where time
#: alone passed, a list leaves so much longer to housekeeping
MAY_LAG: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCase:
    """A case in a list. Times are UTC; before the referral is understood there is no patient and no receiver."""

    id: CaseId
    patient: PatientId | None
    stage: Stage
    is_open: bool
    receiver: InstitutionId | None
    referring: InstitutionId | None
    checklist: str | None
    needed_by: date | None
    appointment_at: datetime | None
    opened_at: datetime
    changed_at: datetime
    #: the account at the desk whose work it is
    assigned_to: str | None
    look_again_on: date | None
    wait: CaseWait
    #: since when it is the owner's turn; None: nobody has told yet
    owner_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which cases a list shows. None: whatever it is. Without `closed` only open ones.

    `institution` is one that is asked for records of the case, refers the patient or receives the packet.
    """

    closed: bool = False
    assigned_to: str | None = None
    institution: str | None = None
    checklist: str | None = None
    among: Sequence[str] | None = None

    @property
    def values(self) -> dict[str, object]:
        """The values that `_CONDITIONS` name."""
        among = None if self.among is None else list(self.among)
        return {one.name: getattr(self, one.name) for one in fields(self)} | {"among": among}

    @property
    def where(self) -> str:
        """The conditions of what is chosen, and no other: the planner of the database sees which index serves."""
        said = [text for name, text in _CONDITIONS.items() if getattr(self, name) is not None]
        return " AND ".join(["true" if self.closed else "c.is_open", *said])


_CONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "assigned_to": "c.assigned_to = %(assigned_to)s",
        "checklist": "c.checklist = %(checklist)s",
        "among": "c.case_id = ANY(ARRAY(SELECT unnest(%(among)s::text[])))",  # as `ANY_OF`
        "institution": """(%(institution)s IN (c.referring, c.receiver) OR EXISTS (
            SELECT 1 FROM requests AS r WHERE r.case_id = c.case_id AND r.institution = %(institution)s))""",
    }
)
#: a source owes something, and the day has come on which somebody here asks for it; or somebody said to look again
_TO_CALL: Final = "coalesce(c.call_on <= %(today)s, false)"
#: states of a request that somebody owes, as the index has them: with a parameter it would not be used
AWAITED_STATES: Final = "(" + ", ".join(f"'{state}'" for state in sorted(AWAITED)) + ")"
#: what an open case of each part has: that it is open is said beside it, for an index of the open ones does not hold it
_IN_PARTS: Final[Mapping[ListPart, str]] = MappingProxyType(
    {
        ListPart.ALL: "true",
        ListPart.OURS: f"(c.owner = 'desk' OR {_TO_CALL})",
        ListPart.OTHERS: f"c.owner IN {_OTHERS} AND NOT {_TO_CALL}",
        ListPart.MOVING: f"c.owner = 'we' AND NOT {_TO_CALL}",
        ListPart.DELIVERED: f"c.owner IS NULL AND c.owner_since IS NOT NULL AND NOT {_TO_CALL}",
        ListPart.UNDATED: "c.owner IS NOT NULL AND c.needed_by IS NULL AND c.appointment_at IS NULL",
        ListPart.EXPECTED: "c.appointment_at >= %(from_)s AND c.appointment_at < %(until)s",
    }
)
_ORDERS: Final[Mapping[ListPart, str]] = MappingProxyType(
    {
        ListPart.UNDATED: "c.opened_at",
        ListPart.EXPECTED: "c.appointment_at",
        ListPart.DELIVERED: "c.owner_since DESC",
    }
)
_SOONEST_NEEDED: Final = "c.needed_by NULLS LAST, c.owner_since, c.opened_at"
#: appointments that a clinic list looks ahead to
LOOKS_AHEAD: Final = timedelta(days=21)


def listed(
    tx: Tx, chosen: Chosen, part: ListPart = ListPart.ALL, *, limit: int, after: int = 0, today: date | None = None
) -> list[ListedCase]:
    """One part of the cases chosen, those needed first at the top. `after`: so many are left out before them.

    What is left out is passed over in an index. The rows themselves are read of what is shown alone.
    """
    # How many stands in the text. Of a parameter PostgreSQL thinks that it is a tenth of all, and plans anew each time.
    order = _ORDERS.get(part, _SOONEST_NEEDED)
    order = f"c.is_open DESC, {order}, c.case_id" if chosen.closed else f"{order}, c.case_id"
    is_open = "true" if part is ListPart.ALL else "c.is_open"
    rows = tx.rows_by_name(
        f"""WITH shown AS MATERIALIZED (
              SELECT c.case_id FROM cases AS c WHERE {is_open} AND {chosen.where} AND {_IN_PARTS[part]} ORDER BY {order}
              LIMIT {limit:d}{" OFFSET %(after)s" if after else ""})
            SELECT c.* FROM shown JOIN cases AS c USING (case_id) ORDER BY {order}""",  # noqa: S608  our own text
        {**_values(tx, chosen, today), "after": after},
    )
    return [of_row(row) for row in rows]


def may_be_undecided(tx: Tx, *, limit: int) -> list[CaseId]:
    """Open cases that wait for people here and of which no question is open, or whose pieces may be others than those
    announced, those needed first at the top.
    """
    rows = tx.rows(
        f"""SELECT c.case_id FROM cases AS c WHERE c.is_open AND c.owner = 'desk' AND c.may_be_undecided
            ORDER BY {_SOONEST_NEEDED}, c.case_id LIMIT {limit:d}"""  # noqa: S608  our own text
    )
    return [CaseId(row.case_id) for row in rows]


def counted(tx: Tx, chosen: Chosen, *, today: date) -> dict[ListPart, int]:
    """How many open cases chosen are in each part."""
    parts = [part for part in ListPart if part is not ListPart.ALL]
    columns = ", ".join(f"count(*) FILTER (WHERE {_IN_PARTS[part]}) AS {part}" for part in parts)
    counts = f"SELECT {columns} FROM cases AS c WHERE c.is_open AND {chosen.where}"  # noqa: S608  our own text
    (row,) = tx.rows_by_name(counts, _values(tx, chosen, today))
    return dict(zip(parts, row, strict=True))


def tell_anew(tx: Tx, institution: InstitutionId) -> None:
    """The rows of open cases to which this institution owes something do not say any more why they wait. One that
    another transaction is writing is passed over. The caller does this last, for everybody writes these rows last.
    """
    tx.run(
        f"""UPDATE cases SET told_line = -1 WHERE case_id IN (
              SELECT c.case_id FROM cases AS c WHERE c.is_open AND EXISTS (
                SELECT 1 FROM requests AS r WHERE r.case_id = c.case_id AND r.institution = %s
                  AND r.state IN {AWAITED_STATES}) FOR UPDATE SKIP LOCKED)""",  # noqa: S608  our own text
        institution,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwesMost:
    """How many requests a department owes an answer to."""

    institution: InstitutionId
    department: DepartmentId
    requests: int


def owed_by(tx: Tx, chosen: Chosen, *, limit: int | None = None) -> list[OwesMost]:
    """Whom the cases chosen wait for, department by department, whoever owes most first: one call settles several."""
    rows = tx.rows_by_name(
        f"""SELECT o.institution, o.department, count(*) AS requests FROM cases AS c JOIN requests AS o USING (case_id)
            WHERE {chosen.where} AND o.state IN {AWAITED_STATES}
            GROUP BY o.institution, o.department ORDER BY count(*) DESC, 1, 2 LIMIT %(limit)s""",  # noqa: S608  ours
        {**_values(tx, chosen, None), "limit": limit},
    )
    return [
        OwesMost(
            institution=InstitutionId(row.institution), department=DepartmentId(row.department), requests=row.requests
        )
        for row in rows
    ]


def _values(tx: Tx, chosen: Chosen, today: date | None) -> dict[str, object]:
    now = tx.now()
    return {
        **chosen.values,
        "today": today or now.date(),
        "from_": now - timedelta(hours=12),
        "until": now + LOOKS_AHEAD,
    }


def of_row(row: Row) -> ListedCase:
    """A row of `cases` as it is listed."""
    return ListedCase(
        id=CaseId(row.case_id),
        patient=PatientId(row.patient) if row.patient else None,
        stage=Stage(row.stage),
        is_open=row.is_open,
        receiver=InstitutionId(row.receiver) if row.receiver else None,
        referring=InstitutionId(row.referring) if row.referring else None,
        checklist=row.checklist,
        needed_by=row.needed_by,
        appointment_at=row.appointment_at,
        opened_at=row.opened_at,
        changed_at=row.changed_at,
        assigned_to=row.assigned_to,
        look_again_on=row.look_again_on,
        wait=CaseWait(owner=Owner(row.owner) if row.owner else None, why=load(row.why), lacking=tuple(row.lacking)),
        owner_since=row.owner_since,
    )


def to_tell(
    tx: Tx, *, limit: int, older_than: timedelta = timedelta(0), told_for: timedelta = TOLD_FOR
) -> list[CaseId]:
    """Cases whose row does not say yet what they wait for: something came since it was told, or its time is over.

    Open ones first. `older_than`: only those whose last line is older. `told_for`: how long a row stands at the most.
    """
    now = tx.now()
    # An epoch that began longer ago was told of by now, for every open case is told of within that time. Each part has
    # an order of its own and a limit in the text, and the planner does not see the times: so it takes the index of each
    # whatever they are, and plans nothing anew.
    rows = tx.rows(
        f"""(SELECT case_id, is_open FROM cases WHERE is_behind AND changed_at <= (SELECT %s::timestamptz)
               ORDER BY is_open DESC, case_id DESC LIMIT {limit:d})
            UNION (SELECT case_id, true FROM cases WHERE is_open AND told_at < (SELECT %s::timestamptz)
               ORDER BY told_at LIMIT {limit:d})
            UNION (SELECT case_id, true FROM patient_epochs AS e CROSS JOIN LATERAL (
                 SELECT case_id FROM cases AS c
                 WHERE c.patient = e.patient AND is_open AND told_epoch <> e.epoch OFFSET 0) AS c
               WHERE e.begun_at >= (SELECT %s::timestamptz) ORDER BY e.begun_at DESC LIMIT {limit:d})
            ORDER BY is_open DESC, case_id LIMIT {limit:d}""",  # noqa: S608  our own text
        *(now - older_than, now - told_for, now - told_for - MAY_LAG),
    )
    return [CaseId(row.case_id) for row in rows]
