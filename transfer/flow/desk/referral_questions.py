"""What the answers to questions about a referral do, within a transaction of the desk that holds the case's lock."""

from transfer.actions import ActionCode, ActionResult
from transfer.arrivals import ArrivalKind, Referral
from transfer.case import OpenedCase
from transfer.errors import NeedsReview, Refused
from transfer.flow import reading
from transfer.flow.assess import settle_needs
from transfer.flow.changing import CaseChange, change_case
from transfer.flow.ending import end_case
from transfer.flow.referrals import ReferralMessage, ending_of, go_on_all_the_same, join, refer_again
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.ledger import Tx, arrivals, holds, referrals, rounds
from transfer.ledger.arrivals import Arrival
from transfer.ledger.holds import Hold
from transfer.rounds import Dag
from transfer.sealing import KeyGone


def end_or_keep(tx: Tx, services: Services, hold: Hold) -> ActionResult:
    """The case ends, or goes on whatever its referral says."""
    case = CaseId(hold.subject)
    if not tx.case(case).is_open:
        return ActionResult(ActionCode.CASE_IS_OVER, case=case)
    if _answer(tx, hold) == HoldAnswer.END:
        ending = ending_of(tx.case(case))
        return ActionResult(ActionCode.CLOSED, ending=ending, withdrawn=end_case(tx, case, ending))
    outlook = go_on_all_the_same(tx, services, case)
    return ActionResult(ActionCode.CASE_GOES_ON, case=case, outlook=outlook)


def set_referral_aside(tx: Tx, _: Services, hold: Hold) -> ActionResult:
    """A message that opens no case is read again, or its own case ends before it was opened."""
    return _again_or_aside(tx, hold, HoldAnswer.AGAIN)


def open_anew(tx: Tx, _: Services, hold: Hold) -> ActionResult:
    """A referral whose case has ended opens another one, or is set aside."""
    return _again_or_aside(tx, hold, HoldAnswer.APPROVE)


def _again_or_aside(tx: Tx, hold: Hold, again: HoldAnswer) -> ActionResult:
    case = CaseId(hold.subject)
    if not tx.case(case).is_open:
        return ActionResult(ActionCode.CASE_IS_OVER, case=case)
    if _answer(tx, hold) == again:
        rounds.owe(tx, Dag.OPEN_CASE, case)
        return ActionResult(ActionCode.CASE_AGAIN, case=case)
    end_case(tx, case, "not-coming")
    return ActionResult(ActionCode.SET_ASIDE_AND_PURGED)


def receiver_changed(tx: Tx, services: Services, hold: Hold) -> ActionResult:
    """The case is for the center that its referral names now; where a packet may have left, a new one is. Or it stays
    as it is.
    """
    known, drawn = CaseId(hold.subject), CaseId(hold.about or "")
    if not tx.case(drawn).is_open:
        return ActionResult(ActionCode.CASE_IS_OVER, case=drawn)
    read = _read(tx, services, drawn)
    if read is None or not tx.case(known).is_open:
        return ActionResult(ActionCode.MESSAGE_IS_PURGED)
    arrival, said = read
    message = ReferralMessage(arrival=arrival, drawn=drawn, known=known, said=said)
    if _answer(tx, hold) == HoldAnswer.KEEP:
        join(tx, message)
        return ActionResult(ActionCode.ANSWERED, answer=HoldAnswer.KEEP)
    if tx.case(known).has_disclosed:
        end_case(tx, known, "not-coming", other=drawn)
        rounds.owe(tx, Dag.OPEN_CASE, drawn)
        return ActionResult(ActionCode.CASE_AGAIN, case=drawn)
    newest = referrals.newest_of(tx, known)
    if newest is None or newest < arrival.received_at:
        refer_again(tx, services, known, arrival, said)
    elif said.receiver != OpenedCase.of(tx.case(known)).receiver:  # what it says besides was said anew since
        change = CaseChange(said_in="referral", values={"receiver": said.receiver}, arrival=arrival.id)
        change_case(tx, services, known, change)
    join(tx, message)
    return ActionResult(ActionCode.CASE_CHANGED, case=known, outlook=settle_needs(tx, services, known).sentence)


def _read(tx: Tx, services: Services, drawn: CaseId) -> tuple[Arrival, Referral] | None:
    """The referral that this case was drawn for; None where it is purged or cannot be read any more."""
    for name in arrivals.of_subject(tx, drawn, ArrivalKind.REFERRAL):
        arrival = arrivals.claim(tx, name)
        if arrival and (said := _referral(tx, services, arrival)):
            return arrival, said
    return None


def referral_of(tx: Tx, services: Services, case: CaseId) -> Referral | None:
    """The referral that this case was drawn for; None where it is purged or cannot be read any more."""
    for name in arrivals.of_subject(tx, case, ArrivalKind.REFERRAL):
        arrival = arrivals.get(tx, name)
        said = _referral(tx, services, arrival) if arrival else None
        if said:
            return said
    return None


def _referral(tx: Tx, services: Services, arrival: Arrival) -> Referral | None:
    try:
        said = reading.read(services, arrival, reading.payload(tx, services, arrival))
    except (KeyGone, NeedsReview, Refused):
        return None
    return said if isinstance(said, Referral) else None


def _answer(tx: Tx, hold: Hold) -> str | None:
    answered = holds.get(tx, hold.id)
    return answered.answer if answered else None
