"""What a source said to one of our requests, and what was done about it."""

from datetime import date

from transfer.actions import ActionCode, ActionResult
from transfer.case import OpenedCase
from transfer.flow import needs
from transfer.flow.assess import settle_needs
from transfer.flow.basis import may_ask
from transfer.flow.changing import lines_of
from transfer.flow.desk.verbs import at_desk, locked_request, not_allowed, unknown
from transfer.flow.hearing import Hearing, hear, is_known, leads_to, progress
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import InstitutionId
from transfer.ledger import Tx, holds, requests, rounds, turns
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.request_questions import QUESTIONS
from transfer.requests import MOVES, Request, RequestAnswer, RequestState, first_state
from transfer.rights import Actor, Right
from transfer.rounds import Dag
from transfer.source_answers import Fee, SaidBy, SourceAnswer

_S, _A = RequestState, RequestAnswer


#: questions about a request that its answer settles
_SETTLED = frozenset(
    {
        HoldCode.SOURCE_REFUSES,
        HoldCode.SOURCE_DOES_NOT_ANSWER,
        HoldCode.SOURCE_UNCLEAR,
        HoldCode.WHOSE_ANSWER,
        HoldCode.ANSWERED_AFTER_RECORDS,
        *QUESTIONS.values(),
    }
)


def answer_request(
    services: Services,
    name: str,
    answer: RequestAnswer,
    *,
    actor: Actor,
    reason: str | None = None,
    fee: Fee | None = None,
    day: date | None = None,
    institution: InstitutionId | None = None,
    by: SaidBy = SaidBy(),  # noqa: B008  frozen
) -> ActionResult:
    """Write down what a source said by telephone, or what was done about it. `by` is sealed: who said it, their number
    for the request, their words. *Again* asks anew, now. The same twice is written once.

    Raises:
        Unknown: no such request, or no such institution.
        NotAllowed: it stands so that this cannot be said, the answer takes no such thing, or no permission is in force.
    """
    try:
        said = SourceAnswer(answer=answer, reason=reason, fee=fee, day=day, elsewhere=institution, by=by)
    except ValueError:
        raise not_allowed(
            Reason(RefusalCode.ANSWER_TAKES_LESS, answer=answer), Remedy(RemedyCode.EXPLAIN_ANSWERS)
        ) from None
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        if institution is not None and institution not in services.institutions:
            raise unknown(Reason(RefusalCode.NO_SUCH_INSTITUTION), Remedy(RemedyCode.WRITE_WORDS))
        request = locked_request(tx, name)
        ruling = may_ask(tx, services.institutions, OpenedCase.of(tx.case(request.case)), request)
        is_left = answer is _A.DO_WITHOUT
        if request.state is _S.NOT_PERMITTED and not ruling.is_permitted and not is_left:
            raise not_allowed(Reason(RefusalCode.REQUEST_NOT_PERMITTED, request=name), Remedy(RemedyCode.FORM_FIRST))
        return answer_in(tx, services, request, said)


def answer_in(tx: Tx, services: Services, request: Request, said: SourceAnswer) -> ActionResult:
    """The same within a transaction that holds the patient's and the case's lock."""
    to = leads_to(services, request, said.answer)
    is_again = said.answer is _A.AGAIN
    if is_known(tx, services, request, said) and not is_again:
        return ActionResult(ActionCode.REQUEST_AS_BEFORE, request=request.id, state=to)
    if is_again and request.state is to:
        requests.hurry(tx, request)
    elif to not in MOVES[request.state]:
        raise not_allowed(
            Reason(RefusalCode.REQUEST_CANNOT_MOVE, request=request.id, state=request.state, to=to),
            Remedy(RemedyCode.SHOW_CASE, case=request.case),
        )
    else:
        if said.answer is _A.ASK_ELSEWHERE:
            said = _ask_elsewhere(tx, services, request, said)
        _settle_holds(tx, request, said.answer)
        requests.overrule(tx, request)
        if hear(tx, services, request, Hearing(said=said, said_at=tx.now())) is None:
            settle_needs(tx, services, request.case)
            return ActionResult(ActionCode.REQUEST_HEARD, request=request.id, state=request.state)
    _settle_holds(tx, request, said.answer)
    found = settle_needs(tx, services, request.case)
    if to in (_S.DUE, _S.ASKED_ELSEWHERE):
        turns.end_rest(tx, request)
        rounds.owe(tx, Dag.OPEN_CASE, request.case)
    return ActionResult(ActionCode.REQUEST_MOVED, request=request.id, state=to, outlook=found.sentence)


def _ask_elsewhere(tx: Tx, services: Services, request: Request, said: SourceAnswer) -> SourceAnswer:
    """Ask the departments of another institution that hold what this one was asked for; what was added for this case is
    needed of it from now on. It is the one named now, or by the source before.
    """
    last = progress(tx, request).answered
    named = said.elsewhere or (InstitutionId(last.elsewhere) if last and last.elsewhere else None)
    if named is None:
        raise not_allowed(
            Reason(RefusalCode.NAMES_NO_INSTITUTION, request=request.id),
            Remedy(RemedyCode.ASK_ELSEWHERE, request=request.id),
        )
    source, opened = services.institutions[named], OpenedCase.of(tx.case(request.case))
    checklist = services.checklist_of(opened.checklist, opened.receiver)
    asked: list[Request] = []
    for department in source.departments:
        lines = lines_of(department, checklist)
        is_other = (source.id, department.id) != (request.institution, request.department)
        if is_other and set(lines) & set(request.lines):
            requests.make(
                tx, request.case, source.id, department.id, lines, first_state(is_fetched=department.is_fetched)
            )
            asked.append(_of(tx, request, source.id, department.id))
    if not needs.move(tx, services, request, source) and not asked:
        raise not_allowed(
            Reason(RefusalCode.HOLDS_NO_SUCH_THING, institution=source.id),
            Remedy(RemedyCode.ASK_ELSEWHERE, request=request.id),
        )
    for one in asked:
        begin = leads_to(services, one, _A.AGAIN)
        if not one.state.is_open and begin in MOVES[one.state] and one.state is not _S.NOT_PERMITTED:
            requests.move(tx, one, begin)
    return SourceAnswer(answer=_A.ASK_ELSEWHERE, elsewhere=named, by=said.by)


def _of(tx: Tx, request: Request, institution: str, department: str) -> Request:
    made = requests.of_case(tx, request.case)
    place = institution, department
    return next(one for one in made if (one.institution, one.department) == place and not one.need)


#: what a department answered, or is asked, may be otherwise once people have said whose it is
_ASKED_AGAIN = frozenset({_S.ASKING, _S.PARTLY, _S.ANSWERED, _S.NOT_FOUND, _S.SILENT, _S.IDENTIFIER_REQUIRED})


def ask_again_if_fetched(tx: Tx, services: Services, request: Request, *, answered: bool) -> None:
    """Ask a department that we fetch from now, if it is to be asked anyhow; again, if `answered`, where it answered.

    The caller holds the case's lock, and owes its round.
    """
    if not services.institutions[request.institution].department(request.department).is_fetched:
        return
    if request.state is _S.DUE:
        requests.hurry(tx, request)
        turns.end_rest(tx, request)
    elif answered and request.state in _ASKED_AGAIN:
        requests.overrule(tx, request)
        requests.move(tx, request, _S.DUE)


def _settle_holds(tx: Tx, request: Request, answer: RequestAnswer) -> None:
    for hold in holds.open_holds(tx, request.case):
        if hold.about == request.id and hold.code in _SETTLED:
            holds.resolve(tx, hold.id, answer)
