"""SIU^S12 to S26: an appointment is made, moved, cancelled, or not kept (HL7 v2.5.1, 10.4)."""

from collections.abc import Iterator
from datetime import datetime

from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.values import day, demographics, moment
from transfer.arrivals import Appointment
from transfer.errors import Unexpected
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions

#: made, moved, changed
_STANDS = frozenset({"S12", "S13", "S14"})
#: cancelled, discontinued, deleted, not kept
_CANCELLED = frozenset({"S15", "S16", "S17", "S26"})
#: SCH-25, table 0278: what says the same in any message
_STATUS_CANCELLED = frozenset({"CANCELLED", "DELETED", "DCED", "NOSHOW"})


def appointment(payload: bytes, institution: Institution, institutions: Institutions) -> Appointment:
    """The appointment in an SIU from this institution.

    * It begins at SCH-11.4, TQ1-7, or as AIS-4, AIG-8, AIL-6, AIP-6.
    * Its number is SCH-2, the filler's, else SCH-1, the placer's.
    * It is where AIL-3 says, by the number, id or name of an institution of ours. Without AIL it is at its sender.

    Raises:
        Unexpected: no SIU, one of another event, or without a patient. A person reads it.
        Unreadable: not an HL7 v2 message.
    """
    message = Message(payload)
    trigger = message.header.trigger
    pid, sch = message.first("PID"), message.first("SCH")
    if message.header.message_type != "SIU" or trigger not in _STANDS | _CANCELLED or pid is None:
        raise Unexpected("no appointment (SIU^S12 to S17, S26 with PID)")
    said = next(filter(None, _times(message, sch)), None)
    status = (sch.text(25) or "").upper() if sch else ""
    return Appointment(
        patient=demographics(pid, institution),
        place=_place(message, institution, institutions),
        at=_instant(said, institution),
        day=day(said),
        number=(sch.text(2) or sch.text(1)) if sch else None,
        is_cancelled=trigger in _CANCELLED or status in _STATUS_CANCELLED,
    )


def _times(message: Message, sch: Segment | None) -> Iterator[str | None]:
    if sch is not None:
        yield sch.text(11, 4)
    for name, field in (("TQ1", 7), ("AIS", 4), ("AIG", 8), ("AIL", 6), ("AIP", 6)):
        for segment in message.segments(name):
            yield segment.text(field)


def _instant(said: str | None, institution: Institution) -> datetime | None:
    """Only where a time of day was said: midnight is no appointment."""
    return moment(said, institution.zone) if said and len(said) >= len("YYYYMMDDHHMM") else None


def _place(message: Message, institution: Institution, institutions: Institutions) -> InstitutionId | None:
    named = [
        word.casefold()
        for ail in message.segments("AIL")
        for part in ail.repetitions(3)
        for word in (part.text(4), part.text(4, 2), part.text(9), part.text(1))
        if word
    ]
    if not named:
        return InstitutionId(institution.id)
    for one in institutions.values():
        known = {one.id, one.name.casefold(), *(number.value.casefold() for number in one.identifiers)}
        if known & set(named):
            return InstitutionId(one.id)
    return None
