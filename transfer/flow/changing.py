"""What an open case is for and from whom is changed: by its referral, by an appointment, by a person at the desk."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from transfer import facts
from transfer.case import Case, OpenedCase
from transfer.checklist import Checklist
from transfer.errors import Refused
from transfer.facts import Chain
from transfer.flow.assess import settle_needs
from transfer.flow.collecting import line_of
from transfer.flow.ending import give_up_newest
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.institutions import Department, Institution
from transfer.ledger import Tx, materials, records, requests, rounds
from transfer.requests import MOVES, Request, RequestState, first_state
from transfer.rounds import Dag


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChange:
    """New values by the names of `facts.CaseChanged`; what is not named stays.

    `said_in`: referral, appointment, desk. `beside` names what changed and stands elsewhere: the question.
    """

    said_in: str
    values: dict[str, Any] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    arrival: str | None = None
    note: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted({*self.values, *self.beside}))


def change_case(tx: Tx, services: Services, case: CaseId, change: CaseChange) -> str:
    """Let a change of an open case take effect; how the case stands after it, as a run's note says it.

    The caller has begun an epoch of its patient and holds the case's lock.

    Raises:
        Refused: another receiver, and a packet may have left already. The caller asks before.
    """
    before, was = tx.case(case), OpenedCase.of(tx.case(case))
    if before.has_disclosed and change.values.get("receiver", was.receiver) != was.receiver:
        raise Refused(f"{case} has disclosed a packet")
    tx.append(
        Chain.case(case),
        facts.CaseChanged(
            said_in=change.said_in, changed=change.names, arrival=change.arrival, note=change.note, **change.values
        ),
    )
    now = OpenedCase.of(tx.case(case))
    checklist = services.checklists[now.checklist]
    if now.checklist != was.checklist:
        _put_on_lines(tx, services, case, checklist)
    if now.receiver != was.receiver:
        give_up_newest(tx, case, "other-receiver")
    for source in sorted(set(_named(before)) | {*change.values.get("sources", ()), now.referring}):
        make_requests(tx, case, services.institutions[source], checklist)
    rounds.owe(tx, Dag.OPEN_CASE, case)
    return settle_needs(tx, services, case).sentence


def _named(case: Case) -> Iterable[str]:
    """Whom the case asks, and who has its glass."""
    yield from (asked.made.institution for asked in case.requests.values())
    yield from (one.institution for one in case.material.values())


def _put_on_lines(tx: Tx, services: Services, case: CaseId, checklist: Checklist) -> None:
    """Each record stands on its line of the new checklist, and each request asks for its lines."""
    for kept, joined in records.joined(tx, case):
        line = line_of(checklist, kept.kind)
        if line != joined.line:
            records.put_on_line(tx, case, kept.id, line)
    for request in requests.of_case(tx, case):
        department = services.institutions[request.institution].department(request.department)
        lines = lines_of(department, checklist)
        if request.state is not RequestState.WITHDRAWN and lines != request.lines:
            _ask_for(tx, request, lines, department)


def _ask_for(tx: Tx, request: Request, lines: tuple[str, ...], department: Department) -> None:
    """A department that was asked for other lines may have more: it is asked once more, or awaited."""
    requests.change_lines(tx, request, lines)
    to = first_state(is_fetched=department.is_fetched)
    is_over = not request.state.is_open and request.state is not RequestState.NOT_PERMITTED
    if set(lines) - set(request.lines) and is_over and to in MOVES[request.state]:
        requests.move(tx, request, to)


def make_requests(tx: Tx, case: CaseId, source: Institution, checklist: Checklist) -> None:
    """A request for each department that holds something the checklist asks for. Twice is once."""
    for department in source.departments:
        for line in checklist.lines:
            if line.counted and line.kinds & set(department.holds):
                materials.want(tx, case, source.id, line.key)
        if documents := lines_of(department, checklist):
            requests.make(tx, case, source.id, department.id, documents, first_state(is_fetched=department.is_fetched))


def lines_of(department: Department, checklist: Checklist) -> tuple[str, ...]:
    """The lines that documents of this department may answer."""
    return tuple(line.key for line in checklist.lines if not line.counted and line.kinds & set(department.holds))
