"""Appointments of a patient of ours at the receiver: the earliest decides by when the packet is needed."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from transfer import facts
from transfer.appointments import CaseAppointment, deciding, meant, new_key
from transfer.arrivals import Appointment, ArrivalOutcome, ArrivalState
from transfer.case import EARLIEST, OpenedCase
from transfer.facts import Chain
from transfer.flow.changing import CaseChange, change_case
from transfer.flow.identity import DecideAgain, match_patient, unless_of_another
from transfer.flow.services import Services
from transfer.flow.unmatched import LOOK_WITHIN, seal_unmatched
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import CaseId
from transfer.ledger import Tx, arrivals, cases, holds, notes, patients
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
    opened = OpenedCase.of(tx.case(case))
    if said.place != opened.receiver or (said.day is None and not said.is_cancelled):
        holds.place(tx, case, HoldCode.APPOINTMENT_ELSEWHERE, arrival.id, due=LOOK_WITHIN)
        return
    known = tx.case(case).appointments
    hmac = notes.digest(tx, opened.patient, said.number) if said.number else None
    which = meant(known, hmac)
    if said.is_cancelled:
        if which:
            cancel(tx, services, case, which.key, said_in="appointment", arrival=arrival.id)
        if which is None or all(one.is_cancelled for one in tx.case(case).appointments.values()):
            holds.place(tx, case, HoldCode.APPOINTMENT_CANCELLED, due=LOOK_WITHIN)
        return
    key = which.key if which else new_key(known)
    it_is = CaseAppointment(key=key, at=said.at, day=said.day, hmac=hmac)
    put(tx, services, case, it_is, said_in="appointment", arrival=arrival.id)


def put(
    tx: Tx,
    services: Services,
    case: CaseId,
    said: CaseAppointment,
    *,
    said_in: str,
    arrival: str | None = None,
    note: str | None = None,
) -> bool:
    """An appointment is made or moved, and the one that decides decides. Whether anything is otherwise by it.

    The caller has begun an epoch of its patient and holds the case's lock.
    """
    holds.withdraw(tx, case, HoldCode.APPOINTMENT_CANCELLED, SystemAnswer.ANSWERED)
    before = tx.case(case).appointments.get(said.key)
    if before is not None and before == replace(said, hmac=said.hmac or before.hmac):
        return False
    fact = facts.AppointmentSet(
        appointment=said.key,
        said_in=said_in,
        at=said.at.isoformat() if said.at else None,
        day=said.day.isoformat() if said.day else None,
        hmac=said.hmac,
        arrival=arrival,
        note=note,
    )
    tx.append(Chain.case(case), fact)
    follow_deciding(tx, services, case)
    return True


def cancel(
    tx: Tx,
    services: Services,
    case: CaseId,
    key: str,
    *,
    said_in: str,
    arrival: str | None = None,
    note: str | None = None,
) -> bool:
    """An appointment does not take place, and the next one decides. Whether it stood until now.

    The caller has begun an epoch of its patient and holds the case's lock.
    """
    if tx.case(case).appointments[key].is_cancelled:
        return False
    fact = facts.AppointmentCancelled(appointment=key, said_in=said_in, arrival=arrival, note=note)
    tx.append(Chain.case(case), fact)
    follow_deciding(tx, services, case)
    return True


def follow_deciding(tx: Tx, services: Services, case: CaseId) -> None:
    """Have the case say when its patient is expected first, and by when its packet is needed for that. Twice is once.

    Where no appointment stands any more, the day it is needed by stays.
    """
    found, opened = tx.case(case), OpenedCase.of(tx.case(case))
    zone = services.institutions[opened.receiver].zone
    first = deciding(found.appointments.values(), tx.now().astimezone(zone).date())
    was = found.opened.appointment_at if found.opened else None
    if first and first.at and was and datetime.fromisoformat(was) == first.at:
        return  # the same one decides: what else was said of the day stands
    values: dict[str, Any] = {"appointment_at": first.at.isoformat() if first and first.at else None}
    if first:
        day = first.at.astimezone(zone).date() if first.at else first.day
        needed = services.center_needs(opened.receiver).needed_by(day, day)
        values["needed_by"] = needed.isoformat() if needed else None
    changed = {name: value for name, value in values.items() if value != getattr(found.opened, name)}
    if changed:
        change_case(tx, services, case, CaseChange(said_in=EARLIEST, values=changed))
