"""Who answers, and how long it takes; and what a facility owes as one list, for one call."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from transfer.errors import Unknown
from transfer.flow.desk.story import institution_name
from transfer.flow.desk.verbs import at_desk
from transfer.flow.services import Services
from transfer.flow.waiting import labels_of
from transfer.identifiers import CaseId, DepartmentId, InstitutionId, RequestId
from transfer.institutions import Department, Institution
from transfer.ledger import case_lists, source_records
from transfer.ledger.case_lists import Chosen
from transfer.ledger.source_records import Answers, OpenAsk
from transfer.requests import RequestState
from transfer.rights import Actor, Right
from transfer.scorecards import LAST, AnswerDays, answer_days

#: how far back answers are looked at
LOOKS_BACK: Final = timedelta(days=180)
#: requests on one page of a call list
ASKS_ON_A_PAGE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartmentScore:
    """How one department answers, of the last half year. Times are UTC."""

    institution: InstitutionId
    department: str
    name: str
    #: by which way it is asked: a kind of `asked.by` in its file
    how: str
    open_asks: int
    days: AnswerDays
    usual_days: int
    refused: int
    not_found: int
    #: parcels of its institution whose count was not the one announced
    miscounted: int
    last_contact: datetime | None

    @property
    def is_slow(self) -> bool:
        """Half of its answers take longer than it says is usual."""
        return self.days.median is not None and self.days.median > self.usual_days


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilityScore:
    institution: InstitutionId
    name: str
    departments: tuple[DepartmentScore, ...]

    @property
    def open_asks(self) -> int:
        return sum(one.open_asks for one in self.departments)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedAsk:
    """A line of the list for a call. `needed` are the lines of the checklist in words."""

    case: CaseId
    request: RequestId
    department: str
    state: RequestState
    needed: tuple[str, ...]
    receiver: str | None
    needed_by: date | None
    due_at: datetime | None
    next_action_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedPage:
    """One page of a call list, numbered from 1, and how many requests there are in all."""

    asks: tuple[OwedAsk, ...]
    number: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // ASKS_ON_A_PAGE))


def list_scorecards(services: Services, *, actor: Actor) -> tuple[FacilityScore, ...]:
    """Every facility that is asked for records: whoever owes most first."""
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        since = tx.now() - LOOKS_BACK
        places = [(one.id, part.id) for one in services.institutions.values() for part in one.departments]
        answered = source_records.answers(tx, places, since=since, last=LAST)
        owed = {(one.institution, one.department): one.requests for one in case_lists.owed_by(tx, Chosen())}
        miscounted = source_records.miscounted(tx, since)
    found = [
        FacilityScore(
            institution=InstitutionId(one.id),
            name=one.name,
            departments=tuple(
                _score(
                    one,
                    part,
                    answered[one.id, part.id],
                    owed=owed.get((InstitutionId(one.id), DepartmentId(part.id)), 0),
                    miscounted=miscounted[one.id],
                )
                for part in one.departments
            ),
        )
        for one in services.institutions.values()
        if one.departments
    ]
    return tuple(sorted(found, key=lambda one: (-one.open_asks, one.name)))


def list_owed(services: Services, institution: InstitutionId, *, actor: Actor, number: int | None = None) -> OwedPage:
    """What one facility owes, over all cases, what is needed first at the top: one call settles several. One page of
    it, or without a number all; a page that there is not is the last one.

    Raises:
        Unknown: there is no such institution.
    """
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        if institution not in services.institutions:
            raise Unknown("there is no such facility")
        total = source_records.owed_in_all(tx, institution)
        here = min(max(number or 1, 1), max(1, -(-total // ASKS_ON_A_PAGE)))
        limit = None if number is None else ASKS_ON_A_PAGE
        found = source_records.open_asks(tx, institution, limit=limit, after=(here - 1) * ASKS_ON_A_PAGE)
        return OwedPage(asks=tuple(_owed(services, one) for one in found), number=here, total=total)


def _owed(services: Services, one: OpenAsk) -> OwedAsk:
    names = {part.id: part.name for part in services.institutions[one.institution].departments}
    return OwedAsk(
        case=one.case,
        request=one.request,
        department=names.get(one.department, one.department),
        state=one.state,
        needed=labels_of(services.checklists, one.checklist, one.lines),
        receiver=institution_name(services.institutions, one.receiver) if one.receiver else None,
        needed_by=one.needed_by,
        due_at=one.due_at,
        next_action_on=one.next_action_on,
    )


def _score(
    institution: Institution, department: Department, answered: Answers, *, owed: int, miscounted: int
) -> DepartmentScore:
    return DepartmentScore(
        institution=InstitutionId(institution.id),
        department=department.id,
        name=department.name,
        how=department.asked.by,
        open_asks=owed,
        days=answer_days(answered.took[::-1]),
        usual_days=department.usual_days,
        refused=answered.refused,
        not_found=answered.not_found,
        miscounted=miscounted,
        last_contact=answered.heard_at,
    )
