"""What an open case is for and from whom is changed: by its referral, by an appointment, by a person at the desk."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from transfer import facts
from transfer.case import Case, OpenedCase
from transfer.checklist import Checklist
from transfer.completeness import WaiverKind, line_suggested
from transfer.errors import Refused
from transfer.facts import Chain
from transfer.flow import needs
from transfer.flow.assess import settle_needs
from transfer.flow.ending import give_up_newest
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.institutions import Department, Institution
from transfer.ledger import Tx, materials, records, requests, rounds
from transfer.records import RecordKind
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


def change_case(tx: Tx, services: Services, case: CaseId, change: CaseChange) -> str:
    """Let a change of an open case take effect; how the case stands after it, as a run's note says it.

    The caller has begun an epoch of its patient and holds the case's lock.

    Raises:
        Refused: another receiver, and a packet may have left already. The caller asks before.
    """
    before, was = tx.case(case), OpenedCase.of(tx.case(case))
    if before.has_disclosed and change.values.get("receiver", was.receiver) != was.receiver:
        raise Refused(f"{case} has disclosed a packet")
    checklist = services.checklist_of(
        change.values.get("checklist", was.checklist), change.values.get("receiver", was.receiver)
    )
    values = {**change.values}
    if values.keys() & {"checklist", "receiver"}:
        values["checklist_version"] = checklist.version
    names = tuple(sorted({*values, *change.beside}))
    tx.append(
        Chain.case(case),
        facts.CaseChanged(said_in=change.said_in, changed=names, arrival=change.arrival, note=change.note, **values),
    )
    now = OpenedCase.of(tx.case(case))
    if (now.checklist, now.receiver) != (was.checklist, was.receiver):
        _put_on_lines(tx, services, case, services.checklist_of(was.checklist, was.receiver), checklist)
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


def _put_on_lines(tx: Tx, services: Services, case: CaseId, before: Checklist, checklist: Checklist) -> None:
    """Each record stands on its line of the new checklist, and each request asks for its lines.

    A department is asked once more only where another kind of record is wanted of it now.
    """
    for kept, joined in records.joined(tx, case):
        line = line_suggested(checklist.lines, kept)
        if line != joined.line:
            records.put_on_line(tx, case, kept.id, line)
    for request in requests.of_case(tx, case):
        if request.need:
            continue
        department = services.institutions[request.institution].department(request.department)
        lines = lines_of(department, checklist) + needs.lines_of(tx.case(case), request)
        if request.state is not RequestState.WITHDRAWN and lines != request.lines:
            wanted = _kinds(department, checklist) - _kinds(department, before)
            _ask_for(tx, request, lines, department, is_more=bool(wanted))


def _kinds(department: Department, checklist: Checklist) -> frozenset[RecordKind]:
    """What a list wants of what a department holds, but glass."""
    wanted = (line.kinds for line in checklist.lines if not line.counted)
    return frozenset().union(*wanted) & set(department.holds)


def _ask_for(tx: Tx, request: Request, lines: tuple[str, ...], department: Department, *, is_more: bool) -> None:
    """A department of which more is wanted is asked once more, or awaited."""
    requests.change_lines(tx, request, lines)
    to = first_state(is_fetched=department.is_fetched)
    is_over = not request.state.is_open and request.state is not RequestState.NOT_PERMITTED
    if is_more and is_over and to in MOVES[request.state]:
        requests.move(tx, request, to)


def want_pieces(tx: Tx, services: Services, case: CaseId) -> None:
    """A person said of a line of pieces that it applies: they are wanted from each slide room of the case's sources."""
    opened = OpenedCase.of(tx.case(case))
    checklist = services.checklist_of(opened.checklist, opened.receiver)
    for source in sorted({*_named(tx.case(case))}):
        make_requests(tx, case, services.institutions[source], checklist)


def make_requests(tx: Tx, case: CaseId, source: Institution, checklist: Checklist) -> None:
    """A request for each department that holds something the checklist asks for. Twice is once.

    Pieces are wanted where the line is required, or a person said that it applies.
    """
    applies = {key for key, said in tx.case(case).waived.items() if said.waiver == WaiverKind.APPLIES}
    wanted = [one for one in checklist.lines if one.counted and (one.is_required or one.key in applies)]
    for department in source.departments:
        for line in wanted:
            if line.kinds & set(department.holds):
                materials.want(tx, case, source.id, line.key, line.pieces)
        if documents := lines_of(department, checklist):
            requests.make(tx, case, source.id, department.id, documents, first_state(is_fetched=department.is_fetched))


def lines_of(department: Department, checklist: Checklist) -> tuple[str, ...]:
    """The lines that documents of this department may answer."""
    return tuple(line.key for line in checklist.lines if not line.counted and line.kinds & set(department.holds))
