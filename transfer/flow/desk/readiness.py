"""Ready to send? What stops it, what would make it ready, and what would go under which authorization."""

from collections.abc import Iterator
from typing import Final

from transfer.case import Case, OpenedCase
from transfer.completeness import SETTLED, Need, WaitCode
from transfer.flow.assess import Assessment
from transfer.flow.basis import still_covered
from transfer.flow.desk.shown import ContextLine, LeftView, ReadyToSend, Weight
from transfer.flow.desk.story import department, institution_name, plain
from transfer.flow.owing_letters import waits_for_call
from transfer.flow.services import Services
from transfer.identifiers import PatientId
from transfer.ledger import Tx, disclosures, disputes, permissions, records, requests
from transfer.ledger.records import Joined, StoredRecord
from transfer.permissions import End
from transfer.requests import Request, RequestState
from transfer.sentences import SENTENCES

#: of a request whose letter waits for us
CALL_FIRST: Final = SENTENCES[WaitCode.CALL_BACK].staff
#: the ends of an authorization by which somebody said "no"
_NO = (End.PAUSED, End.REVOKED, End.ENTERED_IN_ERROR)


def readiness(tx: Tx, services: Services, assessed: Assessment) -> ReadyToSend:
    """How an opened case stands. It is judged as a packet would be: by what a basis in force covers at this moment."""
    found, opened = assessed.case, OpenedCase.of(assessed.case)
    standing = [(kept, joined) for kept, joined in records.joined(tx, found.id) if kept.id not in found.void]
    covered = still_covered(tx, services.institutions, opened, [kept for kept, _ in standing])
    waiting = tuple(_not_covered(services, standing, covered))
    stopped = (*stops(tx, found), *(waiting if standing and not covered else ()))
    lacking = tuple(_lacking(tx, services, assessed))
    return ReadyToSend(
        is_ready=not (stopped or lacking or waiting) and assessed.has_records and found.is_active,
        stopped=stopped,
        lacking=(*lacking, *(waiting if covered else ())),
        held=tuple(_held(services, standing, covered, assessed)),
    )


def stops(tx: Tx, found: Case) -> Iterator[ContextLine]:
    """What stands against sending anything: a "no" that holds, what people found wrong with a form, the referral."""
    if not found.is_active:
        says = f"ended: {plain(found.closed.ending)}" if found.closed else f"it is {plain(found.referral_status)}"
        yield ContextLine(weight=Weight.CONTRADICTS, label="Referral", says=f"{says[:1].upper()}{says[1:]}.")
    if found.opened is None:
        return
    states = permissions.states(tx, PatientId(found.opened.patient))
    is_any_left = any(one.ended is None for one in states)
    for one in states:
        if one.ended is End.PAUSED or (one.ended in _NO and not is_any_left):
            says = "Stopped for now: nothing goes." if one.ended is End.PAUSED else f"{plain(one.ended)}: nothing goes."
            yield ContextLine(
                weight=Weight.CONTRADICTS,
                label=f"Authorization {one.id}",
                says=f"{says[:1].upper()}{says[1:]}",
                at=one.ended_at,
            )
        for dispute in () if one.ended else sorted(disputes.standing(tx, one.id)):
            says = f"Disputed: {plain(dispute)}. It permits nothing."
            yield ContextLine(weight=Weight.CONTRADICTS, label=f"Authorization {one.id}", says=says)


def is_stopped(tx: Tx, found: Case) -> bool:
    """Whether nobody is to approve anything: a "no" holds, or the referral asks for nothing. It needs no key."""
    return any(stops(tx, found))


def _not_covered(
    services: Services, standing: list[tuple[StoredRecord, Joined]], covered: frozenset[str]
) -> Iterator[ContextLine]:
    for kept, _ in standing:
        if kept.id not in covered:
            says = "Received, on hold: no authorization in force covers it."
            yield ContextLine(weight=Weight.CONTRADICTS, label=named(services, kept), says=says)


def _lacking(tx: Tx, services: Services, assessed: Assessment) -> Iterator[ContextLine]:
    """The authorization, where one is lacking; then the required lines not settled, each with whose turn it is."""
    made = requests.of_case(tx, assessed.case.id)
    if not_asked := [one for one in made if one.state is RequestState.NOT_PERMITTED]:
        names = dict.fromkeys(institution_name(services.institutions, one.institution) for one in not_asked)
        says = f"None in force covers what these hold, so nothing is requested there: {'; '.join(names)}."
        yield ContextLine(weight=Weight.CONTRADICTS, label="Authorization", says=says)
    for need in assessed.completeness.needs:
        if need.line.key not in assessed.lacking and not _is_owed(need, made):
            continue
        asked = [_standing(services, one) for one in made if need.line.key in one.lines and _owes(one)]
        says = " ".join([SENTENCES[need.state].staff, *asked])
        yield ContextLine(weight=Weight.CONTRADICTS, label=need.line.label, says=says)


def _is_owed(need: Need, made: list[Request]) -> bool:
    """Whether a source still owes something for a required line that has an answer already."""
    return need.line.necessity == "required" and any(need.line.key in one.lines and one.state.is_open for one in made)


def _owes(request: Request) -> bool:
    return request.state not in (RequestState.ANSWERED, RequestState.NO_RECORDS, RequestState.WITHDRAWN)


def _standing(services: Services, request: Request) -> str:
    where = department(services.institutions, request.institution, request.department)
    if request.state is RequestState.NOT_PERMITTED:
        return f"{where} waits for the release form."
    if waits_for_call(services, request):
        return f"{where}: {CALL_FIRST}"
    return f"{where}: {SENTENCES[request.state].staff}"


def _held(
    services: Services, standing: list[tuple[StoredRecord, Joined]], covered: frozenset[str], assessed: Assessment
) -> Iterator[ContextLine]:
    """What would go, each under what it was received by; lines that people or sources settled without a record."""
    for kept, joined in standing:
        if kept.id in covered:
            under = f" {joined.permission}" if joined.permission else ""
            says = f"Received; covered by: {plain(joined.basis)}{under}."
            yield ContextLine(weight=Weight.AGREES, label=named(services, kept), says=says)
    for need in assessed.completeness.needs:
        if need.line.necessity == "required" and need.state in SETTLED and not need.records:
            yield ContextLine(weight=Weight.AGREES, label=need.line.label, says=SENTENCES[need.state].staff)


def named(services: Services, kept: StoredRecord) -> str:
    """A record as people call it. Nothing of what it says of itself."""
    says = f"{plain(kept.kind)} from {institution_name(services.institutions, kept.institution)}"
    return f"{says[:1].upper()}{says[1:]}"


def left_already(tx: Tx, services: Services, found: Case) -> tuple[LeftView, ...]:
    """Every packet of a case that may have left, oldest first."""
    return tuple(
        LeftView(
            packet=key,
            recipient=institution_name(services.institutions, sent.begun.recipient),
            begun_at=sent.begun_at,
            size=disclosures.bytes_sent(tx, sent.begun.disclosure),
            outcome=sent.outcome or "begun",
            receipt=sent.receipt.status if sent.receipt else None,
        )
        for key, sent in found.packets.items()
        if sent.begun and sent.may_have_left
    )
