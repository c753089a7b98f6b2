"""Answering a hold: each question takes some answers, and each answer does one thing."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

from transfer.actions import ActionCode, ActionResult
from transfer.arrivals import ArrivalKind, ArrivalOutcome, ArrivalState
from transfer.case import OpenedCase
from transfer.flow import stopping
from transfer.flow.assess import settle_needs
from transfer.flow.basis import trail_of
from transfer.flow.desk.answering import answer_in
from transfer.flow.desk.cases import approve_in, recall_in, send_delta_in
from transfer.flow.desk.comparing import decide
from transfer.flow.desk.purging import people_lacking
from transfer.flow.desk.referral_questions import end_or_keep, open_anew, receiver_changed, set_referral_aside
from transfer.flow.desk.unreadable import ask_source_of, decide_lacking, decide_unreadable
from transfer.flow.desk.verbs import at_desk, demand, not_allowed, unknown
from transfer.flow.identity import hold_patient_of
from transfer.flow.milestones import settle_telling
from transfer.flow.services import Services
from transfer.flow.studies import take_misplaced
from transfer.hold_answers import ANSWERS
from transfer.holds import APPROVALS, COMPARED, OF_REFERRALS, OF_STUCK_PACKETS, STOPPED, HoldAnswer, HoldCode
from transfer.identifiers import INBOX, CaseId, PatientId
from transfer.ledger import Tx, arrivals, disputes, holds, notes, patients, permissions, requests, rounds
from transfer.ledger.arrivals import Arrival
from transfer.ledger.holds import Hold
from transfer.permissions import End
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.request_questions import QUESTIONS, REQUEST_ANSWERS
from transfer.rights import Actor, Right
from transfer.rounds import Dag
from transfer.source_answers import SourceAnswer

#: how much later who waits is asked again, if nothing changes meanwhile
ASKED_AGAIN_AFTER = timedelta(days=1)
#: the right that answering each question needs
RIGHTS: Mapping[HoldCode, Right] = MappingProxyType(
    {
        **dict.fromkeys(COMPARED, Right.DECIDE_WHOSE),
        HoldCode.IDENTITY_CHANGED: Right.DECIDE_WHOSE,
        HoldCode.WHOSE_CASE: Right.DECIDE_WHOSE,
        HoldCode.PATIENT_DIED: Right.WORK_ON_CASES,
        HoldCode.REFERRAL_UNREADABLE: Right.DECIDE_WHOSE,
        **dict.fromkeys(OF_REFERRALS, Right.WORK_ON_CASES),
        HoldCode.RECEIVER_CHANGED: Right.RELEASE,
        HoldCode.CASE_DECLINED: Right.WORK_ON_CASES,
        HoldCode.NOTHING_TO_SEND: Right.WORK_ON_CASES,
        HoldCode.NEEDS_UNANSWERED: Right.WORK_ON_CASES,
        HoldCode.ARRIVAL_UNREADABLE: Right.DECIDE_WHOSE,
        HoldCode.ARRIVAL_POISONOUS: Right.DECIDE_WHOSE,
        HoldCode.BATCH_MISCOUNTED: Right.DECIDE_WHOSE,
        HoldCode.MESSAGE_NOT_TAKEN: Right.DECIDE_WHOSE,
        HoldCode.CORRECTION_IN_PART: Right.DECIDE_WHOSE,
        HoldCode.ENTRIES_UNUSABLE: Right.DECIDE_WHOSE,
        HoldCode.ARRIVAL_LABEL_UNREAD: Right.RELEASE,
        HoldCode.SOURCE_LABEL_UNREAD: Right.RELEASE,
        HoldCode.DOCUMENTS_NOT_GIVEN: Right.WORK_ON_CASES,
        HoldCode.RECORDS_NOT_COVERED: Right.WORK_ON_CASES,
        HoldCode.UPLOADED: Right.DECIDE_WHOSE,
        HoldCode.LETTER_CODE_TRIED: Right.WORK_ON_CASES,
        HoldCode.IMAGES_MISPLACED: Right.DECIDE_WHOSE,
        HoldCode.IMAGES_REJECTED: Right.WORK_ON_CASES,
        HoldCode.IMAGES_GONE: Right.WORK_ON_CASES,
        HoldCode.IMAGES_CONFLICT: Right.WORK_ON_CASES,
        HoldCode.DOCUMENT_UNREADABLE: Right.RELEASE,
        HoldCode.IMAGES_LACKING: Right.RELEASE,
        HoldCode.LABELS_DIFFER: Right.WORK_ON_CASES,
        HoldCode.FAX_REPORT_UNREAD: Right.WORK_ON_CASES,
        HoldCode.PART_LACKING: Right.WORK_ON_CASES,
        HoldCode.IMAGES_UNLIKE_REPORT: Right.WORK_ON_CASES,
        HoldCode.CONTROL_ID_CONFLICT: Right.DECIDE_WHOSE,
        HoldCode.SOURCE_REFUSES: Right.WORK_ON_CASES,
        HoldCode.SOURCE_DOES_NOT_ANSWER: Right.WORK_ON_CASES,
        HoldCode.SOURCE_UNCLEAR: Right.WORK_ON_CASES,
        **dict.fromkeys(QUESTIONS.values(), Right.WORK_ON_CASES),
        HoldCode.ANSWERED_AFTER_RECORDS: Right.WORK_ON_CASES,
        **dict.fromkeys(APPROVALS, Right.RELEASE),
        HoldCode.RELEASE_NOT_PERMITTED: Right.RELEASE,
        HoldCode.RECEIVER_HAS_NO_DOOR: Right.RELEASE,
        HoldCode.RECEIVER_REFUSED: Right.RELEASE,
        HoldCode.PACKET_DECLINED: Right.WORK_ON_CASES,
        HoldCode.RECEIPTS_DISAGREE: Right.WORK_ON_CASES,
        HoldCode.DELIVERED_VOID: Right.RELEASE,
        HoldCode.CENTER_NOT_TOLD: Right.WORK_ON_CASES,
        HoldCode.CENTER_ASKS: Right.WORK_ON_CASES,
        **dict.fromkeys(STOPPED, Right.REVOKE),
        HoldCode.OBJECTION_OF_ANOTHER: Right.REVOKE,
        HoldCode.OBJECTION_UNMATCHED: Right.REVOKE,
        HoldCode.CONFIRM_PURGE: Right.REVOKE,
        HoldCode.REVIEW_EMERGENCY: Right.RELEASE,
        HoldCode.LEDGER_ALTERED: Right.RELEASE,
        HoldCode.FORM_UNCLEAR: Right.DECIDE_WHOSE,
        HoldCode.FORM_DOUBTED: Right.RELEASE,
        HoldCode.CONSENT_WITHOUT_FORM: Right.WORK_ON_CASES,
        HoldCode.MACHINERY_BROKEN: Right.WORK_ON_CASES,
    }
)


def resolve(
    services: Services,
    name: str,
    answer: HoldAnswer,
    *,
    actor: Actor,
    case: CaseId | None = None,
    note: str | None = None,
) -> ActionResult:
    """Answer a question. `case` goes with *ours* only. The same answer again does nothing. What destroys takes effect
    once two people have said so, whoever ended the permission among them.

    Raises:
        Unknown: there is no such question.
        NotAllowed: it does not take this answer, was answered otherwise, or needs a right that the actor does not have.
    """
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        hold = known_hold(tx, name)
    code = hold.code
    demand(actor, RIGHTS[code])
    if answer is HoldAnswer.RESUME:
        demand(actor, Right.RELEASE)
    if answer not in ANSWERS[code]:
        raise not_allowed(
            Reason(RefusalCode.NO_SUCH_ANSWER, question=code, answer=answer),
            Remedy(RemedyCode.CHOOSE_ONE_OF, choices=tuple(ANSWERS[code])),
        )
    if case is not None and answer is not HoldAnswer.OURS:
        raise not_allowed(Reason(RefusalCode.ANSWER_TAKES_NO_CASE, answer=answer), Remedy(RemedyCode.LEAVE_CASE_AWAY))
    if hold.resolved_at is not None:
        return _answered(hold, answer)
    if code in COMPARED and answer in (HoldAnswer.OURS, HoldAnswer.NOT_OURS):
        if note:
            raise not_allowed(Reason(RefusalCode.ANSWER_TAKES_NO_NOTE), Remedy(RemedyCode.NOTE_ON_CASE))
        return decide(services, hold, answer, actor=actor, case=case)
    with at_desk(services, actor, RIGHTS[code]) as tx:
        if (code, answer) == (HoldCode.CONFIRM_PURGE, HoldAnswer.PURGE) and (kept := _is_kept(tx, hold, actor, note)):
            return kept
        return _resolve(tx, services, hold, answer, note)


def known_hold(tx: Tx, name: str) -> Hold:
    """The question, answered or not.

    Raises:
        Unknown: there is none.
    """
    hold = holds.get(tx, name)
    if hold is None:
        raise unknown(Reason(RefusalCode.NO_DECISION, hold=name), Remedy(RemedyCode.LIST_HOLDS))
    return hold


def _answered(hold: Hold, answer: HoldAnswer) -> ActionResult:
    if hold.answer == answer:
        return ActionResult(ActionCode.ANSWERED_BEFORE, answer=answer)
    raise not_allowed(
        Reason(RefusalCode.ANSWERED_OTHERWISE, hold=hold.id, answer=str(hold.answer)),
        Remedy(RemedyCode.SHOW_HOLD, hold=hold.id),
    )


def _is_kept(tx: Tx, hold: Hold, actor: Actor, note: str | None) -> ActionResult | None:
    """Where a second person must say that it is destroyed: what the first one says is kept."""
    patient = _lock(tx, hold)
    said_before = (actor.counts_as, HoldAnswer.PURGE) in holds.answers(tx, hold.id)
    more = people_lacking(tx, hold, actor)
    if not more:
        return None
    if note and patient and not said_before:
        notes.add_to_case(tx, CaseId(hold.subject), patient, note)
    kept = ActionCode.OPINION_KEPT_BEFORE if said_before else ActionCode.OPINION_KEPT
    return ActionResult(kept, answer=HoldAnswer.PURGE, more=more)


def _resolve(tx: Tx, services: Services, hold: Hold, answer: HoldAnswer, note: str | None) -> ActionResult:
    if (hold.code, answer) == (HoldCode.LEDGER_ALTERED, HoldAnswer.AGAIN):
        _set_right(tx, CaseId(hold.subject))
    patient = _lock(tx, hold)
    if answer is HoldAnswer.REPLY and not (note and note.strip()):
        raise not_allowed(Reason(RefusalCode.NOTE_IS_EMPTY), Remedy(RemedyCode.WRITE_SOMETHING))
    if note and patient is None:
        raise not_allowed(Reason(RefusalCode.NOBODYS_NOTE), Remedy(RemedyCode.LEAVE_NOTE_AWAY))
    written = notes.write(tx, patient, note) if note and patient else None
    if holds.resolve(tx, hold.id, answer, written) is None:
        now = holds.get(tx, hold.id)
        assert now is not None  # it was there before
        return _answered(now, answer)
    if answer in (HoldAnswer.WAIT, HoldAnswer.SEEN) and hold.code not in _SEEN_TOO:
        if hold.code in OF_STUCK_PACKETS and hold.about:
            rounds.owe(tx, Dag.RELEASE_PACKET, hold.about, after=ASKED_AGAIN_AFTER)
        elif answer is HoldAnswer.WAIT:
            rounds.owe(tx, Dag.OPEN_CASE, hold.subject, after=ASKED_AGAIN_AFTER)
        elif patient and tx.case(CaseId(hold.subject)).is_open:
            settle_needs(tx, services, CaseId(hold.subject))  # nobody may be left who asks about what is missing
        return ActionResult(ActionCode.ANSWERED, answer=answer)
    return _ACTIONS[hold.code](tx, services, hold)


def _lock(tx: Tx, hold: Hold) -> PatientId | None:
    """The patient, then the case, where the question is about one."""
    if not CaseId.pattern.fullmatch(hold.subject):
        return None
    way: Callable[[Tx, PatientId], object] = patients.hold_epoch_shared
    if hold.code in STOPPED or hold.code is HoldCode.DELIVERED_VOID:
        way = patients.hold_epoch_exclusive  # its answer may begin an epoch
    elif hold.code in OF_REFERRALS or hold.code in _ENDING:
        way = patients.begin_epoch  # links end, or the receiver is another
    patient = hold_patient_of(tx, CaseId(hold.subject), way)
    # What is said of another center ends the case that was drawn for it, or this one.
    other = hold.about if hold.code is HoldCode.RECEIVER_CHANGED else None
    for one in sorted({hold.subject, other or hold.subject}):
        tx.lock_case(CaseId(one))
    return patient


def _set_right(tx: Tx, case: CaseId) -> None:
    """Write how the patient's permissions ended, and what people dispute, as the facts say it. What else was changed
    stays, and stops all.
    """
    patient = OpenedCase.of(tx.case(case)).patient
    patients.begin_epoch(tx, patient)
    told = trail_of(tx, patient)
    if told is not None:
        permissions.set_right(tx, patient, told)
        disputes.set_right(tx, told)


def _approve(tx: Tx, services: Services, hold: Hold) -> ActionResult:
    return approve_in(tx, services, CaseId(hold.subject), (), None)


def _after_void(tx: Tx, services: Services, hold: Hold) -> ActionResult:
    """What the receiver gets instead of a packet that holds what is void since."""
    answered, case = holds.get(tx, hold.id), CaseId(hold.subject)
    match answered.answer if answered else None:
        case HoldAnswer.DELTA:
            return send_delta_in(tx, services, case)
        case HoldAnswer.RECALL:
            patients.begin_epoch(tx, OpenedCase.of(tx.case(case)).patient)
            return recall_in(tx, services, case, hold.about or "", None)
    return ActionResult(ActionCode.ANSWERED, answer=HoldAnswer.TELL)


def _take_misplaced(tx: Tx, services: Services, hold: Hold) -> ActionResult:
    request, case = requests.get(tx, hold.about or ""), CaseId(hold.subject)
    if request is None or not tx.case(case).is_open:
        return ActionResult(ActionCode.NOTHING_TO_COUNT)
    count = take_misplaced(tx, case, request.institution)
    return ActionResult(ActionCode.STUDIES_TAKEN, whole=count, outlook=settle_needs(tx, services, case).sentence)


def _enforce(tx: Tx, _: Services, hold: Hold) -> ActionResult:
    rounds.owe(tx, Dag.ENFORCE_PERMISSIONS, hold.subject)
    return ActionResult(ActionCode.ENFORCING)


def _end_or_resume(tx: Tx, _: Services, hold: Hold) -> ActionResult:
    """What an objection had stopped is revoked, stays stopped or goes on."""
    answered = holds.get(tx, hold.id)
    state = permissions.state(tx, hold.about or "")
    if state is None or answered is None:
        return ActionResult(ActionCode.MESSAGE_IS_PURGED)
    if answered.answer == HoldAnswer.REVOKE:
        stopping.end(tx, state, End.REVOKED)
        return ActionResult(ActionCode.PERMISSION_REVOKED, permission=state.id)
    if answered.answer == HoldAnswer.KEEP:
        return ActionResult(ActionCode.ANSWERED, answer=HoldAnswer.KEEP)
    (filed,) = [one for one in permissions.filed(tx, state.patient) if one.permission.id == state.id]
    goes_on = stopping.resume(tx, filed)
    if goes_on is None:
        return ActionResult(ActionCode.NOT_PAUSED, permission=state.id)
    if goes_on != state.id:
        return ActionResult(ActionCode.PERMISSION_REPLACED, permission=state.id, replacement=goes_on)
    return ActionResult(ActionCode.PERMISSION_RESUMED, permission=state.id)


def _ask_again(tx: Tx, services: Services, hold: Hold) -> ActionResult:
    if hold.about in tx.case(CaseId(hold.subject)).records:
        return ask_source_of(tx, services, hold)
    request = requests.get(tx, hold.about or "")
    if request is None or not tx.case(request.case).is_open:
        return ActionResult(ActionCode.NOTHING_TO_ASK)
    answered = holds.get(tx, hold.id)
    word = answered.answer if answered and isinstance(answered.answer, HoldAnswer) else HoldAnswer.AGAIN
    return answer_in(tx, services, request, SourceAnswer(answer=REQUEST_ANSWERS[word]))


def _look_again(tx: Tx, _: Services, hold: Hold) -> ActionResult:
    rounds.owe(tx, Dag.OPEN_CASE, hold.subject)
    return ActionResult(ActionCode.CASE_AGAIN, case=hold.subject)


def _release_again(tx: Tx, _: Services, hold: Hold) -> ActionResult:
    packet = hold.about or ""
    rounds.owe(tx, Dag.RELEASE_PACKET, packet)
    return ActionResult(ActionCode.PACKET_AGAIN, packet=packet)


def _read_again(tx: Tx, _: Services, hold: Hold) -> ActionResult:
    arrival = arrivals.claim(tx, hold.subject)
    if arrival is None or arrival.state is ArrivalState.PURGED:
        return ActionResult(ActionCode.MESSAGE_IS_PURGED)
    answered = holds.get(tx, hold.id)
    if answered and answered.answer == HoldAnswer.SEEN:
        return _set_aside(tx, arrival)
    if arrival.kind is ArrivalKind.REFERRAL and arrival.subject and not tx.case(CaseId(arrival.subject)).is_open:
        return _set_aside(tx, arrival)  # no case can open from it any more
    dag, subject = arrivals.reopen(tx, arrival)
    rounds.owe(tx, dag, subject)
    return ActionResult(ActionCode.MESSAGE_AGAIN, arrival=arrival.id)


def _set_aside(tx: Tx, arrival: Arrival) -> ActionResult:
    """Nobody's: it lapses like an unmatched message. Of a patient we know, it stays under their key. An objection holds
    nothing against a form any more.
    """
    arrivals.forget_objection(tx, arrival.id)
    if arrival.patient:
        arrivals.settle(tx, arrival, ArrivalState.HELD, ArrivalOutcome.SEEN)
        return ActionResult(ActionCode.SET_ASIDE)
    arrivals.settle(tx, arrival, ArrivalState.SEALED, ArrivalOutcome.SEEN, purge_after=arrivals.UNMATCHED_RETENTION)
    return ActionResult(ActionCode.SET_ASIDE_AND_PURGED)


def _run_again(tx: Tx, _: Services, hold: Hold) -> ActionResult:
    dag, subject = Dag(hold.about or ""), hold.subject
    if dag in (Dag.RELEASE_PACKET, Dag.SETTLE_DELIVERY) and subject != INBOX:
        newest = tx.case(CaseId(subject)).newest_packet
        if newest is None:
            return ActionResult(ActionCode.NO_PACKET_ANY_MORE)
        subject = newest.planned.packet
    rounds.owe(tx, dag, subject)
    return ActionResult(ActionCode.RUN_AGAIN, dag=dag, subject=subject)


def _center_told(tx: Tx, _: Services, hold: Hold) -> ActionResult:
    """A person told the center, or it is told again."""
    answered, case = holds.get(tx, hold.id), CaseId(hold.subject)
    if answered and answered.answer == HoldAnswer.SEEN:
        settle_telling(tx, case, hold.about or "", "by-person")
        return ActionResult(ActionCode.ANSWERED, answer=HoldAnswer.SEEN)
    rounds.owe(tx, Dag.OPEN_CASE, case)
    return ActionResult(ActionCode.CASE_AGAIN, case=case)


def _replied(_: Tx, __: Services, ___: Hold) -> ActionResult:
    """The note is read where the question was asked."""
    return ActionResult(ActionCode.ANSWERED, answer=HoldAnswer.REPLY)


#: their answers may end the case
_ENDING = frozenset({HoldCode.NOTHING_TO_SEND, HoldCode.NEEDS_UNANSWERED, HoldCode.WHOSE_CASE})
#: *seen* does something as well
_SEEN_TOO = frozenset(
    {
        HoldCode.REFERRAL_NOT_ACTIVE,
        HoldCode.REFERRAL_OF_CLOSED,
        HoldCode.ARRIVAL_UNREADABLE,
        HoldCode.FORM_UNCLEAR,
        HoldCode.ARRIVAL_POISONOUS,
        HoldCode.BATCH_MISCOUNTED,
        HoldCode.MESSAGE_NOT_TAKEN,
        HoldCode.ARRIVAL_LABEL_UNREAD,
        HoldCode.IDENTITY_CHANGED,
        HoldCode.OBJECTION_UNMATCHED,
        HoldCode.CENTER_NOT_TOLD,
    }
)

#: what a question's answer does beyond answering it
_ACTIONS: Mapping[HoldCode, Callable[[Tx, Services, Hold], ActionResult]] = MappingProxyType(
    {
        **dict.fromkeys(APPROVALS, _approve),
        HoldCode.IMAGES_MISPLACED: _take_misplaced,
        HoldCode.DELIVERED_VOID: _after_void,
        HoldCode.CENTER_NOT_TOLD: _center_told,
        HoldCode.CENTER_ASKS: _replied,
        HoldCode.DOCUMENT_UNREADABLE: decide_unreadable,
        HoldCode.IMAGES_LACKING: decide_lacking,
        **dict.fromkeys(STOPPED, _end_or_resume),
        HoldCode.CONFIRM_PURGE: _enforce,
        HoldCode.WHOSE_ANSWER: _ask_again,
        **dict.fromkeys(QUESTIONS.values(), _ask_again),
        HoldCode.ANSWERED_AFTER_RECORDS: _ask_again,
        HoldCode.SOURCE_REFUSES: _ask_again,
        HoldCode.SOURCE_DOES_NOT_ANSWER: _ask_again,
        HoldCode.SOURCE_UNCLEAR: _ask_again,
        HoldCode.SOURCE_LABEL_UNREAD: _ask_again,
        HoldCode.DOCUMENTS_NOT_GIVEN: _ask_again,
        HoldCode.REFERRAL_UNREADABLE: _look_again,
        HoldCode.REFERRAL_NOT_ACTIVE: set_referral_aside,
        HoldCode.REFERRAL_OF_CLOSED: open_anew,
        HoldCode.REFERRAL_WITHDRAWN: end_or_keep,
        HoldCode.REFERRAL_ON_HOLD: end_or_keep,
        HoldCode.REFERRAL_COMPLETED: end_or_keep,
        HoldCode.NOTHING_TO_SEND: end_or_keep,
        HoldCode.WHOSE_CASE: end_or_keep,
        HoldCode.NEEDS_UNANSWERED: end_or_keep,
        HoldCode.RECEIVER_CHANGED: receiver_changed,
        HoldCode.PACKET_DECLINED: _look_again,
        HoldCode.RELEASE_NOT_PERMITTED: _release_again,
        HoldCode.RECEIVER_HAS_NO_DOOR: _release_again,
        HoldCode.RECEIVER_REFUSED: _release_again,
        HoldCode.LEDGER_ALTERED: _release_again,
        HoldCode.ARRIVAL_UNREADABLE: _read_again,
        HoldCode.ARRIVAL_LABEL_UNREAD: _read_again,
        HoldCode.FORM_UNCLEAR: _read_again,
        HoldCode.ARRIVAL_POISONOUS: _read_again,
        HoldCode.BATCH_MISCOUNTED: _read_again,
        HoldCode.MESSAGE_NOT_TAKEN: _read_again,
        HoldCode.CORRECTION_IN_PART: _read_again,
        HoldCode.IDENTITY_CHANGED: _read_again,
        HoldCode.OBJECTION_UNMATCHED: _read_again,
        HoldCode.MACHINERY_BROKEN: _run_again,
    }
)
