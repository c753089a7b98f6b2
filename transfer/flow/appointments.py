"""An appointment of a patient of ours: at the receiver it moves the day the packet is needed by."""

from typing import Any

from transfer.arrivals import Appointment, ArrivalOutcome, ArrivalState
from transfer.case import OpenedCase
from transfer.flow.changing import CaseChange, change_case
from transfer.flow.identity import DecideAgain, match_patient, unless_of_another
from transfer.flow.services import Services
from transfer.flow.unmatched import LOOK_WITHIN, seal_unmatched
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import CaseId
from transfer.ledger import Tx, arrivals, cases, holds, patients
from transfer.ledger.arrivals import Arrival
from transfer.matching import MatchVerdict


def file_appointment(services: Services, arrival: Arrival, said: Appointment) -> None:
    """Let an appointment take effect on each open case of its patient. One at the receiver counts; another is asked
    about. Of whom it could be is asked, too. Of nobody we have a case for it waits sealed.

    Raises:
        DecideAgain: a patient became known meanwhile to whom it may belong, or its patient became another one.
        ChangedMeanwhile: another task processes it.
    """
    with services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        match = match_patient(tx, said.patient)
        patient = arrival.patient or match.patient
        if patient is None and match.verdict is MatchVerdict.DOUBTFUL:
            holds.place(tx, arrival.id, HoldCode.WHOSE_RECORD)
            arrivals.settle(tx, arrival, ArrivalState.HELD, match.match_rule)
            return
        if patient is None:
            seal_unmatched(tx, arrival, [said.patient], ArrivalOutcome.UNMATCHED)
            return
        patients.hold_epoch_shared(tx, patient)
        unless_of_another(tx, arrival)
        if arrival.patient is None and match_patient(tx, said.patient).patient != patient:
            raise DecideAgain  # two patients became one meanwhile, or two again
        concerned = cases.open_of(tx, [patient])
        for case in concerned:  # all of them before a round is owed to one
            tx.lock_case(case)
        for case in concerned:
            _take(tx, services, case, arrival, said)
        arrivals.join_patient(tx, arrival, patient)
        if concerned:
            arrivals.settle(tx, arrival, ArrivalState.FILED, ArrivalOutcome.APPOINTMENT)
        else:
            arrivals.settle(tx, arrival, ArrivalState.SEALED, ArrivalOutcome.NO_OPEN_CASE)


def _take(tx: Tx, services: Services, case: CaseId, arrival: Arrival, said: Appointment) -> None:
    found = tx.case(case)
    if said.place != OpenedCase.of(found).receiver or (said.day is None and not said.is_cancelled):
        holds.place(tx, case, HoldCode.APPOINTMENT_ELSEWHERE, arrival.id, due=LOOK_WITHIN)
        return
    if said.is_cancelled:
        holds.place(tx, case, HoldCode.APPOINTMENT_CANCELLED, due=LOOK_WITHIN)
        values: dict[str, Any] = {"appointment_at": None}
    else:
        holds.withdraw(tx, case, HoldCode.APPOINTMENT_CANCELLED, SystemAnswer.ANSWERED)
        at = said.at.isoformat() if said.at else None
        day = services.center_needs(OpenedCase.of(found).receiver).needed_by(said.day, said.day)
        values = {"appointment_at": at, "needed_by": day.isoformat() if day else None}
    changed = {name: value for name, value in values.items() if value != getattr(found.opened, name)}
    if changed:
        change_case(tx, services, case, CaseChange(said_in="appointment", values=changed, arrival=arrival.id))
