"""Logging a telephone call about a case, to whomever."""

from collections.abc import Iterable, Iterator
from datetime import date

from transfer import codec, facts
from transfer.actions import ActionCode, ActionResult
from transfer.calls import Call, Callee, CallOutcome, next_look
from transfer.case import Case
from transfer.facts import Chain, LedgerLine
from transfer.flow.desk.answering import answer_in
from transfer.flow.desk.shown import CallView
from transfer.flow.desk.verbs import SENT_TWICE, at_desk, known_case, not_allowed, unknown
from transfer.flow.identity import hold_patient_of
from transfer.flow.services import Services
from transfer.identifiers import CaseId, InstitutionId, PatientId
from transfer.ledger import Tx, notes, requests
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.requests import MOVES, Request, RequestAnswer, RequestState
from transfer.rights import Actor, Right
from transfer.source_answers import SaidBy, SourceAnswer


def log_call(services: Services, case: CaseId, call: Call, *, actor: Actor) -> ActionResult:
    """Write a call down. What a facility promised moves its request, as `answer_request` with *ready-on* does.

    The same of the same person within a minute is written once. A call may be logged in any state of the case.

    Raises:
        Unknown: no such case, or the case has no such request.
        NotAllowed: there is something to seal, and the case has no patient yet under whose key it could be sealed.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        known_case(tx, case)
        patient = hold_patient_of(tx, case)  # patients are locked before cases
        tx.lock_case(case)
        found, request = tx.case(case), _request(tx, case, call)
        if patient is None and not call.by.is_empty:
            raise not_allowed(Reason(RefusalCode.NOBODYS_NOTE), Remedy(RemedyCode.LEAVE_NOTE_AWAY))
        institution = _institution(found, call, request)
        look = next_look(call, _today(tx, services, institution))
        fact = _fact(tx, patient, call, institution, look)
        if _is_sent_twice(tx, case, fact, actor):
            return ActionResult(ActionCode.CALL_LOGGED_BEFORE)
        tx.append(Chain.case(case), fact)
        if request is not None:
            requests.heard(tx, request.id)
        if request is not None and _moves(found, call, request):
            said = SourceAnswer(answer=RequestAnswer.READY_ON, day=call.promised_by, by=call.by)
            answer_in(tx, services, request, said)
        if request is not None and look is not None:
            _plan(tx, request, look)
    return ActionResult(
        ActionCode.CALL_LOGGED,
        callee=call.callee,
        outcome=call.outcome,
        next_action=look.isoformat() if look else "",
    )


def _request(tx: Tx, case: CaseId, call: Call) -> Request | None:
    request = requests.get(tx, call.request) if call.request else None
    if call.request and (request is None or request.case != case):
        raise unknown(Reason(RefusalCode.NO_REQUEST, request=call.request), Remedy(RemedyCode.FIND_IN_CASE))
    return request


def _institution(found: Case, call: Call, request: Request | None) -> InstitutionId | None:
    if request is not None:
        return request.institution
    if found.opened is None:
        return None
    named = {Callee.REFERRING_OFFICE: found.opened.referring, Callee.CENTER: found.opened.receiver}
    return InstitutionId(named[call.callee]) if call.callee in named else None


def _today(tx: Tx, services: Services, institution: InstitutionId | None) -> date:
    """The day where the one called is; of whom we know no zone, the day in UTC."""
    now = tx.now()
    return (now.astimezone(services.institutions[institution].zone) if institution else now).date()


def _moves(found: Case, call: Call, request: Request) -> bool:
    """What was promised moves a request that may be moved so; else it is in the log alone."""
    is_promise = call.outcome is CallOutcome.PROMISED and found.is_open
    is_asked = request.state not in (RequestState.NOT_PERMITTED, RequestState.WITHDRAWN)
    return is_promise and is_asked and RequestState.READY_ON in MOVES[request.state]


def _plan(tx: Tx, request: Request, look: date) -> None:
    now = requests.get(tx, request.id) or request
    if now.state.is_open:
        requests.plan_action(tx, now, look)


def _fact(
    tx: Tx, patient: PatientId | None, call: Call, institution: InstitutionId | None, look: date | None
) -> facts.CallLogged:
    text = codec.dump(SaidBy, call.by).decode() if patient and not call.by.is_empty else None
    return facts.CallLogged(
        callee=call.callee,
        outcome=call.outcome,
        institution=institution,
        request=call.request,
        promised_by=call.promised_by.isoformat() if call.promised_by else None,
        next_action=look.isoformat() if look else None,
        note=notes.write(tx, patient, text) if patient and text else None,
        hmac=notes.digest(tx, patient, text) if patient and text else None,
    )


def _is_sent_twice(tx: Tx, case: CaseId, fact: facts.CallLogged, actor: Actor) -> bool:
    since = tx.now() - SENT_TWICE
    return any(
        isinstance(line.fact, facts.CallLogged)
        and line.at >= since
        and line.by.person == actor.person
        and _compared(line.fact) == _compared(fact)
        for line in tx.lines(Chain.case(case))
    )


def _compared(fact: facts.CallLogged) -> tuple[str | None, ...]:
    return fact.callee, fact.outcome, fact.request, fact.promised_by, fact.next_action, fact.hmac


def logged(tx: Tx, lines: Iterable[LedgerLine], *, identity: bool, notes_too: bool) -> Iterator[CallView]:
    """The calls of a case, newest first; `identity`: whom they spoke to; `notes_too`: what was said."""
    for line in sorted(lines, key=lambda one: -one.sequence):
        if not isinstance(line.fact, facts.CallLogged):
            continue
        fact = line.fact
        text = notes.read(tx, fact.note) if fact.note and (identity or notes_too) else None
        said = codec.load(SaidBy, text.encode()) if text else None
        yield CallView(
            at=line.at,
            by=line.by.person,
            is_claimed=line.by.is_claimed,
            callee=Callee(fact.callee),
            outcome=CallOutcome(fact.outcome),
            institution=fact.institution,
            request=fact.request,
            promised_by=date.fromisoformat(fact.promised_by) if fact.promised_by else None,
            next_action=date.fromisoformat(fact.next_action) if fact.next_action else None,
            spoke_to=said.person if said and identity else None,
            reference=said.reference if said and identity else None,
            words=said.words if said and notes_too else None,
        )
