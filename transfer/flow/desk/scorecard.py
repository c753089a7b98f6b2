"""Who answers, and how long it takes; and what a facility owes as one list, for one call."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from transfer import facts
from transfer.errors import Unknown
from transfer.facts import LedgerLine
from transfer.flow.desk.story import institution_name
from transfer.flow.desk.verbs import at_desk
from transfer.flow.services import Services
from transfer.flow.waiting import labels_of
from transfer.identifiers import CaseId, InstitutionId, RequestId
from transfer.institutions import Department, Institution
from transfer.ledger import source_records, written
from transfer.ledger.source_records import OpenAsk
from transfer.materials import MaterialState
from transfer.requests import RequestState
from transfer.rights import Actor, Right
from transfer.scorecards import AnswerDays, answer_days

#: how far back answers are looked at
LOOKS_BACK: Final = timedelta(days=180)
_REFUSED: Final = frozenset({RequestState.REFUSED, RequestState.FORBIDDEN, RequestState.AUTHORIZATION_NOT_ACCEPTED})
_KINDS: Final = (facts.RequestMade, facts.RequestMoved, facts.RequestAnswered, facts.CallLogged, facts.MaterialReceived)


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


def list_scorecards(services: Services, *, actor: Actor) -> tuple[FacilityScore, ...]:
    """Every facility that is asked for records: whoever owes most first."""
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        now = tx.now()
        lines = written.between(tx, _KINDS, now - LOOKS_BACK, now)
        asked = {name for line in lines if (name := _request(line)) is not None}
        seen = _Seen(lines, source_records.departments_of(tx, sorted(asked)))
        owed = Counter(f"{one.institution}/{one.department}" for one in source_records.open_asks(tx))
    found = [
        FacilityScore(
            institution=InstitutionId(one.id),
            name=one.name,
            departments=tuple(seen.score(one, part, owed[f"{one.id}/{part.id}"]) for part in one.departments),
        )
        for one in services.institutions.values()
        if one.departments
    ]
    return tuple(sorted(found, key=lambda one: (-one.open_asks, one.name)))


def list_owed(services: Services, institution: InstitutionId, *, actor: Actor) -> tuple[OwedAsk, ...]:
    """What one facility owes, over all cases, what is needed first at the top: one call settles several.

    Raises:
        Unknown: there is no such institution.
    """
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        if institution not in services.institutions:
            raise Unknown("there is no such facility")
        return tuple(_owed(services, one) for one in source_records.open_asks(tx, institution))


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


def _request(line: LedgerLine) -> str | None:
    match line.fact:
        case facts.RequestMade(request=request) | facts.RequestMoved(request=request):
            return request
        case facts.RequestAnswered(request=request) | facts.CallLogged(request=request):
            return request
    return None


class _Seen:
    """What was written of departments, by their institution and name."""

    def __init__(self, lines: Sequence[LedgerLine], made_to: dict[str, tuple[str, str]]) -> None:
        made: dict[str, datetime] = {}
        self._took: dict[tuple[str, str], list[timedelta]] = defaultdict(list)
        self._states: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._contact: dict[tuple[str, str], datetime] = {}
        self._miscounted: Counter[str] = Counter()
        for line in lines:
            there = made_to.get(_request(line) or "")
            match line.fact:
                case facts.RequestMade(request=request):
                    made[request] = line.at
                case facts.RequestMoved(request=request, state=state) if there:
                    self._states[there][state] += 1
                    if state == RequestState.ANSWERED and request in made:
                        self._took[there].append(line.at - made.pop(request))
                case facts.RequestAnswered() | facts.CallLogged() if there:
                    self._contact[there] = line.at
                case facts.MaterialReceived(institution=institution, state=MaterialState.DISCREPANT):
                    self._miscounted[institution] += 1

    def score(self, institution: Institution, department: Department, owed: int) -> DepartmentScore:
        there = (institution.id, department.id)
        states = self._states[there]
        return DepartmentScore(
            institution=InstitutionId(institution.id),
            department=department.id,
            name=department.name,
            how=department.asked.by,
            open_asks=owed,
            days=answer_days(self._took[there]),
            usual_days=department.usual_days,
            refused=_count(states, _REFUSED),
            not_found=_count(states, (RequestState.NOT_FOUND,)),
            miscounted=self._miscounted[institution.id],
            last_contact=self._contact.get(there),
        )


def _count(states: Counter[str], of: Iterable[str]) -> int:
    return sum(states[state] for state in of)
