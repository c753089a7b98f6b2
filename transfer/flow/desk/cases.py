"""A case as a whole: let its packet go, write on it, end it, say of a line that it is not needed."""

from collections.abc import Sequence
from typing import Final

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.case import Case
from transfer.checklist import Checklist
from transfer.completeness import WaiverKind
from transfer.facts import Chain
from transfer.flow.assess import Assessment, NextStep, added_needs, look, settle_needs
from transfer.flow.changing import want_pieces
from transfer.flow.desk.readiness import is_stopped
from transfer.flow.desk.verbs import at_desk, begin_epoch, known_case, not_allowed, opened_case, still_open
from transfer.flow.ending import end_case, give_up_newest
from transfer.flow.services import Services
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, holds, notes
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right

#: how a case can end
ENDINGS: Final = ("opinion-given", "not-coming", "center-declined", "died", "withdrawn", "duplicate")

_NAMES_A_RECORD = (WaiverKind.SUBSTITUTE, WaiverKind.ANSWERED_BY)


def approve(
    services: Services, case: CaseId, *, actor: Actor, without: Sequence[str] = (), note: str | None = None
) -> ActionResult:
    """Let the next packet go as it is now. `without` names lines it goes without, where the case still waits for them.

    Raises:
        Unknown: no such case or line.
        NotAllowed: somebody stopped it, it still waits for lines nobody named, something that came is to be opened or
            decided on first, or nothing is new since the packet the receiver accepted.
    """
    with at_desk(services, actor, Right.RELEASE) as tx:
        return approve_in(tx, services, case, without, note)


def approve_in(tx: Tx, services: Services, case: CaseId, without: Sequence[str], note: str | None) -> ActionResult:
    found, opened, patient = opened_case(tx, case)
    still_open(found)
    checklist = services.checklist_of(opened.checklist, opened.receiver)
    for line in without:
        _line(found, checklist, line)
    newest = found.newest_packet
    if newest and found.is_under_way:
        return ActionResult(ActionCode.PACKET_ON_ITS_WAY, packet=newest.planned.packet)
    if found.is_active and is_stopped(tx, found):  # else it would go by itself once somebody resumes
        raise not_allowed(Reason(RefusalCode.CASE_IS_STOPPED, case=case), Remedy(RemedyCode.SEE_STOP, case=case))
    assessed = look(tx, services, case)
    if assessed.is_undecided:
        raise not_allowed(Reason(RefusalCode.UNDECIDED_FIRST, case=case), Remedy(RemedyCode.LIST_HOLDS))
    _still_active(found)
    if assessed.step in (NextStep.WAIT, NextStep.UNANSWERED):
        _named_all(assessed, set(without))
    if not assessed.has_records:
        raise not_allowed(Reason(RefusalCode.NOTHING_TO_PACK, case=case), Remedy(RemedyCode.ADD_SOURCE, case=case))
    written = notes.write(tx, patient, note) if note else None
    lacking = tuple(sorted({*assessed.lacking, *without}))
    tx.append(Chain.case(case), facts.CaseApproved(lacking=lacking, note=written))
    settle_needs(tx, services, case)
    packet = tx.case(case).newest_packet
    assert packet is not None  # an approval lets one go
    return ActionResult(ActionCode.APPROVED, packet=packet.planned.packet)


def _still_active(found: Case) -> None:
    if not found.is_active:
        raise not_allowed(
            Reason(RefusalCode.CASE_NOT_ACTIVE, case=found.id, status=found.referral_status),
            Remedy(RemedyCode.LIST_HOLDS),
        )


def _named_all(assessed: Assessment, named: set[str]) -> None:
    """The case waits for something. It goes without only what a person named."""
    case, newest = assessed.case.id, assessed.case.newest_packet
    is_void = newest is not None and bool(assessed.case.void_in(newest.planned.packet))
    if newest and newest.receipt and newest.receipt.status == "accepted" and not is_void:
        raise not_allowed(
            Reason(RefusalCode.NOTHING_NEW, packet=newest.planned.packet), Remedy(RemedyCode.SHOW_CASE, case=case)
        )
    missing = tuple(line for line in assessed.lacking if line not in named)
    if missing:
        raise not_allowed(
            Reason(RefusalCode.LACKS_LINES, case=case, lines=missing),
            Remedy(RemedyCode.NAME_LINES, case=case, lines=missing),
        )
    if not named and not is_void:
        raise not_allowed(Reason(RefusalCode.SOURCE_OWES_MORE, case=case), Remedy(RemedyCode.NAME_LINE, case=case))


