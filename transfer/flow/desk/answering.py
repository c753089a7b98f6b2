"""What a source said by telephone to one of our requests, or that it is to be asked again."""

from transfer.actions import ActionCode, ActionResult
from transfer.case import OpenedCase
from transfer.flow.assess import settle_needs
from transfer.flow.basis import may_ask
from transfer.flow.desk.verbs import at_desk, not_allowed, opened_case, still_open, unknown
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import PatientId
from transfer.ledger import Tx, holds, patients, requests, rounds, turns
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.requests import MOVES, Request, RequestAnswer, RequestState
from transfer.rights import Actor, Right
from transfer.rounds import Dag

_S = RequestState


#: questions about a request that its answer settles
_SETTLED = frozenset(
    {
        HoldCode.SOURCE_REFUSES,
        HoldCode.SOURCE_DOES_NOT_ANSWER,
        HoldCode.SOURCE_UNCLEAR,
        HoldCode.WHOSE_ANSWER,
    }
)


def answer_request(services: Services, name: str, answer: RequestAnswer, *, actor: Actor) -> ActionResult:
    """Write down what a source said by telephone. *Again* asks it anew, now.

    Raises:
        Unknown: no such request.
        NotAllowed: it is withdrawn, something came already, or no permission is in force.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        request = requests.get(tx, name)
        if request is None:
            raise unknown(Reason(RefusalCode.NO_REQUEST, request=name), Remedy(RemedyCode.FIND_IN_CASE))
        opened = tx.case(request.case).opened
        if opened:  # patients are locked before cases
            patients.hold_epoch_shared(tx, PatientId(opened.patient))
        found, _, _ = opened_case(tx, request.case)
        still_open(found)
        request = requests.get(tx, name) or request
        ruling = may_ask(tx, services.institutions, OpenedCase.of(found), request)
        if request.state is _S.NOT_PERMITTED and not ruling.is_permitted:
            raise not_allowed(Reason(RefusalCode.REQUEST_NOT_PERMITTED, request=name), Remedy(RemedyCode.FORM_FIRST))
        return answer_in(tx, services, request, answer)


def answer_in(tx: Tx, services: Services, request: Request, answer: RequestAnswer) -> ActionResult:
    """The same within a transaction that holds the case's lock."""
    is_fetched = services.institutions[request.institution].department(request.department).is_fetched
    to = _to(answer, is_fetched=is_fetched)
    if answer is RequestAnswer.AGAIN and request.state is to:
        requests.hurry(tx, request)
    elif request.state is to:
        return ActionResult(ActionCode.REQUEST_AS_BEFORE, request=request.id, state=to)
    else:
        _move(tx, request, to)
    _settle_holds(tx, request, answer)
    found = settle_needs(tx, services, request.case)
    if to is _S.DUE:
        turns.end_rest(tx, request)
        rounds.owe(tx, Dag.OPEN_CASE, request.case)
    return ActionResult(ActionCode.REQUEST_MOVED, request=request.id, state=to, outlook=found.sentence)


#: what a department answered, or is asked, may be otherwise once people have said whose it is
_ASKED_AGAIN = frozenset({_S.ASKING, _S.PARTLY, _S.ANSWERED, _S.NOT_FOUND, _S.SILENT})


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


def _to(answer: RequestAnswer, *, is_fetched: bool) -> RequestState:
    match answer:
        case RequestAnswer.NO_RECORDS:
            return _S.NO_RECORDS
        case RequestAnswer.NOT_FOUND:
            return _S.NOT_FOUND
        case RequestAnswer.WILL_SEND:
            return _S.EXPECTED
        case RequestAnswer.AGAIN:
            return _S.DUE if is_fetched else _S.EXPECTED


def _move(tx: Tx, request: Request, to: RequestState) -> None:
    if to not in MOVES[request.state]:
        raise not_allowed(
            Reason(RefusalCode.REQUEST_CANNOT_MOVE, request=request.id, state=request.state, to=to),
            Remedy(RemedyCode.SHOW_CASE, case=request.case),
        )
    requests.overrule(tx, request)
    requests.move(tx, request, to, findings=("by-telephone",))


def _settle_holds(tx: Tx, request: Request, answer: RequestAnswer) -> None:
    for hold in holds.open_holds(tx, request.case):
        if hold.about == request.id and hold.code in _SETTLED:
            holds.resolve(tx, hold.id, answer)
