"""A referral that opened a case goes on: it is changed, put on hold, withdrawn, completed, asked about.

Each message under its numbers takes effect once, on the case that it opened, in the order of receipt. Whose and where
are people's to decide.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from transfer import facts
from transfer.arrivals import ArrivalOutcome, ArrivalState, Referral, ReferralUpdate
from transfer.case import Case, OpenedCase
from transfer.facts import Chain
from transfer.flow.appointments import follow_deciding
from transfer.flow.assess import settle_needs
from transfer.flow.changing import CaseChange, change_case
from transfer.flow.ending import end_case
from transfer.flow.identity import hold_patient_of, match_patient
from transfer.flow.listed_procedures import new_needs, take_procedures
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode, SystemAnswer
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, arrivals, holds, notes, patients, referrals, rounds
from transfer.ledger.arrivals import Arrival
from transfer.referrals import ReferralStatus
from transfer.rounds import Dag

#: how a case ends whose referral was withdrawn, and a message's own case where the message is about another one
WITHDRAWN, SAME_REFERRAL = "withdrawn", "same-referral"
#: what people are asked while the referral of an open case asks for nothing
OF_STATUS = (HoldCode.REFERRAL_WITHDRAWN, HoldCode.REFERRAL_ON_HOLD, HoldCode.REFERRAL_COMPLETED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralMessage:
    """A message about a referral, the case that was drawn for it at the door, and the one that its numbers name."""

    arrival: Arrival
    drawn: CaseId
    known: CaseId
    said: Referral | ReferralUpdate


def known_case(tx: Tx, drawn: CaseId, arrival: Arrival, said: Referral | ReferralUpdate) -> CaseId | None:
    """The case that a message is about by its numbers. None: none, or people said that it is about another one."""
    known = referrals.case_of(tx, referrals.numbers(tx, arrival.institution, said.references))
    if known is None or known == drawn:
        return None
    if arrival.patient not in (None, OpenedCase.of(tx.case(known)).patient):
        return None  # people said that it is somebody else
    if holds.last_answer(tx, drawn, HoldCode.REFERRAL_OF_CLOSED) == HoldAnswer.APPROVE:
        return None
    if holds.last_answer_about(tx, HoldCode.RECEIVER_CHANGED, drawn) == HoldAnswer.APPROVE:
        return None
    return known


def take_in(tx: Tx, services: Services, message: ReferralMessage) -> None:
    """Let a message about an opened case's referral take effect, or ask a person.

    Raises:
        ChangedMeanwhile: another task processes it.
    """
    arrival, said = message.arrival, message.said
    hold_patient_of(tx, message.known, patients.begin_epoch)
    patient = OpenedCase.of(tx.case(message.known)).patient
    for one in sorted({message.drawn, message.known}):
        tx.lock_case(one)
    arrivals.still_ours(tx, arrival)
    if known_case(tx, message.drawn, arrival, said) != message.known:  # purged or opened anew meanwhile
        arrivals.release_claim(tx, arrival)
        rounds.owe(tx, Dag.OPEN_CASE, message.drawn)
        return
    referrals.remember(tx, arrival, referrals.numbers(tx, arrival.institution, said.references))
    if _asks(tx, services, message, patient):
        arrivals.settle(tx, arrival, ArrivalState.HELD, ArrivalOutcome.REFERRAL_NOT_ACTIVE)
        return
    newest = referrals.newest_of(tx, message.known)
    is_newer = newest is None or newest < arrival.received_at  # else what came later counts already
    if tx.case(message.known).is_open and is_newer:
        if isinstance(said, ReferralUpdate):
            _update(tx, message.known, arrival, said.status)
        else:
            refer_again(tx, services, message.known, arrival, said)
    join(tx, message)


def _asks(tx: Tx, services: Services, message: ReferralMessage, patient: PatientId) -> bool:
    """Whether a person is asked first: whose it is, whether there is to be a further case, whether the other center
    gets it.
    """
    arrival, said, case = message.arrival, message.said, tx.case(message.known)
    if arrival.patient is None and not _is_about(tx, said, patient):
        holds.place(tx, message.drawn, HoldCode.WHOSE_REFERRAL, arrival.id)
    elif not case.is_open and _asks_again(tx, services, case, said):
        holds.place(tx, message.drawn, HoldCode.REFERRAL_OF_CLOSED, message.known)
    elif isinstance(said, Referral) and case.is_open and _names_another_receiver(case, said):
        holds.place(tx, message.known, HoldCode.RECEIVER_CHANGED, message.drawn)
    else:
        return False
    return True


def _is_about(tx: Tx, said: Referral | ReferralUpdate, patient: PatientId) -> bool:
    """Whether it is about this patient. Where an update names nobody, its number does."""
    who = said.patient
    if isinstance(said, ReferralUpdate) and not (who.names or who.identifiers or who.birth_date):
        return True
    return match_patient(tx, who).patient == patient


def _names_another_receiver(case: Case, said: Referral) -> bool:
    """Other than the case's, and other than the referral named before: what people changed is not undone by it."""
    before = {case.referred.receiver if case.referred else "", OpenedCase.of(case).receiver}
    return said.receiver not in before