def recall(services: Services, case: CaseId, *, actor: Actor, note: str | None = None) -> ActionResult:
    """Take the newest packet back: its links work no more, streams of it are cut, and it is handed to nobody. What left
    before has left, and stays told as disclosed. Another packet may go from then on, once a person approves it.

    Raises:
        Unknown: there is no such case.
        NotAllowed: it is closed, or has no packet that is still here.
    """
    with at_desk(services, actor, Right.RELEASE) as tx:
        begin_epoch(tx, case)
        found, _, patient = opened_case(tx, case)
        still_open(found)
        newest = found.newest_packet
        if newest is None or newest.purged:
            raise not_allowed(Reason(RefusalCode.NOTHING_TO_RECALL, case=case), Remedy(RemedyCode.SHOW_CASE, case=case))
        written = notes.write(tx, patient, note) if note else None
        return recall_in(tx, services, case, newest.planned.packet, written)


def recall_in(tx: Tx, services: Services, case: CaseId, packet: str, note: str | None) -> ActionResult:
    """Take one packet back, in a transaction that began an epoch and then locked the case. `note`: a note's id."""
    sent = tx.case(case).packets[packet]
    if sent.purged:
        return ActionResult(ActionCode.NO_PACKET_ANY_MORE)
    if sent.recalled:
        return ActionResult(ActionCode.RECALLED_BEFORE, packet=packet)
    tx.append(Chain.case(case), facts.PacketRecalled(packet=packet, note=note))
    holds.withdraw(tx, case, HoldCode.DELIVERED_VOID, SystemAnswer.ANSWERED, about=packet)
    after = settle_needs(tx, services, case)
    return ActionResult(ActionCode.RECALLED, packet=packet, outlook=after.sentence)


def send_delta_in(tx: Tx, services: Services, case: CaseId) -> ActionResult:
    """Let a further packet go as the case is now, whatever it lacks: the receiver has one that holds what is void.

    Raises:
        NotAllowed: the case is closed, its referral asks for nothing now, or nothing is left that could go.
    """
    found, _, _ = opened_case(tx, case)
    still_open(found)
    _still_active(found)
    newest = found.newest_packet
    if newest and found.is_under_way:
        return ActionResult(ActionCode.PACKET_ON_ITS_WAY, packet=newest.planned.packet)
    assessed = look(tx, services, case)
    if not assessed.has_records:
        raise not_allowed(Reason(RefusalCode.NOTHING_TO_PACK, case=case), Remedy(RemedyCode.RECALL_FIRST, case=case))
    tx.append(Chain.case(case), facts.CaseApproved(lacking=assessed.lacking))
    settle_needs(tx, services, case)
    packet = tx.case(case).newest_packet
    assert packet is not None  # an approval lets one go
    return ActionResult(ActionCode.APPROVED, packet=packet.planned.packet)


def give_up(services: Services, case: CaseId, *, actor: Actor, note: str | None = None) -> ActionResult:
    """Give up the newest packet where it is on its way and has left to nobody. Another may go from then on.

    Raises:
        Unknown: there is no such case.
        NotAllowed: it is closed, has no such packet, or the packet may have left: then it can be recalled.
    """
    with at_desk(services, actor, Right.RELEASE) as tx:
        begin_epoch(tx, case)
        found, _, patient = opened_case(tx, case)
        still_open(found)
        newest = found.newest_packet
        if newest and newest.may_have_left:
            raise not_allowed(
                Reason(RefusalCode.PACKET_MAY_HAVE_LEFT, packet=newest.planned.packet),
                Remedy(RemedyCode.RECALL_FIRST, case=case),
            )
        written = notes.write(tx, patient, note) if note else None
        packet = give_up_newest(tx, case, "desk", written)
        if packet is None:
            return _gave_up_before(found)
        after = settle_needs(tx, services, case)
    return ActionResult(ActionCode.GIVEN_UP, packet=packet, outlook=after.sentence)


def _gave_up_before(found: Case) -> ActionResult:
    last = next(reversed(list(found.packets.values())), None)
    if last and last.given_up:
        return ActionResult(ActionCode.GIVEN_UP_BEFORE, packet=last.planned.packet)
    raise not_allowed(
        Reason(RefusalCode.NOTHING_TO_GIVE_UP, case=found.id), Remedy(RemedyCode.SHOW_CASE, case=found.id)
    )


