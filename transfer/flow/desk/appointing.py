"""Appointments of a case, each made, moved and cancelled by itself, by a person."""

from dataclasses import replace
from datetime import UTC, datetime

from transfer.actions import ActionCode, ActionResult
from transfer.appointments import CaseAppointment, new_key
from transfer.flow.appointments import cancel, put
from transfer.flow.desk.verbs import at_desk, begin_epoch, not_allowed, opened_case, still_open, unknown
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import notes
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right


def set_appointment(
    services: Services,
    case: CaseId,
    when: datetime,
    *,
    actor: Actor,
    appointment: str | None = None,
    note: str | None = None,
) -> ActionResult:
    """Add an appointment of an open case, or move the one of this key. The earliest that is not over decides by when
    the packet is needed. `when` carries its offset; without one it is in the time zone of the receiver. One at that
    time already is added once.

    Raises:
        Unknown: no such case, or the case has no such appointment.
        NotAllowed: the case is closed, or it is no time in UTC.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        begin_epoch(tx, case)
        found, opened, patient = opened_case(tx, case)
        still_open(found)
        zone = services.institutions[opened.receiver].zone
        there = when if when.tzinfo else when.replace(tzinfo=zone)
        try:
            at, day = there.astimezone(UTC), there.astimezone(zone).date()
        except OverflowError:  # in the year 1 or 9999, by its offset
            raise not_allowed(Reason(RefusalCode.NO_SUCH_TIME), Remedy(RemedyCode.NAME_A_CHANGE)) from None
        known = found.appointments
        if appointment is not None and appointment not in known:
            raise _no_appointment(case, appointment)
        same = next((one.key for one in known.values() if one.at == at and not one.is_cancelled), None)
        key = appointment or same or new_key(known)
        if key == same:
            return ActionResult(ActionCode.APPOINTMENT_AS_BEFORE, case=case)
        said = replace(known.get(key, CaseAppointment(key=key)), at=at, day=day, is_cancelled=False)
        written = notes.write(tx, patient, note) if note else None
        put(tx, services, case, said, said_in="desk", note=written)
    return ActionResult(ActionCode.APPOINTMENT_SET, case=case, appointment=key)


def cancel_appointment(
    services: Services, case: CaseId, appointment: str, *, actor: Actor, note: str | None = None
) -> ActionResult:
    """Say that an appointment does not take place. The next one decides; without one the day the packet is needed by
    stays. Saying it again changes nothing.

    Raises:
        Unknown: no such case, or the case has no such appointment.
        NotAllowed: the case is closed.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        begin_epoch(tx, case)
        found, _, patient = opened_case(tx, case)
        still_open(found)
        if appointment not in found.appointments:
            raise _no_appointment(case, appointment)
        if found.appointments[appointment].is_cancelled:
            return ActionResult(ActionCode.APPOINTMENT_AS_BEFORE, case=case)
        written = notes.write(tx, patient, note) if note else None
        cancel(tx, services, case, appointment, said_in="desk", note=written)
    return ActionResult(ActionCode.APPOINTMENT_CANCELLED, case=case, appointment=appointment)


def _no_appointment(case: CaseId, appointment: str) -> Exception:
    return unknown(
        Reason(RefusalCode.NO_APPOINTMENT, case=case, appointment=appointment), Remedy(RemedyCode.SHOW_CASE, case=case)
    )
