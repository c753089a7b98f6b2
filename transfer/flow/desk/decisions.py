"""Answering a hold: each question takes some answers, and each answer does one thing."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from transfer.actions import ActionCode, ActionResult
from transfer.flow.assess import settle_needs
from transfer.flow.desk.answering import Answer, answer_in
from transfer.flow.desk.cases import approve_in
from transfer.flow.desk.comparing import decide
from transfer.flow.desk.verbs import at_desk, demand, not_allowed, unknown
from transfer.flow.edges import Edges
from transfer.flow.imaging import take_misplaced
from transfer.holds import APPROVALS, COMPARED, WORDS, HoldCode, Word
from transfer.identifiers import INBOX, CaseId, PatientId
from transfer.ledger import Tx, arrivals, patients, people, requests, rounds
from transfer.ledger.arrivals import Arrival
from transfer.ledger.people import Hold
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right
from transfer.rounds import Dag

#: the right that answering each question needs
RIGHTS: Mapping[HoldCode, Right] = MappingProxyType(
    {
        **dict.fromkeys(COMPARED, Right.DECIDE_WHOSE),
        HoldCode.WHOSE_STUDY: Right.WORK_ON_CASES,
        HoldCode.IDENTITY_CHANGED: Right.DECIDE_WHOSE,
        HoldCode.REFERRAL_UNREADABLE: Right.DECIDE_WHOSE,
        HoldCode.ARRIVAL_UNREADABLE: Right.DECIDE_WHOSE,
        HoldCode.ARRIVAL_POISONOUS: Right.DECIDE_WHOSE,
        HoldCode.BATCH_MISCOUNTED: Right.DECIDE_WHOSE,
        HoldCode.ENTRIES_UNUSABLE: Right.DECIDE_WHOSE,
        HoldCode.IMAGES_MISPLACED: Right.DECIDE_WHOSE,
        HoldCode.CONTROL_ID_CONFLICT: Right.DECIDE_WHOSE,
        HoldCode.SOURCE_REFUSES: Right.WORK_ON_CASES,
        HoldCode.SOURCE_DOES_NOT_ANSWER: Right.WORK_ON_CASES,
        HoldCode.SOURCE_PUZZLES: Right.WORK_ON_CASES,
        **dict.fromkeys(APPROVALS, Right.RELEASE),
        HoldCode.RELEASE_NOT_PERMITTED: Right.RELEASE,
        HoldCode.RECEIVER_HAS_NO_DOOR: Right.RELEASE,
        HoldCode.RECEIVER_REFUSED: Right.RELEASE,
        HoldCode.PACKET_DECLINED: Right.WORK_ON_CASES,
        HoldCode.RECEIPTS_DISAGREE: Right.WORK_ON_CASES,
        HoldCode.CONFIRM_PURGE: Right.REVOKE,
        HoldCode.REVIEW_EMERGENCY: Right.RELEASE,
        HoldCode.MACHINERY_BROKEN: Right.WORK_ON_CASES,
    }
)


def resolve(
    edges: Edges, name: str, word: Word, *, actor: Actor, case: CaseId | None = None, note: str | None = None
) -> ActionResult:
    """Answer a question. `case` goes with *ours* only. The same answer again does nothing.

    Raises:
        Unknown: there is no such question.
        NotAllowed: it does not take this word, was answered otherwise, or needs a right that the actor does not have.
    """
    with at_desk(edges, actor, Right.SEE_CASES) as tx:
        hold = known_hold(tx, name)
    code = HoldCode(hold.code)
    demand(actor, RIGHTS[code])
    if word not in WORDS[code]:
        raise not_allowed(
            Reason(RefusalCode.NO_SUCH_ANSWER, question=code, answer=word),
            Remedy(RemedyCode.CHOOSE_ONE_OF, choices=tuple(WORDS[code])),
        )
    if case is not None and word is not Word.OURS:
        raise not_allowed(Reason(RefusalCode.ANSWER_TAKES_NO_CASE, answer=word), Remedy(RemedyCode.LEAVE_CASE_AWAY))
    if hold.resolved_at is not None:
        return _answered(hold, word)
    if code in COMPARED:
        if note:
            raise not_allowed(Reason(RefusalCode.ANSWER_TAKES_NO_NOTE), Remedy(RemedyCode.NOTE_ON_CASE))
        return decide(edges, hold, word, actor=actor, case=case)
    with at_desk(edges, actor, RIGHTS[code]) as tx:
        return _resolve(tx, edges, hold, word, note)


def known_hold(tx: Tx, name: str) -> Hold:
    """The question, answered or not.

    Raises:
        Unknown: there is none.
    """
    hold = people.get_hold(tx, name)
    if hold is None:
        raise unknown(Reason(RefusalCode.NO_DECISION, hold=name), Remedy(RemedyCode.LIST_HOLDS))
    return hold


def _answered(hold: Hold, word: Word) -> ActionResult:
    if hold.word == word:
        return ActionResult(ActionCode.ANSWERED_BEFORE, answer=word)
    raise not_allowed(
        Reason(RefusalCode.ANSWERED_OTHERWISE, hold=hold.id, answer=str(hold.word)),
        Remedy(RemedyCode.SHOW_HOLD, hold=hold.id),
    )


def _resolve(tx: Tx, edges: Edges, hold: Hold, word: Word, note: str | None) -> ActionResult:
    patient = _lock(tx, hold)
    if note and patient is None:
        raise not_allowed(Reason(RefusalCode.NOBODYS_NOTE), Remedy(RemedyCode.LEAVE_NOTE_AWAY))
    written = people.note(tx, patient, note) if note and patient else None
    if people.resolve(tx, hold.id, word, written) is None:
        now = people.get_hold(tx, hold.id)
        assert now is not None  # it was there before
        return _answered(now, word)
    if word in (Word.WAIT, Word.SEEN) and HoldCode(hold.code) not in _SEEN_TOO:
        return ActionResult(ActionCode.ANSWERED, answer=word)
    return _ACTIONS[HoldCode(hold.code)](tx, edges, hold)


def _lock(tx: Tx, hold: Hold) -> PatientId | None:
    """The patient, then the case, where the question is about one."""
    if not CaseId.pattern.fullmatch(hold.subject):
        return None
    opened = tx.case(CaseId(hold.subject)).opened
    if opened:
        patients.share(tx, PatientId(opened.patient))
    tx.lock_case(CaseId(hold.subject))
    return PatientId(opened.patient) if opened else None


def _approve(tx: Tx, edges: Edges, hold: Hold) -> ActionResult:
    return approve_in(tx, edges, CaseId(hold.subject), (), None)


def _take_misplaced(tx: Tx, edges: Edges, hold: Hold) -> ActionResult:
    request, case = requests.get(tx, hold.about or ""), CaseId(hold.subject)
    if request is None or not tx.case(case).is_open:
        return ActionResult(ActionCode.NOTHING_TO_COUNT)
    count = take_misplaced(tx, case, request.institution)
    return ActionResult(ActionCode.STUDIES_TAKEN, whole=count, outlook=settle_needs(tx, edges, case).sentence)


def _enforce(tx: Tx, _: Edges, hold: Hold) -> ActionResult:
    rounds.ring(tx, Dag.ENFORCE_PERMISSIONS, hold.subject)
    return ActionResult(ActionCode.ENFORCING)


def _ask_again(tx: Tx, edges: Edges, hold: Hold) -> ActionResult:
    request = requests.get(tx, hold.about or "")
    if request is None or not tx.case(request.case).is_open:
        return ActionResult(ActionCode.NOTHING_TO_ASK)
    return answer_in(tx, edges, request, Answer.AGAIN)


def _look_again(tx: Tx, _: Edges, hold: Hold) -> ActionResult:
    rounds.ring(tx, Dag.OPEN_CASE, hold.subject)
    return ActionResult(ActionCode.CASE_AGAIN, case=hold.subject)


def _release_again(tx: Tx, _: Edges, hold: Hold) -> ActionResult:
    packet = hold.about or ""
    rounds.ring(tx, Dag.RELEASE_PACKET, packet)
    return ActionResult(ActionCode.PACKET_AGAIN, packet=packet)


def _read_again(tx: Tx, _: Edges, hold: Hold) -> ActionResult:
    arrival = arrivals.claim(tx, hold.subject)
    if arrival is None or arrival.state == "purged":
        return ActionResult(ActionCode.MESSAGE_IS_PURGED)
    answered = people.get_hold(tx, hold.id)
    if answered and answered.word == Word.SEEN:
        return _set_aside(tx, arrival)
    dag, subject = arrivals.reopen(tx, arrival)
    rounds.ring(tx, dag, subject)
    return ActionResult(ActionCode.MESSAGE_AGAIN, arrival=arrival.id)


def _set_aside(tx: Tx, arrival: Arrival) -> ActionResult:
    """Nobody's: it lapses like a stranger's message. Of a patient we know, it stays under their key."""
    if arrival.patient:
        arrivals.settle(tx, arrival, "held", "seen")
        return ActionResult(ActionCode.SET_ASIDE)
    arrivals.settle(tx, arrival, "sealed", "seen", purge_after=arrivals.STRANGER)
    return ActionResult(ActionCode.SET_ASIDE_AND_PURGED)


def _run_again(tx: Tx, _: Edges, hold: Hold) -> ActionResult:
    dag, subject = Dag(hold.about or ""), hold.subject
    if dag in (Dag.RELEASE_PACKET, Dag.SETTLE_DELIVERY) and subject != INBOX:
        newest = tx.case(CaseId(subject)).newest_packet
        if newest is None:
            return ActionResult(ActionCode.NO_PACKET_ANY_MORE)
        subject = newest.planned.packet
    rounds.ring(tx, dag, subject)
    return ActionResult(ActionCode.RUN_AGAIN, dag=dag, subject=subject)


#: *seen* does something as well
_SEEN_TOO = frozenset(
    {
        HoldCode.ARRIVAL_UNREADABLE,
        HoldCode.ARRIVAL_POISONOUS,
        HoldCode.BATCH_MISCOUNTED,
        HoldCode.IDENTITY_CHANGED,
    }
)

#: what a question's word does beyond answering it
_ACTIONS: Mapping[HoldCode, Callable[[Tx, Edges, Hold], ActionResult]] = MappingProxyType(
    {
        **dict.fromkeys(APPROVALS, _approve),
        HoldCode.IMAGES_MISPLACED: _take_misplaced,
        HoldCode.CONFIRM_PURGE: _enforce,
        HoldCode.WHOSE_STUDY: _ask_again,
        HoldCode.SOURCE_REFUSES: _ask_again,
        HoldCode.SOURCE_DOES_NOT_ANSWER: _ask_again,
        HoldCode.SOURCE_PUZZLES: _ask_again,
        HoldCode.REFERRAL_UNREADABLE: _look_again,
        HoldCode.PACKET_DECLINED: _look_again,
        HoldCode.RELEASE_NOT_PERMITTED: _release_again,
        HoldCode.RECEIVER_HAS_NO_DOOR: _release_again,
        HoldCode.RECEIVER_REFUSED: _release_again,
        HoldCode.ARRIVAL_UNREADABLE: _read_again,
        HoldCode.ARRIVAL_POISONOUS: _read_again,
        HoldCode.BATCH_MISCOUNTED: _read_again,
        HoldCode.IDENTITY_CHANGED: _read_again,
        HoldCode.MACHINERY_BROKEN: _run_again,
    }
)
