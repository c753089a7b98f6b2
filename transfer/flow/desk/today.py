"""The day at the desk: what only people here can move, soonest needed first, and whose turn everything else is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from transfer.flow.desk.looking import show_identity
from transfer.flow.desk.story import department
from transfer.flow.desk.verbs import at_desk, demand
from transfer.flow.services import Services
from transfer.flow.telling import tell_what_changed
from transfer.flow.waiting import WhyLine, labels_of, name_of, reasons
from transfer.holds import HoldCode
from transfer.identifiers import CaseId, HoldId, InstitutionId, PatientId
from transfer.ledger import Tx, case_lists, holds, patients, requests, sessions, unmatched
from transfer.ledger.case_lists import Chosen, ListedCase, ListPart
from transfer.ledger.patients import Identity
from transfer.ledger.unmatched import CameToNothing
from transfer.looks import LookPlace
from transfer.requests import Owner
from transfer.rights import Actor, Right
from transfer.sentences import SENTENCES

#: lines of one page of a list
PAGE: Final = 50
#: appointments that the desk's clinics name, the next ones
_APPOINTMENTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """A case as a line of a list. Times are UTC. `patient` is said only where identity was asked for."""

    case: CaseId
    patient: str | None
    receiver: str | None
    referring: str | None
    checklist: str | None
    needed_by: date | None
    #: until it is needed; less than 0: too late
    days_left: int | None
    appointment_at: datetime | None
    opened_at: datetime
    #: since the referral
    days_open: int
    owner: Owner | None
    owner_since: datetime | None
    why: tuple[WhyLine, ...]
    #: departments that owe something and are to be asked by today whether they sent it
    to_call: tuple[str, ...]
    #: a day that is here on which somebody wanted to look again, after a call to somebody else
    look_again_on: date | None
    #: what is outstanding, in the words of the checklist
    lacking: tuple[str, ...]
    assigned_to: str | None
    #: what pages call that account; None: it never signed in here
    assignee: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    """One page of a part of the cases, numbered from 1, and how many there are in all."""

    part: ListPart
    lines: tuple[CaseLine, ...]
    number: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """The patients that a center expects on one day of its own. `cut_off`: the first day by which one is needed, and
    `cut_off_at` the time on it, by the clocks there.
    """

    receiver: str
    zone: ZoneInfo
    day: date
    cut_off: date | None
    cut_off_at: time | None
    lines: tuple[CaseLine, ...]

    def time_of(self, line: CaseLine) -> str:
        """When the patient is expected, by the clocks there; empty where no time is known."""
        return f"{line.appointment_at.astimezone(self.zone):%H:%M}" if line.appointment_at else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingMessage:
    """A message that is in no case yet, and what people are asked about it."""

    hold: HoldId
    code: HoldCode
    institution: str
    says: str
    opened_at: datetime
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What a department owes, over all cases: one call settles several."""

    who: str
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """`counts` holds every part, also those that have a page of their own."""

    #: by the reader's clocks
    day: date
    ours: CasePage
    others: CasePage
    counts: Mapping[ListPart, int]
    messages: tuple[WaitingMessage, ...]
    owed: tuple[Owed, ...]
    clinics: tuple[Clinic, ...]
    #: appointments after those that the clinics name
    later: int
    came_to_nothing: tuple[CameToNothing, ...]


def today(
    services: Services,
    *,
    actor: Actor,
    zone: ZoneInfo,
    chosen: Chosen | None = None,
    identity: bool = False,
    place: LookPlace = LookPlace.LIST,
    appointments: int | None = None,
) -> Today:
    """What is to be done today, a day of the reader's `zone`. `identity`: patients are named, in this place. At most so
    many `appointments` are in its clinics, or as many as the desk names, and how many follow is said.

    Raises:
        NotAllowed: identity is asked for by somebody who may not see it.
    """
    looking = _begin(services, actor, identity=identity, place=place)
    chosen = chosen or Chosen()
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        day = tx.now().astimezone(zone).date()
        counts = case_lists.counted(tx, chosen, today=day)
        expected = case_lists.listed(tx, chosen, ListPart.EXPECTED, limit=appointments or _APPOINTMENTS, today=day)
        pages = [
            case_lists.listed(tx, chosen, part, limit=PAGE, today=day) for part in (ListPart.OURS, ListPart.OTHERS)
        ]
        messages, owed = _messages(tx, services), tuple(_owed(tx, services, chosen))
        nothing = tuple(
            replace(one, institution=name_of(services.institutions, one.institution))
            for one in unmatched.came_to_nothing(tx, datetime.combine(day, time(), zone).astimezone(UTC))
        )
        lines = looking.lines(tx, [*pages[0], *pages[1], *expected], day)
        ours, others = (
            _page(part, [lines[one.id] for one in found], 1, counts[part])
            for part, found in zip((ListPart.OURS, ListPart.OTHERS), pages, strict=True)
        )
        return Today(
            day=day,
            ours=ours,
            others=others,
            counts=counts,
            messages=messages,
            owed=owed,
            clinics=_clinics(services, expected, lines),
            later=max(0, counts[ListPart.EXPECTED] - len(expected)),
            came_to_nothing=nothing,
        )