def _asks_again(tx: Tx, services: Services, case: Case, said: Referral | ReferralUpdate) -> bool:
    """Of a case that has ended: whether the referral asks for something new."""
    if isinstance(said, ReferralUpdate):
        return False
    is_withdrawn = case.closed is not None and case.closed.ending == WITHDRAWN
    is_more = bool(new_needs(services.institutions, case, said))
    return is_withdrawn or is_more or bool(_changes(services, case, said) or _new_words(tx, case.id, said))


def join(tx: Tx, message: ReferralMessage) -> None:
    """It took effect on the case that it is about. The one that was drawn for it at the door ends, and says so."""
    arrivals.join_patient(tx, message.arrival, OpenedCase.of(tx.case(message.known)).patient)
    referrals.belongs_to(tx, message.arrival, message.known)
    arrivals.settle(tx, message.arrival, ArrivalState.FILED, ArrivalOutcome.REFERRAL_AGAIN)
    if tx.case(message.drawn).is_open:
        end_case(tx, message.drawn, SAME_REFERRAL, other=message.known)


def refer_again(tx: Tx, services: Services, case: CaseId, arrival: Arrival, said: Referral) -> None:
    """The same is asked for again, by whoever asked: it goes on, and what it says otherwise takes effect."""
    _go_on(tx, case, arrival)
    take_changes(tx, services, case, arrival, said)
    if take_procedures(tx, services, case, said):
        rounds.owe(tx, Dag.OPEN_CASE, case)
        settle_needs(tx, services, case)


# --- how it stands ----------------------------------------------------------------------------------------------------


def _update(tx: Tx, case: CaseId, arrival: Arrival, status: ReferralStatus | None) -> None:
    found = tx.case(case)
    if status is None:
        holds.place(tx, case, HoldCode.REFERRAL_ASKED_ABOUT, arrival.id)
        return
    if status is ReferralStatus.ACTIVE:
        _go_on(tx, case, arrival)
        return
    if status is ReferralStatus.DRAFT:  # planned again: nobody is asked meanwhile
        status = ReferralStatus.ON_HOLD
    if status is found.referral_status:
        return
    tx.append(Chain.case(case), facts.ReferralUpdated(status=status, arrival=arrival.id))
    for code in OF_STATUS:
        holds.withdraw(tx, case, code, SystemAnswer.ASKED_ANEW)
    match status:
        case ReferralStatus.REVOKED if found.has_disclosed:
            holds.place(tx, case, HoldCode.REFERRAL_WITHDRAWN)
        case ReferralStatus.REVOKED:
            end_case(tx, case, WITHDRAWN)
        case ReferralStatus.ON_HOLD:
            holds.place(tx, case, HoldCode.REFERRAL_ON_HOLD)
        case _:
            holds.place(tx, case, HoldCode.REFERRAL_COMPLETED)