def add_note(services: Services, case: CaseId, text: str, *, actor: Actor) -> ActionResult:
    """Keep free text with the case, sealed. The same text of the same person again is kept once.

    Raises:
        NotAllowed: nothing is written, or the case has no patient yet under whose key it could be sealed.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        if not text.strip():
            raise not_allowed(Reason(RefusalCode.NOTE_IS_EMPTY), Remedy(RemedyCode.WRITE_SOMETHING))
        _, _, patient = opened_case(tx, case)
        digest = notes.digest(tx, patient, text)
        for line in tx.lines(Chain.case(case)):
            if isinstance(line.fact, facts.NoteAdded) and (line.fact.hmac, line.by.person) == (digest, actor.person):
                return ActionResult(ActionCode.NOTED_BEFORE)
        notes.add_to_case(tx, case, patient, text)
    return ActionResult(ActionCode.NOTED)


def close(services: Services, case: CaseId, ending: str, *, actor: Actor, note: str | None = None) -> ActionResult:
    """End a case: what is asked is withdrawn, its questions fall, the links of its packets work no more, no round is
    owed any more. What was asked of people about an ended permission stays: a purge does not depend on the case.

    Raises:
        NotAllowed: no such ending, or it ended otherwise before.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        if ending not in ENDINGS:
            raise not_allowed(
                Reason(RefusalCode.NO_SUCH_ENDING, ending=ending), Remedy(RemedyCode.CHOOSE_ONE_OF, choices=ENDINGS)
            )
        begin_epoch(tx, case)
        tx.lock_case(case)
        found = known_case(tx, case)
        if found.closed and found.closed.ending == ending:
            return ActionResult(ActionCode.CLOSED_BEFORE, ending=ending)
        still_open(found)
        withdrawn = end_case(tx, case, ending, note=_note(tx, found, note))
    return ActionResult(ActionCode.CLOSED, ending=ending, withdrawn=withdrawn)


def _note(tx: Tx, found: Case, note: str | None) -> str | None:
    if not note:
        return None
    if found.opened is None:
        raise not_allowed(Reason(RefusalCode.NOBODYS_NOTE), Remedy(RemedyCode.LEAVE_NOTE_AWAY))
    return notes.write(tx, PatientId(found.opened.patient), note)


def waive(
    services: Services,
    case: CaseId,
    line: str,
    kind: WaiverKind,
    *,
    actor: Actor,
    record: str | None = None,
    note: str | None = None,
) -> ActionResult:
    """Say of one line of the checklist that it is not needed, does not exist, is answered by a record, or that it
    applies after all, which takes an earlier word back.

    Raises:
        Unknown: no such case or line.
        NotAllowed: a substitute needs a record of this case, and no other answer takes one.
    """
    with at_desk(services, actor, Right.RELEASE) as tx:
        found, opened, patient = opened_case(tx, case)
        still_open(found)
        _line(found, services.checklist_of(opened.checklist, opened.receiver), line)
        _check_record(found, line, kind, record)
        said = found.waived.get(line)
        if said and (said.waiver, said.record) == (kind, record):
            return ActionResult(ActionCode.LINE_ANSWERED_BEFORE, line=line, answer=kind)
        written = notes.write(tx, patient, note) if note else None
        tx.append(Chain.case(case), facts.NeedWaived(line=line, waiver=kind, record=record, note=written))
        if kind is WaiverKind.APPLIES:
            want_pieces(tx, services, case)
        after = settle_needs(tx, services, case)
    return ActionResult(ActionCode.LINE_ANSWERED, line=line, answer=kind, outlook=after.sentence)


def _check_record(found: Case, line: str, kind: WaiverKind, record: str | None) -> None:
    if kind in _NAMES_A_RECORD:
        if record not in found.records or record in found.void:
            raise not_allowed(
                Reason(RefusalCode.NEEDS_RECORD, answer=kind),
                Remedy(RemedyCode.NAME_RECORD, case=found.id, line=line, answer=kind),
            )
    elif record is not None:
        raise not_allowed(Reason(RefusalCode.TAKES_NO_RECORD, answer=kind), Remedy(RemedyCode.LEAVE_RECORD_AWAY))


def _line(found: Case, checklist: Checklist, key: str) -> None:
    keys = (*(line.key for line in checklist.lines), *(need.key for need in added_needs(found)))
    if key not in keys:
        raise not_allowed(
            Reason(RefusalCode.NO_SUCH_LINE, checklist=checklist.id, line=key),
            Remedy(RemedyCode.CHOOSE_ONE_OF, choices=keys),
        )
