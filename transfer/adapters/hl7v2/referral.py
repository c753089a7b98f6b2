"""REF^I12 to I15: a patient is referred for a second opinion, and what becomes of the referral (HL7 v2.5.1, 11.3)."""

from collections.abc import Iterator

from transfer.adapters.hl7v2 import procedures
from transfer.adapters.hl7v2.message import FieldPart, Message, Segment
from transfer.adapters.hl7v2.referral_words import diagnoses, diagnosis, referrer
from transfer.adapters.hl7v2.values import NPI, day, demographics, document_number, issuer, moment
from transfer.arrivals import Priority, ReferralUpdate
from transfer.arrivals import Referral as Asked
from transfer.errors import Unexpected
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.patients import IssuedIdentifier
from transfer.referrals import ReferralStatus

#: RF1-2, table 0280. OBR-27 and TQ1-9 are of the results and orders that come with a referral, which are another matter
_PRIORITIES = {"S": Priority.STAT, "A": Priority.ASAP}
#: RF1-4, table 0282
_SECOND_OPINION = "SO"
#: RF1-1, table 0283: expired, rejected
_OVER = frozenset({"E", "R"})
#: a new referral, and one that is changed: each says all of it
_SAY_ALL = frozenset({"I12", "I13"})
#: one that is cancelled, and one that is asked about
_UPDATES = {"I14": ReferralStatus.REVOKED, "I15": None}
#: a note after one of these is about the referral, not about a result
_OWN_NOTES = frozenset({"MSH", "RF1", "PRD", "CTD", "PID", "DG1", "PV1", "PV2", "AUT"})


def referral(payload: bytes, institution: Institution, institutions: Institutions) -> Asked | ReferralUpdate:
    """The referral in a REF from this institution: new (I12) or changed (I13), which both say all of it.

    Where it is cancelled (I14), asked about (I15), expired or rejected (RF1-1), it says only which one.

    * The receiver is the provider referred to (PRD role RT), known by number. The referring institution is the one
      whose door it came through, whatever the message claims. Every other provider that is a known institution is a
      source, and so is the referring institution where it holds records.
    * The question is RF1-10 and the referral's own notes. It is needed by the day it expires (RF1-8), the standard
      having no better word; an expected visit (PV2-8) is the appointment.
    * The diagnoses are all DG1, in their order; what was done to the patient is in PR1.
    * Its numbers are RF1-6 and RF1-11.

    Raises:
        Unexpected: no referral, not for a second opinion, or for a receiver we do not know. A person reads it.
        Unreadable: not an HL7 v2 message.
    """
    message = Message(payload)
    rf1, trigger = message.first("RF1"), message.header.trigger
    if message.header.message_type != "REF" or rf1 is None or trigger not in (*_SAY_ALL, *_UPDATES):
        raise Unexpected("no referral (REF^I12 to I15 with RF1)")
    references = tuple(_references(rf1, institution))
    patient = demographics(message.first("PID"), institution)
    if trigger in _UPDATES:
        return ReferralUpdate(patient=patient, references=references, status=_UPDATES[trigger])
    if (rf1.text(1) or "").upper() in _OVER:
        return ReferralUpdate(patient=patient, references=references, status=ReferralStatus.UNKNOWN)
    asked = {part.text(1) for part in rf1.repetitions(4)}
    if asked and _SECOND_OPINION not in asked:
        raise Unexpected("a referral that does not ask for a second opinion (RF1-4)")
    visit = message.first("PV2")
    return Asked(
        patient=patient,
        references=references,
        diagnoses=diagnoses(message, institution),
        question=_question(message, rf1),
        diagnosis=diagnosis(message, institution),
        receiver=_receiver(message, institution, institutions),
        referring=InstitutionId(institution.id),
        referrer=referrer(message),
        sources=tuple(_sources(message, institution, institutions)),
        needed_by=day(rf1.text(8)),
        appointment_at=moment(visit.text(8), institution.zone) if visit else None,
        priority=_PRIORITIES.get((rf1.text(2) or "").upper(), Priority.ROUTINE),
        procedures=procedures.read(message, institution, institutions),
    )


def _references(rf1: Segment, institution: Institution) -> Iterator[IssuedIdentifier]:
    for field in (6, 11):
        if number := document_number(rf1.part(field), institution, "referral"):
            yield number


def _question(message: Message, rf1: Segment) -> str | None:
    said = [rf1.text(10, 2) or rf1.text(10, 9) or rf1.text(10)]
    after = ""
    for segment in message.segments_in_order:
        if segment.name != "NTE":
            after = segment.name
        elif after in _OWN_NOTES:
            said += [part.whole() for part in segment.repetitions(3)]
    return "\n".join(text for text in said if text) or None


def _receiver(message: Message, institution: Institution, institutions: Institutions) -> InstitutionId:
    for prd in _providers(message, "RT"):
        if known := _known(prd, institution, institutions):
            return InstitutionId(known.id)
    raise Unexpected("a referral to a receiver we do not know (PRD with role RT)")


def _sources(message: Message, institution: Institution, institutions: Institutions) -> Iterator[InstitutionId]:
    known = [_known(prd, institution, institutions) for prd in message.segments("PRD") if "RT" not in _roles(prd)]
    holding = [institution] if any(department.holds for department in institution.departments) else []
    yield from dict.fromkeys(InstitutionId(one.id) for one in [*holding, *known] if one)


def _providers(message: Message, role: str) -> list[Segment]:
    return [prd for prd in message.segments("PRD") if role in _roles(prd)]


def _roles(prd: Segment) -> set[str | None]:
    return {part.text(1) for part in prd.repetitions(1)}


def _known(prd: Segment, institution: Institution, institutions: Institutions) -> Institution | None:
    """By the provider's numbers (PRD-7: number^type, or a full CX) or its organization's (PRD-10, XON)."""
    for number in (*_numbers(prd, institution),):
        if known := institutions.with_identifier(number):
            return known
    return None


def _numbers(prd: Segment, institution: Institution) -> Iterator[IssuedIdentifier]:
    for part in prd.repetitions(7):
        yield from _number(part, part.text(1), part.text(2), None, institution)
    for part in prd.repetitions(10):
        for value in (part.text(10), part.text(3)):
            yield from _number(part, value, part.text(7), 6, institution)


def _number(
    part: FieldPart, value: str | None, kind: str | None, authority: int | None, institution: Institution
) -> Iterator[IssuedIdentifier]:
    if value and kind == "NPI":
        yield IssuedIdentifier(NPI, value)
    elif value:
        by = (
            issuer(institution, part.text(authority), part.text(authority, 2), part.text(authority, 3))
            if authority
            else issuer(institution, kind, None, None)
        )
        if by:
            yield IssuedIdentifier(by, value)