def _go_on(tx: Tx, case: CaseId, arrival: Arrival | None) -> None:
    """The referral asks for the case again."""
    found = tx.case(case)
    if found.referral_status is ReferralStatus.ACTIVE:
        return
    name = arrival.id if arrival else None
    tx.append(Chain.case(case), facts.ReferralUpdated(status=ReferralStatus.ACTIVE, arrival=name))
    for code in OF_STATUS:
        holds.withdraw(tx, case, code, SystemAnswer.ANSWERED)
    rounds.owe(tx, Dag.OPEN_CASE, case)
    if found.newest_packet and found.newest_packet.is_on_its_way:
        rounds.owe(tx, Dag.RELEASE_PACKET, found.newest_packet.planned.packet)


def go_on_all_the_same(tx: Tx, services: Services, case: CaseId) -> str:
    """A person keeps the case, whatever its referral says. How it stands after it, as a run's note says it."""
    _go_on(tx, case, None)
    return settle_needs(tx, services, case).sentence


def ending_of(case: Case) -> str:
    """How a case ends whose referral asks for nothing more."""
    match case.referral_status:
        case ReferralStatus.REVOKED:
            return WITHDRAWN
        case ReferralStatus.COMPLETED if case.has_disclosed:
            return "opinion-given"
    return "not-coming"


# --- what it says otherwise -------------------------------------------------------------------------------------------


def take_changes(tx: Tx, services: Services, case: CaseId, arrival: Arrival, said: Referral) -> None:
    """What the referral says otherwise than before takes effect. The caller has begun an epoch and holds the lock."""
    found = tx.case(case)
    values, words = _changes(services, found, said), _new_words(tx, case, said)
    if not values and not words:
        return
    for about, text in words.items():
        notes.add_to_case(tx, case, OpenedCase.of(found).patient, text, about=about)
    change = CaseChange(said_in="referral", values=values, beside=tuple(words), arrival=arrival.id)
    change_case(tx, services, case, change)
    if "appointment_at" in values:
        follow_deciding(tx, services, case)
    if found.has_disclosed and (words.keys() & {"question", "diagnosis"} or "checklist" in values):
        holds.place(tx, case, HoldCode.REFERRAL_CHANGED, arrival.id)


def _changes(services: Services, case: Case, said: Referral) -> dict[str, Any]:
    """What it says otherwise than the referral did before, by the names of `facts.CaseChanged`."""
    assert case.referred is not None  # the caller knows it to be opened
    # no diagnosis is no other one
    chosen = services.checklists.for_diagnoses(said.diagnoses)
    asked_of = chosen.checklist if chosen else services.checklists[case.referred.checklist]
    needed_by = packet_needed_by(services, said)
    now: dict[str, Any] = {
        "receiver": said.receiver,
        "referring": said.referring,
        "priority": asked_of.at_least(said.priority, said.diagnoses),
        "sources": tuple(sorted(said.sources)),
        "needed_by": needed_by.isoformat() if needed_by else None,
        "appointment_at": said.appointment_at.isoformat() if said.appointment_at else None,
    }
    changed = {name: value for name, value in now.items() if value != getattr(case.referred, name)}
    if chosen and chosen.checklist.id != case.referred.checklist:
        changed["checklist"] = chosen.checklist.id
    if chosen and chosen.others != case.referred.other_checklists:
        changed["other_checklists"] = chosen.others
    return changed


def packet_needed_by(services: Services, said: Referral) -> date | None:
    """The day that a referral's packet is needed by at its center: before the appointment, where it has a cut-off.
    Where nobody says a day, it is the appointment's.
    """
    zone = services.institutions[said.receiver].zone
    appointment = said.appointment_at.astimezone(zone).date() if said.appointment_at else None
    return services.center_needs(said.receiver).needed_by(appointment, said.needed_by or appointment)


def _new_words(tx: Tx, case: CaseId, said: Referral) -> dict[str, str]:
    """What it says in other words than before."""
    return {about: text for about, text in said.words.items() if text != notes.of_referral(tx, case, about)}