def list_part(
    services: Services,
    part: ListPart,
    *,
    actor: Actor,
    zone: ZoneInfo,
    chosen: Chosen | None = None,
    number: int = 1,
    identity: bool = False,
    place: LookPlace = LookPlace.LIST,
) -> CasePage:
    """One page of one part, from 1; a page that there is not is empty.

    Raises:
        NotAllowed: identity is asked for by somebody who may not see it.
    """
    looking = _begin(services, actor, identity=identity, place=place)
    chosen = chosen or Chosen()
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        day = tx.now().astimezone(zone).date()
        after = (max(number, 1) - 1) * PAGE
        found = case_lists.listed(tx, chosen, part, limit=PAGE, after=after, today=day)
        total = case_lists.counted(tx, chosen, today=day)[part]
        lines = looking.lines(tx, found, day)
        return _page(part, [lines[one.id] for one in found], number, total)


def _page(part: ListPart, lines: Iterable[CaseLine], number: int, total: int) -> CasePage:
    return CasePage(part=part, lines=tuple(lines), number=number, total=total)


def _begin(services: Services, actor: Actor, *, identity: bool, place: LookPlace) -> "_Looking":
    demand(actor, Right.SEE_CASES)
    if identity:
        demand(actor, Right.SEE_IDENTITY)
    tell_what_changed(services)
    return _Looking(services, actor, place if identity else None)


class _Looking:
    """Makes lines of listed cases, by as many questions to the ledger however many cases there are."""

    def __init__(self, services: Services, actor: Actor, place: LookPlace | None) -> None:
        """`place`: where patients are named; None: nowhere."""
        self._services = services
        self._actor = actor
        self._place = place

    def lines(self, tx: Tx, found: Sequence[ListedCase], day: date) -> dict[CaseId, CaseLine]:
        calls: dict[CaseId, list[str]] = {}
        for request in requests.to_call(tx, [one.id for one in found], day):
            place = department(self._services.institutions, request.institution, request.department)
            calls.setdefault(request.case, []).append(place)
        staff = sessions.names(tx, {one.assigned_to for one in found if one.assigned_to})
        opened = [one.id for one in found if one.patient]
        named = show_identity(tx, self._actor, opened, self._place) if self._place else frozenset()
        known = patients.identities(tx, [one.patient for one in found if one.patient and one.id in named])
        return {
            one.id: replace(
                self._line(one, known if one.id in named else {}, tuple(calls.get(one.id, ())), day),
                assignee=staff.get(one.assigned_to or ""),
            )
            for one in found
        }

    def _line(
        self, one: ListedCase, known: Mapping[PatientId, Identity], calls: tuple[str, ...], day: date
    ) -> CaseLine:
        institutions = self._services.institutions
        who = known.get(one.patient) if one.patient else None
        look = one.look_again_on if one.look_again_on and one.look_again_on <= day else None
        return CaseLine(
            case=one.id,
            patient=str(who.current.names[0]) if who and who.current.names else None,
            receiver=name_of(institutions, one.receiver) if one.receiver else None,
            referring=name_of(institutions, one.referring) if one.referring else None,
            checklist=one.checklist,
            needed_by=one.needed_by,
            days_left=(one.needed_by - day).days if one.needed_by else None,
            appointment_at=one.appointment_at,
            opened_at=one.opened_at,
            days_open=max(0, (day - one.opened_at.date()).days),
            owner=Owner.DESK if calls or look else one.wait.owner,
            owner_since=one.owner_since,
            why=reasons(one.wait.why, institutions),
            to_call=calls,
            look_again_on=look,
            lacking=labels_of(self._services.checklists, one.checklist, one.wait.lacking),
            assigned_to=one.assigned_to,
            assignee=None,
        )


def _messages(tx: Tx, services: Services) -> tuple[WaitingMessage, ...]:
    return tuple(
        WaitingMessage(
            hold=one.id,
            code=one.code,
            institution=name_of(services.institutions, institution),
            says=SENTENCES[one.code].staff,
            opened_at=one.opened_at,
            due_at=one.due_at,
        )
        for one, institution in holds.about_arrivals(tx, PAGE)
    )


def _owed(tx: Tx, services: Services, chosen: Chosen) -> Iterable[Owed]:
    for one in case_lists.owed_by(tx, chosen, limit=PAGE):
        yield Owed(who=department(services.institutions, one.institution, one.department), requests=one.requests)


def _clinics(
    services: Services, expected: Sequence[ListedCase], lines: Mapping[CaseId, CaseLine]
) -> tuple[Clinic, ...]:
    """By center and day there, in the order of their days."""
    days: dict[tuple[date, InstitutionId], list[CaseLine]] = {}
    for one in expected:
        if one.receiver in services.institutions and one.receiver and one.appointment_at:
            there = one.appointment_at.astimezone(services.institutions[one.receiver].zone)
            days.setdefault((there.date(), one.receiver), []).append(lines[one.id])
    return tuple(_clinic(services, receiver, day, named) for (day, receiver), named in sorted(days.items()))


def _clinic(services: Services, receiver: InstitutionId, day: date, named: Sequence[CaseLine]) -> Clinic:
    cut_off = min((one.needed_by for one in named if one.needed_by), default=None)
    return Clinic(
        receiver=name_of(services.institutions, receiver),
        zone=services.institutions[receiver].zone,
        day=day,
        cut_off=cut_off,
        cut_off_at=services.center_needs(receiver).until(cut_off) if cut_off else None,
        lines=tuple(named),
    )
