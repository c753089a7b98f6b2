"""What a source said by telephone to one of our requests, or that it is to be asked again."""

from enum import StrEnum

from transfer.flow.admit import rule_request
from transfer.flow.assess import settle_needs
from transfer.flow.desk.verbs import Did, at_desk, not_allowed, opened_case, still_open, unknown
from transfer.flow.edges import Edges
from transfer.holds import HoldCode
from transfer.identifiers import InstitutionId, PatientId
from transfer.ledger import Tx, patients, people, requests, rounds
from transfer.record_requests import MOVES, Request, RequestState
from transfer.rounds import Dag

_S = RequestState


class Answer(StrEnum):
    """What was heard, or decided."""

    NO_RECORDS = "no-records"
    NOT_FOUND = "not-found"
    WILL_SEND = "will-send"
    AGAIN = "again"


#: questions about a request that its answer settles
_SETTLED = frozenset(
    {
        HoldCode.SOURCE_REFUSES,
        HoldCode.SOURCE_DOES_NOT_ANSWER,
        HoldCode.SOURCE_PUZZLES,
        HoldCode.WHOSE_STUDY,
    }
)


def answer_request(edges: Edges, name: str, answer: Answer, *, person: str) -> Did:
    """Write down what a source said by telephone. *Again* asks it anew, now.

    Raises:
        Unknown: no such request.
        NotAllowed: it is withdrawn, something came already, or no permission is in force.
    """
    with at_desk(edges, person) as tx:
        request = requests.get(tx, name)
        if request is None:
            raise unknown(f"no request {name}", "They are listed by transfer case show.")
        opened = tx.case(request.case).opened
        if opened:  # patients are locked before cases
            patients.share(tx, PatientId(opened.patient))
        found, opened, patient = opened_case(tx, request.case)
        still_open(found)
        request = requests.get(tx, name) or request
        ruling = rule_request(tx, edges, patient, InstitutionId(opened.receiver), request)
        if request.state is _S.NOT_PERMITTED and not ruling.is_permitted:
            raise not_allowed(
                f"request {name} has no permission in force", "A release form is needed first; nothing may be asked."
            )
        return answer_in(tx, edges, request, answer)


def answer_in(tx: Tx, edges: Edges, request: Request, answer: Answer) -> Did:
    """The same within a transaction that holds the case's lock."""
    is_fetched = edges.institutions[request.institution].department(request.department).is_fetched
    to = _to(answer, is_fetched=is_fetched)
    if answer is Answer.AGAIN and request.state is to:
        requests.hurry(tx, request)
    elif request.state is to:
        return Did(sentence=f"request {request.id}: {to}, as before", changed=False)
    else:
        _move(tx, request, to)
    _settle_holds(tx, request, answer)
    found = settle_needs(tx, edges, request.case)
    if to is _S.DUE:
        rounds.ring(tx, Dag.OPEN_CASE, request.case)
    return Did(sentence=f"request {request.id}: {to}; {found.sentence}")


def _to(answer: Answer, *, is_fetched: bool) -> RequestState:
    match answer:
        case Answer.NO_RECORDS:
            return _S.NO_RECORDS
        case Answer.NOT_FOUND:
            return _S.NOT_FOUND
        case Answer.WILL_SEND:
            return _S.EXPECTED
        case Answer.AGAIN:
            return _S.DUE if is_fetched else _S.EXPECTED


def _move(tx: Tx, request: Request, to: RequestState) -> None:
    if to not in MOVES[request.state]:
        raise not_allowed(
            f"request {request.id} is {request.state}: it cannot become {to}",
            f"See what came of it: transfer case show {request.case}.",
        )
    requests.overrule(tx, request)
    requests.move(tx, request, to, findings=("by-telephone",))


def _settle_holds(tx: Tx, request: Request, answer: Answer) -> None:
    for hold in people.open_holds(tx, request.case):
        if hold.about == request.id and hold.code in _SETTLED:
            people.resolve(tx, hold.id, answer)
