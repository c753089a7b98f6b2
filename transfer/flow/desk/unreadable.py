"""What becomes of a record that nobody can read: it is taken as it is, left out, opened once more, or
asked for again.
"""

from transfer.actions import ActionCode, ActionResult
from transfer.flaws import Flaw
from transfer.flow.assess import settle_needs
from transfer.flow.desk.answering import answer_in
from transfer.flow.hearing import leads_to
from transfer.flow.services import Services
from transfer.flow.studies import take_what_came
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.ledger import Tx, holds, opened_records, records, requests, rounds
from transfer.ledger.holds import Hold
from transfer.ledger.records import StoredRecord
from transfer.records import RecordKind
from transfer.requests import MOVES, Request, RequestAnswer
from transfer.rounds import Dag
from transfer.source_answers import SourceAnswer

_AGAIN = SourceAnswer(answer=RequestAnswer.AGAIN)
_NOTHING = ActionResult(ActionCode.NOTHING_TO_ASK)


def decide_unreadable(tx: Tx, services: Services, hold: Hold) -> ActionResult:
    """The answer to a question about one record. The caller wrote the answer, and holds the case."""
    case, answered = CaseId(hold.subject), holds.get(tx, hold.id)
    kept = records.get(tx, hold.about or "")
    if kept is None or answered is None:
        return ActionResult(ActionCode.MESSAGE_IS_PURGED)
    if answered.answer == HoldAnswer.AGAIN:
        return ask_source_of(tx, services, hold)
    if answered.answer == HoldAnswer.OPEN_AGAIN:
        opened_records.open_all_again(tx, kept)
        for one in opened_records.cases_of(tx, kept.id):
            rounds.owe(tx, Dag.OPEN_CASE, one)
        return ActionResult(ActionCode.RECORD_OPENED_AGAIN, record=kept.id)
    if answered.answer == HoldAnswer.APPROVE:
        # Whose it is, is another question: nobody takes another patient's document as it is.
        opened_records.take(tx, case, kept, kept.flaws - {Flaw.ANOTHER_PATIENT})
    code = ActionCode.RECORD_TAKEN if answered.answer == HoldAnswer.APPROVE else ActionCode.RECORD_LEFT_OUT
    return ActionResult(code, record=kept.id, outlook=settle_needs(tx, services, case).sentence)


def decide_lacking(tx: Tx, services: Services, hold: Hold) -> ActionResult:
    """The same about a study of which not all images came. Nothing of what came is fetched again."""
    case, answered = CaseId(hold.subject), holds.get(tx, hold.id)
    kept = records.get(tx, hold.about or "")
    request = _request_for(tx, services, case, kept) if kept else None
    if kept is None or answered is None:
        return ActionResult(ActionCode.MESSAGE_IS_PURGED)
    if answered.answer == HoldAnswer.AGAIN:
        can_ask = request is not None and tx.case(case).is_open
        return answer_in(tx, services, request, _AGAIN) if request and can_ask else _NOTHING
    if answered.answer == HoldAnswer.APPROVE:
        take_what_came(tx, case, kept)
        return ActionResult(ActionCode.RECORD_TAKEN, record=kept.id, outlook=settle_needs(tx, services, case).sentence)
    return ActionResult(ActionCode.RECORD_LEFT_OUT, record=kept.id, outlook=settle_needs(tx, services, case).sentence)


def ask_source_of(tx: Tx, services: Services, hold: Hold) -> ActionResult:
    """Ask the department for a record again. What it gives then is a record of its own; this one stays out."""
    case, kept = CaseId(hold.subject), records.get(tx, hold.about or "")
    request = _request_for(tx, services, case, kept) if kept else None
    if kept is None or request is None or not tx.case(case).is_open:
        settle_needs(tx, services, case)
        return _NOTHING
    opened_records.let_come_again(tx, kept)
    did = answer_in(tx, services, request, _AGAIN)
    settle_needs(tx, services, case)
    return did


def _request_for(tx: Tx, services: Services, case: CaseId, kept: StoredRecord) -> Request | None:
    """By which it came, or by which its department is asked for such records."""
    made = requests.of_case(tx, case)
    came_by = tx.case(case).records[kept.id].request
    for request in sorted(made, key=lambda one: one.id != came_by):
        department = services.institutions[request.institution].department(request.department)
        is_of = request.institution == kept.institution and kept.kind in (*department.holds, RecordKind.OTHER)
        to = leads_to(services, request, RequestAnswer.AGAIN)
        if (request.id == came_by or is_of) and (request.state is to or to in MOVES[request.state]):
            return request
    return None
